/* SPDX-License-Identifier: MIT */
/* mremap. Rules: mm/mremap.c, and gntdev's mmu notifier for PV. */
#include "support/four.h"

/* PV: moving by mremap ends the grants as well; the mapping itself moves. */
static void pv_mremap_ends_grants(void)
{
	struct mapped_pv m = mapped_pv();

	EXPECT_EQ(gntsim_mremap(m.mm, VA, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				VA + 16 * PAGE),
		  0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_load(m.mm, VA + 16 * PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_totals().vmas, 1);
	mapped_pv_end(&m);
}

/* PV: a page in the middle moves alone; a tail cut off ends its grants; the moved mapping still belongs
 * to its map, and holds it. (Measured.) */
static void pv_mremap_of_parts(void)
{
	struct mapped_pv m = mapped_pv();
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);
	uint64_t offset = 9;
	uint32_t count = 9;

	fx_poke(m.mm, VA + PAGE, 0x55);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + PAGE, CLEAR_BYTE | SEND_EVENT,
						 c.port_here),
		  0);
	EXPECT_EQ(gntsim_mremap(m.mm, VA + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				VA + 16 * PAGE),
		  0);
	EXPECT_EQ(fx_totals().maptrack, 4);
	EXPECT_EQ(fx_try_load(m.mm, VA + 16 * PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_try_load(m.mm, VA + 2 * PAGE), GNTSIM_ACCESS_OK);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(m.dev, m.mm, VA + 16 * PAGE, &offset, &count),
		  0);
	EXPECT_EQ(offset, m.index);
	EXPECT_EQ(count, 3);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 3 * PAGE), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + 16 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	mapped_pv_end(&m);
	m = mapped_pv();
	EXPECT_EQ(gntsim_mremap(m.mm, VA, 3 * PAGE, PAGE, 0, VA), 0);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_OK);
	mapped_pv_end(&m);
	fx_channel_close(&c);
}

/* SYSCALL_DEFINE5(mremap): what is refused before the mapping is looked up, and after. */
static void mremap_errors(void)
{
	struct four f = four();
	const int move = MREMAP_MAYMOVE | MREMAP_FIXED;
	const uint64_t to = VA + 32 * PAGE;

	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, 8, VA), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, MREMAP_FIXED, to), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, MREMAP_DONTUNMAP, to), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 2 * PAGE, PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, to),
		  -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + 1, PAGE, PAGE, 0, VA), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, 0, 0, VA), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + 64 * PAGE, PAGE, PAGE, 0, VA + 64 * PAGE), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, move, to + 1), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 2 * PAGE, 2 * PAGE, move, VA + PAGE), -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, 2 * PAGE, move, VA - PAGE), -EINVAL);
	EXPECT_EQ(
	    gntsim_mremap(f.mm, VA, 4 * PAGE, 4 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, to),
	    -EINVAL);
	/* Where nothing is mapped above, either. */
	EXPECT_EQ(gntsim_mremap(f.mm, VA + 64 * PAGE, PAGE, PAGE, move, to), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + 64 * PAGE, 2 * PAGE, PAGE, 0, VA), -EFAULT);
	/* Lengths are whole pages. */
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE - 1, PAGE, 0, VA), 0);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 5 * PAGE, 0, VA), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE, to), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 5 * PAGE, move, to), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 0, PAGE, MREMAP_MAYMOVE, to), -EFAULT);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 5 * PAGE, 5 * PAGE, move, to), -EFAULT);
	/* vma_to_resize(): left behind before too long. */
	EXPECT_EQ(
	    gntsim_mremap(f.mm, VA, 5 * PAGE, 5 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, to),
	    -EINVAL);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	/* mremap_to() unmaps the target, which is all there was. */
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 0, 4 * PAGE, move, VA), -EFAULT);
	EXPECT_EQ(fx_totals().vmas, 0);
	four_end(&f);
}

