/* SPDX-License-Identifier: MIT */
/* ioctl on a device: gathers the memory that the driver may read, asks, stores what it wrote. */
#include "calls.h"
#include "privcmd/abi.h"
#include "uapi.h"

#include <asm/ioctls.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Beyond it no array can be valid: gntdev's and gntalloc's limits are far below. */
#define ARRAY_MAX (1u << 20)

/* The request under construction: struct wire_ioctl, then regions with their data. */
struct gather {
	unsigned char *p;
	size_t used, room;
	bool mapped, failed;
	unsigned char first[4096];
};

static bool make_room(struct gather *g, size_t more)
{
	size_t room = g->room;
	long p;

	if (g->failed || g->used + more > WIRE_PAYLOAD_MAX) {
		g->failed = true;
		return false;
	}
	if (g->used + more <= g->room)
		return true;
	while (room < g->used + more)
		room *= 2;
	p = raw_mmap(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p)) {
		g->failed = true;
		return false;
	}
	memcpy((void *)p, g->p, g->used);
	if (g->mapped)
		raw_munmap(g->p, g->room);
	g->p = (unsigned char *)p;
	g->room = room;
	g->mapped = true;
	return true;
}

static void start(struct gather *g, uint32_t file, uint32_t cmd, uint64_t arg)
{
	struct wire_ioctl call = {.file = file, .cmd = cmd, .arg = arg};

	g->p = g->first;
	g->room = sizeof(g->first);
	g->mapped = g->failed = false;
	memcpy(g->p, &call, sizeof(call));
	g->used = sizeof(call);
}

static void count_region(struct gather *g)
{
	((struct wire_ioctl *)(void *)g->p)->n_regions++;
}

/* Adds memory if it can be read; if not, its absence is what the driver will stumble over. */
static void add(struct gather *g, uint64_t addr, size_t len)
{
	struct wire_region r = {.addr = addr, .len = (uint32_t)len, .flags = WIRE_R_DATA};
	size_t padded = (len + 7) & ~(size_t)7;

	if (len == 0 || !make_room(g, sizeof(r) + padded))
		return;
	memset(g->p + g->used + sizeof(r) + padded - 8, 0, 8);
	if (lib_copy_in(g->p + g->used + sizeof(r), addr, len) < 0)
		return;
	memcpy(g->p + g->used, &r, sizeof(r));
	g->used += sizeof(r) + padded;
	count_region(g);
}

static void add_writable(struct gather *g, uint64_t addr, size_t len)
{
	struct wire_region r = {.addr = addr, .len = (uint32_t)len, .flags = WIRE_R_WRITABLE};

	if (len == 0 || lib_probe_write(addr, len) < 0 || !make_room(g, sizeof(r)))
		return;
	memcpy(g->p + g->used, &r, sizeof(r));
	g->used += sizeof(r);
	count_region(g);
}

static void add_copy_side(struct gather *g, const struct gntdev_grant_copy_segment *s, bool dest)
{
	uint64_t virt = (uint64_t)(uintptr_t)(dest ? s->dest.virt : s->source.virt);

	if (s->flags & (dest ? GNTCOPY_dest_gref : GNTCOPY_source_gref))
		return;
	/* The driver pins page by page: a good first page counts though the second is bad. */
	for (uint64_t at = virt, end = virt + s->len; at < end;) {
		uint64_t next = (at | 4095) + 1;
		size_t n = (size_t)((next < end ? next : end) - at);

		if (dest)
			add_writable(g, at, n);
		else
			add(g, at, n);
		at += n;
	}
}

static void add_copy_segments(struct gather *g, uint64_t arg)
{
	struct ioctl_gntdev_grant_copy head;

	if (lib_copy_in(&head, arg, sizeof(head)) < 0)
		return;
	for (uint32_t i = 0; i < head.count && !g->failed; i++) {
		uint64_t at = (uint64_t)(uintptr_t)head.segments +
			      i * sizeof(struct gntdev_grant_copy_segment);
		struct gntdev_grant_copy_segment s;

		if (lib_copy_in(&s, at, sizeof(s)) < 0)
			return;
		add(g, at, sizeof(s));
		add_writable(g, at + offsetof(struct gntdev_grant_copy_segment, status),
			     sizeof(s.status));
		add_copy_side(g, &s, false);
		add_copy_side(g, &s, true);
	}
}

/* The structure that a hypercall's argument points to. */
static void add_hypercall(struct gather *g, uint64_t arg)
{
	struct privcmd_call call;
	uint64_t addr;
	size_t len;

	if (lib_copy_in(&call, arg, sizeof(call)) < 0)
		return;
	len = privcmd_reads(&call, &addr);
	add(g, addr, len);
}

