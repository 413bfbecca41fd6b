/* SPDX-License-Identifier: MIT */
/*
 * When the machine is gone, calls fail at once with EIO and say so in one line; who waits is
 * woken; nothing hangs, and memory can be unmapped and descriptors closed.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct channel c;

static void *reader(void *arg)
{
	uint32_t port;

	*(long *)arg = call_read(HERE, c.fd[0], &port, sizeof(port));
	return NULL;
}

static void count_lines(int fd, int expected)
{
	char text[4096] = {0};
	long n = read(fd, text, sizeof(text) - 1);
	int lines = 0;

	for (long i = 0; i < n; i++)
		lines += text[i] == '\n';
	CHECK(lines == expected, "%d lines on stderr: %s", lines, text);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page page = share_page(peer, us(), true),
			   own = share_page(HERE, them(), true);
	struct mapped_page map = map_page(HERE, them(), page.ref, PROT_READ | PROT_WRITE);
	int stderr_fd = dup(STDERR_FILENO), pipes[2], status;
	pthread_t thread;
	long result = 1;
	pid_t pid;

	c = connect_channel(HERE, us(), peer, them());
	CHECK_IS(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK_IS(pthread_create(&thread, NULL, reader, &result), 0);
	CHECK_IS(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	machine_kill();
	CHECK_IS(pthread_join(thread, NULL), 0);
	CHECK(call_poll(HERE, c.fd[0], POLLIN, 20000) != 0, "poll waits for the dead");
	for (int i = 0; i < 3; i++) {
		CHECK_IS(gntalloc_alloc(HERE, own.fd, them()->id, 0, 1, NULL, NULL), -EIO);
		CHECK_IS(gntdev_unmap(HERE, map.fd, map.index, 1), -EIO);
		CHECK_IS(evtchn_notify(HERE, c.fd[0], c.port[0]), -EIO);
		CHECK_IS(device_mmap(HERE, own.fd, own.index, 1, PROT_READ), -EIO);
		CHECK_IS(call_open(HERE, "/dev/xen/gntdev", O_RDWR), -EIO);
	}
	CHECK_IS(call_write(HERE, c.fd[0], &c.port[0], 4), -EIO);
	CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
	CHECK_IS(call_munmap(HERE, own.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, map.fd), 0);
	CHECK_IS(call_close(HERE, own.fd), 0);
	CHECK_IS(call_close(HERE, c.fd[0]), 0);
	/* One can still fork. */
	pid = fork();
	if (!pid)
		_exit(3);
	CHECK(pid > 0, "fork: %s", strerror(errno));
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(WEXITSTATUS(status), 3);
	CHECK_IS(dup2(stderr_fd, STDERR_FILENO), STDERR_FILENO);
	CHECK_IS(result, -EIO);
	count_lines(pipes[0], 1);
}
