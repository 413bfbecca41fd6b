/* SPDX-License-Identifier: MIT */
/*
 * births KIND: processes that are killed while they make others, or replaced by a program while their threads do:
 * whoever was born ends, and the end of all is seen. With a device open, as that is when births are followed.
 *   threads  each has threads that make threads
 *   forks    its children end by themselves, and whoever holds the pipe's end has not
 *   spaces   the same, of children that share its memory
 *   execs    a thread executes a program while others make threads
 *   victims  as forks, but somebody else has to kill them: their numbers are printed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS  25
#define VICTIMS 60
#define MAKERS  4
#define STACK   65536

static char stacks[MAKERS][STACK] __attribute__((aligned(16)));

static void need(int condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	_exit(1);
}

static void *nothing(void *arg)
{
	return arg;
}

static void *make_threads(void *arg)
{
	for (;;) {
		pthread_t t;

		if (pthread_create(&t, NULL, nothing, NULL) == 0)
			pthread_join(t, NULL);
	}
	return arg;
}

static int end(void *arg)
{
	(void)arg;
	_exit(0);
}

static void make_children(int flags)
{
	for (unsigned int i = 0;; i++) {
		pid_t child =
		    flags ? clone(end, stacks[i % MAKERS] + STACK, flags | SIGCHLD, NULL) : fork();

		if (child == 0)
			end(NULL);
		if (child > 0)
			waitpid(child, NULL, 0);
	}
}

static void start_makers(void)
{
	pthread_t t;

	for (int i = 0; i < MAKERS; i++)
		need(pthread_create(&t, NULL, make_threads, NULL) == 0, "pthread_create");
}

static void live(const char *kind, int ready)
{
	if (strcmp(kind, "threads") == 0 || strcmp(kind, "execs") == 0)
		start_makers();
	need(write(ready, "", 1) == 1, "write");
	if (strcmp(kind, "forks") == 0 || strcmp(kind, "victims") == 0)
		make_children(0);
	if (strcmp(kind, "spaces") == 0)
		make_children(CLONE_VM);
	if (strcmp(kind, "execs") == 0) {
		close(ready);
		execl("/proc/self/exe", "births", "gone", (char *)NULL);
	}
	pause();
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	bool executes = strcmp(kind, "execs") == 0, victims = strcmp(kind, "victims") == 0;

	if (strcmp(kind, "gone") == 0)
		return 0;
	need(open("/dev/xen/gntdev", O_RDWR) >= 0, "gntdev");
	for (int i = 0; i < (victims ? VICTIMS : ROUNDS); i++) {
		int ends[2], status;
		char byte;
		pid_t child;

		need(pipe(ends) == 0, "pipe");
		child = fork();
		if (child == 0) {
			close(ends[0]);
			live(kind, ends[1]);
		}
		close(ends[1]);
		need(read(ends[0], &byte, 1) == 1, "read");
		if (victims)
			dprintf(1, "%d\n", (int)child);
		else if (!executes)
			kill(child, SIGKILL);
		need(waitpid(child, &status, 0) == child, "waitpid");
		need(executes ? status == 0 : WIFSIGNALED(status), "its end");
		need(read(ends[0], &byte, 1) == 0, "the pipe's end");
		close(ends[0]);
	}
	printf("all ended\n");
	return 0;
}
