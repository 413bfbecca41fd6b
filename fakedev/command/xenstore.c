/* SPDX-License-Identifier: MIT */
/* Debian's own xenstored as a process of the machine's domain 0. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKAGE "xen-utils-4.17"
/* xenstored needs some 20 ms; under Valgrind a few seconds. */
#define START_TRIES   4000
#define START_STEP_MS 5

/* The wrapper in /usr/sbin asks the running Xen for its version: take the program itself. */
static int find_program(char *out, size_t room, struct failure *f)
{
	glob_t g;
	int err = 0;

	if (glob("/usr/lib/xen-*/bin/xenstored", 0, NULL, &g) != 0)
		return fail(f, -ENOENT,
			    "--xenstore needs xenstored, which is not installed: "
			    "apt-get install " PACKAGE);
	if (strlen(g.gl_pathv[g.gl_pathc - 1]) < room)
		strcpy(out, g.gl_pathv[g.gl_pathc - 1]);
	else
		err = fail(f, -ENAMETOOLONG, "xenstored's path is too long");
	globfree(&g);
	return err;
}

/* Domain 0 has xenstored's own directory; every other one of its own, below it. */
void xenstore_environment(const char *rundir, uint32_t domid)
{
	char dir[600], path[620];

	if (domid)
		snprintf(dir, sizeof(dir), "%s/%u", rundir, domid);
	else
		snprintf(dir, sizeof(dir), "%s", rundir);
	snprintf(path, sizeof(path), "%s/socket", dir);
	setenv("XENSTORED_PATH", path, 1);
	setenv("XENSTORED_RUNDIR", dir, 1);
	setenv("XENSTORED_ROOTDIR", dir, 1);
}

static void exec_xenstored(const char *program, const char *socket, const char *rundir)
{
	struct joining j = {.socket = socket, .domid = 0};
	struct failure f;
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	xenstore_environment(rundir, 0);
	unsetenv("XENSTORED_PATH");
	setenv("GNTSIM_ONE_WAY", "", 1);
	if (join_environment(&j, &f) < 0)
		_exit(complain("%s", f.text));
	restore_signals();
	/* Not of the terminal's group: ^C is for the program. */
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	execl(program, "xenstored", "--no-fork", "--internal-db", (char *)NULL);
	_exit(complain("cannot run %s: %s", program, strerror(errno)));
}

static bool answers(const char *rundir)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, r;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/socket", rundir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return r == 0;
}

/* Serves the machine until the child ends. */
static void serve_until(struct broker *b, pid_t child)
{
	while (waitpid(child, NULL, WNOHANG) == 0)
		broker_serve(b, START_STEP_MS);
}

/* It answers on its socket, and knows domain 0. @return 0: not yet; else 1, or -errno, explained */
static int is_up(struct xenstore *x, const struct broker *b, struct failure *f)
{
	int status;

	if (waitpid(x->pid, &status, WNOHANG) == x->pid) {
		x->pid = 0;
		return fail(f, -EIO, "xenstored ended at its start (status %d)",
			    exit_status(status));
	}
	/* Nobody waits behind it: it has room for one who is not let in yet. */
	x->answers = x->answers || answers(x->rundir);
	return x->answers && broker_store_settled(b) == 1;
}

int xenstore_start(struct xenstore *x, const char *socket, struct broker *b, struct failure *f)
{
	char program[256], room[PATH_MAX];
	int err = find_program(program, sizeof(program), f);

	if (err < 0)
		return err;
	snprintf(x->rundir, sizeof(x->rundir), "%s/gntsim-xenstore-XXXXXX",
		 temporary_directory(room));
	if (!mkdtemp(x->rundir)) {
		err = -errno;
		x->rundir[0] = '\0';
		return fail(f, err, "cannot make a directory for xenstored: %s", strerror(-err));
	}
	x->broker = b;
	err = broker_store_start(b, x->rundir);
	if (err < 0)
		return fail(f, err, "cannot make a xenstore: %s", strerror(-err));
	x->pid = fork();
	if (x->pid < 0)
		return fail(f, -errno, "cannot fork: %s", strerror(errno));
	if (x->pid == 0)
		exec_xenstored(program, socket, x->rundir);
	for (int i = 0; (err = is_up(x, b, f)) == 0; i++) {
		if (i == START_TRIES)
			return fail(f, -ETIMEDOUT, "xenstored does not answer");
		broker_serve(b, START_STEP_MS);
	}
	return err < 0 ? err : 0;
}

static void remove_files(const char *dir)
{
	static const char *const names[] = {"socket", "socket_ro", "xenstored.pid", "tdb"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

void xenstore_ended(struct xenstore *x, int status)
{
	x->pid = 0;
	complain("xenstored ended (status %d)", exit_status(status));
	broker_store_died(x->broker);
}

void xenstore_stop(struct xenstore *x, struct broker *b)
{
	pid_t pid = x->pid;

	/* From here on its end is no news. */
	x->pid = 0;
	if (pid > 0) {
		kill(pid, SIGKILL);
		serve_until(b, pid);
	}
	broker_store_end(b);
	if (x->rundir[0])
		remove_files(x->rundir);
	x->rundir[0] = '\0';
}

int xenstore_introduce(const struct joining *j, struct failure *f)
{
	const struct machine_question q = {.payload = &j->domid, .len = sizeof(j->domid)};
	struct wire_in in;
	int fd = machine_connect(j, WIRE_ROLE_COMMAND, NULL, f), err;

	if (fd < 0)
		return fd;
	err = machine_ask(j, fd, WIRE_INTRODUCE, &q, &in, f);
	if (err == 0) {
		err = (int)in.msg.result;
		wire_in_done(&in);
		if (err < 0)
			fail(f, err, "cannot write domain %u into xenstore: %s", j->domid,
			     err == -EIO ? "xenstored has ended" : strerror(-err));
	}
	close(fd);
	return err;
}
