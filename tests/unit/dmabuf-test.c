/* SPDX-License-Identifier: MIT */
/* dma-bufs: gntdev's calls (Linux drivers/xen/gntdev-dmabuf.c) and the file itself (dma-buf.c). */
#include <gntsim/dmabuf.h>
#include <gntsim/pin.h>

#include "support/user_memory.h"

/* In no release's header. */
#define EXP_FROM_REFS_V2 _IOC(_IOC_NONE, 'G', 13, 24)
#define IMP_TO_REFS_V2   _IOC(_IOC_NONE, 'G', 14, 24)
#define DMA_BUF_SYNC     _IOW('b', 0, uint64_t)

#define FD 3u /* what user_install() gives first */

static struct user user;
static struct gntsim_file *alloc, *dev;
static gntsim_gref refs[2];

/* Domain 1 grants domain @p mapper two pages; its gntdev is open. */
static void set_up(enum gntsim_dmabufs dmabufs, enum gntsim_arch arch, unsigned mapper)
{
	uint64_t index;

	fx_restart(&(struct fx_config){.dmabufs = dmabufs, .arch = arch});
	user_init(&user);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(mapper == 0 ? fx.dom0 : fx.dom2, GNTSIM_DEV_GNTDEV);
	for (unsigned i = 0; i < 2; i++)
		refs[i] = fx_alloc(alloc, (uint16_t)mapper, &index);
}

static void tear_down(void)
{
	gntsim_close(dev);
	gntsim_close(alloc);
}

static long call(struct gntsim_file *file, uint64_t cmd, const uint32_t *words, size_t n)
{
	memcpy(user_ptr(&user, USER_BASE), words, n * sizeof(*words));
	return gntsim_ioctl(file, NULL, (uint32_t)cmd, USER_BASE, &user.ops);
}

static uint32_t word(unsigned i)
{
	uint32_t w;

	memcpy(&w, user_ptr(&user, USER_BASE + i * sizeof(w)), sizeof(w));
	return w;
}

static long exp_refs(uint32_t flags, uint32_t count, uint32_t domid, gntsim_gref a, gntsim_gref b)
{
	return call(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS,
		    (const uint32_t[]){flags, count, 77, domid, a, b}, 6);
}

static long wait_released(struct gntsim_file *file, uint32_t fd)
{
	return call(file, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, (const uint32_t[]){fd, 50}, 2);
}

static long imp_refs(struct gntsim_file *file, uint32_t fd, uint32_t count, uint32_t domid)
{
	return call(file, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS,
		    (const uint32_t[]){fd, count, domid, 0, 77, 77}, 6);
}

static long imp_release(struct gntsim_file *file, uint32_t fd)
{
	return call(file, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, (const uint32_t[]){fd, 0}, 2);
}

static bool is_sound(void)
{
	const char *wrong = gntsim_machine_check(fx.m);

	return fx_check(!wrong, wrong ? wrong : "", __FILE__, __LINE__, false);
}

static void not_there(void)
{
	set_up(GNTSIM_DMABUFS_NONE, GNTSIM_ARCH_AMD64, 2);
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), -ENOTTY);
	EXPECT_EQ(gntsim_dmabuf_alloc(fx.dom2, 1, &user.files[0]), -ENOTTY);
	tear_down();
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, EXP_FROM_REFS_V2, 1, &user.ops), -ENOTTY);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IMP_TO_REFS_V2, 1, &user.ops), -ENOTTY);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, _IOC(_IOC_NONE, 'G', 9, 24), 1, &user.ops), -ENOTTY);
	EXPECT_EQ(gntsim_open(fx.dom2, GNTSIM_DEV_DMABUF, O_RDWR, &user.files[0]), -EINVAL);
	tear_down();
}

/* Grants are mapped from the export until the descriptor's end, which its waits then hear of. */
static void an_export_lives_as_its_descriptor(void)
{
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	EXPECT_EQ(word(2), FD);
	EXPECT_EQ(gntsim_dmabuf_size(user.files[0]), 2 * PAGE);
	EXPECT_EQ(gntsim_dmabuf_size(dev), 0);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(wait_released(dev, FD), -ETIMEDOUT);
	EXPECT_EQ(wait_released(dev, FD + 1), -ENOENT);
	EXPECT(is_sound());
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(wait_released(dev, FD), -ENOENT);
	tear_down();
}

