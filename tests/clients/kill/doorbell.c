/* SPDX-License-Identifier: MIT */
/*
 * A process that makes calls through its doorbell is killed, again and again: some nanoseconds after it began, as
 * a timer of its own says; at any moment, from outside; and after any number of instructions. Whoever has mapped its page has the byte of its notification cleared and the event
 * that it asked for, once each time; nothing of it is left in the machine, and no call of it is half done.
 *
 * The environment's KILLS says how often, else as below.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	KILLS = 400,
	/* Of so many one is killed from outside, and one after some instructions: slow where much else runs. */
	EACH_OUTSIDE = 10,
	EACH_STEPPED = 100,
	MOST_STEPS = 400,
	MOST_SPINS = 60000,
	MOST_NS = 60000,
	OWN_CALLS = 8, /* before there is a doorbell */
	BYTE = 3,
};

/* What the victim tells. */
static struct told {
	uint32_t ref;
	int port;
} * told;

static uint32_t seed = 1;

static uint32_t roll(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Events that are read, and their port unmasked in the page. */
static void hear_oneself(int evtchn)
{
	int port = evtchn_bind_unbound(HERE, evtchn, us()->id);
	int end = evtchn_bind_interdomain(HERE, evtchn, us()->id, (uint32_t)port);

	CHECK(port > 0 && end > 0, "bind: %d, %d", port, end);
	CHECK_IS(evtchn_take(HERE, evtchn), end);
	CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)port), 0);
	CHECK_IS(evtchn_take(HERE, evtchn), end);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)end), 0);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)port), 0);
}

/* What is done and undone: nothing is left of it unless it was cut in half. */
static void cycle(int gntalloc, int evtchn)
{
	uint64_t index;
	int port = evtchn_bind_unbound(HERE, evtchn, them()->id);

	CHECK(port > 0, "bind: %d", port);
	CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)port), 0);
	CHECK_IS(gntalloc_alloc(HERE, gntalloc, them()->id, 1, 1, &index, NULL), 0);
	CHECK_IS(call_write(HERE, evtchn, &port, sizeof(port)), sizeof(port));
	hear_oneself(evtchn);
	CHECK_IS(gntalloc_dealloc(HERE, gntalloc, index, 1), 0);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)port), 0);
}

enum way { TIMED, OUTSIDE, STEPPED };

static void die_in(long ns)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	const struct itimerspec in = {.it_value.tv_nsec = ns};
	timer_t timer;

	CHECK_IS(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_IS(timer_settime(timer, 0, &in, NULL), 0);
}

static void be_victim(int ready, int go, enum way way, long ns)
{
	int gntalloc = device_open(HERE, "gntalloc"), evtchn = device_open(HERE, "evtchn");
	int port = evtchn_bind_interdomain(HERE, evtchn, us()->id, (uint32_t)told->port);
	uint64_t index;
	long addr;

	limit_time();
	CHECK(port > 0, "bind: %d", port);
	/* Binding sent it. */
	CHECK_IS(evtchn_take(HERE, evtchn), port);
	CHECK_IS(gntalloc_alloc(HERE, gntalloc, us()->id, 1, 1, &index, &told->ref), 0);
	addr = device_mmap(HERE, gntalloc, index, 1, PROT_READ | PROT_WRITE);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(store_byte(HERE, addr + BYTE, 1), 0);
	CHECK_IS(gntalloc_notify(HERE, gntalloc, index + BYTE, 3, (uint32_t)port), 0);
	for (int i = 0; i < OWN_CALLS; i++)
		cycle(gntalloc, evtchn);
	if (way == STEPPED)
		CHECK_IS(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
	CHECK_IS(write(ready, "", 1), 1);
	CHECK_IS(read(go, &(char){0}, 1), 1);
	if (way == STEPPED)
		raise(SIGSTOP);
	if (way == TIMED)
		die_in(ns);
	for (;;)
		cycle(gntalloc, evtchn);
}

static void step(pid_t pid, unsigned n)
{
	int status;

	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status), "status %#x", (unsigned)status);
	while (n-- > 0) {
		CHECK_IS(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
		CHECK_IS(waitpid(pid, &status, 0), pid);
		CHECK(WIFSTOPPED(status), "status %#x", (unsigned)status);
	}
}

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

