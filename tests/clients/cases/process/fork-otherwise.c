/* SPDX-License-Identifier: MIT */
/*
 * Children that are made without fork(): _Fork(), syscall(SYS_fork), clone(). They use what they
 * inherit, and hold it until they are gone, as any child.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct peer *peer;
static struct shared_page page;
static int go[2];

/* What every child does: it uses the page, and keeps it until it is told to go. */
static int child(void *arg)
{
	uint64_t index;
	char byte;

	(void)arg;
	limit_time();
	close(go[1]);
	CHECK_IS(store_byte(HERE, page.addr + 1, 91), 0);
	CHECK_IS(gntalloc_alloc(HERE, page.fd, them()->id, 1, 1, &index, NULL), 0);
	CHECK(device_mmap(HERE, page.fd, index, 1, PROT_READ) > 0, "mmap");
	CHECK_IS(gntalloc_dealloc(HERE, page.fd, index, 1), 0);
	CHECK_IS(device_open(HERE, "evtchn") >= 0, 1);
	read(go[0], &byte, 1);
	_exit(0);
}

static pid_t by_fork_without_handlers(void)
{
	pid_t pid = _Fork();

	if (!pid)
		child(NULL);
	return pid;
}

#ifdef SYS_fork /* not on arm64 */
static pid_t by_syscall(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (!pid)
		child(NULL);
	return pid;
}
#endif

static pid_t by_raw_clone(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (!pid)
		child(NULL);
	return pid;
}

static pid_t by_clone(void)
{
	static _Alignas(16) char stack[1 << 16];

	return clone(child, stack + sizeof(stack), SIGCHLD, NULL);
}

static void with(pid_t (*make)(void))
{
	struct mapped_page theirs;
	struct watch w;
	uint64_t index;
	int status;
	pid_t pid;

	page = share_page(HERE, them(), true);
	theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	w = watch_start(HERE, us(), peer, them(), theirs.addr + 9);
	CHECK_IS(gntalloc_notify(HERE, page.fd, page.index + 9, 3, w.port), 0);
	CHECK_IS(pipe(go), 0);
	pid = make();
	CHECK(pid > 0, "no child: %d", errno);
	close(go[0]);
	for (int i = 0; i < 50; i++) {
		CHECK_IS(gntalloc_alloc(HERE, page.fd, them()->id, 1, 1, &index, NULL), 0);
		CHECK_IS(gntalloc_dealloc(HERE, page.fd, index, 1), 0);
	}
	while (load_byte(peer, theirs.addr + 1) != 91)
		usleep(100);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
	watch_still(&w);
	close(go[1]);
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, w.channel.fd[0]), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

void test(void)
{
	static pid_t (*const ways[])(void) = {
	    by_fork_without_handlers,
	    by_raw_clone,
	    by_clone,
#ifdef SYS_fork
	    by_syscall,
#endif
	};

	peer = peer_start(them());
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		check_note("way %u to fork", i);
		with(ways[i]);
	}
}
