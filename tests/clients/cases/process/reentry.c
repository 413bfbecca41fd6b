/* SPDX-License-Identifier: MIT */
/*
 * A signal handler makes device calls while the program is in others; threads make them while one
 * forks, and the children make theirs. Nobody waits for a lock that nobody holds.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int gntalloc, evtchn, handler_file;
static atomic_int handled, stop;

static void cycle(int fd)
{
	uint64_t index;
	void *p;

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, &index, NULL), 0);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (long)index);
	CHECK(p != MAP_FAILED, "mmap");
	CHECK_IS(gntalloc_dealloc(HERE, fd, index, 1), 0);
	CHECK_IS(munmap(p, PAGE), 0);
}

static void on_timer(int signal)
{
	int kept = errno;
	struct ioctl_evtchn_notify op = {.port = 100000};

	(void)signal;
	cycle(handler_file);
	CHECK_IS(ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &op), -1);
	CHECK_IS(errno, ENOTCONN);
	handled++;
	errno = kept;
}

static void with_handler(void)
{
	struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};

	CHECK_IS(sigaction(SIGVTALRM, &action, NULL), 0);
	CHECK_IS(setitimer(ITIMER_VIRTUAL, &often, NULL), 0);
	while (handled < 100)
		cycle(gntalloc);
	CHECK_IS(setitimer(ITIMER_VIRTUAL, &never, NULL), 0);
}

static void *worker(void *arg)
{
	(void)arg;
	while (!stop)
		cycle(gntalloc);
	return NULL;
}

static void with_forks(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		CHECK_IS(pthread_create(&threads[i], NULL, worker, NULL), 0);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		int status;

		CHECK(pid >= 0, "fork: %d", errno);
		if (!pid) {
			int fd;

			limit_time();
			cycle(gntalloc);
			fd = device_open(HERE, "gntalloc");
			cycle(fd);
			_exit(0);
		}
		CHECK_IS(waitpid(pid, &status, 0), pid);
		CHECK_IS(status, 0);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		CHECK_IS(pthread_join(threads[i], NULL), 0);
}

void test(void)
{
	gntalloc = device_open(HERE, "gntalloc");
	handler_file = device_open(HERE, "gntalloc");
	evtchn = device_open(HERE, "evtchn");
	with_handler();
	with_forks();
	MACHINE_AWAIT(files, 3);
	MACHINE_AWAIT(grants, 0);
}