/* On amd64 Xen gives no guest an export: a PV one is turned away first, a PVH one by Xen. */
static void amd64_has_no_exports(void)
{
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_AMD64, 0);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, 1, &user.ops),
		  -EINVAL);
	tear_down();
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_AMD64, 2);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, 1, &user.ops),
		  -EFAULT);
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), -EINVAL);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	tear_down();
	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 0);
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	user_close(&user, FD);
	tear_down();
}

static void what_an_export_refuses(void)
{
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	EXPECT_EQ(exp_refs(0, 0, 1, refs[0], refs[1]), -EINVAL);
	EXPECT_EQ(exp_refs(0, 65537, 1, refs[0], refs[1]), -EINVAL);
	EXPECT_EQ(exp_refs(3, 2, 1, refs[0], refs[1]), -EINVAL);
	EXPECT_EQ(exp_refs(0, 2, 9, refs[0], refs[1]), -EINVAL);
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], 500), -EINVAL);
	EXPECT_EQ(fx_totals().maptrack, 0);
	user.full = true;
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), -EMFILE);
	user.full = false;
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_totals().files, 2);
	/* Either flag, and any other, is none of Xen's business. */
	for (uint32_t flags = 1; flags <= 8; flags *= 2) {
		EXPECT_EQ(exp_refs(flags, 1, 0x10001, refs[0], 0), 0);
		user_close(&user, FD);
	}
	tear_down();
}

static void export_and_bad_memory(void)
{
	uint64_t at = user_before_page(1, 20);
	const uint32_t words[] = {0, 2, 77, 1, refs[0]};

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	user.page[1] = USER_HOLE;
	memcpy(user_ptr(&user, at), words, sizeof(words));
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, at, &user.ops),
		  -EFAULT);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, at + 1, &user.ops),
		  -EFAULT);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	user.page[1] = USER_RW;
	/* The number does not arrive, but the descriptor is there. */
	user.page[0] = USER_RO;
	EXPECT_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), -EFAULT);
	user.page[0] = USER_RW;
	EXPECT_EQ(wait_released(dev, FD), -ETIMEDOUT);
	user_close(&user, FD);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, 1, &user.ops),
		  -EFAULT);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, 1, &user.ops), -EFAULT);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, 1, &user.ops), -EFAULT);
	tear_down();
}

/* The dma-buf keeps the gntdev file, and all that this has. */
static void an_export_outlives_its_file(void)
{
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	fx_map(dev, 1, refs[0]);
	gntsim_close(dev);
	EXPECT_EQ(fx_totals().gntdev_maps, 2);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT(is_sound());
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_totals().files, 1);
	gntsim_close(alloc);
}

/* Its pages take offsets of the file as any map's do; a mapping of it is of what is mapped already. */
static void an_export_is_a_map_of_its_file(void)
{
	struct gntsim_mm *mm;

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	mm = fx_mm(fx.dom2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	EXPECT_EQ(fx_map(dev, 1, refs[0]), 2 * PAGE);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, 0), 0);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 5, CLEAR_BYTE, 0), 0);
	fx_poke(mm, VA + 5, 9);
	EXPECT_EQ(gntsim_munmap(mm, VA, 2 * PAGE), 0);
	EXPECT_EQ(fx_totals().maptrack, 2);
	gntsim_mm_destroy(mm);
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().maptrack, 0);
	tear_down();
}

static void giving_up_its_map(void)
{
	struct gntsim_effect e;
	bool told = false;

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 2), 0);
	while (gntsim_next_effect(fx.m, &e))
		told |= e.kind == GNTSIM_EFFECT_HAZARD &&
			!strcmp(e.hazard, "gntdev-unmap-of-a-dma-bufs-map");
	EXPECT(told);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 2), -ENOENT);
	EXPECT(is_sound());
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	tear_down();
}

static void mapping_a_dmabuf(void)
{
	struct gntsim_mm *mm, *child;

	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 0);
	mm = fx_mm(fx.dom0);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	REQUIRE_EQ(fx_mmap(mm, user.files[0], VA, 1, PAGE), 0);
	EXPECT_EQ(gntsim_mmap(mm, user.files[0], VA + PAGE, PAGE, PROT_READ, MAP_PRIVATE, 0),
		  -EINVAL);
	EXPECT_EQ(fx_mmap(mm, user.files[0], VA + PAGE, 2, PAGE), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, user.files[0], VA + PAGE, 1, 2 * PAGE), -EINVAL);
	fx_poke(mm, VA, 0x5A);
	REQUIRE_EQ(gntsim_mm_fork(mm, &child), 0);
	/* What maps it keeps it. */
	user_close(&user, FD);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(wait_released(dev, FD), -ETIMEDOUT);
	EXPECT_EQ(fx_peek(child, VA), 0x5A);
	EXPECT(is_sound());
	gntsim_mm_destroy(child);
	EXPECT_EQ(wait_released(dev, FD), -ENOENT);
	tear_down();
}

