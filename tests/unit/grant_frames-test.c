/* SPDX-License-Identifier: MIT */
/* Frames of a grant table that domain 0 has: what it sees there, and what it stores. Rules: Xen
 * common/memory.c, acquire_resource(); common/grant_table.c. */
#include "support/grants.h"

#define TABLE  GNTSIM_RESOURCE_GRANT_TABLE
#define SHARED GNTSIM_RESOURCE_GRANT_TABLE_SHARED
#define STATUS GNTSIM_RESOURCE_GRANT_TABLE_STATUS

static struct gntsim_grant_entry *entries(gntsim_frame frame)
{
	return (struct gntsim_grant_entry *)(void *)fx_bytes(frame);
}

static gntsim_frame first_of(uint16_t domid)
{
	gntsim_frame frame = GNTSIM_NO_FRAME;

	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, domid, TABLE, SHARED, 0, 1, &frame), 0);
	return frame;
}

static void sizes(void)
{
	uint32_t n = 0;

	EXPECT_EQ(gntsim_resource_size(fx.dom0, 1, TABLE, SHARED, &n), 0);
	EXPECT_EQ(n, 64);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, 1, TABLE, STATUS, &n), 0);
	EXPECT_EQ(n, 8);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, 1, TABLE, 2, &n), -EINVAL);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, 1, 0, SHARED, &n), -EINVAL);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, 99, TABLE, SHARED, &n), -ESRCH);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, GNTSIM_DOMID_SELF, TABLE, SHARED, &n), -ESRCH);
	EXPECT_EQ(gntsim_resource_size(fx.dom0, 0, TABLE, SHARED, &n), -EPERM);
	EXPECT_EQ(gntsim_resource_size(fx.dom1, 2, TABLE, SHARED, &n), -EPERM);
	EXPECT_EQ(gntsim_resource_size(fx.dom1, 99, TABLE, SHARED, &n), -ESRCH);
}

static void refusals(void)
{
	gntsim_frame out[65];

	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 0, 0, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 0, 65, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 64, 1, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, UINT32_MAX, 2, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, STATUS, 0, 1, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, 2, SHARED, 0, 1, out), -EINVAL);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 99, TABLE, SHARED, 0, 1, out), -ESRCH);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 0, TABLE, SHARED, 0, 1, out), -EPERM);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom1, 2, TABLE, SHARED, 0, 1, out), -EPERM);
	EXPECT_EQ(fx_totals().frames, 0);
}

