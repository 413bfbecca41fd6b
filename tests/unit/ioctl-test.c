/* SPDX-License-Identifier: MIT */
/* ioctl() as the kernel gets it: numbers, structures in user memory, and where in its order of
 * checks each driver copies. Rules: the three drivers. GRANT_COPY: gntdev_copy-test.c. */
#include "support/user_memory.h"

static struct user user;

static long ioctl_at(struct gntsim_file *file, uint64_t cmd, uint64_t arg)
{
	return gntsim_ioctl(file, NULL, (uint32_t)cmd, arg, &user.ops);
}

/* Calls with the structure at the start of user memory, and copies it back. */
static long ioctl_with(struct gntsim_file *file, uint64_t cmd, void *op, size_t size)
{
	long r;

	memcpy(user_ptr(&user, USER_BASE), op, size);
	r = ioctl_at(file, cmd, USER_BASE);
	memcpy(op, user_ptr(&user, USER_BASE), size);
	return r;
}

/* Calls with a structure whose last byte cannot be read. */
static long ioctl_cut(struct gntsim_file *file, uint64_t cmd, size_t size)
{
	long r;

	user.page[1] = USER_HOLE;
	r = ioctl_at(file, cmd, user_before_page(1, size - 1));
	user.page[1] = USER_RW;
	return r;
}

/* Calls with a structure that can be read but not written. */
static long ioctl_readonly(struct gntsim_file *file, uint64_t cmd, const void *op, size_t size)
{
	long r;

	memcpy(user_ptr(&user, USER_BASE), op, size);
	user.page[0] = USER_RO;
	r = ioctl_at(file, cmd, USER_BASE);
	user.page[0] = USER_RW;
	return r;
}

static struct gntsim_file *open_dev(enum gntsim_device device)
{
	user_init(&user);
	return fx_open(fx.dom1, device);
}

static void unknown_numbers(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct gntsim_file *evtchn = open_dev(GNTSIM_DEV_EVTCHN);

	EXPECT_EQ(ioctl_at(alloc, 0, 0), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, 0x5401, 0), -ENOTTY);
	EXPECT_EQ(ioctl_at(evtchn, 0x5401, 0), -ENOSYS);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTALLOC_ALLOC_GREF, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTALLOC_DEALLOC_GREF, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(alloc, IOCTL_GNTDEV_MAP_GRANT_REF, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(alloc, IOCTL_EVTCHN_NOTIFY, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(evtchn, IOCTL_GNTDEV_UNMAP_GRANT_REF, USER_BASE), -ENOSYS);
	EXPECT_EQ(ioctl_at(evtchn, IOCTL_EVTCHN_RESET | (4u << _IOC_SIZESHIFT), USER_BASE),
		  -ENOSYS);
	EXPECT_EQ(ioctl_at(alloc, IOCTL_GNTALLOC_ALLOC_GREF ^ (1u << _IOC_SIZESHIFT), USER_BASE),
		  -ENOTTY);
	gntsim_close(alloc);
	gntsim_close(dev);
	gntsim_close(evtchn);
}

/* SET_MAX_GRANTS is not implemented, and Debian's kernel has no dma-buf calls. */
static void numbers_that_are_not_there(void)
{
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);

	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_SET_MAX_GRANTS, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, USER_BASE), -ENOTTY);
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, USER_BASE), -ENOTTY);
	gntsim_close(dev);
}

/* One number for two drivers: the file decides whose SET_UNMAP_NOTIFY it is. */
static void set_unmap_notify_by_file(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct ioctl_gntalloc_unmap_notify op = {.index = 99 * PAGE, .action = 4};

	EXPECT_EQ(IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, IOCTL_GNTDEV_SET_UNMAP_NOTIFY);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &op, sizeof(op)), -ENOENT);
	EXPECT_EQ(ioctl_with(dev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op, sizeof(op)), -EINVAL);
	gntsim_close(alloc);
	gntsim_close(dev);
}