/* As the driver is, gntdev's can't be mapped; other dma-bufs can. */
static void mapping_as_linux(void)
{
	struct gntsim_file *memory;
	struct gntsim_mm *mm;

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	mm = fx_mm(fx.dom2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	EXPECT_EQ(fx_mmap(mm, user.files[0], VA, 2, 0), -EINVAL);
	user_close(&user, FD);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &memory), 0);
	EXPECT_EQ(fx_mmap(mm, memory, VA, 2, 0), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0);
	gntsim_close(memory);
	gntsim_mm_destroy(mm);
	tear_down();
}

static bool was_told(const struct gntsim_wait *wait)
{
	struct gntsim_effect e;
	bool told = false;

	while (gntsim_next_effect(fx.m, &e))
		told |= e.kind == GNTSIM_EFFECT_RELEASED && e.wait == wait;
	return told;
}

/* dmabuf_exp_wait_obj_signal() stops at the first that it finds. */
static void the_last_to_wait_is_told(void)
{
	struct gntsim_wait *first, *second, *ended;

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	EXPECT_EQ(gntsim_dmabuf_wait(dev, 99, NULL, &first), -ENOENT);
	EXPECT_EQ(gntsim_dmabuf_wait(alloc, FD, NULL, &first), -EINVAL);
	REQUIRE_EQ(gntsim_dmabuf_wait(dev, FD, &first, &first), 0);
	REQUIRE_EQ(gntsim_dmabuf_wait(dev, FD, &second, &second), 0);
	REQUIRE_EQ(gntsim_dmabuf_wait(dev, FD, NULL, &ended), 0);
	gntsim_wait_end(ended);
	EXPECT(!was_told(second));
	user_close(&user, FD);
	EXPECT(was_told(second));
	EXPECT(gntsim_wait_data(second) == &second);
	gntsim_wait_end(first);
	gntsim_wait_end(second);
	tear_down();
}

/* Who was exported last under a number is meant by it. */
static void numbers_that_come_again(void)
{
	struct gntsim_file *older;

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_ARM64, 2);
	REQUIRE_EQ(exp_refs(0, 1, 1, refs[0], 0), 0);
	older = user.files[0];
	user.files[0] = NULL; /* it was dup()ed, and this number closed */
	REQUIRE_EQ(exp_refs(0, 1, 1, refs[1], 0), 0);
	EXPECT_EQ(word(2), FD);
	user_close(&user, FD);
	EXPECT_EQ(wait_released(dev, FD), -ETIMEDOUT);
	gntsim_close(older);
	EXPECT_EQ(wait_released(dev, FD), -ENOENT);
	tear_down();
}

/* Domain 2's own memory, granted to domain 1, who maps it. */
static void importing(void)
{
	struct gntsim_file *other, *reader;
	struct gntsim_mm *mm, *mine;
	gntsim_gref granted[2];

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_AMD64, 2);
	reader = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom1);
	mine = fx_mm(fx.dom2);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	REQUIRE_EQ(fx_mmap(mine, user.files[0], VA, 2, 0), 0);
	fx_poke(mine, VA + PAGE, 0x42);
	EXPECT_EQ(imp_refs(dev, FD, 0, 1), -EINVAL);
	EXPECT_EQ(imp_refs(dev, FD, 1, 1), -EINVAL);
	EXPECT_EQ(imp_refs(dev, FD + 1, 2, 1), -EBADF);
	user.files[1] = dev;
	EXPECT_EQ(imp_refs(dev, FD + 1, 2, 1), -EINVAL);
	EXPECT_EQ(imp_release(dev, FD), -ENOENT);
	REQUIRE_EQ(imp_refs(dev, FD, 2, 1), 0);
	granted[0] = word(4);
	granted[1] = word(5);
	EXPECT_EQ(granted[0], 8);
	EXPECT_EQ(granted[1], 9);
	EXPECT(is_sound());
	/* It is the file's that imported it. */
	EXPECT_EQ(imp_release(other, FD), -ENOENT);
	user_close(&user, FD);
	gntsim_mm_destroy(mine);
	REQUIRE_EQ(fx_mmap(mm, reader, VA, 2, fx_mapv(reader, 2, 2, granted)), 0);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x42);
	EXPECT_EQ(imp_release(dev, FD), 0);
	EXPECT_EQ(imp_release(dev, FD), -ENOENT);
	/* What is mapped stays so, and ends afterwards. */
	EXPECT_EQ(fx_totals().deferred, 2);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x42);
	EXPECT(is_sound());
	gntsim_mm_destroy(mm);
	gntsim_close(reader);
	EXPECT_EQ(fx_totals().deferred, 2);
	gntsim_machine_advance(fx.m, 2 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	gntsim_close(other);
	tear_down();
}

