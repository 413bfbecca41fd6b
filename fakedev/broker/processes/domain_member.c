/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "domain_member.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SELDOM_MS 128

static const char *value(const char *environment, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = environment; p < environment + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* A file of the process's, as far as there is room. @return its bytes; -1: we may not, or it is gone */
static ssize_t read_file(uint32_t pid, const char *name, char *room)
{
	char path[32];
	ssize_t len = 0, n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (len < DOMAIN_MEMBER_ROOM - 1 &&
	       (n = read(fd, room + len, (size_t)(DOMAIN_MEMBER_ROOM - 1 - len))) > 0)
		len += n;
	close(fd);
	room[len] = '\0';
	return len;
}

/* The end of its environment, which a program that is being loaded gets last, has no address yet (51st of
 * proc(5)'s stat). A thread of the kernel's has no memory at all (the 23rd). */
static bool is_being_loaded(uint32_t pid, char *room)
{
	unsigned long size, end;
	const char *at;

	at = read_file(pid, "stat", room) > 0 ? strrchr(room, ')') : NULL;
	return at &&
	       sscanf(at,
		      ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		      "%*s %*s %lu %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		      "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu",
		      &size, &end) == 2 &&
	       size && !end;
}

/* Nothing tells that a program is loaded: who waits asks again, less and less often, until the process ends. */
static size_t read_environment(uint32_t pid, int pidfd, char *room)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int ms = 1;
	ssize_t len;

	while ((len = read_file(pid, "environ", room)) == 0 && is_being_loaded(pid, room) &&
	       poll(&end, 1, ms) <= 0)
		ms = ms < SELDOM_MS ? 2 * ms : ms;
	return len < 0 ? 0 : (size_t)len;
}

static bool is_started_in(const struct domain_place *place, uint32_t pid, int pidfd, char *room)
{
	const char *at, *domain, *preload, *front;
	size_t len = read_environment(pid, pidfd, room);
	char number[16];

	if (!len)
		return false;
	at = value(room, len, "GNTSIM_SOCKET");
	domain = value(room, len, "GNTSIM_DOMAIN");
	preload = value(room, len, "LD_PRELOAD");
	front = value(room, len, "GNTSIM_FRONT");
	snprintf(number, sizeof(number), "%u", place->domid);
	return at && domain && strcmp(at, place->socket) == 0 &&
	       (place->domid == DOMAIN_MEMBER_ANY || strcmp(domain, number) == 0) &&
	       ((preload && strstr(preload, "libgntsim-preload")) ||
		(front && strcmp(front, "ptrace") == 0));
}

/* The number may be another's by the time that we have looked: the pidfd is not. */
int domain_member_kill(const struct domain_place *place, uint32_t pid, char *room)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), result = 0;

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (is_started_in(place, pid, fd, room))
		result = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 ? 1
			 : errno == ESRCH                                          ? 0
										   : -errno;
	close(fd);
	return result;
}