/* Frames, and room for what is said of each. */
static void add_batch(struct gather *g, uint64_t arg)
{
	struct privcmd_batch b;

	if (lib_copy_in(&b, arg, sizeof(b)) < 0 || b.num > ARRAY_MAX)
		return;
	add(g, b.arr, b.num * sizeof(uint64_t));
	add_writable(g, b.err, b.num * sizeof(int));
}

static void add_export(struct gather *g, uint32_t cmd, uint64_t arg)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs exp;
	struct ioctl_gntdev_dmabuf_exp_from_refs_v2 exp2;

	if (cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS && lib_copy_in(&exp, arg, sizeof(exp)) == 0 &&
	    exp.count <= ARRAY_MAX)
		add(g, arg + offsetof(struct ioctl_gntdev_dmabuf_exp_from_refs, refs),
		    exp.count * sizeof(exp.refs[0]));
	if (cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2 &&
	    lib_copy_in(&exp2, arg, sizeof(exp2)) == 0 && exp2.count <= ARRAY_MAX)
		add(g, arg + offsetof(struct ioctl_gntdev_dmabuf_exp_from_refs_v2, refs),
		    exp2.count * sizeof(exp2.refs[0]));
}

/* What follows the fixed part of an argument. */
static void add_arrays(struct gather *g, const struct device *d, uint32_t cmd, uint64_t arg)
{
	struct ioctl_gntdev_map_grant_ref map;

	if (d->device == WIRE_DEV_PRIVCMD && cmd == PRIVCMD_HYPERCALL)
		add_hypercall(g, arg);
	if (d->device == WIRE_DEV_PRIVCMD && cmd == PRIVCMD_MMAPBATCH_V2)
		add_batch(g, arg);
	if (d->device != WIRE_DEV_GNTDEV)
		return;
	if (cmd == IOCTL_GNTDEV_MAP_GRANT_REF && lib_copy_in(&map, arg, sizeof(map)) == 0 &&
	    map.count <= ARRAY_MAX)
		add(g, arg + offsetof(struct ioctl_gntdev_map_grant_ref, refs),
		    map.count * sizeof(map.refs[0]));
	add_export(g, cmd, arg);
	if (cmd == IOCTL_GNTDEV_GRANT_COPY)
		add_copy_segments(g, arg);
}

/* The encoded size is the struct's, with one element of the array it ends in. */
static size_t fixed_size(uint32_t cmd)
{
	return _IOC_SIZE(cmd);
}

/* Stores the driver's writes in their order. */
static int store(const struct wire_in *in, uint32_t n)
{
	size_t at = sizeof(struct wire_ioctl_reply);

	while (n-- > 0) {
		struct wire_region r;

		if (in->msg.payload - at < sizeof(r))
			return -EIO;
		memcpy(&r, in->payload + at, sizeof(r));
		at += sizeof(r);
		if (in->msg.payload - at < r.len)
			return -EIO;
		if (lib_copy_out(r.addr, in->payload + at, r.len) < 0)
			return -EFAULT;
		at += (r.len + 7u) & ~7u;
	}
	return 0;
}

/* Another call on the file, with an argument of ours. */
static void ask_again(const struct device *d, uint32_t cmd, const void *arg, size_t size)
{
	struct {
		struct wire_ioctl call;
		struct wire_region region;
		unsigned char data[sizeof(struct ioctl_gntdev_unmap_grant_ref)];
	} request = {.call = {.file = d->id, .cmd = cmd, .arg = 4096, .n_regions = 1},
		     .region = {.addr = 4096, .len = (uint32_t)size, .flags = WIRE_R_DATA}};

	memcpy(request.data, arg, size);
	lib_ask(WIRE_IOCTL, &request, offsetof(__typeof__(request), data) + size);
}

/* MAP_GRANT_REF whose result cannot be stored leaves no map behind, where the kernel takes it back. */
static void undo_map(const struct device *d, uint64_t index, uint32_t count)
{
	const struct ioctl_gntdev_unmap_grant_ref unmap = {.index = index, .count = count};

	ask_again(d, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap, sizeof(unmap));
}

/* The same of references that an import gave. */
static void undo_import(const struct device *d, uint64_t arg)
{
	struct ioctl_gntdev_dmabuf_imp_to_refs import;
	struct ioctl_gntdev_dmabuf_imp_release release = {0};

	if (lib_copy_in(&import, arg, sizeof(import)) < 0)
		return;
	release.fd = import.fd;
	ask_again(d, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &release, sizeof(release));
}

