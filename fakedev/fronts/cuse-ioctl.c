/* SPDX-License-Identifier: MIT */
/* An unrestricted ioctl. The kernel first calls with the argument's address alone; we say which
 * memory the driver may read and write, and it calls again with that memory in hand: as often as
 * it takes, because a structure may say where the next one lies. Each call starts from nothing. */
#define _GNU_SOURCE
#include "broker/trace.h"
#include "cuse-internal.h"
#include "uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel takes 256 pieces of memory in all, 128 KiB in each direction. */
#define MOST_REGIONS 256u
#define MOST_BYTES   (128u * 1024u)

enum { IN = 1, OUT = 2 };

struct region {
	uint64_t addr;
	uint32_t len;
	int way;
	unsigned char *data; /* in call.bytes; NULL: not here yet */
};

struct call {
	const unsigned char *in; /* what the kernel brought and no region has yet */
	size_t in_left;
	struct region region[MOST_REGIONS];
	unsigned int n, n_iov;
	size_t used;       /* bytes of all regions */
	bool missing, big; /* a region's data is not here; it does not fit at all */
	unsigned char *bytes;
};

/* Adds a region, in the order in which earlier calls asked for it. */
static const unsigned char *add(struct call *c, uint64_t addr, size_t len, int way)
{
	struct region *r = &c->region[c->n];

	c->n_iov += (way & IN ? 1u : 0u) + (way & OUT ? 1u : 0u);
	if (c->n == MOST_REGIONS || c->n_iov > MOST_REGIONS || len > MOST_BYTES - c->used) {
		c->big = true;
		return NULL;
	}
	*r = (struct region){.addr = addr, .len = (uint32_t)len, .way = way};
	c->n++;
	if ((way & IN) && c->in_left < len) {
		c->in_left = 0;
		c->missing = true;
		c->used += len;
		return NULL;
	}
	r->data = c->bytes + c->used;
	c->used += len;
	if (way & IN) {
		memcpy(r->data, c->in, len);
		c->in += len;
		c->in_left -= len;
	} else {
		memset(r->data, 0, len);
	}
	return r->data;
}

static void add_local(struct call *c, const struct gntdev_grant_copy_segment *s, bool dest)
{
	if (s->len && !(s->flags & (dest ? GNTCOPY_dest_gref : GNTCOPY_source_gref)))
		add(c, (uint64_t)(uintptr_t)(dest ? s->dest.virt : s->source.virt), s->len,
		    dest ? IN | OUT : IN);
}

static void add_segments(struct call *c, const struct ioctl_gntdev_grant_copy *head)
{
	struct gntdev_grant_copy_segment s;
	const unsigned char *p;

	if (head->count == 0 || head->count > MOST_BYTES / sizeof(s)) {
		c->big |= head->count != 0;
		return;
	}
	p = add(c, (uint64_t)(uintptr_t)head->segments, head->count * sizeof(s), IN | OUT);
	for (uint32_t i = 0; p && i < head->count; i++) {
		memcpy(&s, p + i * sizeof(s), sizeof(s));
		add_local(c, &s, false);
		add_local(c, &s, true);
	}
}

/* Beyond it the driver's limit is exceeded for certain, and it looks no further. */
#define MOST_COUNT (1u << 20)