/* Next to where it was, and up to the last page, is no overlap. */
static void mremap_to_the_edges(void)
{
	const int move = MREMAP_MAYMOVE | MREMAP_FIXED;
	const uint64_t top = ADDRESSES_END - PAGE;
	struct four f = four();

	EXPECT_EQ(gntsim_mremap(f.mm, VA + 3 * PAGE, PAGE, PAGE, move, VA + 4 * PAGE), 0);
	EXPECT_EQ(fx_peek(f.mm, VA + 4 * PAGE), 4);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, move, VA - PAGE), 0);
	EXPECT_EQ(fx_peek(f.mm, VA - PAGE), 1);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + PAGE, PAGE, PAGE, move, top), 0);
	EXPECT_EQ(fx_peek(f.mm, top), 2);
	EXPECT_EQ(gntsim_mremap(f.mm, top, PAGE, PAGE, move, top + PAGE), -EINVAL);
	four_end(&f);
}

/* A PV mapping that moves loses its grants, and whoever holds its pages is told. */
static void pv_moved_mapping_is_revoked(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom0);

	fx_drain();
	EXPECT_EQ(
	    gntsim_mremap(s.mapper, VA, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA + 32 * PAGE),
	    0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 1);
	fx_share_close(&s);
}

/* Without MREMAP_FIXED a size that does not grow never moves, wherever the caller points; a tail
 * that is too much is unmapped. */
static void mremap_shrinks_in_place(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, VA), 0);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, VA + 64 * PAGE), 0);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE, VA), 0);
	EXPECT_EQ(vma_at(f.mm, VA).end, VA + 2 * PAGE);
	EXPECT_EQ(fx_try_load(f.mm, VA + 2 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 2 * PAGE, PAGE + 1, 0, VA), 0);
	EXPECT_EQ(vma_at(f.mm, VA).end, VA + 2 * PAGE);
	four_end(&f);
}

/* mremap_to(): shrink and move at once; what is at the target goes first, even when the call then
 * fails. */
static void mremap_moves(void)
{
	struct four f = four();
	const int move = MREMAP_MAYMOVE | MREMAP_FIXED;

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 8 * PAGE, 4, 0), 0);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 5 * PAGE, move, VA + 8 * PAGE), -EFAULT);
	EXPECT_EQ(fx_try_load(f.mm, VA + 8 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_totals().vmas, 1);
	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 8 * PAGE, 4, 0), 0);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + PAGE, 3 * PAGE, 2 * PAGE, move, VA + 8 * PAGE), 0);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_try_load(f.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_load(f.mm, VA + 3 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_peek(f.mm, VA + 8 * PAGE), 2);
	EXPECT_EQ(fx_peek(f.mm, VA + 9 * PAGE), 3);
	EXPECT_EQ(fx_peek(f.mm, VA + 10 * PAGE), 3);
	EXPECT_EQ(vma_at(f.mm, VA + 8 * PAGE).offset, PAGE);
	four_end(&f);
}

/* A moved piece is still a piece: its pages end with the last of them, not before. */
static void moved_pieces_share_the_counter(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_gntalloc_dealloc(f.alloc, 0, 4), 0);
	EXPECT_EQ(gntsim_mremap(f.mm, VA + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				VA + 16 * PAGE),
		  0);
	EXPECT_EQ(gntsim_munmap(f.mm, VA, 4 * PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 4);
	EXPECT_EQ(fx_peek(f.mm, VA + 16 * PAGE), 2);
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 16 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 0);
	four_end(&f);
}

/* gntdev on PVH: the moved mapping keeps the map, and GET_OFFSET finds it there. */
static void pvh_moved_mapping_is_found(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	uint64_t offset = 9;
	uint32_t count = 9;

	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, s.map_index, 1), 0);
	EXPECT_EQ(
	    gntsim_mremap(s.mapper, VA, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA + 2 * PAGE),
	    0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(
	    gntsim_gntdev_get_offset_for_vaddr(s.dev, s.mapper, VA + 2 * PAGE, &offset, &count), 0);
	EXPECT_EQ(offset, s.map_index);
	EXPECT_EQ(count, 1);
	EXPECT_EQ(gntsim_munmap(s.mapper, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	fx_share_close(&s);
}

/* PVH: protection and moving leave the grants alone. */
static void pvh_keeps_grants(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	fx_poke(s.granter, VA, 0x17);
	EXPECT_EQ(gntsim_mprotect(s.mapper, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA), 0x17);
	EXPECT_EQ(gntsim_mprotect(s.mapper, VA, PAGE, RW), 0);
	EXPECT_EQ(
	    gntsim_mremap(s.mapper, VA, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA + 4 * PAGE),
	    0);
	EXPECT_EQ(fx_try_load(s.mapper, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_peek(s.mapper, VA + 4 * PAGE), 0x17);
	EXPECT_EQ(fx_totals().maptrack, 1);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 0);
	fx_share_close(&s);
}

/* A length beyond the address space: do_munmap() refuses the tail, and nothing before it goes. */
static void mremap_beyond_the_address_space(void)
{
	struct four f = four();
	const uint64_t huge = UINT64_C(1) << 48;

	EXPECT_EQ(gntsim_mremap(f.mm, VA, huge, PAGE, 0, VA), -EINVAL);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, huge, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA - 4 * PAGE),
		  -EINVAL);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, huge, MREMAP_MAYMOVE | MREMAP_FIXED, VA + 8 * PAGE),
		  -EINVAL);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, huge),
		  -EINVAL);
	EXPECT_EQ(fx_totals().vmas, 1);
	four_end(&f);
}

