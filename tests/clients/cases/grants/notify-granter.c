/* SPDX-License-Identifier: MIT */
/*
 * xengntshr_share_page_notify: when the granter gives the page up, the mapper sees the byte
 * cleared, then the event, once; its mapping stays usable and the page waits for its unmap.
 */
#include "check.h"
#include "device.h"

#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

/* Shares with a notification of these parts and gives it up. */
static void give_up(struct peer *peer, bool byte, bool event)
{
	xengntshr_handle *xgs = xengntshr_open(NULL, 0);
	struct channel c = connect_channel(HERE, us(), peer, them());
	struct mapped_page theirs;
	uint32_t ref;
	char *page;

	CHECK(xgs, "open");
	page = xengntshr_share_page_notify(xgs, them()->id, &ref, 1, byte ? 100 : (uint32_t)-1,
					   event ? c.port[0] : (uint32_t)-1);
	CHECK(page, "share");
	theirs = map_page(peer, us(), ref, PROT_READ | PROT_WRITE);
	memset(page, 1, PAGE);
	CHECK_IS(load_byte(peer, theirs.addr + 100), 1);
	evtchn_quiet(peer, c.fd[1]);

	CHECK_IS(xengntshr_unshare(xgs, page, 1), 0);
	if (event)
		CHECK_IS(evtchn_take(peer, c.fd[1]), c.port[1]);
	CHECK_IS(load_byte(peer, theirs.addr + 100), byte ? 0 : 1);
	CHECK_IS(load_byte(peer, theirs.addr + 99), 1);
	CHECK_IS(load_byte(peer, theirs.addr + 101), 1);
	evtchn_quiet(peer, c.fd[1]);

	CHECK_IS(store_byte(peer, theirs.addr, 9), 0);
	CHECK_IS(load_byte(peer, theirs.addr), 9);
	CHECK_IS(machine_totals().deferred, 1);

	CHECK_IS(xengntshr_close(xgs), 0);
	evtchn_quiet(peer, c.fd[1]);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
	MACHINE_AWAIT(deferred, 0);
	CHECK_IS(machine_totals().frames, 0);
	evtchn_quiet(peer, c.fd[1]);
	CHECK_IS(call_close(HERE, c.fd[0]), 0);
	CHECK_IS(call_close(peer, c.fd[1]), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());

	give_up(peer, true, true);
	give_up(peer, true, false);
	give_up(peer, false, true);
}
