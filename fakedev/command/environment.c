/* SPDX-License-Identifier: MIT */
/* How a program becomes a process of a machine's domain: its environment, its start. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

/* @return 0, or -ENOENT without an explanation */
static int find_beside(char exe[PATH_MAX], const char *built_in, const char *name,
		       char out[PATH_MAX], struct failure *f)
{
	const char *const places[] = {built_in, libraries_from_bindir};
	char *slash = strrchr(exe, '/'), *path;

	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool found;

		if (asprintf(&path, "%s/%s/%s", exe, places[i], name) < 0)
			return fail(f, -ENOMEM, "no memory for a path");
		found = access(path, R_OK) == 0 && realpath(path, out);
		free(path);
		if (found)
			return 0;
	}
	return -ENOENT;
}

int find_own_file(const char *built_in, const char *name, char out[PATH_MAX], struct failure *f)
{
	const char *executed = (const char *)getauxval(AT_EXECFN);
	char exe[PATH_MAX];
	ssize_t n;
	int err;

	/* The kernel has to forget a process at its end of whose folder in /proc something was looked at: it is asked
	 * second, for who was executed by a name that is none. */
	err = executed && realpath(executed, exe) ? find_beside(exe, built_in, name, out, f)
						  : -ENOENT;
	if (err != -ENOENT)
		return err;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return fail(f, -errno, "cannot read /proc/self/exe: %s", strerror(errno));
	exe[n] = '\0';
	err = find_beside(exe, built_in, name, out, f);
	if (err == -ENOENT)
		fail(f, err, "cannot find %s beside %s/gntsim", name, exe);
	return err;
}

static int find_library(char out[PATH_MAX], struct failure *f)
{
	/* Canonical: it stands in every program's environment, for all to see. */
	int err = find_own_file("fakedev/preload", "libgntsim-preload.so", out, f);

	if (err == 0 && strpbrk(out, ": \t\n"))
		return fail(f, -EINVAL, "LD_PRELOAD cannot name %s: it has a space or a colon",
			    out);
	return err;
}

/* Puts our word before what a variable holds already, once. */
static int prepend(const char *name, const char *word, char separator)
{
	const char *old = getenv(name);
	char *text;
	int err = 0;

	if (!old || !*old)
		return setenv(name, word, 1) < 0 ? -errno : 0;
	if (strstr(old, word))
		return 0;
	if (asprintf(&text, "%s%c%s", word, separator, old) < 0)
		return -ENOMEM;
	if (setenv(name, text, 1) < 0)
		err = -errno;
	free(text);
	return err;
}

static int name_machine(const struct joining *j, const char *number, struct failure *f)
{
	if (setenv("GNTSIM_SOCKET", j->socket, 1) < 0 || setenv("GNTSIM_DOMAIN", number, 1) < 0 ||
	    (j->guest ? setenv("GNTSIM_GUEST", j->guest == 1 ? "pv" : "pvh", 1)
		      : unsetenv("GNTSIM_GUEST")) < 0 ||
	    /* What the end of a domain knows its processes by, where no library tells. */
	    (j->front == FRONT_PTRACE && setenv("GNTSIM_FRONT", "ptrace", 1) < 0))
		return fail(f, -errno, "cannot set the environment: %s", strerror(errno));
	return 0;
}

int join_environment(const struct joining *j, struct failure *f)
{
	char library[PATH_MAX], number[16];
	int err;

	if (j->front == FRONT_SOCKET || j->front == FRONT_PTRACE)
		unsetenv("GNTSIM_NATIVE");
	if (j->unassisted)
		return 0;
	snprintf(number, sizeof(number), "%u", j->domid);
	if (j->front == FRONT_PTRACE)
		return name_machine(j, number, f);
	err = find_library(library, f);
	if (err < 0)
		return err;
	err = prepend("LD_PRELOAD", library, ':');
	/* AddressSanitizer refuses to start when it is not the first library; nothing it does
	 * depends on being before ours. */
	if (err == 0)
		err = prepend("ASAN_OPTIONS", "verify_asan_link_order=0", ':');
	if (err == 0)
		err = unsetenv("GNTSIM_FRONT") < 0 ? -errno : name_machine(j, number, f);
	return err < 0 ? fail(f, err, "cannot set the environment: %s", strerror(-err)) : 0;
}

int exec_program(const char *found, char **argv)
{
	/* As far as a search would come, unless it can't be executed. */
	if (found)
		execv(found, argv);
	execvp(argv[0], argv);
	complain("cannot run %s: %s", argv[0], strerror(errno));
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

int exit_status(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}
