/* SPDX-License-Identifier: MIT */
/*
 * xengnttab_map_grant_ref_notify: when the mapper unmaps, the granter sees the byte cleared, then
 * the event, once. A notification that cannot be set up makes no mapping.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

static void unmap(struct peer *peer, bool byte, bool event, bool by_close)
{
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 20);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	char *mapped;

	CHECK(xgt, "open");
	mapped =
	    xengnttab_map_grant_ref_notify(xgt, them()->id, page.ref, PROT_READ | PROT_WRITE,
					   byte ? 20 : (uint32_t)-1, event ? w.port : (uint32_t)-1);
	CHECK(mapped, "map: %s", strerror(errno));
	CHECK_IS(mapped[20], 1);
	watch_still(&w);
	if (by_close) {
		/* A mapping keeps the file open. */
		CHECK_IS(xengnttab_close(xgt), 0);
		watch_still(&w);
		CHECK_IS(munmap(mapped, PAGE), 0);
	} else {
		CHECK_IS(xengnttab_unmap(xgt, mapped, 1), 0);
	}
	if (byte && event)
		watch_over(&w);
	else if (event)
		watch_event_only(&w);
	else
		watch_byte_only(&w);
	if (!by_close)
		CHECK_IS(xengnttab_close(xgt), 0);
	evtchn_quiet(peer, w.channel.fd[1]);
	CHECK_IS(call_close(HERE, w.channel.fd[0]), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page page = share_page(peer, us(), false);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);

	unmap(peer, true, true, false);
	unmap(peer, true, false, false);
	unmap(peer, false, true, false);
	unmap(peer, true, true, true);

	CHECK(
	    !xengnttab_map_grant_ref_notify(xgt, them()->id, page.ref, PROT_READ, 0, (uint32_t)-1),
	    "a byte in a read-only map");
	CHECK_IS(errno, EINVAL);
	CHECK(!xengnttab_map_grant_ref_notify(xgt, them()->id, page.ref, PROT_READ, (uint32_t)-1,
					      9999),
	      "a port that is not bound");
	CHECK_IS(errno, EINVAL);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
	CHECK_IS(xengnttab_close(xgt), 0);
}
