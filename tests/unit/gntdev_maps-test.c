/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntdev: the list of maps and its indices. Rules: drivers/xen/gntdev.c. */
#include "support/mapping.h"

static void map_checks_the_count(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	uint64_t index;

	EXPECT_EQ(gntsim_gntdev_map(dev, 0, NULL, &index), -EINVAL);
	EXPECT_EQ(map_n(dev, 65537, &index), -EINVAL);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(map_n(dev, 65536, &index), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	gntsim_close(dev);
}

/* gntdev_add_map(): first fit, but a hole must be strictly larger than the count. */
static void first_fit_in_a_larger_hole(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(mapped(dev, 1), 0);
	EXPECT_EQ(mapped(dev, 1), 1 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 2 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 1), 0);
	EXPECT_EQ(mapped(dev, 1), 3 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 1 * PAGE, 1), 0);
	EXPECT_EQ(mapped(dev, 2), 4 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 0);
	EXPECT_EQ(mapped(dev, 1), 6 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 2 * PAGE, 0), 0);
	EXPECT_EQ(mapped(dev, 1), 1 * PAGE);
	gntsim_close(dev);
}

static void first_of_several_holes(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(mapped(dev, 3), 0);
	EXPECT_EQ(mapped(dev, 1), 3 * PAGE);
	EXPECT_EQ(mapped(dev, 5), 4 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 9 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 3), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 4 * PAGE, 5), 0);
	EXPECT_EQ(mapped(dev, 3), 4 * PAGE);
	EXPECT_EQ(mapped(dev, 2), 0);
	EXPECT_EQ(mapped(dev, 1), 7 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 10 * PAGE);
	gntsim_close(dev);
}

/* The sequence that the lab saw. */
static void indices_as_measured(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(mapped(dev, 2), 0);
	EXPECT_EQ(mapped(dev, 1), 2 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 3 * PAGE);
	EXPECT_EQ(mapped(dev, 2), 4 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 3 * PAGE, 1), 0);
	EXPECT_EQ(mapped(dev, 1), 6 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 7 * PAGE);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 4 * PAGE, 2), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 2), 0);
	EXPECT_EQ(mapped(dev, 1), 0);
	EXPECT_EQ(mapped(dev, 1), 3 * PAGE);
	EXPECT_EQ(mapped(dev, 1), 4 * PAGE);
	gntsim_close(dev);
}

/* The driver's list as it is written: gntdev_add_map(), for comparison. */
struct list_of_maps {
	struct {
		uint32_t index, count;
	} map[400];
	unsigned n;
};

static uint32_t list_add(struct list_of_maps *l, uint32_t count)
{
	uint32_t index = 0;
	unsigned at;

	for (at = 0; at < l->n; at++) {
		if (index + count < l->map[at].index)
			break;
		index = l->map[at].index + l->map[at].count;
	}
	memmove(&l->map[at + 1], &l->map[at], (l->n - at) * sizeof(l->map[0]));
	l->map[at].index = index;
	l->map[at].count = count;
	l->n++;
	return index;
}

static void list_remove(struct list_of_maps *l, unsigned at)
{
	l->n--;
	memmove(&l->map[at], &l->map[at + 1], (l->n - at) * sizeof(l->map[0]));
}

/* Many maps of all sizes come and go; each gets the index that the list would give it. */
static void indices_are_the_lists(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	static struct list_of_maps list;
	uint32_t seed = 2463534242u;

	list.n = 0;
	for (unsigned step = 0; step < 6000; step++) {
		seed ^= seed << 13;
		seed ^= seed >> 17;
		seed ^= seed << 5;
		if (list.n && (seed % 16 < 7 || list.n == 399)) {
			unsigned at = (seed >> 8) % list.n;

			REQUIRE_EQ(
			    gntsim_gntdev_unmap(dev, list.map[at].index * PAGE, list.map[at].count),
			    0);
			list_remove(&list, at);
		} else {
			uint32_t count = 1 + (seed >> 8) % 6;

			REQUIRE_EQ(mapped(dev, count), list_add(&list, count) * PAGE);
		}
	}
	EXPECT_EQ(fx_totals().gntdev_maps, list.n);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_close(dev);
}

/* An empty list begins at 0 again; each file counts for itself. */
static void index_is_reused(void)
{
	struct gntsim_file *a = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *b = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(mapped(a, 7), 0);
	EXPECT_EQ(mapped(b, 2), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(a, 0, 7), 0);
	EXPECT_EQ(mapped(a, 9), 0);
	gntsim_close(a);
	gntsim_close(b);
}