static void drain(int fd, uint32_t bytes)
{
	unsigned char sink[1024];

	while (bytes > 0) {
		uint32_t most = bytes < sizeof(sink) ? bytes : sizeof(sink);
		long n;

		if (lib_may(SYS_recvfrom)) {
			n = raw_syscall(SYS_recvfrom, fd, (long)sink, most, MSG_DONTWAIT, 0, 0);
		} else {
			most = device_waiting(fd) < most ? device_waiting(fd) : most;
			n = most ? raw_syscall(SYS_read, fd, (long)sink, most, 0, 0, 0) : 0;
		}
		if (n <= 0)
			return;
		bytes -= (uint32_t)n;
	}
}

/* An address below a gntdev mapping finds it, as find_vma does, unless other memory of the process
 * lies between; of that only the kernel knows. */
static bool find_vma_is_device(uint64_t vaddr)
{
	char buf[4096];
	uint64_t start = 0, end = 0, *number = &start;
	long n, fd;
	bool skip = false, found = false, device = false;

	if (ranges_overlap(vaddr, 1) || !lib_may(SYS_openat))
		return true;
	fd = lib_open_maps();
	if (fd < 0)
		return true;
	while (!found && (n = raw_syscall(SYS_read, fd, (long)buf, sizeof(buf), 0, 0, 0)) > 0) {
		for (long i = 0; i < n && !found; i++) {
			char c = buf[i];
			int digit = c >= '0' && c <= '9'   ? c - '0'
				    : c >= 'a' && c <= 'f' ? c - 'a' + 10
							   : -1;

			if (c == '\n') {
				start = end = 0;
				number = &start;
				skip = false;
			} else if (!skip && c == '-') {
				number = &end;
			} else if (!skip && digit >= 0) {
				*number = *number << 4 | (uint64_t)digit;
			} else if (!skip) {
				skip = true;
				found = end > vaddr;
				device = found && ranges_overlap(start, 1);
			}
		}
	}
	raw_close((int)fd);
	return device;
}

bool device_ioctl_precheck(const struct device *d, uint32_t cmd, uint64_t arg, long *result)
{
	struct ioctl_gntdev_get_offset_for_vaddr op;

	if (d->device != WIRE_DEV_GNTDEV || cmd != IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR ||
	    lib_copy_in(&op, arg, sizeof(op)) < 0 || find_vma_is_device(op.vaddr))
		return true;
	*result = -EINVAL;
	return false;
}

/* The driver's index and count of a successful MAP_GRANT_REF, from what it wrote. */
static void written_map(const struct wire_in *in, struct ioctl_gntdev_map_grant_ref *map,
			bool *kept)
{
	struct wire_region region;
	size_t at = sizeof(struct wire_ioctl_reply) + sizeof(region);

	memset(map, 0, sizeof(*map));
	*kept = true;
	if (in->msg.payload < at + sizeof(*map))
		return;
	memcpy(&region, in->payload + sizeof(struct wire_ioctl_reply), sizeof(region));
	*kept = region.flags & WIRE_R_KEPT;
	memcpy(map, in->payload + at, sizeof(*map));
}

/* Only the fixed part: sent straight from the program's memory, so that the kernel finds out whether
 * the pointer is good. Returns -EFAULT with nothing sent if it is not. */
static int ask_fixed(const struct device *d, uint32_t cmd, uint64_t arg, struct wire_in *in)
{
	static const unsigned char zeros[8];
	size_t size = fixed_size(cmd);
	struct {
		struct wire_ioctl call;
		struct wire_region region;
	} head = {.call = {.file = d->id, .cmd = cmd, .arg = arg, .n_regions = 1},
		  .region = {.addr = arg, .len = (uint32_t)size, .flags = WIRE_R_DATA}};
	struct iovec pieces[WIRE_PIECES] = {{&head, sizeof(head)},
					    {(void *)(uintptr_t)arg, size},
					    {(void *)(uintptr_t)zeros, -size & 7}};

	return lib_callv(WIRE_IOCTL, pieces, WIRE_PIECES, in);
}

static int call_gathered(const struct gather *g, const struct dmabuf *dmabuf, struct wire_in *in)
{
	if (!dmabuf)
		return lib_call(WIRE_IOCTL, g->p, g->used, NULL, 0, in);
	((struct wire_ioctl *)(void *)g->p)->number = dmabuf->number;
	return lib_call(WIRE_IOCTL, g->p, g->used, &dmabuf->borrowed,
			dmabuf->borrowed >= 0 ? 1 : LIB_ANSWERED_WITH_FDS, in);
}

static int ask_gathered(const struct device *d, uint32_t cmd, uint64_t arg,
			const struct dmabuf *dmabuf, struct wire_in *in)
{
	struct gather g;
	long early;
	int err;

	start(&g, d->id, cmd, arg);
	add(&g, arg, fixed_size(cmd));
	add_arrays(&g, d, cmd, arg);
	if (g.failed)
		err = -ENOMEM;
	else if (!device_ioctl_precheck(d, cmd, arg, &early))
		err = (int)early;
	else
		err = call_gathered(&g, dmabuf, in);
	if (g.mapped)
		raw_munmap(g.p, g.room);
	return err;
}

