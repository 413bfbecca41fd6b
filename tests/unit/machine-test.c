/* SPDX-License-Identifier: MIT */
/* The machine: its making, its frames, its end. */
#include "support/fixture.h"

#include <stdio.h>

static void new_checks_its_frames(void)
{
	static _Alignas(4096) unsigned char memory[2 * GNTSIM_PAGE_SIZE];
	struct gntsim_config config = {.frames = NULL, .n_frames = 2};
	struct gntsim_machine *m = NULL;

	EXPECT_EQ(gntsim_machine_new(&config, &m), -EINVAL);
	config.frames = memory + 8;
	config.n_frames = 1;
	EXPECT_EQ(gntsim_machine_new(&config, &m), -EINVAL);
	config.frames = memory;
	config.n_frames = 0;
	EXPECT_EQ(gntsim_machine_new(&config, &m), -EINVAL);
	config.n_frames = 1;
	config.xen = (enum gntsim_xen)99;
	EXPECT_EQ(gntsim_machine_new(&config, &m), -EINVAL);
	config.xen = (enum gntsim_xen)0;
	REQUIRE_EQ(gntsim_machine_new(&config, &m), 0);
	EXPECT(gntsim_frame_ptr(m, 0) == memory);
	EXPECT_EQ(gntsim_machine_frames(m), 1);
	EXPECT(gntsim_machine_check(m) == NULL);
	gntsim_machine_free(m);
	gntsim_machine_free(NULL);
}

/* Each allocation that a new machine makes may fail: -ENOMEM, and nothing stays behind. */
static void new_without_memory(void)
{
	static _Alignas(4096) unsigned char memory[GNTSIM_PAGE_SIZE];
	struct gntsim_machine *m = NULL;

	for (uint64_t n = 1;; n++) {
		struct counting_allocator a;
		struct gntsim_config config = {
		    .frames = memory, .n_frames = 1, .allocator = &a.ops};
		int err;

		counting_allocator_init(&a);
		a.fail_at = n;
		err = gntsim_machine_new(&config, &m);
		if (!err)
			gntsim_machine_free(m);
		EXPECT_EQ(a.blocks, 0);
		EXPECT(!a.misused);
		if (!a.failed) {
			EXPECT_EQ(err, 0);
			EXPECT(n > 1);
			break;
		}
		EXPECT_EQ(err, -ENOMEM);
	}
}

/* The allocator structure is copied: the caller's may go. */
static void allocator_is_copied(void)
{
	static _Alignas(4096) unsigned char memory[GNTSIM_PAGE_SIZE];
	struct counting_allocator a;
	struct gntsim_machine *m = NULL;
	struct gntsim_domain *dom = NULL;

	counting_allocator_init(&a);
	{
		struct gntsim_allocator ops = a.ops;
		struct gntsim_config config = {.frames = memory, .n_frames = 1, .allocator = &ops};

		REQUIRE_EQ(gntsim_machine_new(&config, &m), 0);
		memset(&ops, 0, sizeof(ops));
	}
	EXPECT_EQ(gntsim_domain_create(m, 7, NULL, &dom), 0);
	gntsim_machine_free(m);
	EXPECT_EQ(a.blocks, 0);
}

static void free_takes_everything(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);

	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index, SEND_EVENT, c.port_there), 0);
	gntsim_machine_free(fx.m);
	EXPECT_EQ(fx.allocator.blocks, 0);
	EXPECT_EQ(fx.allocator.bytes, 0);
	REQUIRE_EQ(gntsim_machine_new(&(struct gntsim_config){.frames = fx.frames,
							      .n_frames = fx.n_frames,
							      .allocator = &fx.allocator.ops},
				      &fx.m),
		   0);
}

static void frame_pointers(void)
{
	EXPECT(gntsim_frame_ptr(fx.m, 0) == fx.frames);
	EXPECT(gntsim_frame_ptr(fx.m, 255) == fx.frames + 255 * PAGE);
	EXPECT(gntsim_frame_ptr(fx.m, 256) == NULL);
	EXPECT(gntsim_frame_ptr(fx.m, GNTSIM_NO_FRAME) == NULL);
}

static void version_is_three_numbers(void)
{
	unsigned major, minor, patch;
	char end;

	EXPECT_EQ(sscanf(gntsim_version(), "%u.%u.%u%c", &major, &minor, &patch, &end), 3);
}

static void two_machines_share_nothing(void)
{
	static _Alignas(4096) unsigned char memory[4 * GNTSIM_PAGE_SIZE];
	struct gntsim_machine *other = NULL;
	struct gntsim_domain *dom = NULL;
	struct gntsim_totals t;
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	REQUIRE_EQ(
	    gntsim_machine_new(&(struct gntsim_config){.frames = memory, .n_frames = 4}, &other),
	    0);
	EXPECT(gntsim_domain_find(other, 1) == NULL);
	EXPECT_EQ(gntsim_domain_create(other, 1, NULL, &dom), 0);
	EXPECT(gntsim_domain_machine(dom) == other);
	gntsim_machine_advance(other, SECOND);
	EXPECT_EQ(gntsim_machine_now(fx.m), 0);
	gntsim_machine_totals(other, &t);
	EXPECT_EQ(t.domains, 1);
	EXPECT_EQ(t.grants, 0);
	EXPECT_EQ(fx_totals().grants, 1);
	gntsim_machine_free(other);
	fx_share_close(&s);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"new checks its frames", new_checks_its_frames},
	    {"new without memory", new_without_memory},
	    {"allocator is copied", allocator_is_copied},
	    {"free takes everything", free_takes_everything},
	    {"frame pointers", frame_pointers},
	    {"version is three numbers", version_is_three_numbers},
	    {"two machines share nothing", two_machines_share_nothing},
	};

	return UNIT_MAIN("machine", tests);
}
