/* SPDX-License-Identifier: MIT */
/* Every allocation fails once, and then for ever, in whole workloads (as SQLite's tests do). Each
 * call that fails says -ENOMEM and nothing else, leaves the machine sound, and works when memory
 * is back; taking everything down needs no memory; nothing is left when the machine is freed. */
#include "support/user_memory.h"

#include <gntsim/dmabuf.h>

#include <stdio.h>

#define N_DOMAINS 3u
#define MAX_FILES 8u
#define MAX_MMS   4u
#define MAX_PORTS 140u

/* What a workload made and the end takes down. */
static struct world {
	struct gntsim_machine *m;
	struct gntsim_domain *dom[N_DOMAINS];
	struct gntsim_file *file[MAX_FILES];
	struct gntsim_mm *mm[MAX_MMS];
	struct counting_allocator allocator;
	struct user user;
	struct gntsim_wait *wait;
	bool retry; /* memory is back after the failure */
	bool gave_up;
	const char *wrong;
	int wrong_result;
} w;

static _Alignas(4096) unsigned char frames[64 * GNTSIM_PAGE_SIZE];

static void complain(const char *what, int result)
{
	if (!w.wrong) {
		w.wrong = what;
		w.wrong_result = result;
	}
	w.gave_up = true;
}

/* Whether a result may be a shortage of memory: -ENOMEM, or what the caller says it looks like. */
static bool is_shortage(long result, long looks_like)
{
	return w.allocator.failed && (result == -ENOMEM || result == looks_like);
}

static void check_soundness(void)
{
	const char *unsound = w.m ? gntsim_machine_check(w.m) : NULL;

	if (unsound)
		complain(unsound, 0);
	if (!w.retry)
		w.gave_up = true;
}

/* A call that may run out of memory: the machine must be sound then and, when memory is back, the
 * same call must work. A shortage may look like another error (Xen's own, as GNTST_no_space). */
