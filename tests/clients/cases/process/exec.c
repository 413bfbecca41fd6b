/* SPDX-License-Identifier: MIT */
/*
 * exec ends the mappings, not the files whose descriptors it keeps: a page on the file's list
 * lives on and can be mapped again, a map of grants has had its one mmap, ports stay bound. A
 * descriptor with close-on-exec is released.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct inherited {
	struct shared_page page;
	struct mapped_page map;
	int events;
	uint32_t port;
};

/* In the process that is to exec: the new program gets the numbers as arguments. */
static long execute(void *arg)
{
	const struct inherited *i = arg;
	char numbers[5][24];
	char *argv[] = {(char *)(uintptr_t) "exec",
			numbers[0],
			numbers[1],
			numbers[2],
			numbers[3],
			numbers[4],
			NULL};

	snprintf(numbers[0], 24, "%d", i->page.fd);
	snprintf(numbers[1], 24, "%ju", (uintmax_t)i->page.index);
	snprintf(numbers[2], 24, "%d", i->map.fd);
	snprintf(numbers[3], 24, "%d", i->events);
	snprintf(numbers[4], 24, "%u", i->port);
	execv("/proc/self/exe", argv);
	return -errno;
}

/* The new program: uses what it inherited, and says 77 through the page when it has. */
int again(int argc, char **argv)
{
	int page = atoi(argv[1]), map = atoi(argv[3]), events = atoi(argv[4]);
	uint64_t index = strtoull(argv[2], NULL, 10);
	uint32_t port = (uint32_t)atoi(argv[5]);
	long addr;

	CHECK_IS(argc, 6);
	addr = device_mmap(HERE, page, index, 1, PROT_READ | PROT_WRITE);
	CHECK(addr > 0, "mmap of the inherited page: %ld", addr);
	CHECK_IS(load_byte(HERE, addr), 'b');
	CHECK_IS(gntalloc_alloc(HERE, page, them()->id, 1, 1, &index, NULL), 0);
	CHECK_IS(index, PAGE);
	CHECK_IS(device_mmap(HERE, map, 0, 1, PROT_READ), -EINVAL);
	CHECK_IS(gntdev_unmap(HERE, map, 0, 1), 0);
	CHECK_IS(evtchn_notify(HERE, events, port), 0);
	CHECK_IS(store_byte(HERE, addr, 77), 0);
	CHECK_IS(evtchn_take(HERE, events), port);
	return 0;
}

static void kept(struct peer *peer)
{
	struct peer *old = peer_start(us());
	struct shared_page granted = share_page(peer, us(), true);
	struct inherited i = {
	    .page = share_page(old, them(), true),
	    .map = map_page(old, them(), granted.ref, PROT_READ | PROT_WRITE),
	};
	struct mapped_page theirs = map_page(peer, us(), i.page.ref, PROT_READ | PROT_WRITE);
	struct channel c = connect_channel(old, us(), peer, them());
	struct watch page = watch_start(old, us(), peer, them(), theirs.addr + 1);
	struct watch map = watch_start(old, us(), peer, them(), granted.addr + 1);

	i.events = c.fd[0];
	i.port = c.port[0];
	CHECK_IS(gntalloc_notify(old, i.page.fd, i.page.index + 1, 3, page.port), 0);
	CHECK_IS(gntdev_notify(old, i.map.fd, i.map.index + 1, 3, map.port), 0);
	CHECK_IS(store_byte(old, i.page.addr, 'b'), 0);
	peer_begin(old, execute, &i, sizeof(i));
	CHECK_IS(evtchn_take(peer, c.fd[1]), c.port[1]);
	while (load_byte(peer, theirs.addr) != 77)
		usleep(100);
	watch_still(&page);
	watch_over(&map);
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	peer_wait(old);
	watch_over(&page);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

static long execute_without(void *arg)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};

	(void)arg;
	execv("/bin/true", argv);
	return -errno;
}

static long set_cloexec(void *arg)
{
	return fcntl(*(int *)arg, F_SETFD, FD_CLOEXEC);
}

/* With close-on-exec nothing is kept: byte and event come with the exec. */
static void released(struct peer *peer)
{
	struct peer *old = peer_start(us());
	struct shared_page page = share_page(old, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(old, us(), peer, them(), theirs.addr);

	CHECK_IS(gntalloc_notify(old, page.fd, page.index, 3, w.port), 0);
	CHECK_IS(peer_call(old, set_cloexec, &page.fd, sizeof(page.fd)), 0);
	watch_still(&w);
	peer_begin(old, execute_without, NULL, 0);
	watch_over(&w);
	peer_wait(old);
}

/* An exec that fails, here or in a vforked child, changes nothing. */
static void failed(struct peer *peer)
{
	struct shared_page page = share_page(HERE, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr + 1);
	pid_t pid;

	CHECK_IS(gntalloc_notify(HERE, page.fd, page.index + 1, 3, w.port), 0);
	CHECK_IS(gntalloc_dealloc(HERE, page.fd, page.index, 1), 0);
	CHECK_IS(execl("/nowhere/nothing", "nothing", NULL), -1);
	CHECK_IS(errno, ENOENT);
	pid = vfork();
	if (!pid) {
		execl("/nowhere/nothing", "nothing", NULL);
		_exit(errno == ENOENT ? 0 : 1);
	}
	CHECK_IS(waitpid(pid, NULL, 0), pid);
	watch_still(&w);
	CHECK_IS(store_byte(HERE, page.addr, 17), 0);
	CHECK_IS(load_byte(peer, theirs.addr), 17);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, page.fd), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());

	kept(peer);
	released(peer);
	failed(peer);
}
