/* SPDX-License-Identifier: MIT */
/*
 * When the machine is gone, whoever waits for a device is told so, by poll, select and epoll; every call
 * fails with the same error; and a program that goes on calling for ever costs no processor.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_end(long result)
{
	return result == -EIO || result == -ENOTCONN || result == -ECONNABORTED;
}

/* A node that the kernel serves may be gone with its driver. */
static bool is_end_of_node(long result)
{
	return is_end(result) || (getenv("GNTSIM_NATIVE") &&
				  (result == -ENOENT || result == -ENXIO || result == -ENODEV));
}

static void poll_says_so(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	fd_set set;

	CHECK_IS(poll(&p, 1, 20000), 1);
	CHECK(p.revents & (POLLHUP | POLLERR), "revents %#x", (unsigned)p.revents);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_IS(select(fd + 1, &set, NULL, NULL, &(struct timeval){20, 0}), 1);
}

/* A child, which the machine never knew: its descriptors are devices all the same. */
static void same_in_a_child(const int fd[3], long error)
{
	uint32_t port = 1;
	int status;
	pid_t child = fork();

	if (child == 0) {
		_exit(call_write(HERE, fd[2], &port, sizeof(port)) != error ||
		      gntalloc_alloc(HERE, fd[0], them()->id, 0, 1, NULL, NULL) != error ||
		      gntdev_unmap(HERE, fd[1], 0, 1) != error);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child, "fork");
	CHECK_IS(status, 0);
}

void test(void)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};
	struct epoll_event event = {.events = EPOLLIN};
	int fd[3], epoll = epoll_create1(EPOLL_CLOEXEC);
	uint32_t port = 1;
	long error;
	double start;

	for (int i = 0; i < 3; i++)
		fd[i] = device_open(HERE, names[i]);
	CHECK_IS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[2], &event), 0);
	CHECK_IS(epoll_wait(epoll, &event, 1, 0), 0);
	machine_kill();
	CHECK_IS(epoll_wait(epoll, &event, 1, 20000), 1);
	CHECK(event.events & (EPOLLHUP | EPOLLERR), "events %#x", event.events);
	for (int i = 0; i < 3; i++)
		poll_says_so(fd[i]);

	error = call_read(HERE, fd[2], &port, sizeof(port));
	CHECK(is_end(error), "%ld", error);
	for (int i = 0; i < 3; i++) {
		CHECK_IS(call_read(HERE, fd[2], &port, sizeof(port)), error);
		CHECK_IS(call_write(HERE, fd[2], &port, sizeof(port)), error);
		CHECK_IS(evtchn_notify(HERE, fd[2], 1), error);
		CHECK_IS(gntalloc_alloc(HERE, fd[0], them()->id, 0, 1, NULL, NULL), error);
		CHECK_IS(gntdev_unmap(HERE, fd[1], 0, 1), error);
		CHECK(is_end_of_node(call_open(HERE, "/dev/xen/gntdev", 2)), "open");
	}
	same_in_a_child(fd, error);
	/* Where the kernel serves the files, the calls are its own. */
	if (getenv("GNTSIM_NATIVE"))
		return;
	start = now();
	for (int i = 0; i < 1100; i++)
		CHECK_IS(call_read(HERE, fd[2], &port, sizeof(port)), error);
	CHECK(now() - start > 0.9, "1100 calls in %f s", now() - start);
}
