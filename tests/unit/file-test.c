/* SPDX-License-Identifier: MIT */
/* Open files: what opening decides, and how long a file lives. */
#include "support/fixture.h"

static void getters(void)
{
	struct gntsim_file *file = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	int data;

	EXPECT_EQ(gntsim_file_device(file), GNTSIM_DEV_EVTCHN);
	EXPECT(gntsim_file_domain(file) == fx.dom1);
	EXPECT(gntsim_file_data(file) == NULL);
	gntsim_file_set_data(file, &data);
	EXPECT(gntsim_file_data(file) == &data);
	EXPECT_EQ(fx_totals().files, 1);
	gntsim_close(file);
	EXPECT_EQ(fx_totals().files, 0);
}

static void alloc_fails(struct gntsim_file *file)
{
	uint64_t index;
	gntsim_gref ref;

	EXPECT_EQ(gntsim_gntalloc_alloc(file, 1, 1, 1, &index, &ref), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, 0, 0), -EINVAL);
}

static void map_fails(struct gntsim_file *file, struct gntsim_mm *mm)
{
	struct gntsim_grant grant = {1, 8};
	uint64_t index;
	uint32_t count;

	EXPECT_EQ(gntsim_gntdev_map(file, 1, &grant, &index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(file, 0, 0), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(file, mm, VA, &index, &count), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(file, 0, 0, 0), -EINVAL);
}

static void evtchn_fails(struct gntsim_file *file)
{
	gntsim_port port = 1;

	EXPECT_EQ(gntsim_evtchn_bind_unbound(file, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(file, 1, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_virq(file, 5), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_unbind(file, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_notify(file, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_reset(file), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_restrict(file, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_read(file, 4, &port), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_peek(file, 4, &port), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_write(file, 4, &port), -EINVAL);
}

/* A driver's calls on another driver's file are -EINVAL. */
static void a_file_of_another_device(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_mm *mm = fx_mm(fx.dom1);

	alloc_fails(dev);
	alloc_fails(evtchn);
	map_fails(alloc, mm);
	map_fails(evtchn, mm);
	evtchn_fails(alloc);
	evtchn_fails(dev);
	gntsim_mm_destroy(mm);
	gntsim_close(alloc);
	gntsim_close(dev);
	gntsim_close(evtchn);
}

static int map_with(int open_flags, enum gntsim_device device, int prot, int flags)
{
	struct gntsim_file *file = NULL;
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	struct gntsim_grant grant = {.domid = 2};
	uint64_t index = 0;
	struct gntsim_file *peer = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	int err;

	grant.ref = fx_alloc(peer, 1, NULL);
	REQUIRE_EQ(gntsim_open(fx.dom1, device, open_flags, &file), 0);
	if (device == GNTSIM_DEV_GNTALLOC)
		fx_alloc(file, 2, &index);
	else if (device == GNTSIM_DEV_GNTDEV)
		REQUIRE_EQ(gntsim_gntdev_map(file, 1, &grant, &index), 0);
	err = gntsim_mmap(mm, file, VA, PAGE, prot, flags, index);
	EXPECT_EQ(fx_totals().vmas, err ? 0 : 1);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
	gntsim_close(peer);
	return err;
}

/* do_mmap(): a shared writable mapping needs FMODE_WRITE, every mapping FMODE_READ. */
static void open_mode_limits_mmap(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	EXPECT_EQ(map_with(O_RDWR, GNTSIM_DEV_GNTALLOC, rw, MAP_SHARED), 0);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_GNTALLOC, rw, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_WRONLY, GNTSIM_DEV_GNTALLOC, rw, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_WRONLY, GNTSIM_DEV_GNTALLOC, PROT_WRITE, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_WRONLY, GNTSIM_DEV_GNTDEV, PROT_READ, MAP_PRIVATE), -EACCES);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_GNTDEV, rw, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_GNTDEV, PROT_READ, MAP_SHARED), 0);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_GNTDEV, rw, MAP_PRIVATE), -EINVAL);
	EXPECT_EQ(map_with(O_RDWR | O_NONBLOCK | O_CLOEXEC, GNTSIM_DEV_GNTDEV, rw, MAP_SHARED), 0);
}

/* For a file that is not open for writing do_mmap() takes VM_SHARED away even from a MAP_SHARED
 * mapping, and gntalloc then refuses it. */
static void readonly_gntalloc_file_cannot_be_mapped(void)
{
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_GNTALLOC, PROT_READ, MAP_SHARED), -EINVAL);
	EXPECT_EQ(map_with(O_RDWR, GNTSIM_DEV_GNTALLOC, PROT_READ, MAP_SHARED), 0);
}

/* evtchn has no mmap; the open mode is looked at first. */
static void evtchn_has_no_mmap(void)
{
	EXPECT_EQ(map_with(O_RDWR, GNTSIM_DEV_EVTCHN, PROT_READ, MAP_SHARED), -ENODEV);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_EVTCHN, PROT_READ, MAP_PRIVATE), -ENODEV);
	EXPECT_EQ(map_with(O_WRONLY, GNTSIM_DEV_EVTCHN, PROT_READ, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_RDONLY, GNTSIM_DEV_EVTCHN, PROT_WRITE, MAP_SHARED), -EACCES);
	EXPECT_EQ(map_with(O_RDWR, GNTSIM_DEV_EVTCHN, PROT_READ, 0), -EINVAL);
}

