/* SPDX-License-Identifier: MIT */
/* Mappings of privcmd: Linux's privcmd.c. Each is a piece of an address space with a frame a page. */
#include "broker/foreign.h"
#include "privcmd/abi.h"
#include "privcmd/privcmd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MOST_PAGES (1u << 20)

struct foreign_slot {
	gntsim_frame frame; /* GNTSIM_NO_FRAME: none yet */
	int prot;
	bool gone; /* unmapped */
};

struct foreign {
	struct foreign *next;
	uint64_t start;
	uint32_t n, n_left; /* pages there were; that are not unmapped */
	bool filled;        /* by a call before */
	struct foreign_slot slot[];
};

static struct foreign_slot *find(const struct client *c, uint64_t addr, struct foreign **out)
{
	for (struct foreign *f = c->foreign; f; f = f->next) {
		uint64_t i = (addr - f->start) / GNTSIM_PAGE_SIZE;

		if (addr < f->start || i >= f->n || f->slot[i].gone)
			continue;
		if (out)
			*out = f;
		return &f->slot[i];
	}
	return NULL;
}

int foreign_map(struct client *c, const struct wire_map *m)
{
	uint64_t n = m->len / GNTSIM_PAGE_SIZE;
	struct foreign *f;

	if ((m->flags & MAP_TYPE) == MAP_PRIVATE)
		return -EINVAL;
	if (n > MOST_PAGES)
		return -ENOMEM;
	f = malloc(sizeof(*f) + n * sizeof(f->slot[0]));
	if (!f)
		return -ENOMEM;
	f->start = m->addr;
	f->n = f->n_left = (uint32_t)n;
	f->filled = false;
	for (uint32_t i = 0; i < f->n; i++)
		f->slot[i] = (struct foreign_slot){.frame = GNTSIM_NO_FRAME, .prot = m->prot};
	f->next = c->foreign;
	c->foreign = f;
	return 0;
}

/* Calls @p each for the slots of a range, until one says other than 0. */
static int visit(const struct client *c, uint64_t addr, uint64_t len,
		 int (*each)(struct foreign *f, struct foreign_slot *slot, void *ctx), void *ctx)
{
	for (struct foreign *f = c->foreign; f; f = f->next) {
		uint64_t end = f->start + (uint64_t)f->n * GNTSIM_PAGE_SIZE;
		uint64_t at = addr > f->start ? addr : f->start;
		uint64_t stop = addr + len < end ? addr + len : end;

		for (; at < stop; at += GNTSIM_PAGE_SIZE) {
			struct foreign_slot *slot = &f->slot[(at - f->start) / GNTSIM_PAGE_SIZE];
			int r = slot->gone ? 0 : each(f, slot, ctx);

			if (r != 0)
				return r;
		}
	}
	return 0;
}

struct visiting {
	foreign_visitor *visit;
	void *ctx;
};

static int tell(struct foreign *f, struct foreign_slot *slot, void *ctx)
{
	const struct visiting *v = ctx;

	return v->visit(v->ctx, f->start + (uint64_t)(slot - f->slot) * GNTSIM_PAGE_SIZE,
			slot->frame, slot->prot);
}

int foreign_each(const struct client *c, uint64_t addr, uint64_t len, foreign_visitor *visitor,
		 void *ctx)
{
	struct visiting v = {visitor, ctx};

	return visit(c, addr, len, tell, &v);
}

static int found(struct foreign *f, struct foreign_slot *slot, void *ctx)
{
	(void)f;
	(void)slot;
	(void)ctx;
	return 1;
}

bool foreign_any(const struct client *c, uint64_t addr, uint64_t len)
{
	return visit(c, addr, len, found, NULL) != 0;
}

static int let_go(struct foreign *f, struct foreign_slot *slot, void *ctx)
{
	if (slot->frame != GNTSIM_NO_FRAME)
		gntsim_frame_unhold(ctx, slot->frame);
	slot->gone = true;
	f->n_left--;
	return 0;
}

