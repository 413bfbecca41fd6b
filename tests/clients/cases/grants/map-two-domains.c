/* SPDX-License-Identifier: MIT */
/* xengnttab_map_grant_refs: pages that two domains granted, in turn, in one contiguous mapping. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

enum {
	PAGES = 8,
};

void test(void)
{
	struct peer *peers[2] = {peer_start(them()), peer_start(third())};
	uint32_t domids[PAGES], refs[PAGES];
	struct shared_page page[PAGES];
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	char *mapped;

	for (unsigned i = 0; i < PAGES; i++) {
		domids[i] = i % 2 ? third()->id : them()->id;
		page[i] = share_page(peers[i % 2], us(), true);
		refs[i] = page[i].ref;
		CHECK_IS(store_byte(page[i].on, page[i].addr + 50, (int)(i + 1)), 0);
	}
	CHECK(xgt, "open");
	mapped = xengnttab_map_grant_refs(xgt, PAGES, domids, refs, PROT_READ | PROT_WRITE);
	CHECK(mapped, "map: %s", strerror(errno));
	for (unsigned i = 0; i < PAGES; i++) {
		CHECK_IS(mapped[i * PAGE + 50], i + 1);
		mapped[i * PAGE + 51] = (char)(100 + i);
		CHECK_IS(load_byte(page[i].on, page[i].addr + 51), 100 + i);
	}

	/* One granter dies; the mapping stays whole. */
	peer_kill(peers[1]);
	MACHINE_AWAIT(files, 1 + PAGES / 2);
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_IS(load_byte(HERE, (long)mapped + (long)(i * PAGE) + 51), 100 + i);
	CHECK_IS(machine_totals().deferred, PAGES / 2);
	CHECK_IS(xengnttab_unmap(xgt, mapped, PAGES), 0);
	CHECK_IS(xengnttab_close(xgt), 0);
}