#define TRY_OR(expected, looks_like, call)                                                         \
	do {                                                                                       \
		long try_result;                                                                   \
		if (w.gave_up)                                                                     \
			return;                                                                    \
		try_result = (call);                                                               \
		if (try_result != (expected) && is_shortage(try_result, looks_like)) {             \
			check_soundness();                                                         \
			if (w.gave_up)                                                             \
				return;                                                            \
			try_result = (call);                                                       \
		}                                                                                  \
		if (try_result != (expected))                                                      \
			complain(#call, (int)try_result);                                          \
		if (w.gave_up)                                                                     \
			return;                                                                    \
	} while (0)
#define TRY(expected, call) TRY_OR(expected, -ENOMEM, call)

/* A condition that no shortage of memory excuses. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!w.gave_up && !(condition))                                                    \
			complain(#condition, 0);                                                   \
		if (w.gave_up)                                                                     \
			return;                                                                    \
	} while (0)

static void make_machine(void)
{
	static const struct gntsim_domain_config newer = {.kernel = GNTSIM_KERNEL_6_12};
	struct gntsim_config config = {.frames = frames,
				       .n_frames = 64,
				       .allocator = &w.allocator.ops,
				       .dmabufs = GNTSIM_DMABUFS_ALL};

	TRY(0, gntsim_machine_new(&config, &w.m));
	for (uint16_t i = 0; i < N_DOMAINS; i++)
		TRY(0, gntsim_domain_create(w.m, i, i == 0 ? &newer : NULL, &w.dom[i]));
}

static void open_files(unsigned dom_of_alloc, unsigned dom_of_dev)
{
	TRY(0, gntsim_open(w.dom[dom_of_alloc], GNTSIM_DEV_GNTALLOC, O_RDWR, &w.file[0]));
	TRY(0, gntsim_open(w.dom[dom_of_dev], GNTSIM_DEV_GNTDEV, O_RDWR, &w.file[1]));
	TRY(0, gntsim_open(w.dom[dom_of_alloc], GNTSIM_DEV_EVTCHN, O_RDWR, &w.file[2]));
	TRY(0, gntsim_open(w.dom[dom_of_dev], GNTSIM_DEV_EVTCHN, O_RDWR, &w.file[3]));
	TRY(0, gntsim_mm_create(w.dom[dom_of_alloc], &w.mm[0]));
	TRY(0, gntsim_mm_create(w.dom[dom_of_dev], &w.mm[1]));
}

static int mmap_rw(unsigned mm, unsigned file, uint64_t addr, uint64_t pages, uint64_t offset)
{
	return gntsim_mmap(w.mm[mm], w.file[file], addr, pages * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, offset);
}

/* MAP and mmap. A map whose mmap failed is used up, so the next try makes another. */
static int map_and_mmap(const struct gntsim_grant *grants, uint32_t count, uint64_t *map, int flags)
{
	int prot = flags == MAP_PRIVATE ? PROT_READ : PROT_READ | PROT_WRITE;
	int err = gntsim_gntdev_map(w.file[1], count, grants, map);

	if (err)
		return err;
	err = gntsim_mmap(w.mm[1], w.file[1], VA, count * PAGE, prot, flags, *map);
	if (err && gntsim_gntdev_unmap(w.file[1], *map, count))
		complain("UNMAP of a failed map", err);
	return err;
}

/* Two sides share pages and a channel, with notifications, fork, splits and moves. */
static void share(unsigned granter, unsigned mapper)
{
	gntsim_gref refs[6];
	struct gntsim_grant grants[6];
	uint64_t index, map;

	open_files(granter, mapper);
	TRY(1, gntsim_evtchn_bind_unbound(w.file[2], (uint32_t)mapper));
	TRY(1, gntsim_evtchn_bind_interdomain(w.file[3], (uint32_t)granter, 1));
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], (uint16_t)mapper, 1, 6, &index, refs));
	for (unsigned i = 0; i < 6; i++)
		grants[i] = (struct gntsim_grant){.domid = granter, .ref = refs[i]};
	TRY(0, gntsim_gntalloc_set_unmap_notify(w.file[0], index, 3, 1));
	TRY_OR(0, -EINVAL, map_and_mmap(grants, 6, &map, MAP_SHARED));
	TRY(0, gntsim_gntdev_set_unmap_notify(w.file[1], map + 7, 3, 1));
	TRY(0, mmap_rw(0, 0, VA, 6, index));
	TRY(0, gntsim_mm_fork(w.mm[0], &w.mm[2]));
	TRY(0, gntsim_mm_fork(w.mm[1], &w.mm[3]));
	TRY(0, gntsim_munmap(w.mm[0], VA + PAGE, PAGE));
	TRY(0, gntsim_mprotect(w.mm[2], VA + 2 * PAGE, PAGE, PROT_READ));
	TRY(0, gntsim_munmap(w.mm[1], VA + 3 * PAGE, PAGE));
	TRY(0,
	    gntsim_mremap(w.mm[1], VA, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, VA + 64 * PAGE));
	TRY(0, gntsim_gntalloc_dealloc(w.file[0], index, 6));
	TRY(0, gntsim_gntdev_unmap(w.file[1], map, 6));
	MUST(gntsim_machine_check(w.m) == NULL);
}

static void share_with_pvh(void)
{
	share(1, 2);
}

static void share_with_pv(void)
{
	share(1, 0);
}

/* Rings that grow, ports in numbers, virqs, a port held by a notification. */
static void channels(void)
{
	uint64_t index;
	gntsim_gref ref;

	open_files(1, 2);
	for (int i = 1; i < (int)MAX_PORTS; i++) {
		TRY(i, gntsim_evtchn_bind_unbound(w.file[2], 2));
		TRY(i, gntsim_evtchn_bind_interdomain(w.file[3], 1, (gntsim_port)i));
	}
	TRY((int)MAX_PORTS, gntsim_evtchn_bind_virq(w.file[2], 5));
	TRY((int)MAX_PORTS + 1, gntsim_port_alloc_unbound(w.dom[1], 2));
	TRY((int)MAX_PORTS, gntsim_port_bind_interdomain(w.dom[2], 1, MAX_PORTS + 1));
	TRY((int)MAX_PORTS + 1, gntsim_port_bind_virq(w.dom[2], 5));
	TRY(0, gntsim_evtchn_notify(w.file[2], 7));
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 2, 1, 1, &index, &ref));
	TRY(0, gntsim_gntalloc_set_unmap_notify(w.file[0], index, 2, 9));
	TRY(0, gntsim_evtchn_unbind(w.file[2], 9));
	MUST(gntsim_evtchn_poll(w.file[3]) & POLLIN);
}

