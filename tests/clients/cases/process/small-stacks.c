/* SPDX-License-Identifier: MIT */
/* Device calls need little stack: in a thread with the least, and in a handler with one of its own. */
#include "check.h"
#include "device.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	HANDLER_STACK = 16384,
	HARNESS_TLS = 36864, /* a thread's stack holds its thread-local variables too */
};

static struct channel c;
static int gntalloc;
static atomic_int done;

/* Each kind of call, without the harness's own frames. */
static void calls(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = them()->id, .flags = 1, .count = 1};
	struct ioctl_gntalloc_dealloc_gref dealloc = {.count = 1};
	uint32_t port = c.port[0];
	void *p;

	CHECK_IS(ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc), 0);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, gntalloc, (long)alloc.index);
	CHECK(p != MAP_FAILED, "mmap");
	dealloc.index = alloc.index;
	CHECK_IS(ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc), 0);
	CHECK_IS(munmap(p, PAGE), 0);
	CHECK_IS(write(c.fd[0], &port, 4), 4);
	close(open("/dev/xen/gntdev", O_RDWR));
	done++;
}

static void *thread(void *arg)
{
	(void)arg;
	calls();
	return NULL;
}

static void handler(int signal)
{
	(void)signal;
	calls();
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_sp = malloc(HANDLER_STACK), .ss_size = HANDLER_STACK};
	pthread_attr_t attr;
	pthread_t t;

	c = connect_channel(HERE, us(), peer, them());
	gntalloc = device_open(HERE, "gntalloc");
	calls();
	CHECK_IS(pthread_attr_init(&attr), 0);
	CHECK_IS(pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN + HARNESS_TLS), 0);
	CHECK_IS(pthread_create(&t, &attr, thread, NULL), 0);
	CHECK_IS(pthread_join(t, NULL), 0);
	CHECK_IS(sigaltstack(&stack, NULL), 0);
	CHECK_IS(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_IS(raise(SIGUSR1), 0);
	CHECK_IS(done, 3);
	stack.ss_flags = SS_DISABLE;
	CHECK_IS(sigaltstack(&stack, NULL), 0);
	free(stack.ss_sp);
}
