/* SPDX-License-Identifier: MIT */
#include "grants.h"

gntsim_frame frame_of(struct gntsim_domain *dom)
{
	gntsim_frame frame = GNTSIM_NO_FRAME;

	REQUIRE_EQ(gntsim_frame_alloc(dom, &frame), 0);
	return frame;
}

gntsim_gref grant(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame, bool readonly)
{
	int ref = gntsim_grant_access(dom, domid, frame, readonly);

	REQUIRE(ref >= 8);
	return (gntsim_gref)ref;
}

struct gntsim_grant_entry entry_of(struct gntsim_domain *dom, gntsim_gref ref)
{
	struct gntsim_grant_entry e = {0};

	EXPECT_EQ(gntsim_grant_entry_get(dom, ref, &e), 0);
	return e;
}

unsigned flags_of(struct gntsim_domain *dom, gntsim_gref ref)
{
	return entry_of(dom, ref).flags;
}

void set_entry(struct gntsim_domain *dom, gntsim_gref ref, unsigned flags, uint16_t domid,
	       gntsim_frame frame)
{
	struct gntsim_grant_entry e = {.flags = (uint16_t)flags, .domid = domid, .frame = frame};

	EXPECT_EQ(gntsim_grant_entry_set(dom, ref, &e), 0);
}

struct pins {
	gntsim_gref ref;
	uint32_t pins;
};

static bool find_pins(void *ctx, const struct gntsim_grant_info *info)
{
	struct pins *p = ctx;

	if (info->granter == 1 && info->ref == p->ref)
		p->pins = info->pins;
	return true;
}

uint32_t pins_of(gntsim_gref ref)
{
	struct pins p = {.ref = ref, .pins = UINT32_MAX};

	gntsim_for_each_grant(fx.m, find_pins, &p);
	return p.pins;
}

static bool add_pins(void *ctx, const struct gntsim_grant_info *info)
{
	*(uint32_t *)ctx += info->pins;
	return true;
}

uint32_t pins(void)
{
	uint32_t n = 0;

	gntsim_for_each_grant(fx.m, add_pins, &n);
	return n;
}

struct gntsim_map_grant_ref raw_map(struct gntsim_domain *dom, uint16_t granter, gntsim_gref ref,
				    uint32_t flags)
{
	struct gntsim_map_grant_ref op = {
	    .host_addr = VA, .flags = flags, .ref = ref, .domid = granter, .handle = 77};

	gntsim_gnttab_map(dom, &op);
	return op;
}

int map_status(struct gntsim_domain *dom, uint16_t granter, gntsim_gref ref, uint32_t flags)
{
	uint32_t before = fx_totals().maptrack;
	struct gntsim_map_grant_ref op = raw_map(dom, granter, ref, flags);

	EXPECT_EQ(fx_totals().maptrack, before + (op.status == GNTSIM_GNTST_OKAY));
	return op.status;
}

int raw_unmap_at(struct gntsim_domain *dom, uint32_t handle, uint64_t host_addr)
{
	struct gntsim_unmap_grant_ref op = {.host_addr = host_addr, .handle = handle, .status = 99};

	gntsim_gnttab_unmap(dom, &op);
	return op.status;
}

int raw_unmap(struct gntsim_domain *dom, uint32_t handle)
{
	return raw_unmap_at(dom, handle, VA);
}