/* Pages ended while the peer maps them wait for the timer. */
static void deferred(void)
{
	gntsim_gref refs[15];
	struct gntsim_grant grants[15];
	uint64_t index, map;

	open_files(2, 1);
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 1, 1, 15, &index, refs));
	for (unsigned i = 0; i < 15; i++)
		grants[i] = (struct gntsim_grant){.domid = 2, .ref = refs[i]};
	TRY_OR(0, -EINVAL, map_and_mmap(grants, 15, &map, MAP_SHARED));
	TRY(0, gntsim_gntalloc_dealloc(w.file[0], index, 15));
	gntsim_machine_advance(w.m, SECOND);
	TRY(0, gntsim_munmap(w.mm[1], VA, 15 * PAGE));
	TRY(0, gntsim_gntdev_unmap(w.file[1], map, 0));
	gntsim_machine_advance(w.m, SECOND);
	MUST(gntsim_machine_check(w.m) == NULL);
}

/* The kernel's own grants and hypercalls, until table and handles have grown. */
static void hypercalls(void)
{
	gntsim_frame frame;
	struct gntsim_map_grant_ref op;

	TRY(0, gntsim_frame_alloc(w.dom[1], &frame));
	for (int i = 8; i < 600; i++)
		TRY_OR(i, -ENOSPC, gntsim_grant_access(w.dom[1], 2, frame, false));
	for (uint32_t i = 0; i < 300; i++) {
		op = (struct gntsim_map_grant_ref){
		    .flags = GNTSIM_GNTMAP_HOST_MAP, .host_addr = VA, .domid = 1, .ref = 8 + i};
		gntsim_gnttab_map(w.dom[2], &op);
		if (op.status && w.retry && w.allocator.failed)
			gntsim_gnttab_map(w.dom[2], &op);
		MUST(op.status == 0 || (w.allocator.failed && !w.retry));
	}
	MUST(gntsim_machine_check(w.m) == NULL);
}

/* Private copies of pages, and pages emptied, in parent and child. */
static void own_pages(void)
{
	gntsim_gref refs[4];
	struct gntsim_grant grants[4];
	uint64_t index, map;

	open_files(1, 2);
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 2, 1, 4, &index, refs));
	for (unsigned i = 0; i < 4; i++)
		grants[i] = (struct gntsim_grant){.domid = 1, .ref = refs[i]};
	TRY_OR(0, -EINVAL, map_and_mmap(grants, 4, &map, MAP_PRIVATE));
	TRY(0, gntsim_mprotect(w.mm[1], VA, 4 * PAGE, PROT_READ | PROT_WRITE));
	for (unsigned i = 0; i < 3; i++)
		TRY_OR((long)GNTSIM_ACCESS_OK, (long)GNTSIM_ACCESS_BUS,
		       (long)gntsim_mm_store(w.mm[1], VA + i * PAGE, "x", 1));
	TRY(0, gntsim_madvise(w.mm[1], VA + 3 * PAGE, PAGE, MADV_DONTNEED));
	TRY(0, gntsim_mm_fork(w.mm[1], &w.mm[3]));
	TRY(0, gntsim_mremap(w.mm[3], VA, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     VA + 64 * PAGE));
	MUST(gntsim_machine_check(w.m) == NULL);
}

