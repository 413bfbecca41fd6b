/* SPDX-License-Identifier: MIT */
/* IOCTL_GNTDEV_GRANT_COPY: segments in user memory, cut at page ends, copied in batches of 16.
 * Rules: gntdev_grant_copy_seg() and gntdev_copy() of drivers/xen/gntdev.c. */
#include "support/user_memory.h"

#define SOURCE_GREF GNTSIM_GNTCOPY_SOURCE_GREF
#define DEST_GREF   GNTSIM_GNTCOPY_DEST_GREF
#define SEGMENTS    (USER_BASE + PAGE)
#define LOCAL       (USER_BASE + 2 * PAGE)
#define MAX_SEGS    64u

/* A caller in domain 2, and two pages of domain 1 granted to it: one writable, one read-only. */
static struct copying {
	struct user user;
	struct gntsim_file *dev, *alloc;
	gntsim_gref rw, ro;
	struct gntdev_grant_copy_segment seg[MAX_SEGS];
	unsigned n;
} t;

static unsigned char *page_of(gntsim_gref ref)
{
	struct gntsim_grant_entry e = {0};

	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, ref, &e), 0);
	return fx_bytes(e.frame);
}

static void begin(void)
{
	uint64_t index;

	user_init(&t.user);
	t.dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	t.alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	REQUIRE_EQ(gntsim_gntalloc_alloc(t.alloc, 2, 1, 1, &index, &t.rw), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(t.alloc, 2, 0, 1, &index, &t.ro), 0);
	for (unsigned i = 0; i < PAGE; i++) {
		page_of(t.rw)[i] = (uint8_t)(i * 3);
		page_of(t.ro)[i] = (uint8_t)(i * 5 + 1);
	}
	t.n = 0;
}

static void end(void)
{
	gntsim_close(t.dev);
	gntsim_close(t.alloc);
}

/* Adds a segment; its status holds something that a call must overwrite. */
static struct gntdev_grant_copy_segment *add(uint16_t flags, uint16_t len)
{
	struct gntdev_grant_copy_segment *s = &t.seg[t.n++];

	memset(s, 0, sizeof(*s));
	s->flags = flags;
	s->len = len;
	s->status = 0x55;
	return s;
}

static void *user_pointer(uint64_t addr)
{
	void *p = NULL;

	memcpy(&p, &addr, sizeof(p));
	return p;
}

/* From a reference of domain 1 to local memory. */
static struct gntdev_grant_copy_segment *add_from(gntsim_gref ref, uint16_t offset, uint64_t to,
						  uint16_t len)
{
	struct gntdev_grant_copy_segment *s = add(SOURCE_GREF, len);

	s->source.foreign.ref = ref;
	s->source.foreign.domid = 1;
	s->source.foreign.offset = offset;
	s->dest.virt = user_pointer(to);
	return s;
}

/* From local memory to a reference of domain 1. */
static struct gntdev_grant_copy_segment *add_to(gntsim_gref ref, uint16_t offset, uint64_t from,
						uint16_t len)
{
	struct gntdev_grant_copy_segment *s = add(DEST_GREF, len);

	s->dest.foreign.ref = ref;
	s->dest.foreign.domid = 1;
	s->dest.foreign.offset = offset;
	s->source.virt = user_pointer(from);
	return s;
}

static long run_at(uint64_t segments)
{
	struct ioctl_gntdev_grant_copy op = {.count = t.n, .segments = user_pointer(segments)};

	memcpy(user_ptr(&t.user, USER_BASE), &op, sizeof(op));
	return gntsim_ioctl(t.dev, NULL, (uint32_t)IOCTL_GNTDEV_GRANT_COPY, USER_BASE, &t.user.ops);
}

/* Runs the segments added; they are read back, and the list is empty for the next run. */
static long run(void)
{
	long r;

	memcpy(user_ptr(&t.user, SEGMENTS), t.seg, t.n * sizeof(t.seg[0]));
	r = run_at(SEGMENTS);
	memcpy(t.seg, user_ptr(&t.user, SEGMENTS), t.n * sizeof(t.seg[0]));
	t.n = 0;
	return r;
}

static unsigned char *local(uint64_t offset)
{
	return user_ptr(&t.user, LOCAL + offset);
}