/* What more than the fixed part does the driver read, or must be found out here? */
static bool is_plain(const struct device *d, uint32_t cmd)
{
	if (d->device == WIRE_DEV_PRIVCMD)
		return cmd != PRIVCMD_HYPERCALL && cmd != PRIVCMD_MMAPBATCH_V2;
	return d->device != WIRE_DEV_GNTDEV || cmd == IOCTL_GNTDEV_UNMAP_GRANT_REF ||
	       cmd == IOCTL_GNTDEV_SET_UNMAP_NOTIFY;
}

/* Stores what the driver wrote; the call's result. */
static long conclude(int fd, const struct device *d, uint32_t cmd, uint64_t arg, long result,
		     struct wire_in *in)
{
	struct ioctl_gntdev_map_grant_ref map;
	struct wire_ioctl_reply reply;
	bool kept;
	int err;

	if (in->msg.payload < sizeof(reply))
		return result;
	memcpy(&reply, in->payload, sizeof(reply));
	if (result == 0)
		result = (long)in->msg.result;
	err = store(in, reply.n_regions);
	if (err < 0 && result == 0 && d->device == WIRE_DEV_GNTDEV &&
	    cmd == IOCTL_GNTDEV_MAP_GRANT_REF) {
		written_map(in, &map, &kept);
		wire_in_done(in);
		if (!kept)
			undo_map(d, map.index, map.count);
	} else if (err < 0 && result == 0 && d->device == WIRE_DEV_GNTDEV && dmabuf_imports(cmd)) {
		wire_in_done(in);
		undo_import(d, arg);
	}
	drain(fd, reply.drain);
	return err < 0 ? err : result;
}

/* MMAPBATCH_V2 or MMAP_RESOURCE has filled pages: they are mapped anew. */
static long fill(uint32_t cmd, uint64_t arg)
{
	struct privcmd_resource r;
	struct privcmd_batch b;

	if (cmd == PRIVCMD_MMAPBATCH_V2)
		return lib_copy_in(&b, arg, sizeof(b)) < 0
			   ? -EFAULT
			   : memory_filled(b.addr, (uint64_t)b.num * DEVICE_MOST_BYTES);
	if (lib_copy_in(&r, arg, sizeof(r)) < 0)
		return -EFAULT;
	return r.addr
		   ? memory_filled(r.addr & -(uint64_t)DEVICE_MOST_BYTES, r.num * DEVICE_MOST_BYTES)
		   : 0;
}

/* One that has to do with descriptors of the program's. */
static long ioctl_dmabuf(int fd, const struct device *d, uint32_t cmd, uint64_t arg)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released op;
	struct wire_in in = {0};
	struct dmabuf b;
	sigset_t saved;
	long result;

	lib_enter(&saved);
	dmabuf_begin(&b, fd, cmd, arg);
	result = ask_gathered(d, cmd, arg, &b, &in);
	result = dmabuf_end(&b, &in, result);
	result = conclude(fd, d, cmd, arg, result, &in);
	wire_in_done(&in);
	if (b.came >= 0)
		lib_came(b.came);
	if (b.wait >= 0 && lib_copy_in(&op, arg, sizeof(op)) < 0)
		op.wait_to_ms = 0;
	lib_leave(&saved);
	return b.wait >= 0 ? lib_wait(b.wait, op.wait_to_ms) : result;
}

long device_ioctl(int fd, const struct device *d, uint32_t cmd, uint64_t arg)
{
	struct wire_in in = {0};
	sigset_t saved;
	long result = -EFAULT;

	if (d->device == WIRE_DEV_GNTDEV && dmabuf_is_call(cmd))
		return ioctl_dmabuf(fd, d, cmd, arg);
	lib_enter(&saved);
	if (is_plain(d, cmd) && lib_sends_in_place())
		result = ask_fixed(d, cmd, arg, &in);
	/* A bad pointer is the driver's to find, in its order of checks. */
	if (result == -EFAULT && in.msg.op == 0)
		result = ask_gathered(d, cmd, arg, NULL, &in);
	result = conclude(fd, d, cmd, arg, result, &in);
	wire_in_done(&in);
	if (result == 0 && d->device == WIRE_DEV_PRIVCMD && privcmd_fills(cmd))
		result = fill(cmd, arg);
	lib_leave(&saved);
	return result;
}

bool device_ioctl_is_generic(unsigned long cmd)
{
	return cmd == FIOCLEX || cmd == FIONCLEX || cmd == FIONBIO || cmd == FIOASYNC;
}
