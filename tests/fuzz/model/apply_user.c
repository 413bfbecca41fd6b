/* SPDX-License-Identifier: MIT */
/* Calls that reach into the memory of their process: GRANT_COPY, and ioctls as a kernel gets them. */
#include <errno.h>
#include <string.h>

#include "uapi.h"
#include "world.h"

#define SEGMENTS SCRATCH_ADDR
#define LOCAL    (SCRATCH_ADDR + GNTSIM_PAGE_SIZE)

struct process {
	struct world *w;
	struct gntsim_mm *mm;
};

static bool in_scratch(uint64_t addr, size_t len)
{
	return addr >= SCRATCH_ADDR && len <= SCRATCH_BYTES &&
	       addr - SCRATCH_ADDR <= SCRATCH_BYTES - len;
}

static int read_user(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct process *p = ctx;

	if (in_scratch(addr, len)) {
		memcpy(dst, p->w->scratch + (addr - SCRATCH_ADDR), len);
		return 0;
	}
	return p->mm && gntsim_mm_load(p->mm, addr, dst, len) == GNTSIM_ACCESS_OK ? 0 : -EFAULT;
}

static int write_user(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct process *p = ctx;

	if (in_scratch(addr, len)) {
		size_t at = (size_t)(addr - SCRATCH_ADDR);

		memcpy(p->w->scratch + at, src, len);
		if (at + len > p->w->scratch_used)
			p->w->scratch_used = at + len;
		return 0;
	}
	return p->mm && gntsim_mm_store(p->mm, addr, src, len) == GNTSIM_ACCESS_OK ? 0 : -EFAULT;
}

static int probe_write(void *ctx, uint64_t addr, size_t len)
{
	struct process *p = ctx;
	struct gntsim_page page;

	if (in_scratch(addr, len))
		return 0;
	for (uint64_t at = addr & ~(PAGE - 1); at < addr + len; at += PAGE) {
		if (!p->mm || gntsim_mm_page(p->mm, at, &page) || !(page.writable || page.copies) ||
		    page.frame == GNTSIM_NO_FRAME)
			return -EFAULT;
	}
	return 0;
}

/* Bits of b: the sides that are references; the sides that are device memory; two segments. */
static void fill_segment(const struct call *c, unsigned int i, struct gntdev_grant_copy_segment *s)
{
	uint8_t bits = (uint8_t)(c->b >> (i ? 1 : 0));
	uint16_t at = (uint16_t)((c->e & 7) * 1024);
	uint16_t len = (uint16_t)(c->e >> 3 & 15 ? (c->e >> 3 & 15) * 300 : 8);

	s->flags = bits & 3;
	s->len = len;
	if (bits & GNTCOPY_source_gref) {
		s->source.foreign.ref = call_ref(c->c);
		s->source.foreign.domid = (uint16_t)call_domid((uint8_t)(c->e >> 8 & 31));
		s->source.foreign.offset = at;
	} else {
		s->source.virt = (void *)(uintptr_t)((bits & 4 ? call_addr(c->c) : LOCAL) + at);
	}
	if (bits & GNTCOPY_dest_gref) {
		s->dest.foreign.ref = call_ref(c->d);
		s->dest.foreign.domid = (uint16_t)call_domid((uint8_t)(c->e >> 11));
		s->dest.foreign.offset = (uint16_t)(at & 1024);
	} else {
		s->dest.virt =
		    (void *)(uintptr_t)((bits & 8 ? call_addr(c->d) : LOCAL) + (at & 1024));
	}
}

static void copy(struct world *w, struct gntsim_file *file, struct process *p, const struct call *c,
		 struct outcome *out)
{
	struct gntdev_grant_copy_segment segments[20] = {0};
	struct ioctl_gntdev_grant_copy arg = {.count = 1 + (c->b >> 4 & 3)};
	const struct gntsim_user_memory um = {
	    .read = read_user, .write = write_user, .probe_write = probe_write, .ctx = p};

	/* One batch, or more than one. */
	if (arg.count == 4)
		arg.count = 20;
	arg.segments = (void *)(uintptr_t)(SEGMENTS + sizeof(arg));
	for (uint32_t i = 0; i < arg.count; i++)
		fill_segment(c, i, &segments[i]);
	memcpy(w->scratch, &arg, sizeof(arg));
	memcpy(w->scratch + sizeof(arg), segments, arg.count * sizeof(*segments));
	if (w->scratch_used < GNTSIM_PAGE_SIZE)
		w->scratch_used = GNTSIM_PAGE_SIZE;
	out->value = gntsim_ioctl(file, p->mm, IOCTL_GNTDEV_GRANT_COPY, SEGMENTS, &um);
	memcpy(segments, w->scratch + sizeof(arg), arg.count * sizeof(*segments));
	for (uint32_t i = 0; i < arg.count; i++)
		put(out, (uint64_t)segments[i].status);
	for (uint32_t i = 0; i < 8; i++)
		put(out, w->scratch[GNTSIM_PAGE_SIZE + i * 128]);
}

