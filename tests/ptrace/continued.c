/* SPDX-License-Identifier: MIT */
/* Who is stopped by SIGSTOP goes on after SIGCONT, wherever in a call of a device it was, and every time: the front
 * makes calls of its own then. */
#include "check.h"
#include "device.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES 300
/* Of 100 us, that it may take to go on: the machine may be busy. */
#define PATIENCE 200000

struct shared {
	_Atomic unsigned int calls, over;
};

static void make_calls(struct shared *s)
{
	while (!s->over) {
		CHECK_IS(close(device_open(HERE, "evtchn")), 0);
		s->calls++;
	}
	_exit(0);
}

/* Whether the child has gone on. */
static int goes_on(const struct shared *s)
{
	const struct timespec pause = {.tv_nsec = 100000};
	unsigned int before = s->calls;

	for (int i = 0; i < PATIENCE && s->calls == before; i++)
		nanosleep(&pause, NULL);
	return s->calls != before;
}

void test(void)
{
	struct shared *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	CHECK(s != MAP_FAILED, "mmap: %m");
	child = fork();
	if (child == 0)
		make_calls(s);
	CHECK(child > 0, "fork: %m");
	CHECK(goes_on(s), "the child does not go on");
	for (int i = 0; i < TIMES; i++) {
		const struct timespec while_it_stops = {.tv_nsec = 2000 * (i % 150)};

		kill(child, SIGSTOP);
		/* Whether it stands by then does not matter. */
		nanosleep(&while_it_stops, NULL);
		kill(child, SIGCONT);
		CHECK(goes_on(s), "the child does not go on");
	}
	s->over = 1;
	CHECK_IS(waitpid(child, &status, 0), child);
	CHECK_IS(status, 0);
}