/* Every call that takes a structure says EFAULT when a byte of it cannot be read. */
static void structures_that_cannot_be_read(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct gntsim_file *evtchn = open_dev(GNTSIM_DEV_EVTCHN);
	const struct {
		struct gntsim_file *file;
		uint64_t cmd;
	} calls[] = {
	    {alloc, IOCTL_GNTALLOC_ALLOC_GREF},
	    {alloc, IOCTL_GNTALLOC_DEALLOC_GREF},
	    {alloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY},
	    {dev, IOCTL_GNTDEV_MAP_GRANT_REF},
	    {dev, IOCTL_GNTDEV_UNMAP_GRANT_REF},
	    {dev, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR},
	    {dev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY},
	    {dev, IOCTL_GNTDEV_GRANT_COPY},
	    {evtchn, IOCTL_EVTCHN_BIND_VIRQ},
	    {evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN},
	    {evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT},
	    {evtchn, IOCTL_EVTCHN_UNBIND},
	    {evtchn, IOCTL_EVTCHN_NOTIFY},
	    {evtchn, IOCTL_EVTCHN_RESTRICT_DOMID},
	};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		EXPECT_EQ(ioctl_at(calls[i].file, calls[i].cmd, 0), -EFAULT);
		EXPECT_EQ(ioctl_cut(calls[i].file, calls[i].cmd, _IOC_SIZE((uint32_t)calls[i].cmd)),
			  -EFAULT);
	}
	EXPECT_EQ(ioctl_at(evtchn, IOCTL_EVTCHN_RESET, 0), 0);
	EXPECT_EQ(fx_totals().ports, 0);
	gntsim_close(alloc);
	gntsim_close(dev);
	gntsim_close(evtchn);
}

/* The structure is 24 bytes with one reference; the others follow, beyond its encoded size. */
static void alloc_gref(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[4];
	} a = {.op = {.domid = 2, .flags = 1, .count = 4, .index = 77}};
	const uint32_t *refs = a.op.gref_ids;
	unsigned char *user_refs = user_ptr(&user, USER_BASE + 16);

	EXPECT_EQ(_IOC_SIZE(IOCTL_GNTALLOC_ALLOC_GREF), 24);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a, sizeof(a)), 0);
	EXPECT_EQ(a.op.domid, 2);
	EXPECT_EQ(a.op.count, 4);
	EXPECT_EQ(a.op.index, 0);
	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t expected = 8 + i;

		EXPECT(memcmp(user_refs + i * 4, &expected, 4) == 0);
	}
	EXPECT_EQ(refs[0], 8);
	EXPECT_EQ(user_refs[16], 0);
	a.op.count = 0;
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a.op, sizeof(a.op)), 0);
	EXPECT_EQ(a.op.index, 4 * PAGE);
	gntsim_close(alloc);
}

/* EFAULT on the way back: the references stay until close, and the index is used up. */
static void alloc_gref_that_cannot_be_written(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct ioctl_gntalloc_alloc_gref op = {.domid = 2, .flags = 1, .count = 1};

	EXPECT_EQ(ioctl_readonly(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &op, sizeof(op)), -EFAULT);
	EXPECT_EQ(fx_totals().grants, 1);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &op, sizeof(op)), 0);
	EXPECT_EQ(op.index, PAGE);
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT_EQ(gntsim_gntalloc_dealloc(alloc, 0, 2), 0);
	gntsim_close(alloc);
}

/* The structure fits, the references beyond it do not. */
static void alloc_gref_without_room_for_the_references(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct ioctl_gntalloc_alloc_gref op = {.domid = 2, .flags = 1, .count = 3}, back;
	uint64_t at = user_before_page(1, sizeof(op));

	memcpy(user_ptr(&user, at), &op, sizeof(op));
	user.page[1] = USER_HOLE;
	EXPECT_EQ(ioctl_at(alloc, IOCTL_GNTALLOC_ALLOC_GREF, at), -EFAULT);
	memcpy(&back, user_ptr(&user, at), sizeof(back));
	EXPECT_EQ(back.index, 0);
	EXPECT_EQ(fx_totals().grants, 3);
	gntsim_close(alloc);
	EXPECT_EQ(fx_totals().grants, 0);
}

