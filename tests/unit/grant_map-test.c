/* SPDX-License-Identifier: MIT */
/* GNTTABOP_map_grant_ref and unmap_grant_ref: pins, bits, handles, and the order of checks. Rules:
 * xen/common/grant_table.c. */
#include "support/grants.h"

static const enum gntsim_guest pv = GNTSIM_GUEST_PV;

/* A mapping reads and writes the very frame. */
static void a_mapping_is_the_frame(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST);

	EXPECT_EQ(op.frame, frame);
	EXPECT(gntsim_frame_ptr(fx.m, op.frame) == fx.frames + frame * PAGE);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* GTF_reading on any map, GTF_writing on writable ones; each goes with its last pin. */
static void reading_and_writing_bits(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	const unsigned valid = GNTSIM_GTF_PERMIT_ACCESS;
	struct gntsim_map_grant_ref ro, rw, rw2;

	ro = raw_map(fx.dom2, 1, ref, HOST | RO);
	EXPECT_EQ(flags_of(fx.dom1, ref), valid | GNTSIM_GTF_READING);
	rw = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(flags_of(fx.dom1, ref), valid | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	rw2 = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(raw_unmap(fx.dom2, rw.handle), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), valid | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	EXPECT_EQ(raw_unmap(fx.dom2, rw2.handle), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), valid | GNTSIM_GTF_READING);
	EXPECT(!gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(flags_of(fx.dom1, ref), valid | GNTSIM_GTF_READING);
	EXPECT_EQ(raw_unmap(fx.dom2, ro.handle), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), valid);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

static void pins_are_counted(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref a, b;

	EXPECT_EQ(pins_of(ref), 0);
	a = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(pins_of(ref), 1);
	b = raw_map(fx.dom2, 1, ref, HOST | RO);
	EXPECT_EQ(pins_of(ref), 2);
	EXPECT(a.handle != b.handle);
	EXPECT_EQ(raw_unmap(fx.dom2, a.handle), 0);
	EXPECT_EQ(pins_of(ref), 1);
	EXPECT_EQ(raw_unmap(fx.dom2, b.handle), 0);
	EXPECT_EQ(pins_of(ref), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* The counters of readers and of writers have 8 bits each, and stop at 128. */
static void pin_counters_stop_at_128(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	uint32_t handles[256];
	struct gntsim_map_grant_ref op;

	for (unsigned i = 0; i < 128; i++) {
		op = raw_map(fx.dom2, 1, ref, HOST);
		REQUIRE_EQ(op.status, GNTSIM_GNTST_OKAY);
		handles[i] = op.handle;
	}
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	for (unsigned i = 128; i < 256; i++) {
		op = raw_map(fx.dom2, 1, ref, HOST | RO);
		REQUIRE_EQ(op.status, GNTSIM_GNTST_OKAY);
		handles[i] = op.handle;
	}
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST | RO), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(pins_of(ref), 256);
	EXPECT_EQ(raw_unmap(fx.dom2, handles[5]), 0);
	op = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	handles[5] = op.handle;
	for (unsigned i = 0; i < 256; i++)
		EXPECT_EQ(raw_unmap(fx.dom2, handles[i]), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* First check: neither host nor device map, whatever else is wrong. */
static void map_without_kind(void)
{
	EXPECT_EQ(map_status(fx.dom2, 1, 8, 0), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 99, 1u << 30, RO), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 99, 8, GNTSIM_GNTMAP_CONTAINS_PTE), GNTSIM_GNTST_BAD_GNTREF);
}

/* Second: what only a PV guest may ask for, before the domain is looked up. */
static void map_kinds_of_a_pvh_guest(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 0, frame, false);
	struct gntsim_map_grant_ref op;

	EXPECT_EQ(map_status(fx.dom2, 99, 8, DEVICE), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(map_status(fx.dom2, 99, 8, HOST | DEVICE), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(map_status(fx.dom2, 99, 8, HOST | GNTSIM_GNTMAP_APPLICATION_MAP),
		  GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(map_status(fx.dom2, 99, 8, HOST | GNTSIM_GNTMAP_CONTAINS_PTE),
		  GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(map_status(fx.dom0, 99, 8, HOST | GNTSIM_GNTMAP_CONTAINS_PTE),
		  GNTSIM_GNTST_BAD_DOMAIN);
	op = raw_map(fx.dom0, 1, ref,
		     HOST | GNTSIM_GNTMAP_CONTAINS_PTE | GNTSIM_GNTMAP_APPLICATION_MAP);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom0, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* The p2m of a PVH guest takes no flag but the read-only one; found late, and undone. A PV guest's page
 * table has bits to spare for them. Rule: create_grant_p2m_mapping(). */
static void map_flags_of_the_guests_own(void)
{
	const uint32_t guest_bit = 1u << 16;
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	gntsim_gref for_pv = grant(fx.dom1, 0, frame, false);
	struct gntsim_map_grant_ref op;

	EXPECT_EQ(map_status(fx.dom2, 1, 9999999, HOST | guest_bit), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST | guest_bit), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(pins_of(ref), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), GNTSIM_GTF_PERMIT_ACCESS);
	op = raw_map(fx.dom0, 1, for_pv, HOST | guest_bit);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom0, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT(gntsim_grant_try_end(fx.dom1, for_pv));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* Third: the domain. DOMID_SELF is none; a self-map names the real domid. */
static void map_of_an_unknown_domain(void)
{
	gntsim_frame frame = frame_of(fx.dom0);
	gntsim_gref ref = grant(fx.dom0, 0, frame, false);
	struct gntsim_map_grant_ref op;

	EXPECT_EQ(map_status(fx.dom0, 99, ref, HOST), GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(map_status(fx.dom0, GNTSIM_DOMID_SELF, ref, HOST), GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(map_status(fx.dom0, GNTSIM_DOMID_INVALID, ref, HOST), GNTSIM_GNTST_BAD_DOMAIN);
	op = raw_map(fx.dom0, 0, ref, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom0, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom0, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom0, frame), 0);
}

/* Then the maptrack handle, before the reference is looked at. Xen keeps the last handle of a
 * virtual CPU's list for itself, so one frame of 256 gives 255. */
static void map_without_a_handle(void)
{
	const struct gntsim_domain_config c = {.max_maptrack_frames = 1};
	struct fx_config config = {.domain = {NULL, NULL, &c}};
	gntsim_gref ref[3];
	gntsim_frame frame;
	struct gntsim_map_grant_ref op = {0};
	unsigned n = 0;

	fx_restart(&config);
	frame = frame_of(fx.dom1);
	for (unsigned i = 0; i < 3; i++)
		ref[i] = grant(fx.dom1, 2, frame, false);
	while (n < 300) {
		op = raw_map(fx.dom2, 1, ref[n / 128], HOST);
		if (op.status)
			break;
		n++;
	}
	EXPECT_EQ(op.status, GNTSIM_GNTST_NO_SPACE);
	EXPECT_EQ(n, 255);
	EXPECT_EQ(map_status(fx.dom2, 1, 1u << 30, HOST), GNTSIM_GNTST_NO_SPACE);
	EXPECT_EQ(map_status(fx.dom2, 99, ref[0], HOST), GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(raw_unmap(fx.dom2, 17), 0);
	EXPECT_EQ(map_status(fx.dom2, 1, 1u << 30, HOST), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 1, ref[2], HOST), GNTSIM_GNTST_OKAY);
	for (uint32_t handle = 0; handle < 256; handle++)
		(void)raw_unmap(fx.dom2, handle);
	EXPECT_EQ(fx_totals().maptrack, 0);
	for (unsigned i = 0; i < 3; i++)
		EXPECT(gntsim_grant_try_end(fx.dom1, ref[i]));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* A map that fails gives its handle back, however often it fails. */
static void failed_maps_use_no_handles_up(void)
{
	const struct gntsim_domain_config c = {.max_maptrack_frames = 1};
	struct fx_config config = {.domain = {NULL, NULL, &c}};
	struct gntsim_map_grant_ref op;
	gntsim_gref ref;
	gntsim_frame frame;

	fx_restart(&config);
	frame = frame_of(fx.dom1);
	ref = grant(fx.dom1, 2, frame, false);
	for (unsigned i = 0; i < 1000; i++)
		EXPECT_EQ(map_status(fx.dom2, 1, 9, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	op = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

static void map_of_a_bad_reference(void)
{
	uint32_t nr = 0, max = 0;

	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, GNTSIM_DOMID_SELF, &nr, &max),
		  GNTSIM_GNTST_OKAY);
	EXPECT_EQ(map_status(fx.dom2, 1, nr * 512, HOST), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 1, 64 * 512, HOST), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 1, UINT32_MAX, HOST), GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(map_status(fx.dom2, 1, nr * 512 - 1, HOST), GNTSIM_GNTST_GENERAL_ERROR);
}

/* An entry's contents: wrong type, sub-page, wrong domid, writing to a read-only one are all
 * GENERAL_ERROR and come before a bad frame. Nothing stays pinned. */
static void map_of_a_bad_entry(void)
{
	gntsim_frame frame = frame_of(fx.dom1), foreign = frame_of(fx.dom0);
	const gntsim_frame nowhere = 256;
	const unsigned ok = GNTSIM_GTF_PERMIT_ACCESS;

	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, GNTSIM_GTF_INVALID, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, 2, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, 3, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, ok | GNTSIM_GTF_SUB_PAGE, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, ok, 0, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, 8, ok | GNTSIM_GTF_READONLY, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST | RO), GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(flags_of(fx.dom1, 8), ok | GNTSIM_GTF_READONLY);
	set_entry(fx.dom1, 8, ok, 2, nowhere);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(flags_of(fx.dom1, 8), ok);
	set_entry(fx.dom1, 8, ok, 2, foreign);
	EXPECT_EQ(map_status(fx.dom2, 1, 8, HOST), GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(flags_of(fx.dom1, 8), ok);
	set_entry(fx.dom1, 8, GNTSIM_GTF_INVALID, 0, 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom0, foreign), 0);
}

/* Pinned by one domain, an entry is GENERAL_ERROR for every other, whatever is written in it. */
static void map_of_an_entry_another_domain_pinned(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST | RO), again;

	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	set_entry(fx.dom1, ref, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING, 0, frame);
	EXPECT_EQ(map_status(fx.dom0, 1, ref, HOST | RO), GNTSIM_GNTST_GENERAL_ERROR);
	again = raw_map(fx.dom2, 1, ref, HOST | RO);
	EXPECT_EQ(again.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT_EQ(raw_unmap(fx.dom2, again.handle), 0);
	op = raw_map(fx.dom0, 1, ref, HOST | RO);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom0, op.handle), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* An entry is read at the first pin and at an upgrade to writing, not otherwise; the upgrade looks
 * at GTF_readonly only, and the frame stays the one pinned first. */
static void entries_are_read_at_the_first_pin(void)
{
	gntsim_frame frame = frame_of(fx.dom1), other = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op[3];

	op[0] = raw_map(fx.dom2, 1, ref, HOST | RO);
	EXPECT_EQ(op[0].status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(op[0].frame, frame);
	set_entry(fx.dom1, ref, GNTSIM_GTF_INVALID, 9, other);
	op[1] = raw_map(fx.dom2, 1, ref, HOST | RO);
	EXPECT_EQ(op[1].status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(op[1].frame, frame);
	set_entry(fx.dom1, ref, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READONLY | GNTSIM_GTF_READING,
		  2, frame);
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, ref, GNTSIM_GTF_READING, 9, other);
	op[2] = raw_map(fx.dom2, 1, ref, HOST);
	EXPECT_EQ(op[2].status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(op[2].frame, frame);
	EXPECT_EQ(flags_of(fx.dom1, ref), GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(raw_unmap(fx.dom2, op[i].handle), 0);
	EXPECT_EQ(flags_of(fx.dom1, ref), GNTSIM_GTF_INVALID);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, other), 0);
}

/* A PV guest's mapping for host and device takes two pins under one handle. */
static void host_and_device_map_pin_twice(void)
{
	const struct gntsim_domain_config c = {.guest = &pv};
	struct fx_config config = {.domain = {NULL, NULL, &c}};
	struct gntsim_map_grant_ref op;
	gntsim_frame frame;
	gntsim_gref ref;

	fx_restart(&config);
	frame = frame_of(fx.dom1);
	ref = grant(fx.dom1, 2, frame, false);
	op = raw_map(fx.dom2, 1, ref, HOST | DEVICE);
	EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(pins_of(ref), 2);
	EXPECT_EQ(fx_totals().maptrack, 1);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(pins_of(ref), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

static void unmap_of_a_bad_handle(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST);

	EXPECT_EQ(raw_unmap(fx.dom2, GNTSIM_INVALID_HANDLE), GNTSIM_GNTST_BAD_HANDLE);
	EXPECT_EQ(raw_unmap(fx.dom2, 1024 * 256), GNTSIM_GNTST_BAD_HANDLE);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle + 1), GNTSIM_GNTST_BAD_HANDLE);
	EXPECT_EQ(raw_unmap(fx.dom1, op.handle), GNTSIM_GNTST_BAD_HANDLE);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), GNTSIM_GNTST_BAD_HANDLE);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* The address must be the one mapped at; after the error the mapping is still there. */
static void unmap_at_another_address(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST);

	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, VA + PAGE), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(fx_totals().maptrack, 1);
	EXPECT(!gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, VA), GNTSIM_GNTST_OKAY);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* unmap_common() does nothing for address 0, and says okay. */
static void unmap_at_address_zero(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST);

	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, 0), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(fx_totals().maptrack, 1);
	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, VA), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* So one that lies there stays until the domain goes. */
static void unmap_of_what_lies_at_address_zero(void)
{
	gntsim_frame frame = frame_of(fx.dom1);
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = {.flags = HOST, .ref = ref, .domid = 1};

	gntsim_gnttab_map(fx.dom2, &op);
	REQUIRE_EQ(op.status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, 0), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(raw_unmap_at(fx.dom2, op.handle, VA), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(fx_totals().maptrack, 1);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"a mapping is the frame", a_mapping_is_the_frame},
	    {"reading and writing bits", reading_and_writing_bits},
	    {"pins are counted", pins_are_counted},
	    {"pin counters stop at 128", pin_counters_stop_at_128},
	    {"map without kind", map_without_kind},
	    {"map kinds of a PVH guest", map_kinds_of_a_pvh_guest},
	    {"map of an unknown domain", map_of_an_unknown_domain},
	    {"map without a handle", map_without_a_handle},
	    {"failed maps use no handles up", failed_maps_use_no_handles_up},
	    {"map of a bad reference", map_of_a_bad_reference},
	    {"map of a bad entry", map_of_a_bad_entry},
	    {"map of an entry another domain pinned", map_of_an_entry_another_domain_pinned},
	    {"entries are read at the first pin", entries_are_read_at_the_first_pin},
	    {"host and device map pin twice", host_and_device_map_pin_twice},
	    {"unmap of a bad handle", unmap_of_a_bad_handle},
	    {"unmap at another address", unmap_at_another_address},
	    {"unmap at address zero", unmap_at_address_zero},
	    {"unmap of what lies at address 0", unmap_of_what_lies_at_address_zero},
	    {"map flags of the guest's own", map_flags_of_the_guests_own},
	};

	return UNIT_MAIN("grant_map", tests);
}
