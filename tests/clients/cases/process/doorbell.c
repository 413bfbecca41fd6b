/* SPDX-License-Identifier: MIT */
/*
 * Calls go through a page that the process shares with the machine. Who is stopped or killed at any
 * instruction of one stops nobody else and leaves no half call; whoever waits for an answer when the
 * machine is killed, be it that he sleeps, learns of it within a second.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	STOPS = 60,
	KILLS = 60,
	OWN_CALLS = 8,
	WAIT_MS = 20000,
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool has_page(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	CHECK(maps != NULL, "/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "gntsim-bell") != NULL;
	fclose(maps);
	return found;
}

/* What is done and undone: nothing is left of it unless it was cut in half. */
static void cycle(int gntalloc, int evtchn)
{
	uint64_t index;
	int port = evtchn_bind_unbound(HERE, evtchn, them()->id);

	CHECK(port > 0, "bind: %d", port);
	CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)port), 0);
	CHECK_IS(gntalloc_alloc(HERE, gntalloc, them()->id, 1, 1, &index, NULL), 0);
	CHECK_IS(gntalloc_dealloc(HERE, gntalloc, index, 1), 0);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)port), 0);
}

/* A process that calls for ever; it is at it when this returns. */
static pid_t start_caller(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK_IS(pipe(ready), 0);
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		int gntalloc = device_open(HERE, "gntalloc"), evtchn = device_open(HERE, "evtchn");

		limit_time();
		for (int i = 0; i < OWN_CALLS; i++)
			cycle(gntalloc, evtchn);
		CHECK(has_page() || machine_shares_no_page(), "the child has no page");
		CHECK_IS(write(ready[1], "", 1), 1);
		for (;;)
			cycle(gntalloc, evtchn);
	}
	CHECK_IS(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void spin(int n)
{
	for (volatile int i = 0; i < n; i++)
		;
}

static void end(pid_t pid)
{
	int status;

	CHECK_IS(kill(pid, SIGKILL), 0);
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", (unsigned)status);
}

static void stopped(int gntalloc, int evtchn)
{
	pid_t pid = start_caller();
	int status;

	for (int i = 0; i < STOPS; i++) {
		spin(i * 97 % 5000);
		CHECK_IS(kill(pid, SIGSTOP), 0);
		CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status), "status %#x", (unsigned)status);
		cycle(gntalloc, evtchn);
		CHECK_IS(kill(pid, SIGCONT), 0);
	}
	end(pid);
}

static void killed(void)
{
	struct stage_totals before = machine_totals();

	for (int i = 0; i < KILLS; i++) {
		pid_t pid = start_caller();

		spin(i * 193 % 7000);
		end(pid);
	}
	MACHINE_AWAIT(mms, before.mms);
	MACHINE_AWAIT(files, before.files);
	MACHINE_AWAIT(grants, before.grants);
	MACHINE_AWAIT(ports, before.ports);
}

static int evtchn_file, port;

static void *notify(void *arg)
{
	int result;

	(void)arg;
	do
		result = evtchn_notify(HERE, evtchn_file, (uint32_t)port);
	while (result == 0);
	CHECK_IS(result, -EIO);
	return NULL;
}

/* Returns when a thread of this process other than the first is asleep in a futex for the answer. */
static bool sleeps_in_futex(pid_t tid)
{
	char path[64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return text[0] >= '0' && text[0] <= '9' && atoi(text) == SYS_futex;
}

struct caller {
	pid_t tid;
};

static void *notify_told(void *arg)
{
	struct caller *c = arg;

	__atomic_store_n(&c->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	return notify(NULL);
}

/* The machine's process is stopped, so that who calls must sleep; then it is killed. */
static void machine_gone(void)
{
	pid_t broker = machine_process();
	struct caller c = {0};
	pthread_t thread;
	double begin;
	int ms = 0;

	CHECK_IS(pthread_create(&thread, NULL, notify_told, &c), 0);
	CHECK_IS(kill(broker, SIGSTOP), 0);
	while (!__atomic_load_n(&c.tid, __ATOMIC_ACQUIRE) || !sleeps_in_futex(c.tid)) {
		CHECK(ms++ < WAIT_MS, "nobody sleeps");
		usleep(1000);
	}
	begin = now();
	machine_kill();
	CHECK_IS(pthread_join(thread, NULL), 0);
	CHECK(now() - begin < 1.0, "it took %.3f s to learn that the machine is gone",
	      now() - begin);
}

void test(void)
{
	int gntalloc = device_open(HERE, "gntalloc");

	evtchn_file = device_open(HERE, "evtchn");
	for (int i = 0; i < OWN_CALLS; i++)
		cycle(gntalloc, evtchn_file);
	CHECK(has_page() || machine_shares_no_page(), "there is no page: nothing of this is tried");
	stopped(gntalloc, evtchn_file);
	killed();
	if (machine_shares_no_page())
		return;
	port = evtchn_bind_unbound(HERE, evtchn_file, them()->id);
	CHECK(port > 0, "bind: %d", port);
	machine_gone();
}
