/* SPDX-License-Identifier: MIT */
/* Page frames: each has one owner, and comes zeroed. */
#include "support/grants.h"

static void frames_are_owned(void)
{
	gntsim_frame a = frame_of(fx.dom1), b = frame_of(fx.dom2);

	EXPECT(a != b);
	EXPECT_EQ(fx_totals().frames, 2);
	EXPECT_EQ(gntsim_frame_free(fx.dom2, a), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, 256), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, GNTSIM_NO_FRAME), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, a), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, a), -EINVAL);
	EXPECT_EQ(gntsim_frame_free(fx.dom2, b), 0);
	EXPECT_EQ(fx_totals().frames, 0);
}

static void frames_come_zeroed(void)
{
	gntsim_frame frame = frame_of(fx.dom1);

	memset(fx_bytes(frame), 0xFF, PAGE);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	for (unsigned i = 0; i < 256; i++) {
		gntsim_frame f = frame_of(fx.dom1);

		EXPECT_EQ(fx_bytes(f)[0] | fx_bytes(f)[4095], 0);
	}
	EXPECT_EQ(gntsim_frame_alloc(fx.dom1, &frame), -ENOMEM);
	for (unsigned i = 0; i < 256; i++)
		EXPECT_EQ(gntsim_frame_free(fx.dom1, i), 0);
}

/* A frame that its owner gives back while it is mapped is used again only after the last unmap. */
static void freed_while_mapped(void)
{
	gntsim_frame frame = frame_of(fx.dom1), other;
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);
	struct gntsim_map_grant_ref op = raw_map(fx.dom2, 1, ref, HOST);

	fx_bytes(frame)[9] = 9;
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), -EINVAL);
	EXPECT_EQ(fx_totals().frames, 1);
	EXPECT_EQ(fx_bytes(frame)[9], 9);
	other = frame_of(fx.dom0);
	EXPECT(other != frame);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(raw_unmap(fx.dom2, op.handle), 0);
	EXPECT_EQ(fx_totals().frames, 1);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom0, other), 0);
}

/* The same of one that a process holds, whom nobody granted it. */
static void freed_while_held(void)
{
	gntsim_frame frame = frame_of(fx.dom1), other;

	EXPECT_EQ(gntsim_frame_hold(fx.dom2, frame), -EINVAL);
	EXPECT_EQ(gntsim_frame_hold(fx.dom1, 256), -EINVAL);
	REQUIRE_EQ(gntsim_frame_hold(fx.dom1, frame), 0);
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(gntsim_frame_hold(fx.dom1, frame), -EINVAL);
	EXPECT_EQ(fx_totals().frames, 1);
	other = frame_of(fx.dom0);
	EXPECT(other != frame);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_frame_unhold(fx.m, frame);
	EXPECT_EQ(fx_totals().frames, 1);
	EXPECT_EQ(gntsim_frame_free(fx.dom0, other), 0);
}

/* A grant of a frame that is now somebody else's gives nothing. */
static void stale_grant(void)
{
	gntsim_frame frame = frame_of(fx.dom1), again;
	gntsim_gref ref = grant(fx.dom1, 2, frame, false);

	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST), GNTSIM_GNTST_BAD_PAGE);
	again = frame_of(fx.dom0);
	EXPECT_EQ(again, frame);
	EXPECT_EQ(map_status(fx.dom2, 1, ref, HOST), GNTSIM_GNTST_BAD_PAGE);
	EXPECT(gntsim_grant_try_end(fx.dom1, ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom0, again), 0);
}

/* gntalloc's pages are its driver's to free. */
static void gntallocs_pages(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	gntsim_gref ref = fx_alloc(alloc, 2, NULL);

	EXPECT_EQ(gntsim_frame_free(fx.dom1, entry_of(fx.dom1, ref).frame), -EINVAL);
	EXPECT_EQ(fx_totals().frames, 1);
	gntsim_close(alloc);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"frames are owned", frames_are_owned},     {"frames come zeroed", frames_come_zeroed},
	    {"freed while mapped", freed_while_mapped}, {"stale grant", stale_grant},
	    {"gntalloc's pages", gntallocs_pages},      {"freed while held", freed_while_held},
	};

	return UNIT_MAIN("frames", tests);
}