static const uint32_t numbers[] = {
    IOCTL_GNTALLOC_ALLOC_GREF,
    IOCTL_GNTALLOC_DEALLOC_GREF,
    IOCTL_GNTALLOC_SET_UNMAP_NOTIFY,
    IOCTL_GNTDEV_MAP_GRANT_REF,
    IOCTL_GNTDEV_UNMAP_GRANT_REF,
    IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
    IOCTL_GNTDEV_SET_MAX_GRANTS,
    IOCTL_GNTDEV_GRANT_COPY,
    IOCTL_EVTCHN_BIND_VIRQ,
    IOCTL_EVTCHN_BIND_INTERDOMAIN,
    IOCTL_EVTCHN_BIND_UNBOUND_PORT,
    IOCTL_EVTCHN_UNBIND,
    IOCTL_EVTCHN_NOTIFY,
    IOCTL_EVTCHN_RESET,
    IOCTL_EVTCHN_RESTRICT_DOMID,
    IOCTL_EVTCHN_BIND_STATIC,
};

/* Words that the fields of the call fill, in the places that the number's structure has them in. */
static void fill_words(uint32_t cmd, const struct call *c, uint32_t words[N_WORDS])
{
	uint32_t domid = call_domid(c->b & 31);

	if (cmd == IOCTL_GNTALLOC_ALLOC_GREF) {
		words[0] = (domid & 0xffff) | (uint32_t)(c->b >> 7) << 16;
		words[1] = call_count(c->c);
	} else if (cmd == IOCTL_GNTDEV_MAP_GRANT_REF) {
		words[0] = call_count(c->c);
		words[4] = words[6] = domid;
		words[5] = call_ref(c->d);
		words[7] = words[5] + 1;
	} else if (cmd == IOCTL_GNTDEV_GRANT_COPY) {
		words[0] = c->c & 3;
		words[2] = SCRATCH_ADDR & UINT32_MAX;
		words[3] = (uint32_t)(SCRATCH_ADDR >> 32);
	} else if (cmd >> 8 == IOCTL_EVTCHN_RESET >> 8) {
		words[0] = c->d & 1 ? domid : c->c;
		words[1] = call_port(c->c);
	} else {
		uint64_t first =
		    cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR ? call_addr(c->c) : c->c * PAGE;

		words[0] = first & UINT32_MAX;
		words[1] = (uint32_t)(first >> 32);
		words[2] = c->d & 7;
		words[3] = call_port(c->b);
	}
}

static void raw_ioctl(struct world *w, struct gntsim_file *file, struct process *p,
		      const struct call *c, struct outcome *out)
{
	const struct gntsim_user_memory um = {
	    .read = read_user, .write = write_user, .probe_write = probe_write, .ctx = p};
	uint32_t words[N_WORDS] = {0}, cmd = numbers[c->a & 15];
	/* By bytes from the end of the memory, so that the argument ends in what is none. */
	uint64_t arg = c->e & 256 ? SCRATCH_ADDR + SCRATCH_BYTES - (c->e & 31) : SCRATCH_ADDR;
	size_t at = (size_t)(arg - SCRATCH_ADDR);
	size_t n = SCRATCH_BYTES - at < sizeof(words) ? SCRATCH_BYTES - at : sizeof(words);

	if (c->a & 16)
		cmd ^= 0x40;
	fill_words(cmd, c, words);
	memcpy(w->scratch + at, words, n);
	if (w->scratch_used < at + n)
		w->scratch_used = at + n;
	out->value = gntsim_ioctl(file, p->mm, cmd, arg, &um);
	memcpy(words, w->scratch + at, n);
	for (unsigned int i = 0; i < N_WORDS; i++)
		put(out, words[i]);
}

bool apply_user(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_file *file = *world_file(w, c->self);
	struct process p = {w, *world_mm(w, c->a)};

	if (c->op != CALL_COPY && c->op != CALL_IOCTL)
		return false;
	/* A process of the file's own kernel. */
	if (p.mm && file && gntsim_mm_domain(p.mm) != gntsim_file_domain(file))
		p.mm = NULL;
	out->skipped = !file;
	if (file && c->op == CALL_COPY)
		copy(w, file, &p, c, out);
	else if (file)
		raw_ioctl(w, file, &p, c, out);
	return true;
}
