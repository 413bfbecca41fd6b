/* SPDX-License-Identifier: MIT */
/*
 * All the pages gntalloc gives, from one call, in one mapping of the granter, and in one mapping
 * of the mapper in reverse order.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

enum {
	PAGES = 1024,
};

struct list {
	uint32_t refs[PAGES];
};

static xengntshr_handle *xgs;
static char *granted;

static long grant(void *arg)
{
	struct list *list = arg;

	xgs = xengntshr_open(NULL, 0);
	CHECK(xgs, "open");
	granted = xengntshr_share_pages(xgs, us()->id, PAGES, list->refs, 1);
	CHECK(granted, "share: %s", strerror(errno));
	for (unsigned i = 0; i < PAGES; i++)
		memcpy(granted + i * PAGE, &i, sizeof(i));
	CHECK(!xengntshr_share_pages(xgs, us()->id, 1, list->refs, 1), "more than the limit");
	return 0;
}

static long look(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned value;

		memcpy(&value, granted + i * PAGE + 4092, sizeof(value));
		CHECK_IS(value, 5 * i);
	}
	return 0;
}

void test(void)
{
	struct peer *peer = peer_start(them());
	static struct list list;
	uint32_t refs[PAGES];
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	char *mapped;

	CHECK_IS(peer_call(peer, grant, &list, sizeof(list)), 0);
	for (unsigned i = 0; i < PAGES; i++)
		refs[i] = list.refs[PAGES - 1 - i];
	CHECK(xgt, "open");
	mapped =
	    xengnttab_map_domain_grant_refs(xgt, PAGES, them()->id, refs, PROT_READ | PROT_WRITE);
	CHECK(mapped, "map: %s", strerror(errno));
	CHECK_IS(machine_totals().maptrack, us()->pv ? 2 * PAGES : PAGES);
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned value, number = PAGES - 1 - i;

		memcpy(&value, mapped + i * PAGE, sizeof(value));
		CHECK_IS(value, number);
		value = 5 * number;
		memcpy(mapped + i * PAGE + 4092, &value, sizeof(value));
	}
	CHECK_IS(peer_call(peer, look, NULL, 0), 0);
	CHECK_IS(xengnttab_unmap(xgt, mapped, PAGES), 0);
	CHECK_IS(xengnttab_close(xgt), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}