/* A file that ends releases what it imported; the other domain may go first, or its own. */
static void ends_of_an_import(void)
{
	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 2, 1), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 2, 0), 0);
	EXPECT_EQ(word(4), 10);
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().frames, 4);
	gntsim_close(dev);
	EXPECT_EQ(fx_totals().frames, 2);
	EXPECT_EQ(fx_totals().grants, 2);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 2, 1), 0);
	gntsim_domain_destroy(fx.dom2);
	EXPECT(is_sound());
	user_close(&user, FD);
	tear_down();
}

/* References there must be for all pages, or none is given. */
static void an_import_without_references(void)
{
	struct gntsim_domain_config small = {.max_grant_frames = 1};
	struct gntsim_file *memory;

	fx_restart(&(struct fx_config){
	    .n_frames = 1024, .dmabufs = GNTSIM_DMABUFS_LINUX, .domain = {NULL, NULL, &small}});
	user_init(&user);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 300, &user.files[0]), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 300, 1), 0);
	EXPECT_EQ(imp_refs(dev, FD, 300, 1), -ENOSPC);
	EXPECT_EQ(fx_totals().grants, 300);
	EXPECT_EQ(gntsim_dmabuf_alloc(fx.dom2, 0, &memory), -EINVAL);
	EXPECT_EQ(gntsim_dmabuf_alloc(fx.dom2, 1000, &memory), -ENOMEM);
	EXPECT_EQ(gntsim_dmabuf_alloc(fx.dom2, 5000, &memory), -ENOMEM);
	user_close(&user, FD);
	gntsim_close(dev);
}

static void an_import_that_cannot_be_told(void)
{
	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	user.page[0] = USER_RO;
	EXPECT_EQ(imp_refs(dev, FD, 2, 1), -EFAULT);
	user.page[0] = USER_RW;
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT_EQ(imp_release(dev, FD), -ENOENT);
	user_close(&user, FD);
	tear_down();
}

/* Pages of another domain's can be granted, but Xen lets nobody map them. */
static void importing_an_export(void)
{
	struct gntsim_file *reader, *other;
	struct gntsim_mm *mm;
	gntsim_gref ref;

	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	reader = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom0);
	REQUIRE_EQ(exp_refs(0, 1, 1, refs[0], 0), 0);
	REQUIRE_EQ(imp_refs(other, FD, 1, 0), 0);
	ref = word(4);
	EXPECT_EQ(fx_mmap(mm, reader, VA, 1, fx_map(reader, 2, ref)), -EINVAL);
	/* The import keeps the dma-buf, and that the file which exported it. */
	user_close(&user, FD);
	gntsim_close(dev);
	EXPECT_EQ(fx_totals().maptrack, 1);
	EXPECT(is_sound());
	gntsim_close(other);
	EXPECT_EQ(fx_totals().maptrack, 0);
	gntsim_mm_destroy(mm);
	gntsim_close(reader);
	gntsim_close(alloc);
}

/* Imported where it was exported, it keeps itself until the domain goes. */
static void a_file_that_holds_itself(void)
{
	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(exp_refs(0, 1, 1, refs[0], 0), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 1, 0), 0);
	user_close(&user, FD);
	gntsim_close(dev);
	EXPECT_EQ(fx_totals().files, 3);
	EXPECT_EQ(fx_totals().maptrack, 1);
	EXPECT(is_sound());
	gntsim_domain_destroy(fx.dom2);
	EXPECT(is_sound());
	EXPECT_EQ(fx_totals().files, 1);
	gntsim_close(alloc);
}

