/* SPDX-License-Identifier: MIT */
/*
 * xengnttab_map_domain_grant_refs: references in any order become one contiguous mapping in that
 * order; one reference may be in it several times; one bad reference and nothing is mapped.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

enum {
	PAGES = 32,
};

static uint32_t granted[PAGES];
static long addr[PAGES];

/* Grants pages one by one, each filled with its number, with holes in between. */
static void grant_scattered(struct peer *peer)
{
	int fd = device_open(peer, "gntalloc");

	for (int i = 0; i < PAGES; i++) {
		uint64_t index, hole;

		CHECK_IS(gntalloc_alloc(peer, fd, us()->id, 0, 1, &hole, NULL), 0);
		CHECK_IS(gntalloc_alloc(peer, fd, us()->id, GNTALLOC_FLAG_WRITABLE, 1, &index,
					&granted[i]),
			 0);
		CHECK_IS(gntalloc_dealloc(peer, fd, hole, 1), 0);
		addr[i] = device_mmap(peer, fd, index, 1, PROT_READ | PROT_WRITE);
		CHECK(addr[i] > 0, "mmap: %ld", addr[i]);
		CHECK_IS(store_byte(peer, addr[i] + i, 100 + i), 0);
	}
}

static void map_these(xengnttab_handle *xgt, struct peer *peer, const unsigned *order,
		      unsigned count)
{
	uint32_t refs[PAGES];
	unsigned char *pages;

	for (unsigned i = 0; i < count; i++)
		refs[i] = granted[order[i]];
	pages =
	    xengnttab_map_domain_grant_refs(xgt, count, them()->id, refs, PROT_READ | PROT_WRITE);
	CHECK(pages, "map of %u: %s", count, strerror(errno));
	for (unsigned i = 0; i < count; i++) {
		CHECK_IS(pages[i * PAGE + order[i]], 100 + order[i]);
		pages[i * PAGE + 4000] = (unsigned char)(i + 1);
		CHECK_IS(load_byte(peer, addr[order[i]] + 4000), i + 1);
	}
	CHECK_IS(xengnttab_unmap(xgt, pages, count), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	unsigned order[PAGES];
	uint32_t refs[PAGES];

	CHECK(xgt, "open");
	grant_scattered(peer);
	for (unsigned i = 0; i < PAGES; i++)
		order[i] = i;
	map_these(xgt, peer, order, PAGES);
	map_these(xgt, peer, order, 1);
	for (unsigned i = 0; i < PAGES; i++)
		order[i] = (i * 7 + 3) % PAGES;
	map_these(xgt, peer, order, PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		order[i] = PAGES - 1 - i;
	map_these(xgt, peer, order, 5);

	memcpy(refs, granted, sizeof(refs));
	refs[PAGES - 1] = refs[0];
	CHECK(xengnttab_map_domain_grant_refs(xgt, PAGES, them()->id, refs, PROT_READ),
	      "one reference twice: %s", strerror(errno));
	refs[PAGES / 2] = 1u << 20;
	CHECK(!xengnttab_map_domain_grant_refs(xgt, PAGES, them()->id, refs, PROT_READ),
	      "a bad reference");
	CHECK_IS(errno, EINVAL);
	CHECK_IS(machine_totals().vmas, PAGES + 1);
	CHECK_IS(machine_totals().gntdev_maps, 1);
	CHECK_IS(xengnttab_close(xgt), 0);
}
