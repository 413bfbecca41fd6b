/* SPDX-License-Identifier: MIT */
/*
 * However a process ends, the other side is told once: exit, _exit, abort, a fault, a signal, the
 * last thread's pthread_exit, an exec that keeps nothing.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum way { EXIT, QUICKLY, ABORT, FAULT, TERMINATED, LAST_THREAD, EXEC, WAYS };

static void *last_thread(void *arg)
{
	CHECK_IS(pthread_join(*(pthread_t *)arg, NULL), 0);
	pthread_exit(NULL);
}

static void keep_nothing(void)
{
	for (int fd = 3; fd < 64; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static long die(void *arg)
{
	static pthread_t main_thread;
	static volatile uintptr_t nowhere = 8;
	pthread_t thread;

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	switch (*(enum way *)arg) {
	case EXIT:
		exit(0);
	case QUICKLY:
		_exit(0);
	case ABORT:
		abort();
	case FAULT:
		*(volatile int *)nowhere = 0;
		break;
	case TERMINATED:
		raise(SIGTERM);
		break;
	case LAST_THREAD:
		main_thread = pthread_self();
		CHECK_IS(pthread_create(&thread, NULL, last_thread, &main_thread), 0);
		pthread_exit(NULL);
	case EXEC:
		keep_nothing();
		execl("/bin/true", "true", NULL);
		break;
	case WAYS:
		break;
	}
	return -1;
}

static void mapper_dies(struct peer *peer, enum way way)
{
	struct shared_page page = share_page(peer, us(), true);
	struct peer *mapper = peer_fork(HERE);
	struct watch w = watch_start(mapper, us(), peer, them(), page.addr + 11);
	struct mapped_page map = map_page(mapper, them(), page.ref, PROT_READ | PROT_WRITE);

	CHECK_IS(gntdev_notify(mapper, map.fd, map.index + 11, 3, w.port), 0);
	watch_still(&w);
	CHECK_IS(peer_try(mapper, die, &way, sizeof(way)), -ESRCH);
	watch_over(&w);
	peer_wait(mapper);
	CHECK_IS(call_munmap(peer, page.addr, PAGE), 0);
	CHECK_IS(call_close(peer, page.fd), 0);
}

static void granter_dies(struct peer *peer, enum way way)
{
	struct peer *granter = peer_fork(HERE);
	struct shared_page page = share_page(granter, them(), true);
	struct mapped_page map = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(granter, us(), peer, them(), map.addr + 11);

	CHECK_IS(gntalloc_notify(granter, page.fd, page.index + 11, 3, w.port), 0);
	watch_still(&w);
	CHECK_IS(peer_try(granter, die, &way, sizeof(way)), -ESRCH);
	watch_over(&w);
	CHECK_IS(store_byte(peer, map.addr, 1), 0);
	peer_wait(granter);
	CHECK_IS(call_munmap(peer, map.addr, PAGE), 0);
	CHECK_IS(call_close(peer, map.fd), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());

	for (int way = EXIT; way < WAYS; way++) {
		check_note("way %d to die", way);
		mapper_dies(peer, (enum way)way);
		granter_dies(peer, (enum way)way);
	}
}