/* Grants of a dma-buf that the kernel still uses a page of go when it does not any more. */
static void a_page_in_use(void)
{
	struct gntsim_pin *pin = NULL;
	struct gntsim_mm *mm;

	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	mm = fx_mm(fx.dom2);
	REQUIRE_EQ(exp_refs(0, 2, 1, refs[0], refs[1]), 0);
	REQUIRE_EQ(fx_mmap(mm, user.files[0], VA, 2, 0), 0);
	REQUIRE_EQ(gntsim_pin(mm, VA + PAGE + 9, &pin), 0);
	gntsim_mm_destroy(mm);
	user_close(&user, FD);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT(is_sound());
	gntsim_unpin(pin);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	tear_down();
}

/* A wait that nobody ends goes with the machine: the fixture sees what is left. */
static void a_wait_of_the_machines_end(void)
{
	struct gntsim_wait *wait;

	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(exp_refs(0, 1, 1, refs[0], 0), 0);
	REQUIRE_EQ(gntsim_dmabuf_wait(dev, FD, NULL, &wait), 0);
	gntsim_domain_destroy(fx.dom2);
	user_close(&user, FD);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_RELEASED), 0);
	tear_down();
}

/* A table that has no room for them grows to what they need before any is given, or none is. */
static void an_import_of_many_pages(void)
{
	bool failed = true;

	fx_restart(&(struct fx_config){.n_frames = 2048, .dmabufs = GNTSIM_DMABUFS_LINUX});
	user_init(&user);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 1000, &user.files[0]), 0);
	fx.allocator.fail_on = true;
	for (uint64_t i = 1; failed; i++) {
		fx.allocator.fail_at = fx.allocator.calls + i;
		failed = imp_refs(dev, FD, 1000, 1) != 0;
		fx.allocator.fail_at = 0;
		EXPECT_EQ(fx_totals().grants, failed ? 0 : 1000);
		EXPECT(is_sound());
	}
	user_close(&user, FD);
	gntsim_close(dev);
}

/* The importer is destroyed while another maps what it has taken back: the pages last as long as that. */
static void taken_back_by_the_dead(void)
{
	struct gntsim_file *reader;
	struct gntsim_mm *mm;
	gntsim_gref granted[2];

	set_up(GNTSIM_DMABUFS_LINUX, GNTSIM_ARCH_AMD64, 2);
	reader = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom1);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	REQUIRE_EQ(imp_refs(dev, FD, 2, 1), 0);
	granted[0] = word(4);
	granted[1] = word(5);
	user_close(&user, FD);
	REQUIRE_EQ(fx_mmap(mm, reader, VA, 2, fx_mapv(reader, 2, 2, granted)), 0);
	EXPECT_EQ(imp_release(dev, FD), 0);
	EXPECT_EQ(fx_totals().deferred, 2);
	gntsim_domain_destroy(fx.dom2);
	EXPECT(is_sound());
	EXPECT_EQ(fx_totals().zombies, 1);
	fx_poke(mm, VA + PAGE, 0x42);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x42);
	gntsim_mm_destroy(mm);
	gntsim_close(reader);
	EXPECT_EQ(fx_totals().zombies, 0);
	tear_down();
}

/* Whichever of a dead domain's files goes first. */
static void a_domain_with_a_dmabuf_dies(void)
{
	struct gntsim_wait *wait;

	for (int i = 0; i < 3; i++) {
		struct gntsim_mm *mm;

		set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
		mm = fx_mm(fx.dom2);
		REQUIRE_EQ(exp_refs(0, 1, 1, refs[0], 0), 0);
		REQUIRE_EQ(fx_mmap(mm, user.files[0], VA, 1, 0), 0);
		REQUIRE_EQ(gntsim_dmabuf_wait(dev, FD, NULL, &wait), 0);
		if (i == 1)
			gntsim_close(dev);
		gntsim_domain_destroy(fx.dom2);
		EXPECT(is_sound());
		EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_RELEASED), 0);
		gntsim_mm_destroy(mm);
		user_close(&user, FD);
		if (i != 1)
			gntsim_close(dev);
		gntsim_wait_end(wait);
		gntsim_close(alloc);
	}
}