/* What is moved over may have been its file's last user: that ends before the call returns. */
static void mremap_ends_what_was_there(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	struct gntsim_file *other = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	uint64_t index;

	(void)fx_alloc(other, 1, &index);
	REQUIRE_EQ(fx_mmap(s.mapper, other, VA + 8 * PAGE, 1, index), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(s.dev, s.map_index, SEND_EVENT, c.port_here), 0);
	gntsim_close(s.dev);
	s.dev = NULL;
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(
	    gntsim_mremap(s.mapper, VA + 8 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA),
	    0);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_share_close(&s);
	gntsim_close(other);
	fx_channel_close(&c);
}

/* Linux 6.17 on looks whether it can be done before anything goes; before, what is in the way goes first. */
static void what_is_in_the_way(void)
{
	static const struct gntsim_domain_config kernels[] = {{.kernel = GNTSIM_KERNEL_6_12},
							      {.kernel = GNTSIM_KERNEL_6_18}};

	for (unsigned i = 0; i < 2; i++) {
		struct gntsim_file *other;
		struct four f;

		fx_restart(&(struct fx_config){.domain = {NULL, &kernels[i], NULL}});
		f = four();
		other = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
		(void)fx_alloc(other, 2, NULL);
		REQUIRE_EQ(fx_mmap(f.mm, other, VA + 17 * PAGE, 1, 0), 0);
		/* It can't grow. */
		EXPECT_EQ(gntsim_mremap(f.mm, VA, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					VA + 16 * PAGE),
			  -EFAULT);
		EXPECT_EQ(fx_try_load(f.mm, VA + 17 * PAGE),
			  i ? GNTSIM_ACCESS_OK : GNTSIM_ACCESS_SEGV);
		EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
		/* It can be made smaller. */
		EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					VA + 16 * PAGE),
			  0);
		EXPECT_EQ(fx_peek(f.mm, VA + 16 * PAGE), 1);
		EXPECT_EQ(fx_peek(f.mm, VA + 17 * PAGE), 2);
		for (unsigned page = 0; page < 4; page++)
			EXPECT_EQ(fx_try_load(f.mm, VA + page * PAGE), GNTSIM_ACCESS_SEGV);
		EXPECT_EQ(fx_totals().vmas, 1);
		gntsim_close(other);
		four_end(&f);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"PV: mremap ends grants", pv_mremap_ends_grants},
	    {"mremap errors", mremap_errors},
	    {"mremap to the edges", mremap_to_the_edges},
	    {"PV: moved mapping is revoked", pv_moved_mapping_is_revoked},
	    {"mremap shrinks in place", mremap_shrinks_in_place},
	    {"mremap moves", mremap_moves},
	    {"mremap ends what was there", mremap_ends_what_was_there},
	    {"moved pieces share the counter", moved_pieces_share_the_counter},
	    {"PVH: moved mapping is found", pvh_moved_mapping_is_found},
	    {"PVH: keeps grants", pvh_keeps_grants},
	    {"mremap beyond the address space", mremap_beyond_the_address_space},
	    {"PV: mremap of parts", pv_mremap_of_parts},
	    {"what is in the way", what_is_in_the_way},
	};

	return UNIT_MAIN("mremap", tests);
}