static void copies_both_ways(void)
{
	begin();
	add_from(t.rw, 100, LOCAL + 7, 50);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT(memcmp(local(7), page_of(t.rw) + 100, 50) == 0);
	EXPECT_EQ(*local(6), 0xDB);
	EXPECT_EQ(*local(57), 0xDB);
	memset(local(0), 0x3C, PAGE);
	add_to(t.rw, 0, LOCAL, 4096);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(page_of(t.rw)[0], 0x3C);
	EXPECT_EQ(page_of(t.rw)[4095], 0x3C);
	end();
}

/* A local pointer may cross pages; each piece is a copy of its own. */
static void local_memory_may_cross_pages(void)
{
	begin();
	add_from(t.rw, 0, LOCAL + 4000, 4096);
	EXPECT_EQ(run(), 0);
	EXPECT(memcmp(local(4000), page_of(t.rw), 4096) == 0);
	memset(local(0), 0x3C, 2 * PAGE);
	add_to(t.rw, 90, LOCAL + 4095, 4006);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT_EQ(page_of(t.rw)[89], (uint8_t)(89 * 3));
	EXPECT_EQ(page_of(t.rw)[90], 0x3C);
	EXPECT_EQ(page_of(t.rw)[4095], 0x3C);
	end();
}

static void both_sides_may_be_references(void)
{
	struct gntdev_grant_copy_segment *s;

	begin();
	s = add_from(t.ro, 16, 0, 100);
	s->flags = SOURCE_GREF | DEST_GREF;
	s->dest.foreign.ref = t.rw;
	s->dest.foreign.domid = 1;
	s->dest.foreign.offset = 2000;
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT(memcmp(page_of(t.rw) + 2000, page_of(t.ro) + 16, 100) == 0);
	end();
}