/* Domains come and go with all they have. */
static void domains(void)
{
	gntsim_gref ref;
	struct gntsim_grant grant = {.domid = 1};
	uint64_t index, map;

	open_files(1, 2);
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 2, 1, 1, &index, &ref));
	grant.ref = ref;
	TRY_OR(0, -EINVAL, map_and_mmap(&grant, 1, &map, MAP_SHARED));
	TRY(0, mmap_rw(0, 0, VA, 1, index));
	gntsim_domain_destroy(w.dom[1]);
	w.dom[1] = NULL;
	MUST(gntsim_machine_check(w.m) == NULL);
	TRY(0, gntsim_domain_create(w.m, 77, NULL, &w.dom[1]));
	gntsim_domain_destroy(w.dom[2]);
	w.dom[2] = NULL;
	MUST(gntsim_machine_check(w.m) == NULL);
	TRY(0, gntsim_domain_create(w.m, 78, NULL, &w.dom[2]));
}

static long do_ioctl(unsigned file, uint64_t cmd, const void *op, size_t size)
{
	memcpy(user_ptr(&w.user, USER_BASE), op, size);
	return gntsim_ioctl(w.file[file], w.mm[1], (uint32_t)cmd, USER_BASE, &w.user.ops);
}

/* The ioctl layer, with what it needs for itself. */
static void ioctls(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = 2, .flags = 1, .count = 40};
	struct ioctl_gntdev_map_grant_ref map = {.count = 40};
	struct gntdev_grant_copy_segment seg = {.len = 4096, .flags = GNTSIM_GNTCOPY_SOURCE_GREF};
	struct ioctl_gntdev_grant_copy copy = {.count = 20};
	uint64_t segments = USER_BASE + PAGE, dest = USER_BASE + 2 * PAGE + 100;

	user_init(&w.user);
	open_files(1, 2);
	TRY_OR(0, -ENOSPC, do_ioctl(0, IOCTL_GNTALLOC_ALLOC_GREF, &alloc, sizeof(alloc)));
	for (uint32_t i = 0; i < 40; i++) {
		struct ioctl_gntdev_grant_ref ref = {.domid = 1, .ref = 8 + i};

		memcpy(user_ptr(&w.user, USER_BASE + 16 + i * sizeof(ref)), &ref, sizeof(ref));
	}
	memcpy(&map.refs[0], user_ptr(&w.user, USER_BASE + 16), sizeof(map.refs[0]));
	TRY(0, do_ioctl(1, IOCTL_GNTDEV_MAP_GRANT_REF, &map, sizeof(map)));
	memcpy(&seg.dest.virt, &dest, sizeof(dest));
	memcpy(&copy.segments, &segments, sizeof(segments));
	seg.source.foreign.domid = 1;
	for (uint32_t i = 0; i < 20; i++) {
		seg.source.foreign.ref = 8 + i;
		memcpy(user_ptr(&w.user, segments + i * sizeof(seg)), &seg, sizeof(seg));
	}
	TRY(0, do_ioctl(1, IOCTL_GNTDEV_GRANT_COPY, &copy, sizeof(copy)));
}

/* A dma-buf of another domain's pages, who waits for its end, and one that others import. */
static void dmabufs(void)
{
	uint32_t words[6] = {0, 2, 0, 1};
	gntsim_gref refs[2];
	uint64_t index;

	user_init(&w.user);
	open_files(1, 0);
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 0, 1, 2, &index, refs));
	memcpy(words + 4, refs, sizeof(refs));
	TRY_OR(0, -EINVAL, do_ioctl(1, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, words, sizeof(words)));
	TRY(0, gntsim_dmabuf_wait(w.file[1], 3, NULL, &w.wait));
	TRY(0, gntsim_dmabuf_alloc(w.dom[0], 2, &w.user.files[1]));
	words[0] = 4;
	words[1] = 2;
	words[2] = 1;
	TRY_OR(0, -ENOSPC, do_ioctl(1, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, words, sizeof(words)));
	TRY(0, do_ioctl(1, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, words, 2 * sizeof(words[0])));
	MUST(gntsim_machine_check(w.m) == NULL);
}

