/* SPDX-License-Identifier: MIT */
/* GNTTABOP_copy. Rules: xen/common/grant_table.c. */
#include "support/grants.h"

/* Two frames of domain 2 and one of domain 1, granted to domain 2 as `ref`. */
struct copying {
	gntsim_frame own, own2, theirs;
	gntsim_gref ref;
};

static struct copying copying(bool readonly)
{
	struct copying c = {
	    .own = frame_of(fx.dom2), .own2 = frame_of(fx.dom2), .theirs = frame_of(fx.dom1)};

	c.ref = grant(fx.dom1, 2, c.theirs, readonly);
	for (unsigned i = 0; i < PAGE; i++) {
		fx_bytes(c.own)[i] = (uint8_t)(i * 7);
		fx_bytes(c.theirs)[i] = (uint8_t)(i * 13 + 1);
	}
	return c;
}

static void copying_end(struct copying *c)
{
	EXPECT_EQ(flags_of(fx.dom1, c->ref) & (GNTSIM_GTF_READING | GNTSIM_GTF_WRITING), 0);
	EXPECT(gntsim_grant_try_end(fx.dom1, c->ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom2, c->own), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom2, c->own2), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, c->theirs), 0);
}

static struct gntsim_copy from_ref(const struct copying *c, uint16_t len)
{
	return (struct gntsim_copy){.source = {.ref_or_frame = c->ref, .domid = 1},
				    .dest = {.ref_or_frame = c->own, .domid = GNTSIM_DOMID_SELF},
				    .len = len,
				    .flags = GNTSIM_GNTCOPY_SOURCE_GREF,
				    .status = 99};
}

static struct gntsim_copy to_ref(const struct copying *c, uint16_t len)
{
	return (struct gntsim_copy){.dest = {.ref_or_frame = c->ref, .domid = 1},
				    .source = {.ref_or_frame = c->own, .domid = GNTSIM_DOMID_SELF},
				    .len = len,
				    .flags = GNTSIM_GNTCOPY_DEST_GREF,
				    .status = 99};
}

static int copy(struct gntsim_copy op)
{
	gntsim_gnttab_copy(fx.dom2, &op);
	return op.status;
}

static void copy_moves_the_bytes(void)
{
	struct copying c = copying(false);
	struct gntsim_copy op = from_ref(&c, 100);

	op.source.offset = 50;
	op.dest.offset = 3996;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(c.own) + 3996, fx_bytes(c.theirs) + 50, 100) == 0);
	EXPECT_EQ(fx_bytes(c.own)[3995], (uint8_t)(3995 * 7));
	op = to_ref(&c, 4096);
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(c.own), fx_bytes(c.theirs), PAGE) == 0);
	copying_end(&c);
}

/* Both sides may be references, or both own frames. */
static void copy_between_references_and_between_frames(void)
{
	struct copying c = copying(true);
	gntsim_frame third = frame_of(fx.dom0);
	gntsim_gref to = grant(fx.dom0, 2, third, false);
	struct gntsim_copy op = from_ref(&c, 4096);

	op.dest = (struct gntsim_copy_ptr){.ref_or_frame = to, .domid = 0};
	op.flags = GNTSIM_GNTCOPY_SOURCE_GREF | GNTSIM_GNTCOPY_DEST_GREF;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(third), fx_bytes(c.theirs), PAGE) == 0);
	op.source = (struct gntsim_copy_ptr){.ref_or_frame = c.own, .domid = GNTSIM_DOMID_SELF};
	op.dest = (struct gntsim_copy_ptr){.ref_or_frame = c.own2, .domid = GNTSIM_DOMID_SELF};
	op.flags = 0;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(c.own), fx_bytes(c.own2), PAGE) == 0);
	EXPECT(gntsim_grant_try_end(fx.dom0, to));
	EXPECT_EQ(gntsim_frame_free(fx.dom0, third), 0);
	copying_end(&c);
}

/* DOMID_SELF's own references are accepted when they grant to itself. */
static void copy_of_own_references(void)
{
	struct copying c = copying(false);
	gntsim_gref self = grant(fx.dom2, 2, c.own2, false);
	struct gntsim_copy op = to_ref(&c, 16);

	op.dest = (struct gntsim_copy_ptr){.ref_or_frame = self, .domid = GNTSIM_DOMID_SELF};
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(c.own), fx_bytes(c.own2), 16) == 0);
	op.dest.domid = 2;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(gntsim_grant_try_end(fx.dom2, self));
	copying_end(&c);
}

