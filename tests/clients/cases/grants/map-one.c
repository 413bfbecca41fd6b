/* SPDX-License-Identifier: MIT */
/*
 * xengnttab_map_grant_ref: memory is shared; what was not granted, or not to us, or not for
 * writing, cannot be mapped (EINVAL), and then nothing is left.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

static void refused(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	errno = 0;
	CHECK(!xengnttab_map_grant_ref(xgt, domid, ref, prot), "domain %u, reference %u", domid,
	      ref);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page page = share_page(peer, us(), true);
	struct shared_page readable = share_page(peer, us(), false);
	struct shared_page foreign = share_page(peer, third(), true);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	char *mapped;

	CHECK(xgt, "open");
	CHECK_IS(xengnttab_set_max_grants(xgt, 100), 0);
	refused(xgt, them()->id, 1u << 20, PROT_READ);
	refused(xgt, them()->id, page.ref + 100, PROT_READ);
	refused(xgt, 1234, page.ref, PROT_READ);
	refused(xgt, us()->id, page.ref, PROT_READ);
	refused(xgt, DOMID_SELF, page.ref, PROT_READ);
	refused(xgt, them()->id, foreign.ref, PROT_READ);
	refused(xgt, them()->id, readable.ref, PROT_READ | PROT_WRITE);

	CHECK_IS(store(peer, page.addr, "from them", 10), 0);
	mapped = xengnttab_map_grant_ref(xgt, them()->id, page.ref, PROT_READ | PROT_WRITE);
	CHECK(mapped, "map: %s", strerror(errno));
	CHECK(!strcmp(mapped, "from them"), "we read %.10s", mapped);
	mapped[PAGE - 1] = 42;
	CHECK_IS(load_byte(peer, page.addr + 4095), 42);
	CHECK_IS(xengnttab_unmap(xgt, mapped, 1), 0);
	CHECK_IS(machine_totals().maptrack, 0);

	mapped = xengnttab_map_grant_ref(xgt, them()->id, readable.ref, PROT_READ);
	CHECK(mapped, "map read-only: %s", strerror(errno));
	CHECK_IS(load_byte(HERE, (long)mapped), 0);
	CHECK_IS(xengnttab_unmap(xgt, mapped, 2), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(xengnttab_unmap(xgt, mapped, 1), 0);
	CHECK_IS(xengnttab_unmap(xgt, mapped, 1), -1);
	CHECK_IS(xengnttab_close(xgt), 0);
}