/* UNMAP: count 0 is any count; the low 12 bits of the index are ignored, and so are those that an
 * int of pages cannot hold. */
static void unmap_finds_its_map(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 0), -ENOENT);
	EXPECT_EQ(mapped(dev, 3), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(other, 0, 3), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 2), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 4), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, PAGE, 3), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, PAGE, 0), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 4095, 3), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 3), -ENOENT);
	EXPECT_EQ(mapped(dev, 3), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 1, 0), 0);
	EXPECT_EQ(mapped(dev, 3), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, UINT64_C(5) << 44, 3), 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	gntsim_close(dev);
	gntsim_close(other);
}

/* Index and count of an int: from 2^19 pages on the offset that MAP returns is sign-extended, and
 * finds nothing; the true offset does. From 2^20 on what it returns is 0. */
static void index_overflows_an_int(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *alloc = granted(fx.dom2);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	struct gntsim_grant grant = {.domid = 1, .ref = granted_refs[0]};
	const uint64_t true_offset = UINT64_C(1) << 31;
	uint64_t index, offset = 0;
	uint32_t count = 0;

	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(mapped(dev, 65536), i * 65536 * PAGE);
	EXPECT_EQ(gntsim_gntdev_map(dev, 1, &grant, &index), 0);
	EXPECT(index == UINT64_C(0xFFFFFFFF80000000));
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), -ENOENT);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, true_offset), 0);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA, &offset, &count), 0);
	EXPECT(offset == index);
	EXPECT_EQ(count, 1);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, true_offset, 1), 0);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(map_n(dev, 65536, &index), 0);
	EXPECT_EQ(gntsim_gntdev_map(dev, 1, &grant, &index), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 1), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, UINT64_C(1) << 32, 1), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* The same arithmetic in SET_UNMAP_NOTIFY: the map that ends at 2^19 pages ends, sign-extended,
 * almost everywhere above. */
static void notify_index_overflows_an_int(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	uint64_t index;

	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(map_n(dev, 65536, &index), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, (UINT64_C(1) << 31) - 1, 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, UINT64_C(1) << 31, 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, UINT64_C(0xFFFFFFFF7FFFFFFF), 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, UINT64_C(0xFFFFFFFF80000000), 0, 0), -ENOENT);
	gntsim_close(dev);
}

/* At 2 GiB to the byte: it seems to be the map's that ends there. The map that begins there has a negative offset. */
static void notify_index_of_2_gib(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	uint64_t index;

	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(map_n(dev, 65536, &index), 0);
	EXPECT_EQ(mapped(dev, 1), UINT64_C(0xFFFFFFFF80000000));
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, UINT64_C(1) << 31, SEND_EVENT, c.port_here),
		  0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, UINT64_C(0xFFFFFFFF80000000), 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 65536), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	gntsim_close(dev);
	fx_channel_close(&c);
}

/* Beyond 2^20 pages the offsets begin at 0 again, and belong to the first map that has them. */
static void notify_index_wraps(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	uint64_t index;

	for (unsigned i = 0; i < 16; i++)
		EXPECT_EQ(map_n(dev, 65536, &index), 0);
	EXPECT_EQ(mapped(dev, 1), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 0), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 4095, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 4096, SEND_EVENT, c.port_here), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, UINT64_C(1) << 32, 1), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	gntsim_close(dev);
	fx_channel_close(&c);
}

/* An index freed by UNMAP while mapped is given out again; both maps live. */
static void index_reused_while_still_mapped(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t first = fx_map(dev, 1, granted_refs[0]), second;

	fx_bytes(entry_of(fx.dom1, granted_refs[1]).frame)[0] = 0x11;
	REQUIRE_EQ(fx_mmap(mm, dev, VA, 1, first), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, first, 1), 0);
	second = fx_map(dev, 1, granted_refs[1]);
	EXPECT_EQ(second, first);
	EXPECT_EQ(fx_mmap(mm, dev, VA + PAGE, 1, second), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x11);
	EXPECT_EQ(fx_totals().gntdev_maps, 2);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x11);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* GET_OFFSET_FOR_VADDR: any address of a gntdev VMA, whatever file's, and, as find_vma works, of
 * the gap below it; always the whole map. */