/* Without a limit, more references than kmalloc() can give at once: ENOMEM, and nothing is used up. */
static void alloc_gref_beyond_kmalloc(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct ioctl_gntalloc_alloc_gref a = {.domid = 2, .count = (1u << 20) + 1};

	gntsim_domain_set_gntalloc_limit(fx.dom1, UINT32_MAX);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a, sizeof(a)), -ENOMEM);
	a.count = UINT32_MAX;
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a, sizeof(a)), -ENOMEM);
	a.count = 1;
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a, sizeof(a)), 0);
	EXPECT_EQ(a.index, 0);
	/* One fewer can be asked for: it is the pages that there are not, and the undo shows. */
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	a.count = 1u << 20;
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a, sizeof(a)), -ENOMEM);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 1);
	gntsim_close(alloc);
}

/* The driver's own errors leave user memory alone. */
static void failed_alloc_gref_writes_nothing(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct ioctl_gntalloc_alloc_gref op = {.domid = 2, .count = 1025, .index = 0x1234};

	EXPECT_EQ(ioctl_readonly(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &op, sizeof(op)), -ENOSPC);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &op, sizeof(op)), -ENOSPC);
	EXPECT_EQ(op.index, 0x1234);
	gntsim_close(alloc);
}

static void dealloc_gref(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct ioctl_gntalloc_dealloc_gref op = {.index = PAGE, .count = 1};

	fx_alloc(alloc, 2, NULL);
	fx_alloc(alloc, 2, NULL);
	EXPECT_EQ(ioctl_readonly(alloc, IOCTL_GNTALLOC_DEALLOC_GREF, &op, sizeof(op)), 0);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_DEALLOC_GREF, &op, sizeof(op)), -EINVAL);
	EXPECT_EQ(fx_totals().grants, 1);
	gntsim_close(alloc);
}

static void gntalloc_notify(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct ioctl_gntalloc_unmap_notify op = {
	    .index = 9, .action = 3, .event_channel_port = c.port_here};

	fx_alloc(alloc, 2, NULL);
	EXPECT_EQ(ioctl_readonly(alloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &op, sizeof(op)), 0);
	gntsim_close(alloc);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_channel_close(&c);
}

/* MAP: the structure, the count, the references, the write back, in this order. */
static void map_grant_ref(void)
{
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct gntsim_file *peer = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref more[1];
	} a = {.op = {.count = 2, .index = 77}};

	EXPECT_EQ(_IOC_SIZE(IOCTL_GNTDEV_MAP_GRANT_REF), 24);
	a.op.refs[0].domid = 2;
	a.op.refs[0].ref = fx_alloc(peer, 1, NULL);
	a.more[0].domid = 2;
	a.more[0].ref = fx_alloc(peer, 1, NULL);
	EXPECT_EQ(ioctl_with(dev, IOCTL_GNTDEV_MAP_GRANT_REF, &a, sizeof(a)), 0);
	EXPECT_EQ(a.op.index, 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, 0), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(peer);
}

static void map_grant_ref_errors(void)
{
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct ioctl_gntdev_map_grant_ref op = {.count = 0, .index = 77};
	uint64_t at = user_before_page(1, sizeof(op));

	EXPECT_EQ(ioctl_readonly(dev, IOCTL_GNTDEV_MAP_GRANT_REF, &op, sizeof(op)), -EINVAL);
	op.count = 65537;
	EXPECT_EQ(ioctl_readonly(dev, IOCTL_GNTDEV_MAP_GRANT_REF, &op, sizeof(op)), -EINVAL);
	op.count = 2;
	memcpy(user_ptr(&user, at), &op, sizeof(op));
	user.page[1] = USER_HOLE;
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_MAP_GRANT_REF, at), -EFAULT);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	user.page[1] = USER_RO;
	user.page[0] = USER_RO;
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_MAP_GRANT_REF, at), -EFAULT);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	user.page[0] = USER_RW;
	EXPECT_EQ(ioctl_at(dev, IOCTL_GNTDEV_MAP_GRANT_REF, at), 0);
	memcpy(&op, user_ptr(&user, at), sizeof(op));
	EXPECT_EQ(op.index, 0);
	EXPECT_EQ(op.count, 2);
	gntsim_close(dev);
}

static void unmap_grant_ref(void)
{
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct ioctl_gntdev_unmap_grant_ref op = {.index = 0, .count = 1, .pad = 0xFFFFFFFF};

	fx_map(dev, 2, 8);
	EXPECT_EQ(ioctl_readonly(dev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op, sizeof(op)), 0);
	EXPECT_EQ(ioctl_with(dev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op, sizeof(op)), -ENOENT);
	gntsim_close(dev);
}