static void take_what_binding_sent(int evtchn)
{
	evtchn_settle(HERE, evtchn);
	while (call_poll(HERE, evtchn, 1, 0))
		CHECK_IS(evtchn_take(HERE, evtchn), told->port);
}

static void end(pid_t pid, enum way way)
{
	int status;

	if (way == STEPPED)
		step(pid, roll(MOST_STEPS));
	if (way == OUTSIDE)
		spin(roll(MOST_SPINS));
	if (way != TIMED)
		CHECK_IS(kill(pid, SIGKILL), 0);
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", (unsigned)status);
}

static void kill_one(int evtchn, int gntdev, enum way way)
{
	struct ioctl_gntdev_grant_ref grant = {.domid = us()->id};
	long ns = 1 + (long)roll(MOST_NS);
	int ready[2], go[2];
	uint64_t map;
	char byte;
	long addr;
	pid_t pid;

	told->port = evtchn_bind_unbound(HERE, evtchn, us()->id);
	CHECK(told->port > 0, "bind: %d", told->port);
	CHECK_IS(pipe(ready), 0);
	CHECK_IS(pipe(go), 0);
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid)
		be_victim(ready[1], go[0], way, ns);
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1, "the victim has ended");
	close(ready[0]);
	close(go[0]);
	grant.ref = told->ref;
	CHECK_IS(gntdev_map(HERE, gntdev, 1, &grant, &map), 0);
	addr = device_mmap(HERE, gntdev, map, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	take_what_binding_sent(evtchn);
	CHECK_IS(load_byte(HERE, addr + BYTE), 1);
	CHECK_IS(write(go[1], "", 1), 1);
	close(go[1]);
	end(pid, way);
	CHECK_IS(evtchn_take(HERE, evtchn), told->port);
	CHECK_IS(load_byte(HERE, addr + BYTE), 0);
	evtchn_quiet(HERE, evtchn);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(gntdev_unmap(HERE, gntdev, map, 1), 0);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)told->port), 0);
}

/* What is given up while the peer still maps it would else be free again by tens a second. */
static void free_all_at_once(void)
{
	int fd = open("/sys/module/grant_table/parameters/free_per_iteration", O_WRONLY);

	CHECK(fd >= 0, "free_per_iteration: %s", strerror(errno));
	CHECK_IS(write(fd, "0", 1), 1);
	close(fd);
}

void test(void)
{
	const char *text = getenv("KILLS");
	unsigned kills = text ? (unsigned)atoi(text) : KILLS;
	int gntdev = device_open(HERE, "gntdev"), evtchn = device_open(HERE, "evtchn");
	struct stage_totals before;

	told = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(told != MAP_FAILED, "mmap: %s", strerror(errno));
	free_all_at_once();
	for (int i = 0; i < OWN_CALLS; i++)
		evtchn_settle(HERE, evtchn);
	before = machine_totals();
	for (unsigned i = 0; i < kills; i++) {
		check_note("kill %u of %u", i + 1, kills);
		kill_one(evtchn, gntdev,
			 i % EACH_STEPPED == 0   ? STEPPED
			 : i % EACH_OUTSIDE == 1 ? OUTSIDE
						 : TIMED);
	}
	MACHINE_AWAIT(mms, before.mms);
	MACHINE_AWAIT(files, before.files);
	MACHINE_AWAIT(vmas, before.vmas);
	MACHINE_AWAIT(grants, before.grants);
	MACHINE_AWAIT(maptrack, before.maptrack);
	MACHINE_AWAIT(ports, before.ports);
	MACHINE_AWAIT(deferred, before.deferred);
}