void foreign_unmap(struct client *c, uint64_t addr, uint64_t len)
{
	struct foreign **at = &c->foreign, *f;

	if (!c->foreign)
		return;
	visit(c, addr, len, let_go, c->broker->machine);
	while ((f = *at)) {
		if (f->n_left > 0) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
}

static int protect(struct foreign *f, struct foreign_slot *slot, void *ctx)
{
	(void)f;
	slot->prot = *(const int *)ctx;
	return 0;
}

void foreign_protect(struct client *c, uint64_t addr, uint64_t len, int prot)
{
	visit(c, addr, len, protect, &prot);
}

static int hold(const struct client *c, uint16_t domid, uint64_t frame)
{
	struct gntsim_domain *dom = gntsim_domain_find(c->broker->machine, domid);

	if (domid == c->domid || domid == GNTSIM_DOMID_SELF)
		return -EINVAL;
	if (!dom)
		return -ESRCH;
	if (c->domid != 0)
		return -EPERM;
	return frame < GNTSIM_NO_FRAME ? gntsim_frame_hold(dom, (gntsim_frame)frame) : -EINVAL;
}

/* The mapping, if the pages may be filled. */
static struct foreign *to_fill(const struct client *c, const struct privcmd_batch *b)
{
	struct foreign *f = NULL;

	if (b->addr % GNTSIM_PAGE_SIZE || !find(c, b->addr, &f) || !f)
		return NULL;
	if (!f->filled)
		return b->addr == f->start && b->num == f->n && f->n_left == f->n ? f : NULL;
	for (uint32_t i = 0; i < b->num; i++) {
		uint64_t at = (b->addr - f->start) / GNTSIM_PAGE_SIZE + i;

		if (at >= f->n || f->slot[at].gone || f->slot[at].frame != GNTSIM_NO_FRAME)
			return NULL;
	}
	return f;
}

static int fill(const struct client *c, const struct privcmd_batch *b, struct foreign_slot *slot,
		uint64_t i, const struct gntsim_user_memory *um)
{
	uint64_t frame;
	int err;

	if (um->read(um->ctx, b->arr + i * sizeof(frame), &frame, sizeof(frame)) < 0)
		return -EFAULT;
	err = hold(c, b->dom, frame);
	if (err == 0)
		slot->frame = (gntsim_frame)frame;
	return err == 0 ? 0 : um->write(um->ctx, b->err + i * sizeof(err), &err, sizeof(err));
}

long foreign_fill(struct client *c, uint16_t target, uint64_t arg,
		  const struct gntsim_user_memory *um)
{
	struct privcmd_batch b;
	struct foreign *f;
	const int none = 0;

	if (um->read(um->ctx, arg, &b, sizeof(b)) < 0)
		return -EFAULT;
	if (target != PRIVCMD_ANY && target != b.dom)
		return -EPERM;
	for (uint64_t i = 0; i < b.num; i++)
		if (um->write(um->ctx, b.err + i * sizeof(none), &none, sizeof(none)) < 0)
			return -EFAULT;
	if (b.num == 0)
		return -EINVAL;
	for (uint64_t i = 0; i < b.num; i++) {
		uint64_t frame;

		if (um->read(um->ctx, b.arr + i * sizeof(frame), &frame, sizeof(frame)) < 0)
			return -EFAULT;
	}
	f = to_fill(c, &b);
	if (!f)
		return -EINVAL;
	f->filled = true;
	for (uint64_t i = 0; i < b.num; i++)
		if (fill(c, &b, &f->slot[(b.addr - f->start) / GNTSIM_PAGE_SIZE + i], i, um) < 0)
			return -EFAULT;
	return 0;
}

/* Whether these pages are all of one mapping, and none of them is unmapped. */
static struct foreign *holding(const struct client *c, uint64_t addr, uint64_t n)
{
	struct foreign *f = NULL;
	uint64_t first;

	if (!find(c, addr, &f))
		return NULL;
	first = (addr - f->start) / GNTSIM_PAGE_SIZE;
	if (n > f->n - first)
		return NULL;
	for (uint64_t i = 0; i < n; i++)
		if (f->slot[first + i].gone)
			return NULL;
	return f;
}

long foreign_resource(struct client *c, uint16_t target, uint64_t arg,
		      const struct gntsim_user_memory *um)
{
	struct gntsim_domain *dom = gntsim_domain_find(c->broker->machine, c->domid);
	struct privcmd_resource r;
	struct foreign_slot *slot;
	struct foreign *f;
	gntsim_frame *frames;
	int err;

	if (um->read(um->ctx, arg, &r, sizeof(r)) < 0)
		return -EFAULT;
	if (target != PRIVCMD_ANY && target != r.dom)
		return -EPERM;
	if (!dom)
		return -ENODEV;
	if (!r.num || !r.addr)
		return privcmd_ioctl(dom, PRIVCMD_MMAP_RESOURCE, arg, um);
	f = holding(c, r.addr, r.num);
	if (!f)
		return -EINVAL;
	f->filled = true;
	frames = calloc(r.num, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	err = gntsim_acquire_resource(dom, r.dom, r.type, r.id, r.idx, (uint32_t)r.num, frames);
	slot = &f->slot[(r.addr - f->start) / GNTSIM_PAGE_SIZE];
	for (uint32_t i = 0; err == 0 && i < r.num; i++) {
		if (slot[i].frame != GNTSIM_NO_FRAME)
			gntsim_frame_unhold(c->broker->machine, slot[i].frame);
		slot[i].frame = frames[i];
	}
	free(frames);
	return err;
}