/* And what fails says so there, too; the others go on. */
static void references_that_fail(void)
{
	struct gntdev_grant_copy_segment *s;

	begin();
	for (unsigned i = 0; i < 3; i++) {
		s = add_from(i == 1 ? 1u << 30 : t.ro, 16, 0, 100);
		s->flags = SOURCE_GREF | DEST_GREF;
		s->dest.foreign.ref = i == 0 ? t.ro : t.rw;
		s->dest.foreign.domid = 1;
		s->dest.foreign.offset = 2000;
	}
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(t.seg[1].status, GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(t.seg[2].status, 0);
	EXPECT(memcmp(page_of(t.rw) + 2000, page_of(t.ro) + 16, 100) == 0);
	end();
}

/* What an earlier batch has done is not done again. */
static void a_batch_is_done_once(void)
{
	begin();
	add_from(t.rw, 0, LOCAL, 16);
	for (unsigned i = 1; i < 16; i++)
		add_from(t.ro, 0, LOCAL, 16);
	add_from(t.ro, 0, LOCAL + 64, 16);
	EXPECT_EQ(run(), 0);
	EXPECT(memcmp(local(0), page_of(t.ro), 16) == 0);
	end();
}

static void nothing_to_do(void)
{
	begin();
	EXPECT_EQ(run_at(0), 0);
	add_from(t.rw, 4096, 0, 0);
	add_to(t.rw, 0, 0, 0);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT_EQ(t.seg[1].status, 0);
	end();
}

/* EINVAL comes before anything is written: no reference at all, a reference crossing its page. */
static void bad_segments(void)
{
	begin();
	add(0, 10);
	EXPECT_EQ(run(), -EINVAL);
	EXPECT_EQ(t.seg[0].status, 0x55);
	add(0, 0);
	EXPECT_EQ(run(), -EINVAL);
	add_from(t.rw, 1, LOCAL, 4096);
	EXPECT_EQ(run(), -EINVAL);
	EXPECT_EQ(t.seg[0].status, 0x55);
	add_to(t.rw, 4000, LOCAL, 97);
	EXPECT_EQ(run(), -EINVAL);
	add_from(t.rw, 4097, LOCAL, 0);
	EXPECT_EQ(run(), -EINVAL);
	add_from(t.rw, 65535, LOCAL, 65535);
	EXPECT_EQ(run(), -EINVAL);
	add_to(t.rw, 4000, LOCAL, 96);
	EXPECT_EQ(run(), 0);
	end();
}

/* The first failing status of a segment; the others go on. */
static void statuses(void)
{
	struct gntdev_grant_copy_segment *s;

	begin();
	add_from(t.rw, 0, LOCAL, 16);
	add_from(1u << 30, 0, LOCAL, 16);
	add_to(t.ro, 0, LOCAL, 16);
	s = add_from(t.rw, 0, LOCAL, 16);
	s->source.foreign.domid = 99;
	s = add_from(t.rw, 0, LOCAL, 16);
	s->source.foreign.domid = GNTSIM_DOMID_SELF;
	add_from(400, 0, LOCAL + 4090, 16);
	add_from(t.ro, 0, LOCAL + 64, 16);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_OKAY);
	EXPECT_EQ(t.seg[1].status, GNTSIM_GNTST_BAD_GNTREF);
	EXPECT_EQ(t.seg[2].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(t.seg[3].status, GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(t.seg[4].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(t.seg[5].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(t.seg[6].status, GNTSIM_GNTST_OKAY);
	EXPECT(memcmp(local(0), page_of(t.rw), 16) == 0);
	EXPECT(memcmp(local(64), page_of(t.ro), 16) == 0);
	EXPECT_EQ(page_of(t.ro)[0], 1);
	end();
}

/* DOMID_SELF's own references are accepted. */
static void own_references(void)
{
	struct gntsim_file *own;
	struct gntdev_grant_copy_segment *s;
	uint64_t index;
	gntsim_gref ref;

	begin();
	own = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	REQUIRE_EQ(gntsim_gntalloc_alloc(own, 2, 1, 1, &index, &ref), 0);
	memset(local(0), 0x3C, 16);
	s = add_to(ref, 0, LOCAL, 16);
	s->dest.foreign.domid = GNTSIM_DOMID_SELF;
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_OKAY);
	{
		struct gntsim_grant_entry e;

		EXPECT_EQ(gntsim_grant_entry_get(fx.dom2, ref, &e), 0);
		EXPECT_EQ(fx_bytes(e.frame)[15], 0x3C);
		EXPECT_EQ(fx_bytes(e.frame)[16], 0);
	}
	gntsim_close(own);
	end();
}

/* Bad memory: a source that cannot be read, a destination that cannot be written. */
static void bad_local_memory(void)
{
	begin();
	t.user.page[4] = USER_HOLE;
	add_from(t.rw, 0, USER_BASE + 4 * PAGE, 16);
	EXPECT_EQ(run(), -EFAULT);
	EXPECT_EQ(t.seg[0].status, 0);
	add_to(t.rw, 0, USER_BASE + 4 * PAGE, 16);
	EXPECT_EQ(run(), -EFAULT);
	t.user.page[4] = USER_RO;
	add_from(t.rw, 0, USER_BASE + 4 * PAGE, 16);
	EXPECT_EQ(run(), -EFAULT);
	EXPECT_EQ(t.user.bytes[4 * PAGE], 0xDB);
	add_to(t.rw, 0, USER_BASE + 4 * PAGE, 16);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(page_of(t.rw)[15], 0xDB);
	end();
}

/* Segments that cannot be read, and statuses that cannot be written. */
static void bad_segment_memory(void)
{
	begin();
	add_from(t.rw, 0, LOCAL, 16);
	t.user.page[1] = USER_HOLE;
	EXPECT_EQ(run_at(SEGMENTS), -EFAULT);
	t.user.page[1] = USER_RO;
	memcpy(user_ptr(&t.user, SEGMENTS), t.seg, sizeof(t.seg[0]));
	EXPECT_EQ(run_at(SEGMENTS), -EFAULT);
	EXPECT_EQ(*local(0), 0xDB);
	end();
}

/* As write() is, but that another thread of the process unmaps its segments then. */
static int write_then_lose(void *ctx, uint64_t addr, const void *from, size_t len)
{
	struct user *u = ctx;
	struct user plain;
	int rc;

	user_init(&plain);
	rc = plain.ops.write(ctx, addr, from, len);
	if (addr >= SEGMENTS)
		u->page[1] = USER_HOLE;
	return rc;
}

/* A status that can't be read any more can't be written either. */
static void status_memory_goes(void)
{
	begin();
	add_from(499, 0, LOCAL, 16);
	t.user.ops.write = write_then_lose;
	memcpy(user_ptr(&t.user, SEGMENTS), t.seg, sizeof(t.seg[0]));
	EXPECT_EQ(run_at(SEGMENTS), -EFAULT);
	EXPECT_EQ(*local(0), 0xDB);
	end();
}

/* An error leaves the unfinished batch uncopied, though its segments' statuses say 0. */
static void error_leaves_the_batch_uncopied(void)
{
	begin();
	for (unsigned i = 0; i < 5; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + i, 1);
	add(0, 1);
	EXPECT_EQ(run(), -EINVAL);
	for (unsigned i = 0; i < 5; i++) {
		EXPECT_EQ(t.seg[i].status, 0);
		EXPECT_EQ(*local(i), 0xDB);
	}
	EXPECT_EQ(t.seg[5].status, 0x55);
	end();
}

/* A batch of 16 is copied when a 17th operation comes. */
static void batches_of_16(void)
{
	begin();
	for (unsigned i = 0; i < 16; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + i, 1);
	add(0, 1);
	EXPECT_EQ(run(), -EINVAL);
	EXPECT_EQ(*local(0), 0xDB);
	for (unsigned i = 0; i < 17; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + i, 1);
	add(0, 1);
	EXPECT_EQ(run(), -EINVAL);
	for (unsigned i = 0; i < 16; i++)
		EXPECT_EQ(*local(i), (uint8_t)((i + 1) * 3));
	EXPECT_EQ(*local(16), 0xDB);
	EXPECT_EQ(t.seg[16].status, 0);
	end();
}

static int (*probe)(void *ctx, uint64_t addr, size_t len);
static unsigned probes;

/* After the fourth, another thread of the process unmaps what was looked at. */
static int probe_and_lose(void *ctx, uint64_t addr, size_t len)
{
	int rc = probe(ctx, addr, len);

	if (++probes == 4)
		t.user.page[(addr - USER_BASE) / PAGE] = USER_HOLE;
	return rc;
}

/* A batch that fails ends the call where it is, in a segment that follows it too. */
static void memory_that_goes(void)
{
	begin();
	probe = t.user.ops.probe_write;
	probes = 0;
	t.user.ops.probe_write = probe_and_lose;
	for (unsigned i = 0; i < 20; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + (i == 3 ? PAGE : 0) + i, 1);
	EXPECT_EQ(run(), -EFAULT);
	EXPECT_EQ(probes, 16);
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(*local(i), (uint8_t)((i + 1) * 3));
	for (unsigned i = 4; i < 20; i++)
		EXPECT_EQ(*local(i), 0xDB);
	EXPECT_EQ(t.seg[15].status, 0);
	EXPECT_EQ(t.seg[16].status, 0);
	EXPECT_EQ(t.seg[17].status, 0x55);
	end();
}

/* Pieces count, not segments: fifteen segments and one that is cut in two fill a batch and begin
 * the next, so that an error in its second half finds the first half copied. */
static void batches_count_pieces(void)
{
	begin();
	for (unsigned i = 0; i < 15; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + i, 1);
	t.user.page[4] = USER_HOLE;
	add_from(t.rw, 200, USER_BASE + 4 * PAGE - 2, 4);
	EXPECT_EQ(run(), -EFAULT);
	for (unsigned i = 0; i < 15; i++)
		EXPECT_EQ(*local(i), (uint8_t)((i + 1) * 3));
	EXPECT_EQ(t.user.bytes[4 * PAGE - 2], (uint8_t)(200 * 3));
	EXPECT_EQ(t.user.bytes[4 * PAGE - 1], (uint8_t)(201 * 3));
	EXPECT_EQ(t.seg[15].status, 0);
	end();
}

/* An error in a full batch is written to its segment when that batch is done, not at the end. */
static void status_of_an_earlier_batch(void)
{
	begin();
	add_to(t.ro, 0, LOCAL, 16);
	for (unsigned i = 0; i < 16; i++)
		add_from(t.rw, 0, LOCAL + 64, 1);
	add(0, 1);
	EXPECT_EQ(run(), -EINVAL);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT_EQ(t.seg[1].status, GNTSIM_GNTST_OKAY);
	end();
}

static void many_segments(void)
{
	begin();
	for (unsigned i = 0; i < MAX_SEGS; i++)
		add_from(t.rw, (uint16_t)(i * 64), LOCAL + i * 64, 64);
	EXPECT_EQ(run(), 0);
	EXPECT(memcmp(local(0), page_of(t.rw), PAGE) == 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	end();
}

/* Sixteen good ones, then one whose memory is bad: the flush came before its pointer was looked at.
 * (Measured.) */
static void sixteen_and_a_bad_pointer(void)
{
	begin();
	for (unsigned i = 0; i < 16; i++)
		add_from(t.rw, (uint16_t)(i + 1), LOCAL + i, 1);
	add_from(t.rw, 0, 16, 1);
	add_from(t.rw, 0, LOCAL + 64, 1);
	EXPECT_EQ(run(), -EFAULT);
	for (unsigned i = 0; i < 16; i++)
		EXPECT_EQ(*local(i), (uint8_t)((i + 1) * 3));
	EXPECT_EQ(t.seg[16].status, 0);
	EXPECT_EQ(t.seg[17].status, 0x55);
	add_from(t.rw, 5, LOCAL + 64, 1);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(*local(64), 15);
	end();
}

/* Only bits 0 and 1 of the flags count; one grant may be both sides, while it is mapped, too; with no
 * bytes to copy nothing but the offset is looked at. (Measured.) */
static void odd_segments(void)
{
	struct gntsim_mm *mm;
	struct gntdev_grant_copy_segment *s;

	begin();
	mm = fx_mm(fx.dom2);
	REQUIRE_EQ(fx_mmap(mm, t.dev, VA, 1, fx_map(t.dev, 1, t.rw)), 0);
	s = add_from(t.rw, 10, LOCAL, 10);
	s->flags = 5;
	s = add_from(t.rw, 20, LOCAL + 10, 10);
	s->flags = 0xFF01;
	s = add_from(t.rw, 0, 0, 16);
	s->flags = SOURCE_GREF | DEST_GREF;
	s->dest.foreign.ref = t.rw;
	s->dest.foreign.domid = 1;
	s->dest.foreign.offset = 4000;
	s = add_from(99999999, 4096, 0, 0);
	s->source.foreign.domid = 77;
	s = add_from(t.rw, 0, LOCAL, 1);
	s->source.foreign.domid = GNTSIM_DOMID_INVALID;
	add_from(0, 0, LOCAL, 1);
	EXPECT_EQ(run(), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT_EQ(t.seg[1].status, 0);
	EXPECT_EQ(t.seg[2].status, 0);
	EXPECT_EQ(t.seg[3].status, 0);
	EXPECT_EQ(t.seg[4].status, GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(t.seg[5].status, GNTSIM_GNTST_GENERAL_ERROR);
	EXPECT(memcmp(local(0), page_of(t.rw) + 10, 20) == 0);
	EXPECT(memcmp(page_of(t.rw) + 4000, page_of(t.rw), 16) == 0);
	EXPECT_EQ(fx_peek(mm, VA + 4001), 3);
	gntsim_mm_destroy(mm);
	end();
}

/* Memory that holds device mappings of `mm`, as the caller's process would have them. */
static int device_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	if (addr >= USER_BASE)
		return t.user.ops.read(t.user.ops.ctx, addr, dst, len);
	return gntsim_mm_load(ctx, addr, dst, len) == GNTSIM_ACCESS_OK ? 0 : -EFAULT;
}

static int device_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	if (addr >= USER_BASE)
		return t.user.ops.write(t.user.ops.ctx, addr, src, len);
	return gntsim_mm_store(ctx, addr, src, len) == GNTSIM_ACCESS_OK ? 0 : -EFAULT;
}

static int device_probe_write(void *ctx, uint64_t addr, size_t len)
{
	struct gntsim_page page;

	if (addr >= USER_BASE)
		return t.user.ops.probe_write(t.user.ops.ctx, addr, len);
	return !gntsim_mm_page(ctx, addr, &page) && page.writable ? 0 : -EFAULT;
}

static long run_in(struct gntsim_mm *mm)
{
	const struct gntsim_user_memory ops = {.read = device_read,
					       .write = device_write,
					       .probe_write = device_probe_write,
					       .ctx = mm};
	struct ioctl_gntdev_grant_copy op = {.count = t.n, .segments = user_pointer(SEGMENTS)};
	long r;

	memcpy(user_ptr(&t.user, USER_BASE), &op, sizeof(op));
	memcpy(user_ptr(&t.user, SEGMENTS), t.seg, t.n * sizeof(t.seg[0]));
	r = gntsim_ioctl(t.dev, mm, (uint32_t)IOCTL_GNTDEV_GRANT_COPY, USER_BASE, &ops);
	memcpy(t.seg, user_ptr(&t.user, SEGMENTS), t.n * sizeof(t.seg[0]));
	t.n = 0;
	return r;
}

/* A local pointer into a gntdev mapping of another domain's page: that page is not the caller's, so Xen
 * says bad page; into the caller's own gntalloc mapping all is well. (Measured.) */
static void local_pointer_into_device_memory(void)
{
	struct gntsim_file *own;
	struct gntsim_mm *mm;
	uint64_t index;

	begin();
	mm = fx_mm(fx.dom2);
	own = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	fx_alloc(own, 1, &index);
	REQUIRE_EQ(fx_mmap(mm, own, VA, 1, index), 0);
	REQUIRE_EQ(fx_mmap(mm, t.dev, VA + PAGE, 1, fx_map(t.dev, 1, t.rw)), 0);
	add_from(t.ro, 0, VA, 16);
	add_to(t.rw, 32, VA, 16);
	EXPECT_EQ(run_in(mm), 0);
	EXPECT_EQ(t.seg[0].status, 0);
	EXPECT_EQ(t.seg[1].status, 0);
	EXPECT(memcmp(page_of(t.rw) + 32, page_of(t.ro), 16) == 0);
	add_from(t.ro, 100, VA + PAGE, 16);
	add_to(t.rw, 200, VA + PAGE + 300, 16);
	EXPECT_EQ(run_in(mm), 0);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(t.seg[1].status, GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(page_of(t.rw)[1], 3);
	EXPECT_EQ(page_of(t.rw)[201], (uint8_t)(201 * 3));
	/* It is a matter of that one operation: not of the next, nor of another batch's. */
	add_to(t.rw, 200, VA + PAGE + 300, 16);
	for (unsigned i = 1; i < 17; i++)
		add_from(t.ro, 100, LOCAL + 64 * i, 16);
	EXPECT_EQ(run_in(mm), 0);
	EXPECT_EQ(t.seg[0].status, GNTSIM_GNTST_BAD_PAGE);
	for (unsigned i = 1; i < 17; i++) {
		EXPECT_EQ(t.seg[i].status, 0);
		EXPECT(memcmp(local(64 * i), page_of(t.ro) + 100, 16) == 0);
	}
	EXPECT_EQ(gntsim_mprotect(mm, VA + PAGE, PAGE, PROT_READ), 0);
	add_from(t.ro, 0, VA + PAGE, 16);
	EXPECT_EQ(run_in(mm), -EFAULT);
	gntsim_mm_destroy(mm);
	gntsim_close(own);
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"copies both ways", copies_both_ways},
	    {"local memory may cross pages", local_memory_may_cross_pages},
	    {"both sides may be references", both_sides_may_be_references},
	    {"references that fail", references_that_fail},
	    {"a batch is done once", a_batch_is_done_once},
	    {"nothing to do", nothing_to_do},
	    {"bad segments", bad_segments},
	    {"statuses", statuses},
	    {"own references", own_references},
	    {"bad local memory", bad_local_memory},
	    {"bad segment memory", bad_segment_memory},
	    {"status memory goes", status_memory_goes},
	    {"error leaves the batch uncopied", error_leaves_the_batch_uncopied},
	    {"batches of 16", batches_of_16},
	    {"memory that goes", memory_that_goes},
	    {"batches count pieces", batches_count_pieces},
	    {"status of an earlier batch", status_of_an_earlier_batch},
	    {"many segments", many_segments},
	    {"sixteen and a bad pointer", sixteen_and_a_bad_pointer},
	    {"odd segments", odd_segments},
	    {"local pointer into device memory", local_pointer_into_device_memory},
	};

	return UNIT_MAIN("gntdev_copy", tests);
}
