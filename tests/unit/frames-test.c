/* SPDX-License-Identifier: MIT */
/* Page frames: each has one owner, and comes zeroed. */
#include "grants.h"

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

int main(void)
{
	static const struct unit_test tests[] = {
	    {"frames are owned", frames_are_owned},
	    {"frames come zeroed", frames_come_zeroed},
	};

	return UNIT_MAIN("frames", tests);
}
