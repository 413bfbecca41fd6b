/* SPDX-License-Identifier: MIT */
/*
 * A fork copies a mapping of gntalloc: parent, child and mapper see one memory, and the grant
 * ends, with one notification, when neither parent nor child uses it, in whatever order they go.
 */
#include "check.h"
#include "device.h"

#include <sys/mman.h>

enum ending {
	CHILD_EXITS_LAST,
	CHILD_KILLED_LAST,
	CHILD_UNMAPS_LAST,
	PARENT_LAST,
};

static struct peer *peer;

static void shared_by_both(enum ending ending)
{
	struct shared_page page = share_page(HERE, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr + 9);
	struct peer *child;
	uint64_t mms;

	CHECK_IS(gntalloc_notify(HERE, page.fd, page.index + 9, 3, w.port), 0);
	child = peer_fork(HERE);
	CHECK_IS(store_byte(child, page.addr, 'c'), 0);
	CHECK_IS(load_byte(HERE, page.addr), 'c');
	CHECK_IS(store_byte(HERE, page.addr + 1, 'p'), 0);
	CHECK_IS(load_byte(child, page.addr + 1), 'p');
	CHECK_IS(load_byte(peer, theirs.addr), 'c');
	CHECK_IS(store_byte(peer, theirs.addr + 2, 'm'), 0);
	CHECK_IS(load_byte(child, page.addr + 2), 'm');

	/* The descriptor is shared too: what one takes off the list is off for both. */
	CHECK_IS(gntalloc_dealloc(child, page.fd, page.index, 1), 0);
	CHECK_IS(device_mmap(HERE, page.fd, page.index, 1, PROT_READ), -2);
	watch_still(&w);

	if (ending != PARENT_LAST) {
		CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
		CHECK_IS(call_close(HERE, page.fd), 0);
		watch_still(&w);
		CHECK_IS(load_byte(child, page.addr + 1), 'p');
	}
	switch (ending) {
	case CHILD_EXITS_LAST:
		peer_stop(child);
		break;
	case CHILD_KILLED_LAST:
		peer_kill(child);
		break;
	case CHILD_UNMAPS_LAST:
		CHECK_IS(call_munmap(child, page.addr, PAGE), 0);
		break;
	case PARENT_LAST:
		mms = machine_totals().mms;
		peer_kill(child);
		MACHINE_AWAIT(mms, mms - 1);
		watch_still(&w);
		CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
		CHECK_IS(call_close(HERE, page.fd), 0);
	}
	watch_over(&w);
	if (ending == CHILD_UNMAPS_LAST)
		peer_stop(child);
	CHECK_IS(call_close(HERE, w.channel.fd[0]), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
	evtchn_quiet(peer, w.channel.fd[1]);
}

/* Grandchildren, and a child whose parent dies first. */
static void generations(void)
{
	struct peer *parent = peer_start(us());
	struct shared_page page = share_page(parent, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr);
	struct peer *child, *grandchild;

	CHECK_IS(gntalloc_notify(parent, page.fd, page.index, 3, w.port), 0);
	child = peer_fork(parent);
	grandchild = peer_fork(child);
	CHECK_IS(store_byte(grandchild, page.addr + 1, 5), 0);
	CHECK_IS(load_byte(parent, page.addr + 1), 5);
	CHECK_IS(call_munmap(parent, page.addr, PAGE), 0);
	CHECK_IS(call_close(parent, page.fd), 0);
	CHECK_IS(call_munmap(child, page.addr, PAGE), 0);
	CHECK_IS(call_close(child, page.fd), 0);
	watch_still(&w);
	CHECK_IS(load_byte(grandchild, page.addr + 1), 5);
	peer_kill(grandchild);
	watch_over(&w);
	peer_stop(child);
	peer_stop(parent);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

void test(void)
{
	peer = peer_start(them());
	shared_by_both(CHILD_EXITS_LAST);
	shared_by_both(CHILD_KILLED_LAST);
	shared_by_both(CHILD_UNMAPS_LAST);
	shared_by_both(PARENT_LAST);
	generations();
}