/* A kernel knows no other's files. */
static void another_domains_dmabuf(void)
{
	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom1, 1, &user.files[0]), 0);
	EXPECT_EQ(imp_refs(dev, FD, 1, 0), -EINVAL);
	user_close(&user, FD);
	tear_down();
}

static void offsets_of_data(void)
{
	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(call(dev, EXP_FROM_REFS_V2, (const uint32_t[]){0, 1, 24, 77, 1, refs[0]}, 6), 0);
	EXPECT_EQ(word(2), 24);
	EXPECT_EQ(word(3), FD);
	EXPECT_EQ(imp_refs(dev, FD, 1, 0), -EINVAL);
	REQUIRE_EQ(call(dev, IMP_TO_REFS_V2, (const uint32_t[]){FD, 1, 0, 0, 77, 77}, 6), 0);
	EXPECT_EQ(word(4), 24);
	EXPECT_EQ(word(5), 8);
	EXPECT_EQ(imp_release(dev, FD), 0);
	EXPECT_EQ(call(dev, IMP_TO_REFS_V2, (const uint32_t[]){FD, 0, 0, 0, 77, 77}, 6), -EINVAL);
	EXPECT_EQ(call(dev, IMP_TO_REFS_V2, (const uint32_t[]){FD + 1, 1, 0, 0, 77, 77}, 6),
		  -EBADF);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, EXP_FROM_REFS_V2, 1, &user.ops), -EFAULT);
	EXPECT_EQ(gntsim_ioctl(dev, NULL, IMP_TO_REFS_V2, 1, &user.ops), -EFAULT);
	user_close(&user, FD);
	tear_down();
}

static void syncing(void)
{
	const uint64_t good = 3, none = 4, more = 9;

	set_up(GNTSIM_DMABUFS_ALL, GNTSIM_ARCH_AMD64, 2);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 1, &user.files[0]), 0);
	memcpy(user_ptr(&user, USER_BASE), &good, 8);
	EXPECT_EQ(gntsim_ioctl(user.files[0], NULL, DMA_BUF_SYNC, USER_BASE, &user.ops), 0);
	memcpy(user_ptr(&user, USER_BASE), &none, 8);
	EXPECT_EQ(gntsim_ioctl(user.files[0], NULL, DMA_BUF_SYNC, USER_BASE, &user.ops), -EINVAL);
	memcpy(user_ptr(&user, USER_BASE), &more, 8);
	EXPECT_EQ(gntsim_ioctl(user.files[0], NULL, DMA_BUF_SYNC, USER_BASE, &user.ops), -EINVAL);
	EXPECT_EQ(gntsim_ioctl(user.files[0], NULL, DMA_BUF_SYNC, 1, &user.ops), -EFAULT);
	EXPECT_EQ(gntsim_ioctl(user.files[0], NULL, 0, USER_BASE, &user.ops), -ENOTTY);
	user_close(&user, FD);
	tear_down();
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"not there", not_there},
	    {"an export lives as its descriptor", an_export_lives_as_its_descriptor},
	    {"amd64 has no exports", amd64_has_no_exports},
	    {"what an export refuses", what_an_export_refuses},
	    {"export and bad memory", export_and_bad_memory},
	    {"an export outlives its file", an_export_outlives_its_file},
	    {"an export is a map of its file", an_export_is_a_map_of_its_file},
	    {"giving up its map", giving_up_its_map},
	    {"mapping a dma-buf", mapping_a_dmabuf},
	    {"mapping as Linux", mapping_as_linux},
	    {"the last to wait is told", the_last_to_wait_is_told},
	    {"numbers that come again", numbers_that_come_again},
	    {"importing", importing},
	    {"a page in use", a_page_in_use},
	    {"a wait of the machine's end", a_wait_of_the_machines_end},
	    {"an import of many pages", an_import_of_many_pages},
	    {"taken back by the dead", taken_back_by_the_dead},
	    {"ends of an import", ends_of_an_import},
	    {"an import without references", an_import_without_references},
	    {"an import that cannot be told", an_import_that_cannot_be_told},
	    {"importing an export", importing_an_export},
	    {"a file that holds itself", a_file_that_holds_itself},
	    {"a domain with a dma-buf dies", a_domain_with_a_dmabuf_dies},
	    {"another domain's dma-buf", another_domains_dmabuf},
	    {"offsets of data", offsets_of_data},
	    {"syncing", syncing},
	};

	return UNIT_MAIN("dmabuf", tests);
}
