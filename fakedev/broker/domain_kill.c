/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "domain_kill.h"

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a program's environment may be for us to look at it. */
#define ENVIRON_MAX (256u * 1024u)

static void note(struct survivors *s, uint32_t pid, int err)
{
	struct program program;
	char who[PROGRAM_TEXT];
	int n;

	program_look(&program, pid);
	n = snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s lives on: %s\n",
		     program_text(&program, who), strerror(err));
	if (n > 0 && (size_t)n < sizeof(s->text) - s->len)
		s->len += (uint32_t)n;
}

void domain_kill_process(struct survivors *s, uint32_t pid)
{
	if (pid > 1 && pid != (uint32_t)getpid() && kill((pid_t)pid, SIGKILL) < 0 && errno != ESRCH)
		note(s, pid, errno);
}

static const char *value(const char *environment, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = environment; p < environment + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* Started by gntsim, or by who was, and not let go since. */
static bool is_started_in(uint32_t pid, char *room, const char *socket, uint32_t domid)
{
	char path[32], number[16];
	const char *at, *domain, *preload;
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len < ENVIRON_MAX && (n = read(fd, room + len, ENVIRON_MAX - len)) > 0)
		len += (size_t)n;
	close(fd);
	room[len] = '\0';
	at = value(room, len, "GNTSIM_SOCKET");
	domain = value(room, len, "GNTSIM_DOMAIN");
	preload = value(room, len, "LD_PRELOAD");
	snprintf(number, sizeof(number), "%u", domid);
	return at && domain && preload && strcmp(at, socket) == 0 && strcmp(domain, number) == 0 &&
	       strstr(preload, "libgntsim-preload");
}

/* The number may be another's by the time that we have looked: the pidfd is not. */
static void look_at(struct survivors *s, uint32_t pid, char *room, const char *socket,
		    uint32_t domid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	if (is_started_in(pid, room, socket, domid) &&
	    syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		note(s, pid, errno);
	close(fd);
}

static bool look_at_all(struct survivors *s, char *room, const char *socket, uint32_t domid,
			uint32_t asker, uint32_t *highest)
{
	DIR *proc = opendir("/proc");
	uint32_t before = *highest;
	const struct dirent *d;

	while (proc && (d = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (pid > *highest)
			*highest = pid;
		if (pid > 1 && pid != asker && pid != (uint32_t)getpid())
			look_at(s, pid, room, socket, domid);
	}
	if (proc)
		closedir(proc);
	return *highest != before;
}

void domain_kill_started(struct survivors *s, const char *socket, uint32_t domid, uint32_t asker)
{
	char *room = malloc(ENVIRON_MAX + 1), canonical[PATH_MAX];
	uint32_t highest = 0;

	if (!room)
		return;
	if (realpath(socket, canonical))
		socket = canonical;
	/* Whoever was forked while we looked is new at the next look. */
	for (int i = 0; i < 8 && look_at_all(s, room, socket, domid, asker, &highest); i++)
		;
	free(room);
}