/* Numbers of another's, which two files may have. */
static void statics(void)
{
	open_files(0, 0);
	TRY(0, gntsim_evtchn_bind_static(w.file[2], 999));
	TRY(0, gntsim_evtchn_bind_static(w.file[3], 998));
	TRY(1, gntsim_evtchn_bind_unbound(w.file[2], 1));
	TRY(0, gntsim_evtchn_unbind(w.file[2], 999));
	MUST(gntsim_machine_check(w.m) == NULL);
}

/* A mapping in the place of a part of another one. */
static void over_a_mapping(void)
{
	gntsim_gref refs[4];
	uint64_t index;

	open_files(1, 2);
	TRY_OR(0, -ENOSPC, gntsim_gntalloc_alloc(w.file[0], 2, 1, 4, &index, refs));
	TRY(0, mmap_rw(0, 0, VA, 3, index));
	TRY(0, mmap_rw(0, 0, VA + PAGE, 1, index + 3 * PAGE));
	MUST(gntsim_machine_check(w.m) == NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} workloads[] = {
    {"share with PVH", share_with_pvh},
    {"share with PV", share_with_pv},
    {"channels", channels},
    {"deferred", deferred},
    {"hypercalls", hypercalls},
    {"domains", domains},
    {"ioctls", ioctls},
    {"own pages", own_pages},
    {"dma-bufs", dmabufs},
    {"static ports", statics},
    {"over a mapping", over_a_mapping},
};

/* SIGKILL for everybody, then the timers, then the machine. */
static void take_down(void)
{
	struct gntsim_totals t;
	struct gntsim_effect e;

	for (unsigned i = 0; i < MAX_MMS; i++)
		if (w.mm[i])
			gntsim_mm_destroy(w.mm[i]);
	for (unsigned i = 0; i < USER_FILES; i++)
		if (w.user.files[i])
			user_close(&w.user, 3 + i);
	if (w.wait)
		gntsim_wait_end(w.wait);
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (w.file[i])
			gntsim_close(w.file[i]);
	for (unsigned i = 0; i < N_DOMAINS; i++)
		if (w.dom[i])
			gntsim_domain_destroy(w.dom[i]);
	if (w.m) {
		gntsim_machine_advance(w.m, 10 * SECOND);
		while (gntsim_next_effect(w.m, &e))
			;
		EXPECT(gntsim_machine_check(w.m) == NULL);
		gntsim_machine_totals(w.m, &t);
		EXPECT_EQ(t.domains, 0);
		fx_expect_nothing_left(&t);
	}
	gntsim_machine_free(w.m);
	EXPECT_EQ(w.allocator.blocks, 0);
	EXPECT_EQ(w.allocator.bytes, 0);
	EXPECT(!w.allocator.misused);
}

/* One run with the n-th allocation failing. Returns whether there was one to fail. */
static bool run_with(unsigned workload, uint64_t n, bool for_ever)
{
	char text[256];

	memset(&w, 0, sizeof(w));
	memset(frames, 0, sizeof(frames));
	counting_allocator_init(&w.allocator);
	w.allocator.fail_at = n;
	w.allocator.fail_on = for_ever;
	w.retry = !for_ever;
	make_machine();
	if (!w.gave_up)
		workloads[workload].run();
	if (w.wrong) {
		snprintf(text, sizeof(text), "%s, allocation %ju %s: %s gave %d",
			 workloads[workload].name, (uintmax_t)n, for_ever ? "on" : "once", w.wrong,
			 w.wrong_result);
		fx_check(false, text, __FILE__, __LINE__, false);
	}
	take_down();
	return w.allocator.failed > 0;
}

static void every_allocation(bool for_ever)
{
	for (unsigned i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		uint64_t n = 1;

		while (run_with(i, n, for_ever))
			n++;
		EXPECT(!w.gave_up);
		EXPECT(n > 10);
	}
}

static void each_allocation_fails_once(void)
{
	every_allocation(false);
}

static void each_allocation_fails_for_ever(void)
{
	every_allocation(true);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"each allocation fails once", each_allocation_fails_once},
	    {"each allocation fails for ever", each_allocation_fails_for_ever},
	};

	return UNIT_MAIN("nth_failure", tests);
}