/* The order: frame of another domain -8, unknown domain -2, source side first; then the source's
 * reference or frame, the destination's, and last the page crossing. */
static void copy_checks_in_order(void)
{
	struct copying c = copying(true);
	struct gntsim_copy op = to_ref(&c, 4096);

	op.source.domid = 99;
	op.source.ref_or_frame = 9999;
	op.dest.domid = 99;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_PERMISSION_DENIED);
	op.source.domid = 2;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_PERMISSION_DENIED);
	op.source.domid = GNTSIM_DOMID_SELF;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_DOMAIN);
	op.flags = 0;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_PERMISSION_DENIED);
	op.flags = GNTSIM_GNTCOPY_SOURCE_GREF | GNTSIM_GNTCOPY_DEST_GREF;
	op.source.domid = 98;
	op.dest.domid = 1;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_DOMAIN);
	op.source.domid = 1;
	op.source.ref_or_frame = 1u << 30;
	op.dest.ref_or_frame = 1u << 30;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_GNTREF);
	op.source.ref_or_frame = 9;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_GENERAL_ERROR);
	op.source.ref_or_frame = c.ref;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_GNTREF);
	op.source.offset = 1;
	op.dest.ref_or_frame = c.ref;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_GENERAL_ERROR);
	op = to_ref(&c, 4096);
	op.source.ref_or_frame = 256;
	op.dest.ref_or_frame = 1u << 30;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_PAGE);
	op.source.ref_or_frame = c.theirs;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_PAGE);
	op = from_ref(&c, 4096);
	op.source.offset = 1;
	op.dest.ref_or_frame = 256;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_PAGE);
	op.dest.ref_or_frame = c.own;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_COPY_ARG);
	op.source.offset = 0;
	op.dest.offset = 1;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_COPY_ARG);
	op.len = 0;
	op.dest.offset = 4097;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_COPY_ARG);
	op.dest.offset = 4096;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	op.dest.offset = 0;
	op.len = 4096;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	copying_end(&c);
}

/* A read-only grant is no destination; the refusal leaves no pin and no bit. */
static void copy_to_a_readonly_grant(void)
{
	struct copying c = copying(true);

	EXPECT_EQ(copy(to_ref(&c, 16)), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(pins_of(c.ref), 0);
	EXPECT_EQ(fx_bytes(c.theirs)[0], 1);
	EXPECT_EQ(copy(from_ref(&c, 16)), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(pins_of(c.ref), 0);
	copying_end(&c);
}

static void copy_of_an_entry_for_somebody_else(void)
{
	struct copying c = copying(false);
	struct gntsim_copy op = from_ref(&c, 16);

	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS, 0, c.theirs);
	EXPECT_EQ(copy(op), GNTSIM_GNTST_GENERAL_ERROR);
	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS, 2, 256);
	EXPECT_EQ(copy(op), GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(flags_of(fx.dom1, c.ref), GNTSIM_GTF_PERMIT_ACCESS);
	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS, 2, c.theirs);
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	copying_end(&c);
}

/* The sub-page flag forbids mapping only. */
static void copy_of_a_sub_page_entry(void)
{
	struct copying c = copying(false);

	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_SUB_PAGE, 2, c.theirs);
	EXPECT_EQ(map_status(fx.dom2, 1, c.ref, HOST), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(copy(from_ref(&c, 16)), GNTSIM_GNTST_OKAY);
	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS, 2, c.theirs);
	copying_end(&c);
}