static void plan(struct call *c, enum wire_device device, uint32_t cmd, uint64_t arg)
{
	struct ioctl_gntalloc_alloc_gref alloc;
	struct ioctl_gntdev_map_grant_ref map;
	struct ioctl_gntdev_grant_copy copy;
	const bool writes =
	    (device == WIRE_DEV_GNTALLOC && cmd == IOCTL_GNTALLOC_ALLOC_GREF) ||
	    (device == WIRE_DEV_GNTDEV &&
	     (cmd == IOCTL_GNTDEV_MAP_GRANT_REF || cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR));
	const unsigned char *p;

	/* What is in no driver's range of numbers is no driver's. */
	if (_IOC_DIR(cmd) != _IOC_NONE || _IOC_SIZE(cmd) == 0 || _IOC_SIZE(cmd) > 64)
		return;
	p = add(c, arg, _IOC_SIZE(cmd), writes ? IN | OUT : IN);
	if (!p)
		return;
	if (device == WIRE_DEV_GNTALLOC && cmd == IOCTL_GNTALLOC_ALLOC_GREF) {
		memcpy(&alloc, p, sizeof(alloc));
		if (alloc.count && alloc.count <= MOST_COUNT)
			add(c, arg + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
			    alloc.count * sizeof(alloc.gref_ids[0]), OUT);
	} else if (device == WIRE_DEV_GNTDEV && cmd == IOCTL_GNTDEV_MAP_GRANT_REF) {
		memcpy(&map, p, sizeof(map));
		if (map.count && map.count <= MOST_COUNT)
			add(c, arg + offsetof(struct ioctl_gntdev_map_grant_ref, refs),
			    map.count * sizeof(map.refs[0]), IN);
	} else if (device == WIRE_DEV_GNTDEV && cmd == IOCTL_GNTDEV_GRANT_COPY) {
		memcpy(&copy, p, sizeof(copy));
		add_segments(c, &copy);
	}
}

/* The bytes in a region, NULL if it has not all of them or does not go this way. */
static unsigned char *within(const struct region *r, uint64_t addr, size_t len, int way)
{
	if (!(r->way & way) || !r->data || addr < r->addr || addr - r->addr > r->len ||
	    len > r->len - (addr - r->addr))
		return NULL;
	return r->data + (addr - r->addr);
}

static const unsigned char *find(const struct call *c, uint64_t addr, size_t len, int way)
{
	const unsigned char *p = NULL;

	for (unsigned int i = 0; i < c->n && !p; i++)
		p = within(&c->region[i], addr, len, way);
	return p;
}

static int call_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	const unsigned char *p = find(ctx, addr, len, IN);

	if (len && !p)
		return -EFAULT;
	if (len)
		memcpy(dst, p, len);
	return 0;
}

static int call_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	const struct call *c = ctx;
	bool done = len == 0;

	/* A structure and the array at its end overlap: the kernel stores both. */
	for (unsigned int i = 0; i < c->n && len; i++) {
		unsigned char *p = within(&c->region[i], addr, len, OUT);

		if (p)
			memcpy(p, src, len);
		done |= p != NULL;
	}
	return done ? 0 : -EFAULT;
}

static int call_probe(void *ctx, uint64_t addr, size_t len)
{
	/* Pieces of a region: the driver goes page by page. */
	return len == 0 || find(ctx, addr, len, OUT) ? 0 : -EFAULT;
}

static void ask_for(fuse_req_t req, const struct call *c)
{
	struct iovec in[MOST_REGIONS], out[MOST_REGIONS];
	size_t n_in = 0, n_out = 0;

	for (unsigned int i = 0; i < c->n; i++) {
		struct iovec v = {(void *)(uintptr_t)c->region[i].addr, c->region[i].len};

		if (c->region[i].way & IN)
			in[n_in++] = v;
		if (c->region[i].way & OUT)
			out[n_out++] = v;
	}
	fuse_reply_ioctl_retry(req, in, n_in, out, n_out);
}

static void answer(fuse_req_t req, const struct call *c, long result, bool with_data)
{
	struct iovec out[MOST_REGIONS];
	int n = 0;

	for (unsigned int i = 0; i < c->n && with_data; i++)
		if (c->region[i].way & OUT)
			out[n++] = (struct iovec){c->region[i].data, c->region[i].len};
	fuse_reply_ioctl_iov(req, (int)result, out, n);
}

static void identify(fuse_req_t req, const struct fuse_file *ff, void *arg, size_t out_len)
{
	const struct wire_file about = fuse_file_about(ff);
	struct iovec out = {arg, sizeof(about)};

	if (out_len < sizeof(about))
		fuse_reply_ioctl_retry(req, NULL, 0, &out, 1);
	else
		fuse_reply_ioctl(req, 0, &about, sizeof(about));
}

static size_t out_bytes(const struct call *c)
{
	size_t n = 0;

	for (unsigned int i = 0; i < c->n; i++)
		n += c->region[i].way & OUT ? c->region[i].len : 0;
	return n;
}