/* The VFS says EBADF before the driver is asked; ioctls do not look at the mode. */
static void open_mode_limits_read_and_write(void)
{
	struct gntsim_file *rd = NULL, *wr = NULL;
	gntsim_port port = 0;

	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_EVTCHN, O_RDONLY, &rd), 0);
	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_EVTCHN, O_WRONLY, &wr), 0);
	EXPECT_EQ(gntsim_evtchn_read(rd, 4, &port), -EAGAIN);
	EXPECT_EQ(gntsim_evtchn_write(rd, 4, &port), -EBADF);
	EXPECT_EQ(gntsim_evtchn_write(rd, 0, &port), -EBADF);
	EXPECT_EQ(gntsim_evtchn_read(wr, 4, &port), -EBADF);
	EXPECT_EQ(gntsim_evtchn_read(wr, 0, &port), -EBADF);
	EXPECT_EQ(gntsim_evtchn_peek(wr, 4, &port), -EBADF);
	EXPECT_EQ(gntsim_evtchn_write(wr, 4, &port), 4);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(rd, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(wr, 2), 2);
	gntsim_close(rd);
	gntsim_close(wr);
}

static void ioctls_do_not_look_at_the_mode(void)
{
	struct gntsim_file *file = NULL;
	struct gntsim_grant grant = {1, 8};
	uint64_t index;
	gntsim_gref ref;

	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_GNTALLOC, O_RDONLY, &file), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 1, &index, &ref), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 1), 0);
	gntsim_close(file);
	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_GNTDEV, O_WRONLY, &file), 0);
	EXPECT_EQ(gntsim_gntdev_map(file, 1, &grant, &index), 0);
	gntsim_close(file);
}

/* A mapping pins its file: release waits for the last of them. */
static void mapping_keeps_gntalloc_file(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	uint64_t index;

	fx_alloc(alloc, 2, &index);
	fx_alloc(alloc, 2, NULL);
	REQUIRE_EQ(fx_mmap(mm, alloc, VA, 1, index), 0);
	gntsim_close(alloc);
	EXPECT_EQ(fx_totals().files, 1);
	EXPECT_EQ(fx_totals().grants, 2);
	fx_poke(mm, VA, 1);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().files, 0);
	EXPECT_EQ(fx_totals().grants, 0);
	gntsim_mm_destroy(mm);
}

static void mapping_keeps_gntdev_file(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	gntsim_close(s.dev);
	s.dev = NULL;
	EXPECT_EQ(fx_totals().files, 2);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	fx_poke(s.mapper, VA, 1);
	gntsim_mm_destroy(s.mapper);
	s.mapper = NULL;
	EXPECT_EQ(fx_totals().files, 1);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	fx_share_close(&s);
}

/* The pieces of a split mapping and the copies that fork makes pin the file, each for itself. */
static void pieces_and_copies_keep_the_file(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1), *child = NULL;
	uint64_t index;
	gntsim_gref refs[3];

	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 3, &index, refs), 0);
	REQUIRE_EQ(fx_mmap(mm, alloc, VA, 3, index), 0);
	gntsim_close(alloc);
	EXPECT_EQ(gntsim_munmap(mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	REQUIRE_EQ(gntsim_mm_fork(mm, &child), 0);
	EXPECT_EQ(fx_totals().vmas, 4);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(fx_totals().files, 1);
	EXPECT_EQ(gntsim_munmap(child, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().files, 1);
	EXPECT_EQ(fx_totals().grants, 3);
	EXPECT_EQ(gntsim_munmap(child, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().files, 0);
	EXPECT_EQ(fx_totals().grants, 0);
	gntsim_mm_destroy(child);
}

/* open() fails with -ENOMEM when memory is gone, and the files that are open stay. */
static void open_without_memory(void)
{
	static const enum gntsim_device devices[] = {GNTSIM_DEV_GNTALLOC, GNTSIM_DEV_GNTDEV,
						     GNTSIM_DEV_EVTCHN};
	enum { MANY = 20000 };
	struct gntsim_file **files = calloc(MANY, sizeof(struct gntsim_file *));

	REQUIRE(files != NULL);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t n = 0;
		int err = 0;

		fx.allocator.fail_at = fx.allocator.calls + 1;
		fx.allocator.fail_on = true;
		while (n < MANY && !(err = gntsim_open(fx.dom1, devices[i], O_RDWR, &files[n])))
			n++;
		EXPECT_EQ(err, -ENOMEM);
		EXPECT_EQ(fx_totals().files, n);
		EXPECT(gntsim_machine_check(fx.m) == NULL);
		while (n)
			gntsim_close(files[--n]);
		fx.allocator.fail_at = 0;
	}
	free(files);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"getters", getters},
	    {"a file of another device", a_file_of_another_device},
	    {"open mode limits mmap", open_mode_limits_mmap},
	    {"readonly gntalloc file cannot be mapped", readonly_gntalloc_file_cannot_be_mapped},
	    {"evtchn has no mmap", evtchn_has_no_mmap},
	    {"open mode limits read and write", open_mode_limits_read_and_write},
	    {"ioctls do not look at the mode", ioctls_do_not_look_at_the_mode},
	    {"mapping keeps gntalloc file", mapping_keeps_gntalloc_file},
	    {"mapping keeps gntdev file", mapping_keeps_gntdev_file},
	    {"pieces and copies keep the file", pieces_and_copies_keep_the_file},
	    {"open without memory", open_without_memory},
	};

	return UNIT_MAIN("file", tests);
}
