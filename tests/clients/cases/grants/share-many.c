/* SPDX-License-Identifier: MIT */
/*
 * xengntshr_share_pages of several pages: as many references, in the order of the pages, all
 * different; a count of 0 fails. The pages can be given up in parts.
 */
#include "check.h"
#include "device.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

enum {
	PAGES = 12,
};

void test(void)
{
	struct peer *peer = peer_start(them());
	xengntshr_handle *xgs = xengntshr_open(NULL, 0);
	uint32_t refs[PAGES];
	struct mapped_page theirs;
	char *pages, tag[16], seen[16];

	CHECK(xgs, "open");
	pages = xengntshr_share_pages(xgs, them()->id, PAGES, refs, 1);
	CHECK(pages, "share");
	for (unsigned i = 0; i < PAGES; i++) {
		snprintf(tag, sizeof(tag), "page %u", i);
		strcpy(pages + i * PAGE, tag);
		theirs = map_page(peer, us(), refs[i], PROT_READ);
		CHECK_IS(load(peer, theirs.addr, seen, sizeof(seen)), 0);
		CHECK(!strcmp(seen, tag), "reference %u leads to %.15s, not to %s", refs[i], seen,
		      tag);
		CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
		CHECK_IS(call_close(peer, theirs.fd), 0);
		for (unsigned k = 0; k < i; k++)
			CHECK(refs[k] != refs[i], "reference %u twice", refs[i]);
	}
	CHECK_IS(machine_totals().grants, PAGES);

	/* One VMA in pieces: all its pages stay until the last piece goes. */
	CHECK_IS(xengntshr_unshare(xgs, pages + 4 * PAGE, 4), 0);
	CHECK_IS(xengntshr_unshare(xgs, pages, 4), 0);
	CHECK_IS(machine_totals().grants, PAGES);
	CHECK_IS(xengntshr_unshare(xgs, pages + 8 * PAGE, 4), 0);
	CHECK_IS(machine_totals().grants, 0);

	CHECK(!xengntshr_share_pages(xgs, them()->id, 0, refs, 1), "sharing no page");
	CHECK_IS(xengntshr_close(xgs), 0);
}