static int touch(void *ctx)
{
	*(bool *)ctx = true;
	return -EFAULT;
}

static int touch_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	(void)addr, (void)dst, (void)len;
	return touch(ctx);
}

static int touch_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	(void)addr, (void)src, (void)len;
	return touch(ctx);
}

static int touch_probe(void *ctx, uint64_t addr, size_t len)
{
	(void)addr, (void)len;
	return touch(ctx);
}

/* Whether the driver answers without a look at the argument: then it may be a bad one. */
static bool answers_at_once(struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
			    long *result)
{
	bool touched = false;
	const struct gntsim_user_memory um = {
	    .read = touch_read, .write = touch_write, .probe_write = touch_probe, .ctx = &touched};

	*result = fuse_file_ioctl(ff, thread, cmd, arg, &um);
	return !touched;
}

/* The kernel's first request of a call has nothing with it. @return what it fails with */
static int counted(const struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
		   bool again)
{
	struct trace_call call = {.kind = TRACE_IOCTL, .cmd = cmd, .addr = arg};

	if (!again)
		return deaths_file_before(ff->device->broker, thread, ff->device, &call);
	deaths_file_again(ff->device->broker, thread, 0);
	return 0;
}

void cuse_ioctl(fuse_req_t req, int number, void *arg, struct fuse_file_info *fi,
		unsigned int flags, const void *in, size_t in_len, size_t out_len)
{
	struct fuse_file *ff = fuse_file_of(fi);
	uint32_t cmd = (uint32_t)number;
	struct call *c;
	struct gntsim_user_memory um = {
	    .read = call_read, .write = call_write, .probe_write = call_probe};
	uint32_t thread = (uint32_t)fuse_req_ctx(req)->pid;
	long result;

	(void)flags;
	if (cmd == WIRE_IOC_IDENTIFY) {
		identify(req, ff, arg, out_len);
		return;
	}
	if (ff->device->broker->config.deaths) {
		result = counted(ff, thread, cmd, (uint64_t)(uintptr_t)arg, in_len || out_len);
		if (result < 0) {
			fuse_reply_ioctl(req, (int)result, NULL, 0);
			return;
		}
	}
	c = calloc(1, sizeof(*c));
	um.ctx = c;
	if (c)
		c->bytes = malloc(MOST_BYTES);
	if (!c || !c->bytes) {
		fuse_reply_ioctl(req, -ENOMEM, NULL, 0);
	} else {
		c->in = in;
		c->in_left = in_len;
		plan(c, ff->device->device, cmd, (uint64_t)(uintptr_t)arg);
		if (c->big) {
			/* More than the driver takes anyhow, or only more than we do? */
			result = ff->device->device == WIRE_DEV_GNTDEV && !c->missing &&
					 cmd == IOCTL_GNTDEV_MAP_GRANT_REF
				     ? fuse_file_ioctl(ff, 0, cmd, (uint64_t)(uintptr_t)arg, &um)
				     : -EFAULT;
			deaths_file_after(ff->device->broker);
			fuse_reply_ioctl(req, result == -EFAULT ? -ENOMEM : (int)result, NULL, 0);
		} else if (c->missing && in_len == 0 &&
			   answers_at_once(ff, thread, cmd, (uint64_t)(uintptr_t)arg, &result)) {
			deaths_file_after(ff->device->broker);
			fuse_reply_ioctl(req, (int)result, NULL, 0);
		} else if (c->missing || out_len < out_bytes(c)) {
			ask_for(req, c);
		} else {
			result = fuse_file_ioctl(ff, thread, cmd, (uint64_t)(uintptr_t)arg, &um);
			deaths_file_after(ff->device->broker);
			/* GRANT_COPY stores even when it fails. */
			answer(req, c, result,
			       result >= 0 || (ff->device->device == WIRE_DEV_GNTDEV &&
					       cmd == IOCTL_GNTDEV_GRANT_COPY));
		}
	}
	if (c)
		free(c->bytes);
	free(c);
}