/* What was there, and each change: a grant, a map, an unmap, an end. */
static void changes_are_seen(void)
{
	gntsim_frame frame = frame_of(fx.dom1), table;
	gntsim_gref before = grant(fx.dom1, 2, frame, true), after;
	struct gntsim_map_grant_ref op;
	const struct gntsim_grant_entry *e;

	table = first_of(1);
	e = entries(table);
	EXPECT_EQ(e[before].flags, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READONLY);
	EXPECT_EQ(e[before].domid, 2);
	EXPECT_EQ(e[before].frame, frame);
	EXPECT_EQ(e[before + 1].flags, 0);
	after = grant(fx.dom1, 2, frame, false);
	EXPECT_EQ(e[after].flags, GNTSIM_GTF_PERMIT_ACCESS);
	op = raw_map(fx.dom2, 1, after, HOST);
	EXPECT_EQ(e[after].flags,
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT_EQ(e[after].flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT(gntsim_grant_try_end(fx.dom1, after));
	EXPECT_EQ(e[after].flags, GNTSIM_GTF_INVALID);
	EXPECT(gntsim_grant_try_end(fx.dom1, before));
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_frame_unhold(fx.m, table);
	EXPECT_EQ(fx_totals().frames, 1);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

static bool count(void *ctx, const struct gntsim_grant_info *info)
{
	*(unsigned int *)ctx += info->granter == 1;
	return true;
}

/* A toolstack grants for a domain that it builds: what it stores is granted, also when it has let go of
 * the table. */
static void stores_are_the_domains(void)
{
	gntsim_frame frame = frame_of(fx.dom1), table = first_of(1);
	struct gntsim_map_grant_ref op;
	unsigned int n = 0;

	entries(table)[1] = (struct gntsim_grant_entry){GNTSIM_GTF_PERMIT_ACCESS, 2, frame};
	op = raw_map(fx.dom2, 1, 1, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(op.frame, frame);
	EXPECT_EQ(entries(table)[1].flags,
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	entries(table)[500] = (struct gntsim_grant_entry){GNTSIM_GTF_PERMIT_ACCESS, 0, frame};
	entries(table)[1].domid = 7;
	gntsim_frame_unhold(fx.m, table);
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_for_each_grant(fx.m, count, &n);
	EXPECT_EQ(n, 2);
	EXPECT_EQ(raw_map(fx.dom2, 1, 1, HOST).status, GNTSIM_GNTST_GENERAL_ERROR);
	op = raw_map(fx.dom0, 1, 500, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom0, op.handle), 0);
	set_entry(fx.dom1, 1, GNTSIM_GTF_INVALID, 0, 0);
	set_entry(fx.dom1, 500, GNTSIM_GTF_INVALID, 0, 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* The same frame for whoever has it, until the last lets go; and none of the domain's own pages. */
static void held_twice(void)
{
	gntsim_frame a = first_of(1), b = first_of(1);
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref;

	EXPECT_EQ(a, b);
	EXPECT_EQ(gntsim_frame_hold(fx.dom1, a), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, a), -EINVAL);
	ref = grant(fx.dom1, 2, a, false);
	EXPECT_EQ(raw_map(fx.dom2, 1, ref, HOST).status, GNTSIM_GNTST_BAD_PAGE);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	gntsim_frame_unhold(fx.m, a);
	ref = grant(fx.dom1, 2, frame, false);
	EXPECT_EQ(entries(b)[ref].frame, frame);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_frame_unhold(fx.m, b);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(fx_totals().frames, 0);
}

/* Frames that the table has not yet come to be; each has its own entries. */
static void the_table_grows(void)
{
	uint32_t nr = 0, max = 0;
	gntsim_frame out[3];

	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 1, 3, out), 0);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom0, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(nr, 4);
	set_entry(fx.dom1, 2 * 512 + 5, GNTSIM_GTF_PERMIT_ACCESS, 2, 77);
	EXPECT_EQ(entries(out[0])[5].flags, 0);
	EXPECT_EQ(entries(out[1])[5].frame, 77);
	EXPECT_EQ(entries(out[2])[5].flags, 0);
	set_entry(fx.dom1, 5, GNTSIM_GTF_PERMIT_ACCESS, 2, 78);
	gntsim_frame_unhold(fx.m, out[1]);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	set_entry(fx.dom1, 2 * 512 + 5, GNTSIM_GTF_INVALID, 0, 0);
	set_entry(fx.dom1, 5, GNTSIM_GTF_INVALID, 0, 0);
	gntsim_frame_unhold(fx.m, out[0]);
	gntsim_frame_unhold(fx.m, out[2]);
}

/* No frame is left for the second: none is kept. */
static void no_frames(void)
{
	gntsim_frame all[255], out[2];

	for (unsigned int i = 0; i < 255; i++)
		all[i] = frame_of(fx.dom2);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 0, 2, out), -ENOMEM);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(fx_totals().frames, 255);
	gntsim_frame_unhold(fx.m, first_of(1));
	for (unsigned int i = 0; i < 255; i++)
		EXPECT_EQ(gntsim_frame_free(fx.dom2, all[i]), 0);
}

/* Xen says of a table that can't grow what it says of one that may not. */
static void no_memory(void)
{
	gntsim_frame out;

	fx.allocator.fail_at = fx.allocator.calls + 1;
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 1, 1, &out), -EINVAL);
	fx.allocator.fail_at = fx.allocator.calls + 1;
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 0, 1, &out), -ENOMEM);
	EXPECT_EQ(fx.allocator.failed, 2);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
}

/* A destroyed domain stays while its table is held, with the table. */
static void outlives_its_domain(void)
{
	gntsim_frame table = first_of(1), again = GNTSIM_NO_FRAME;

	set_entry(fx.dom1, 3, GNTSIM_GTF_PERMIT_ACCESS, 2, 9);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_totals().zombies, 1);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(entries(table)[3].frame, 9);
	EXPECT_EQ(gntsim_acquire_resource(fx.dom0, 1, TABLE, SHARED, 0, 1, &again), 0);
	EXPECT_EQ(again, table);
	gntsim_frame_unhold(fx.m, table);
	EXPECT_EQ(fx_totals().zombies, 1);
	gntsim_frame_unhold(fx.m, again);
	EXPECT_EQ(fx_totals().zombies, 0);
	EXPECT_EQ(fx_totals().frames, 0);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(gntsim_domain_create(fx.m, 1, NULL, &fx.dom1), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"sizes", sizes},
	    {"refusals", refusals},
	    {"changes are seen", changes_are_seen},
	    {"stores are the domain's", stores_are_the_domains},
	    {"held twice", held_twice},
	    {"the table grows", the_table_grows},
	    {"no frames", no_frames},
	    {"no memory", no_memory},
	    {"outlives its domain", outlives_its_domain},
	};

	return UNIT_MAIN("grant_frames", tests);
}