/* GET_OFFSET_FOR_VADDR in the caller's address space: EINVAL comes before the write back. */
static void get_offset_for_vaddr(void)
{
	struct fx_share s = fx_share(fx.dom2, fx.dom1);
	struct ioctl_gntdev_get_offset_for_vaddr op = {.vaddr = VA + 5, .offset = 9, .count = 9};

	user_init(&user);
	memcpy(user_ptr(&user, USER_BASE), &op, sizeof(op));
	EXPECT_EQ(gntsim_ioctl(s.dev, s.mapper, (uint32_t)IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
			       USER_BASE, &user.ops),
		  0);
	memcpy(&op, user_ptr(&user, USER_BASE), sizeof(op));
	EXPECT_EQ(op.vaddr, VA + 5);
	EXPECT_EQ(op.offset, s.map_index);
	EXPECT_EQ(op.count, 1);
	user.page[0] = USER_RO;
	EXPECT_EQ(gntsim_ioctl(s.dev, s.mapper, (uint32_t)IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
			       USER_BASE, &user.ops),
		  -EFAULT);
	EXPECT_EQ(gntsim_munmap(s.mapper, VA, PAGE), 0);
	EXPECT_EQ(gntsim_ioctl(s.dev, s.mapper, (uint32_t)IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
			       USER_BASE, &user.ops),
		  -EINVAL);
	fx_share_close(&s);
}

static void gntdev_notify(void)
{
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct ioctl_gntdev_unmap_notify op = {
	    .index = 9, .action = 2, .event_channel_port = c.port_here};

	EXPECT_EQ(ioctl_with(dev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op, sizeof(op)), -ENOENT);
	fx_map(dev, 2, 8);
	EXPECT_EQ(ioctl_readonly(dev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op, sizeof(op)), 0);
	gntsim_close(dev);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_channel_close(&c);
}

/* The bind calls return the port; no structure of evtchn is written to. */
static void evtchn_calls(void)
{
	struct gntsim_file *here = open_dev(GNTSIM_DEV_EVTCHN);
	struct gntsim_file *there = fx_open(fx.dom2, GNTSIM_DEV_EVTCHN);
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = 1};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = 2, .remote_port = 1};
	struct ioctl_evtchn_bind_virq virq = {.virq = 9};
	struct ioctl_evtchn_notify notify = {.port = 1};
	struct ioctl_evtchn_unbind unbind = {.port = 1};

	EXPECT_EQ(ioctl_readonly(there, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound, sizeof(unbound)),
		  1);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter, sizeof(inter)), 1);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_BIND_VIRQ, &virq, sizeof(virq)), 2);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_BIND_VIRQ, &virq, sizeof(virq)), -EEXIST);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)), 0);
	EXPECT_EQ(fx_events(there), 1);
	EXPECT_EQ(ioctl_at(here, IOCTL_EVTCHN_RESET, 1), 0);
	EXPECT_EQ(fx_events(here), 0);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_UNBIND, &unbind, sizeof(unbind)), 0);
	EXPECT_EQ(ioctl_readonly(here, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)), -ENOTCONN);
	gntsim_close(here);
	gntsim_close(there);
}

/* A restricted file: BIND_VIRQ, BIND_UNBOUND_PORT and RESTRICT say EACCES before they copy,
 * BIND_INTERDOMAIN after. */
static void restricted_file_and_bad_memory(void)
{
	struct gntsim_file *file = open_dev(GNTSIM_DEV_EVTCHN);
	struct ioctl_evtchn_restrict_domid op = {.domid = 0};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = 0, .remote_port = 1};

	EXPECT_EQ(ioctl_at(file, IOCTL_EVTCHN_RESTRICT_DOMID, 0), -EFAULT);
	EXPECT_EQ(ioctl_with(file, IOCTL_EVTCHN_RESTRICT_DOMID, &op, sizeof(op)), -EINVAL);
	op.domid = 2;
	EXPECT_EQ(ioctl_readonly(file, IOCTL_EVTCHN_RESTRICT_DOMID, &op, sizeof(op)), 0);
	EXPECT_EQ(ioctl_at(file, IOCTL_EVTCHN_RESTRICT_DOMID, 0), -EACCES);
	EXPECT_EQ(ioctl_at(file, IOCTL_EVTCHN_BIND_VIRQ, 0), -EACCES);
	EXPECT_EQ(ioctl_at(file, IOCTL_EVTCHN_BIND_UNBOUND_PORT, 0), -EACCES);
	EXPECT_EQ(ioctl_at(file, IOCTL_EVTCHN_BIND_INTERDOMAIN, 0), -EFAULT);
	EXPECT_EQ(ioctl_with(file, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter, sizeof(inter)), -EACCES);
	gntsim_close(file);
}