/* Copying pins, so it meets the counters' limit and another domain's pin. */
static void copy_of_a_pinned_entry(void)
{
	struct copying c = copying(false);
	uint32_t handles[128];

	for (unsigned i = 0; i < 128; i++)
		handles[i] = raw_map(fx.dom2, 1, c.ref, HOST).handle;
	EXPECT_EQ(copy(from_ref(&c, 16)), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(copy(to_ref(&c, 16)), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(pins_of(c.ref), 128);
	EXPECT_EQ(flags_of(fx.dom1, c.ref),
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING);
	for (unsigned i = 0; i < 128; i++)
		EXPECT_EQ(raw_unmap(fx.dom2, handles[i]), 0);
	set_entry(fx.dom1, c.ref, GNTSIM_GTF_PERMIT_ACCESS, 0, c.theirs);
	handles[0] = raw_map(fx.dom0, 1, c.ref, HOST).handle;
	set_entry(fx.dom1, c.ref,
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING | GNTSIM_GTF_WRITING, 2, c.theirs);
	EXPECT_EQ(copy(from_ref(&c, 16)), GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(raw_unmap(fx.dom0, handles[0]), 0);
	copying_end(&c);
}

/* Overlapping source and destination in one frame do not disturb the machine. */
static void copy_within_one_frame(void)
{
	struct copying c = copying(false);
	struct gntsim_copy op = to_ref(&c, 1000);

	op.flags = 0;
	op.dest = (struct gntsim_copy_ptr){
	    .ref_or_frame = c.own, .domid = GNTSIM_DOMID_SELF, .offset = 2000};
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(fx_bytes(c.own), fx_bytes(c.own) + 2000, 1000) == 0);
	op.dest.offset = 10;
	EXPECT_EQ(copy(op), GNTSIM_GNTST_OKAY);
	copying_end(&c);
}

/* A page that a dead domain left mapped can be read and written through its mapping, not copied for
 * an access that is pinned: acquire_grant_for_copy() finds the granter dying. For another one, or
 * if nobody maps the page, it looks the page up: a PV domain's is its own while it is mapped; a PVH
 * domain's address leads nowhere. (Measured.) */
static void copy_with_a_zombie(void)
{
	static const enum gntsim_guest pv = GNTSIM_GUEST_PV, pvh = GNTSIM_GUEST_PVH;
	const struct {
		const enum gntsim_guest *guest;
		uint32_t map;
		int into;
	} cases[] = {
	    {&pvh, HOST, GNTSIM_GNTST_BAD_DOMAIN},
	    {&pv, HOST, GNTSIM_GNTST_BAD_DOMAIN},
	    {&pvh, HOST | RO, GNTSIM_GNTST_BAD_PAGE},
	    {&pv, HOST | RO, GNTSIM_GNTST_OKAY},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct gntsim_domain_config config = {.guest = cases[i].guest};
		struct gntsim_domain *dom;
		struct copying c = {.own = frame_of(fx.dom2)};
		struct gntsim_map_grant_ref op;
		struct gntsim_copy from, to;
		gntsim_frame frame;
		gntsim_gref other;

		REQUIRE_EQ(gntsim_domain_create(fx.m, (uint16_t)(10 + i), &config, &dom), 0);
		frame = frame_of(dom);
		c.ref = grant(dom, 2, frame, false);
		other = grant(dom, 2, frame_of(dom), false);
		op = raw_map(fx.dom2, gntsim_domain_id(dom), c.ref, cases[i].map);
		EXPECT_EQ(op.status, GNTSIM_GNTST_OKAY);
		from = from_ref(&c, 16);
		to = to_ref(&c, 16);
		from.source.domid = to.dest.domid = gntsim_domain_id(dom);
		fx_bytes(c.own)[0] = 0x42;
		gntsim_domain_destroy(dom);
		EXPECT_EQ(copy(from), GNTSIM_GNTST_BAD_DOMAIN);
		EXPECT_EQ(copy(to), cases[i].into);
		EXPECT_EQ(fx_bytes(frame)[0], cases[i].into == GNTSIM_GNTST_OKAY ? 0x42 : 0);
		from.source.ref_or_frame = to.dest.ref_or_frame = other;
		EXPECT_EQ(copy(from), GNTSIM_GNTST_BAD_PAGE);
		EXPECT_EQ(copy(to), GNTSIM_GNTST_BAD_PAGE);
		EXPECT(gntsim_machine_check(fx.m) == NULL);
		EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
		EXPECT_EQ(fx_totals().zombies, 0);
		EXPECT_EQ(fx_totals().grants, 0);
		EXPECT_EQ(gntsim_frame_free(fx.dom2, c.own), 0);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"copy moves the bytes", copy_moves_the_bytes},
	    {"copy between references and between frames",
	     copy_between_references_and_between_frames},
	    {"copy of own references", copy_of_own_references},
	    {"copy checks in order", copy_checks_in_order},
	    {"copy to a readonly grant", copy_to_a_readonly_grant},
	    {"copy of an entry for somebody else", copy_of_an_entry_for_somebody_else},
	    {"copy of a sub-page entry", copy_of_a_sub_page_entry},
	    {"copy of a pinned entry", copy_of_a_pinned_entry},
	    {"copy within one frame", copy_within_one_frame},
	    {"copy with a zombie", copy_with_a_zombie},
	};

	return UNIT_MAIN("grant_copy", tests);
}
