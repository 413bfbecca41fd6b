/* SPDX-License-Identifier: MIT */
/*
 * xengntshr_share_pages of one page: the peer maps the reference and both see the same memory. The
 * page comes zeroed, its reference is not one of the reserved ones (0 to 7).
 */
#include "check.h"
#include "device.h"

#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

void test(void)
{
	struct peer *peer = peer_start(them());
	xengntshr_handle *xgs = xengntshr_open(NULL, 0);
	uint32_t ref;
	char seen[6];
	struct mapped_page theirs;
	char *page;

	CHECK(xgs, "open");
	page = xengntshr_share_pages(xgs, them()->id, 1, &ref, 1);
	CHECK(page, "share");
	CHECK(ref >= 8, "reference %u is reserved", ref);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK(!page[i], "byte %u is %d", i, page[i]);

	theirs = map_page(peer, us(), ref, PROT_READ | PROT_WRITE);
	memcpy(page, "hello", 6);
	CHECK_IS(load(peer, theirs.addr, seen, 6), 0);
	CHECK(!strcmp(seen, "hello"), "the peer reads %.6s", seen);
	CHECK_IS(store(peer, theirs.addr + 4090, "world", 6), 0);
	CHECK(!strcmp(page + 4090, "world"), "we read %.6s", page + 4090);

	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(gntdev_unmap(peer, theirs.fd, theirs.index, 1), 0);
	CHECK_IS(xengntshr_unshare(xgs, page, 1), 0);
	CHECK_IS(xengntshr_close(xgs), 0);
}