/* Linux 6.5 on: Debian 12's header has it not. */
#define BIND_STATIC _IOC(_IOC_NONE, 'E', 7, 4)

static void bind_static(void)
{
	static const struct gntsim_domain_config c = {.kernel = GNTSIM_KERNEL_6_12,
						      .max_ports = 1u << 17};
	const uint32_t port = 0x101, far = 0x1000001;
	uint32_t op = port;
	struct gntsim_file *file;

	fx_restart(&(struct fx_config){.domain = {&c, &c, NULL}});
	file = open_dev(GNTSIM_DEV_EVTCHN);
	EXPECT_EQ(ioctl_cut(file, BIND_STATIC, sizeof(op)), -EFAULT);
	/* Nothing behind the number is read, and all of it is. */
	user.page[1] = USER_HOLE;
	memcpy(user_ptr(&user, user_before_page(1, sizeof(op))), &op, sizeof(op));
	EXPECT_EQ(ioctl_at(file, BIND_STATIC, user_before_page(1, sizeof(op))), 0);
	user.page[1] = USER_RW;
	EXPECT_EQ(gntsim_evtchn_unbind(file, port), 0);
	op = far;
	EXPECT_EQ(ioctl_with(file, BIND_STATIC, &op, sizeof(op)), -ENOMEM);
	gntsim_close(file);
}

static void dead_domain(void)
{
	struct gntsim_file *alloc = open_dev(GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = open_dev(GNTSIM_DEV_GNTDEV);
	struct gntsim_file *evtchn = open_dev(GNTSIM_DEV_EVTCHN);
	struct ioctl_gntalloc_alloc_gref op = {.domid = 2, .flags = 1, .count = 1};
	struct ioctl_gntdev_unmap_grant_ref unmap = {.index = 0};

	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(ioctl_with(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &op, sizeof(op)), -ENODEV);
	EXPECT_EQ(ioctl_with(dev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap, sizeof(unmap)), -ENODEV);
	EXPECT_EQ(ioctl_at(evtchn, IOCTL_EVTCHN_RESET, 0), -ENODEV);
	/* Before the arguments are looked at. */
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, 8, 0), -ENODEV);
	gntsim_close(alloc);
	gntsim_close(dev);
	gntsim_close(evtchn);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"unknown numbers", unknown_numbers},
	    {"numbers that are not there", numbers_that_are_not_there},
	    {"SET_UNMAP_NOTIFY by file", set_unmap_notify_by_file},
	    {"structures that cannot be read", structures_that_cannot_be_read},
	    {"ALLOC_GREF", alloc_gref},
	    {"ALLOC_GREF that cannot be written", alloc_gref_that_cannot_be_written},
	    {"ALLOC_GREF without room for the references",
	     alloc_gref_without_room_for_the_references},
	    {"ALLOC_GREF beyond kmalloc", alloc_gref_beyond_kmalloc},
	    {"failed ALLOC_GREF writes nothing", failed_alloc_gref_writes_nothing},
	    {"DEALLOC_GREF", dealloc_gref},
	    {"gntalloc SET_UNMAP_NOTIFY", gntalloc_notify},
	    {"MAP_GRANT_REF", map_grant_ref},
	    {"MAP_GRANT_REF errors", map_grant_ref_errors},
	    {"UNMAP_GRANT_REF", unmap_grant_ref},
	    {"GET_OFFSET_FOR_VADDR", get_offset_for_vaddr},
	    {"gntdev SET_UNMAP_NOTIFY", gntdev_notify},
	    {"evtchn calls", evtchn_calls},
	    {"restricted file and bad memory", restricted_file_and_bad_memory},
	    {"BIND_STATIC", bind_static},
	    {"dead domain", dead_domain},
	};

	return UNIT_MAIN("ioctl", tests);
}
