/* SPDX-License-Identifier: MIT */
/* Entries, the kernel's free list of references, and the size of the table. Rules:
 * drivers/xen/grant-table.c. */
#include "support/grants.h"

/* gnttab_grant_foreign_access(): 8 first, then upwards; the last freed is the first reused. */
static void references_come_off_a_stack(void)
{
	gntsim_frame frame = frame_of(fx.dom1);

	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 8);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 9);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, true), 10);
	EXPECT_EQ(gntsim_grant_access(fx.dom2, 1, frame, true), 8);
	EXPECT(gntsim_grant_try_end(fx.dom1, 8));
	EXPECT(gntsim_grant_try_end(fx.dom1, 10));
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 10);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 8);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 11);
	for (gntsim_gref ref = 8; ref < 12; ref++)
		EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT(gntsim_grant_try_end(fx.dom2, 8));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

static void entries_as_written(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref rw = grant(fx.dom1, 2, frame, false), ro = grant(fx.dom1, 7, frame, true);
	struct gntsim_grant_entry e;

	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, rw, &e), 0);
	EXPECT_EQ(e.flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT_EQ(e.domid, 2);
	EXPECT_EQ(e.frame, frame);
	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, ro, &e), 0);
	EXPECT_EQ(e.flags, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READONLY);
	EXPECT_EQ(e.domid, 7);
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT(gntsim_grant_try_end(fx.dom1, rw));
	EXPECT_EQ(flags_of(fx.dom1, rw), GNTSIM_GTF_INVALID);
	EXPECT(gntsim_grant_try_end(fx.dom1, ro));
	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, 64 * 512, &e), -EINVAL);
	EXPECT_EQ(gntsim_grant_entry_set(fx.dom1, 64 * 512, &e), -EINVAL);
	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, UINT32_MAX, &e), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* A kernel may write any entry, the reserved ones too, and Xen honours it. */
static void raw_entries_are_honoured(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	struct gntsim_map_grant_ref op;

	set_entry(fx.dom1, 3, GNTSIM_GTF_PERMIT_ACCESS, 2, frame);
	op = raw_map(fx.dom2, 1, 3, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(op.frame, frame);
	EXPECT_EQ(flags_of(fx.dom1, 3),
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT_EQ(flags_of(fx.dom1, 3), GNTSIM_GTF_PERMIT_ACCESS);
	set_entry(fx.dom1, 3, GNTSIM_GTF_INVALID, 0, 0);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 8);
	EXPECT(gntsim_grant_try_end(fx.dom1, 8));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* 64 frames of 512 entries, less the eight that are reserved. */
static void the_table_has_limits(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	uint32_t nr = 0, max = 0;
	const int last = 64 * 512;

	for (int ref = 8; ref < last; ref++)
		REQUIRE_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), ref);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), -ENOSPC);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(nr, 64);
	EXPECT_EQ(fx_totals().grants, (uint32_t)last - 8);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT(gntsim_grant_try_end(fx.dom1, 20000));
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), 20000);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), -ENOSPC);
	for (gntsim_gref ref = 8; ref < (gntsim_gref)last; ref++)
		EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* The table grows a frame of 512 entries at a time. */
static void the_table_grows(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	uint32_t nr = 0, max = 0, before;
	gntsim_gref ref = 8;

	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &before, &max), GNTSIM_GNTST_OKAY);
	EXPECT(before >= 1);
	for (; ref < before * 512; ref++)
		grant(fx.dom1, 2, frame, false);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(nr, before);
	EXPECT_EQ(gntsim_grant_access(fx.dom1, 2, frame, false), ref);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(nr, before + 1);
	EXPECT_EQ(max, 64);
	for (; ref >= 8; ref--)
		EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* Only domain 0 may ask of others; an unknown domain is found out first. */
static void query_size(void)
{
	uint32_t nr = 9, max = 9;

	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, GNTSIM_DOMID_SELF, &nr, &max),
		  GNTSIM_GNTST_OKAY);
	EXPECT_EQ(max, 64);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom0, 2, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 2, &nr, &max), GNTSIM_GNTST_PERMISSION_DENIED);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 0, &nr, &max), GNTSIM_GNTST_PERMISSION_DENIED);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 99, &nr, &max), GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom0, 99, &nr, &max), GNTSIM_GNTST_BAD_DOMAIN);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"references come off a stack", references_come_off_a_stack},
	    {"entries as written", entries_as_written},
	    {"raw entries are honoured", raw_entries_are_honoured},
	    {"the table has limits", the_table_has_limits},
	    {"the table grows", the_table_grows},
	    {"query_size", query_size},
	};

	return UNIT_MAIN("grant_table", tests);
}