static void offset_for_vaddr(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *own = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom2), *empty = fx_mm(fx.dom2);
	uint64_t index, offset = 9, own_index;
	uint32_t count = 9;

	fx_map(dev, 1, granted_refs[0]);
	index = fx_mapv(dev, 1, 3, granted_refs);
	fx_alloc(own, 1, &own_index);
	REQUIRE_EQ(fx_mmap(mm, dev, VA + 4 * PAGE, 3, index), 0);
	REQUIRE_EQ(fx_mmap(mm, own, VA + 16 * PAGE, 1, own_index), 0);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 4 * PAGE, &offset, &count), 0);
	EXPECT_EQ(offset, index);
	EXPECT_EQ(count, 3);
	offset = count = 9;
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(other, mm, VA + 7 * PAGE - 1, &offset, &count),
		  0);
	EXPECT_EQ(offset, index);
	EXPECT_EQ(count, 3);
	offset = 9;
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA, &offset, &count), 0);
	EXPECT_EQ(offset, index);
	offset = 9;
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, 0, &offset, &count), 0);
	EXPECT_EQ(offset, index);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 7 * PAGE, &offset, &count),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 16 * PAGE, &offset, &count),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 17 * PAGE, &offset, &count),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, empty, VA, &offset, &count), -EINVAL);
	EXPECT_EQ(gntsim_munmap(mm, VA + 4 * PAGE, 2 * PAGE), 0);
	offset = count = 9;
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 6 * PAGE, &offset, &count), 0);
	EXPECT_EQ(offset, index);
	EXPECT_EQ(count, 3);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 0), 0);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA + 6 * PAGE, &offset, &count), 0);
	gntsim_mm_destroy(mm);
	gntsim_mm_destroy(empty);
	gntsim_close(dev);
	gntsim_close(other);
	gntsim_close(own);
	gntsim_close(alloc);
}

/* The driver compares 32 bits of a number of pages to find the map, and all of it at last. */
static void a_mapping_of_too_many_pages(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *alloc = granted(fx.dom2);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(fx_mmap(mm, dev, VA, (UINT64_C(1) << 32) + 1, index), -ENXIO);
	EXPECT_EQ(fx_totals().vmas, 0);
	/* Its pages were mapped before, and it counts as used. */
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

#define MOST 80u

struct plain_map {
	uint64_t index;
	uint32_t count;
};

/* gntdev_add_map() as it is written there: along the list. @return where in it the new one is */
static unsigned add_plain(struct plain_map *all, unsigned n, uint32_t count)
{
	uint64_t at = 0;
	unsigned i;

	for (i = 0; i < n && at + count >= all[i].index; i++)
		at = all[i].index + all[i].count;
	memmove(&all[i + 1], &all[i], (n - i) * sizeof(*all));
	all[i] = (struct plain_map){at, count};
	return i;
}

/* Many come and go: the tree that they are kept in is the list all the time, and balanced. */
static void maps_come_and_go(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct plain_map all[MOST];
	uint64_t state = 18;
	unsigned n = 0;

	for (unsigned i = 0; i < 4000; i++) {
		uint32_t random;

		state = state * 6364136223846793005u + 1442695040888963407u;
		random = (uint32_t)(state >> 33);
		/* There are few of them, and many, in turn. */
		if (n == 0 || (n < MOST && random % 100 < (i / 400 % 2 ? 30 : 70))) {
			uint32_t count = 1 + random / 100 % 4;
			unsigned at = add_plain(all, n++, count);

			REQUIRE_EQ(mapped(dev, count), all[at].index * PAGE);
		} else {
			unsigned at = random / 100 % n;

			REQUIRE_EQ(gntsim_gntdev_unmap(dev, all[at].index * PAGE, all[at].count),
				   0);
			memmove(&all[at], &all[at + 1], (--n - at) * sizeof(*all));
		}
		REQUIRE(gntsim_machine_check(fx.m) == NULL);
	}
	gntsim_close(dev);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"map checks the count", map_checks_the_count},
	    {"first fit in a larger hole", first_fit_in_a_larger_hole},
	    {"first of several holes", first_of_several_holes},
	    {"maps come and go", maps_come_and_go},
	    {"a mapping of too many pages", a_mapping_of_too_many_pages},
	    {"index is reused", index_is_reused},
	    {"unmap finds its map", unmap_finds_its_map},
	    {"index overflows an int", index_overflows_an_int},
	    {"notify index overflows an int", notify_index_overflows_an_int},
	    {"index reused while still mapped", index_reused_while_still_mapped},
	    {"offset for vaddr", offset_for_vaddr},
	    {"notify index wraps", notify_index_wraps},
	    {"notify index of 2 GiB", notify_index_of_2_gib},
	    {"indices are the list's", indices_are_the_lists},
	    {"indices as measured", indices_as_measured},
	};

	return UNIT_MAIN("gntdev_maps", tests);
}
