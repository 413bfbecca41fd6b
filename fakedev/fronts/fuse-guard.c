/* SPDX-License-Identifier: MIT */
/* The pager's guard. The broker may wait in the kernel for a page that its own pager is to bring or
 * to take back, and nothing interrupts that wait. If both are killed then, the pager goes and the
 * broker stays: the session is never aborted, and whoever uses the tree hangs. So a process of its
 * own waits for the pager's end, and fails what the kernel asks for, until the broker is gone. */
#define _GNU_SOURCE
#include "fuse-memory.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	pthread_mutex_t alive; /* robust: held by the pager while it lives */
	sem_t held;
	unsigned char request[GUARD_REQUEST];
};

struct guard {
	struct shared *shared;
	pid_t process;
};

int guard_refuse(int session, const void *request, int err)
{
	struct fuse_out_header out = {.len = sizeof(out), .error = err};
	struct fuse_in_header in;

	memcpy(&in, request, sizeof(in));
	out.unique = in.unique;
	return write(session, &out, sizeof(out)) < 0 ? -errno : 0;
}

/* Of one that was answered, or asks for no answer, the kernel knows nothing. */
static void refuse(int session, const void *request)
{
	if (guard_refuse(session, request, -EIO) == -ENODEV)
		_exit(0);
}

static void watch(struct shared *s, int session, pid_t broker)
{
	struct pollfd p = {.fd = session, .events = POLLIN};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "gntsim-guard");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != broker)
		_exit(0);
	/* Nobody may wait for the end of a descriptor that we only inherited. */
	if (session > 0)
		close_range(0, (unsigned int)session - 1, 0);
	close_range((unsigned int)session + 1, ~0u, 0);
	while (sem_wait(&s->held) < 0)
		;
	if (pthread_mutex_lock(&s->alive) != EOWNERDEAD)
		_exit(0);
	/* What it had taken and not answered; then the rest. */
	refuse(session, s->request);
	for (;;) {
		ssize_t n = read(session, s->request, sizeof(s->request));

		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			refuse(session, s->request);
		else if (n < 0 && errno == ENODEV)
			_exit(0);
		else
			poll(&p, 1, -1);
	}
}

int guard_start(int session, struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));
	pid_t broker = getpid();
	pthread_mutexattr_t a;

	if (!g)
		return -ENOMEM;
	g->shared = mmap(NULL, sizeof(*g->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->shared == MAP_FAILED) {
		free(g);
		return -ENOMEM;
	}
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&g->shared->alive, &a);
	pthread_mutexattr_destroy(&a);
	sem_init(&g->shared->held, 1, 0);
	g->process = fork();
	if (g->process == 0)
		watch(g->shared, session, broker);
	if (g->process < 0) {
		int err = -errno;

		munmap(g->shared, sizeof(*g->shared));
		free(g);
		return err;
	}
	*out = g;
	return 0;
}

void *guard_hold(struct guard *g)
{
	pthread_mutex_lock(&g->shared->alive);
	sem_post(&g->shared->held);
	return g->shared->request;
}

void guard_release(struct guard *g)
{
	pthread_mutex_unlock(&g->shared->alive);
}

void guard_stop(struct guard *g)
{
	if (!g)
		return;
	/* If there never was a pager. */
	sem_post(&g->shared->held);
	while (waitpid(g->process, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(g->shared, sizeof(*g->shared));
	free(g);
}
