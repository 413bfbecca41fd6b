/* SPDX-License-Identifier: MIT */
/*
 * xengnttab_grant_copy: from a grant, to a grant, from one grant to another; local memory may
 * cross pages, a grant may not. A segment that Xen refuses says so in its status, the others are
 * done; a segment that the driver refuses fails the call.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

typedef xengnttab_grant_copy_segment_t segment;

static segment to_grant(void *from, const struct shared_page *page, uint16_t offset, uint16_t len)
{
	return (segment){
	    .source.virt = from,
	    .dest.foreign = {.ref = page->ref, .offset = offset, .domid = them()->id},
	    .len = len,
	    .flags = GNTCOPY_dest_gref,
	    .status = 77,
	};
}

static segment from_grant(const struct shared_page *page, uint16_t offset, void *to, uint16_t len)
{
	return (segment){
	    .source.foreign = {.ref = page->ref, .offset = offset, .domid = them()->id},
	    .dest.virt = to,
	    .len = len,
	    .flags = GNTCOPY_source_gref,
	    .status = 77,
	};
}

static int copy_error(xengnttab_handle *xgt, segment s)
{
	return xengnttab_grant_copy(xgt, 1, &s) ? errno : 0;
}

static int copy_status(xengnttab_handle *xgt, segment s)
{
	CHECK_IS(xengnttab_grant_copy(xgt, 1, &s), 0);
	return s.status;
}

static void both_ways(xengnttab_handle *xgt, struct shared_page *a, struct shared_page *b)
{
	static char out[3 * PAGE], in[3 * PAGE], seen[PAGE];
	segment s[40];

	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 31 + i / 256);

	/* Local memory that starts in one page and ends in the next. */
	CHECK_IS(copy_status(xgt, to_grant(out + 1000, a, 0, 4096)), GNTST_okay);
	CHECK_IS(load(a->on, a->addr, seen, PAGE), 0);
	CHECK(!memcmp(seen, out + 1000, PAGE), "what arrived");
	CHECK_IS(copy_status(xgt, from_grant(a, 10, in + PAGE - 5, 500)), GNTST_okay);
	CHECK(!memcmp(in + PAGE - 5, out + 1010, 500), "what came back");

	s[0] = from_grant(a, 100, NULL, 50);
	s[0].flags |= GNTCOPY_dest_gref;
	s[0].dest.foreign = to_grant(NULL, b, 7, 0).dest.foreign;
	CHECK_IS(copy_status(xgt, s[0]), GNTST_okay);
	CHECK_IS(load(b->on, b->addr + 7, seen, 50), 0);
	CHECK(!memcmp(seen, out + 1100, 50), "from grant to grant");

	/* More than the driver's batch of 16 at once. */
	for (unsigned i = 0; i < 40; i++)
		s[i] = to_grant(out + 50 * i, i % 2 ? a : b, (uint16_t)(i * 100), 100);
	CHECK_IS(xengnttab_grant_copy(xgt, 40, s), 0);
	for (unsigned i = 0; i < 40; i++) {
		struct shared_page *page = i % 2 ? a : b;

		CHECK_IS(s[i].status, GNTST_okay);
		CHECK_IS(load(page->on, page->addr + i * 100, seen, 100), 0);
		CHECK(!memcmp(seen, out + 50 * i, 100), "segment %u", i);
	}
	CHECK_IS(xengnttab_grant_copy(xgt, 0, s), 0);
	CHECK_IS(copy_status(xgt, to_grant(NULL, a, 0, 0)), GNTST_okay);
}

static void refusals(xengnttab_handle *xgt, struct shared_page *page, struct shared_page *readable)
{
	char local[16] = "local";
	segment s[3];

	CHECK_IS(copy_error(xgt, to_grant(local, page, 4090, 7)), EINVAL);
	CHECK_IS(copy_error(xgt, from_grant(page, 4097, local, 0)), EINVAL);
	s[0] = to_grant(local, page, 0, 5);
	s[0].flags = 0;
	CHECK_IS(copy_error(xgt, s[0]), EINVAL);
	CHECK_IS(copy_error(xgt, to_grant(NULL, page, 0, 5)), EFAULT);
	CHECK_IS(copy_error(xgt, from_grant(page, 0, (void *)(uintptr_t) "constant", 5)), EFAULT);

	CHECK_IS(copy_status(xgt, to_grant(local, readable, 0, 5)), GNTST_general_error);
	CHECK_IS(load_byte(readable->on, readable->addr), 0);
	CHECK_IS(copy_status(xgt, from_grant(readable, 0, local, 5)), GNTST_okay);

	/* The middle one fails, the others are done. */
	for (unsigned i = 0; i < 3; i++)
		s[i] = to_grant(local, page, (uint16_t)(i * 10), 5);
	s[1].dest.foreign.ref = 1u << 20;
	strcpy(local, "three");
	CHECK_IS(xengnttab_grant_copy(xgt, 3, s), 0);
	CHECK_IS(s[0].status, GNTST_okay);
	CHECK_IS(s[1].status, GNTST_bad_gntref);
	CHECK_IS(s[2].status, GNTST_okay);
	CHECK_IS(load_byte(page->on, page->addr + 20), 't');

	s[0] = to_grant(local, page, 0, 5);
	s[0].dest.foreign.domid = 1234;
	CHECK_IS(copy_status(xgt, s[0]), GNTST_bad_domain);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page a = share_page(peer, us(), true), b = share_page(peer, us(), true);
	struct shared_page readable = share_page(peer, us(), false);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);

	CHECK(xgt, "open");
	both_ways(xgt, &a, &b);
	refusals(xgt, &a, &readable);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(xengnttab_close(xgt), 0);
}
