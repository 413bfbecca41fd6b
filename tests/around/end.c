/* SPDX-License-Identifier: MIT */
/*
 * end: waits for an event until its machine ends; then each way to wait says HUP or ERR, and each call fails. A
 * line for each thing that is not so; status 1 then.
 * usage: end evtchn | xenbus [poll | all]
 *        end others | hidden
 *   poll, all  who goes on waiting, by poll or also by epoll, and calling has little of a processor for it
 *   hidden     whose environment can't be read any more
 *   others     who has no device is never slowed down, however often others hang up
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* More than a program may do at full speed, by so many that the rest takes half a second. */
#define WAITS 1060

static int failed;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition,                \
				strerror(errno));                                                  \
			failed = 1;                                                                \
		}                                                                                  \
	} while (0)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static short waited(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	CHECK(poll(&p, 1, 20000) == 1);
	return p.revents;
}

/* (A xenbus is readable first, as xenstored ends before its machine.) */
static unsigned int waited_in_set(int set)
{
	struct epoll_event e = {.events = 0};
	double until = now() + 20;

	do
		CHECK(epoll_wait(set, &e, 1, 20000) == 1);
	while (!(e.events & (EPOLLHUP | EPOLLERR)) && now() < until);
	return e.events;
}

static void go_on(int fd, int set, bool epoll)
{
	double begin = now();
	char bytes[16];

	for (int i = 0; i < WAITS; i++)
		waited(fd);
	CHECK(now() - begin > 0.5);
	begin = now();
	for (int i = 0; i < 60 && epoll; i++)
		waited_in_set(set);
	CHECK(!epoll || now() - begin > 0.5);
	begin = now();
	for (int i = 0; i < 60; i++)
		CHECK(read(fd, bytes, sizeof(bytes)) == -1);
	CHECK(now() - begin > 0.5);
}

/* Half of it would take five seconds if it were slowed down. */
#define HANG_UPS 2000

static int others(int set)
{
	struct epoll_event e = {.events = EPOLLIN};
	struct pollfd p = {.events = POLLIN};
	double begin = now();
	char byte;
	int ends[2];

	/* (Of a socket the machine is asked whether it is a device, which a program without one does not do.) */
	CHECK(pipe2(ends, O_CLOEXEC) == 0 && close(ends[1]) == 0);
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e) == 0);
	p.fd = ends[0];
	for (int i = 0; i < HANG_UPS; i++) {
		CHECK(epoll_wait(set, &e, 1, 20000) == 1 && (e.events & EPOLLHUP));
		CHECK(poll(&p, 1, 20000) == 1 && (p.revents & POLLHUP));
		CHECK(read(ends[0], &byte, 1) == 0);
	}
	CHECK(now() - begin < 5);
	return failed;
}

/* As programs do that give themselves a long name. It has mapped something. */
static int hide(void)
{
	char *last = environ[0], *end;
	struct ioctl_gntalloc_alloc_gref a = {.flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int fd = open("/dev/xen/gntalloc", O_RDWR);

	CHECK(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &a) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (off_t)a.index) != MAP_FAILED);
	for (char **e = environ; *e; e++)
		last = *e;
	end = last + strlen(last);
	memset(environ[0], 0, (size_t)(end - environ[0]));
	CHECK(write(STDOUT_FILENO, "ready\n", 6) == 6);
	sleep(300);
	return 1;
}

int main(int argc, char **argv)
{
	char path[64], bytes[16];
	struct epoll_event e = {.events = EPOLLIN};
	int fd, set = epoll_create1(EPOLL_CLOEXEC);

	if (argc > 1 && strcmp(argv[1], "others") == 0)
		return others(set);
	if (argc > 1 && strcmp(argv[1], "hidden") == 0)
		return hide();
	snprintf(path, sizeof(path), "/dev/xen/%s", argc > 1 ? argv[1] : "evtchn");
	fd = open(path, O_RDWR);
	CHECK(fd >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
	printf("ready\n");
	fflush(stdout);
	CHECK(waited(fd) & (POLLHUP | POLLERR));
	CHECK(waited_in_set(set) & (EPOLLHUP | EPOLLERR));
	CHECK(read(fd, bytes, sizeof(bytes)) == -1);
	CHECK(write(fd, bytes, 4) == -1);
	if (argc > 2)
		go_on(fd, set, strcmp(argv[2], "all") == 0);
	return failed;
}
