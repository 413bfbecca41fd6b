/* SPDX-License-Identifier: MIT */
/* Address spaces, and loads and stores in them. */
#include "world.h"

#define BYTES_MOST 64u

static void create_mm(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_domain *dom = world_domain(w, c->a);
	struct gntsim_mm **mm = world_mm(w, c->self);

	out->skipped = !dom || *mm;
	if (!out->skipped)
		out->value = gntsim_mm_create(dom, mm);
}

static void fork_mm(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_mm *parent = *world_mm(w, c->self), **child = world_mm(w, c->a);

	out->skipped = !parent || *child;
	if (!out->skipped)
		out->value = gntsim_mm_fork(parent, child);
}

static void end_mm(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_mm **mm = world_mm(w, c->self);

	out->skipped = !*mm;
	if (*mm)
		gntsim_mm_destroy(*mm);
	*mm = NULL;
}

static void map_file(struct world *w, struct gntsim_mm *mm, const struct call *c,
		     struct outcome *out)
{
	struct gntsim_file *file = *world_file(w, c->a);

	out->skipped = !file;
	if (file)
		out->value = gntsim_mmap(mm, file, call_addr(c->d), call_pages(c->b) * PAGE,
					 call_prot(c->b), call_map_flags(c->b), c->c * PAGE);
}

static void load(struct gntsim_mm *mm, uint64_t addr, size_t n, struct outcome *out)
{
	uint8_t bytes[BYTES_MOST];

	out->value = gntsim_mm_load(mm, addr, bytes, n);
	/* Of a load that faults the bytes before the fault are the caller's business. */
	for (size_t i = 0; out->value == GNTSIM_ACCESS_OK && i < n; i++)
		put(out, bytes[i]);
}

static void store(struct gntsim_mm *mm, uint64_t addr, size_t n, uint8_t what, struct outcome *out)
{
	uint8_t bytes[BYTES_MOST];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(what + i);
	out->value = gntsim_mm_store(mm, addr, bytes, n);
}

bool apply_memory(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_mm *mm = *world_mm(w, c->self);
	uint64_t addr = call_addr(c->d), at = addr + (c->e & (PAGE - 1));

	switch ((int)c->op) {
	case CALL_MM_CREATE:
		create_mm(w, c, out);
		return true;
	case CALL_MM_FORK:
		fork_mm(w, c, out);
		return true;
	case CALL_MM_END:
		end_mm(w, c, out);
		return true;
	default:
		break;
	}
	if (c->op < CALL_MMAP || c->op > CALL_LOAD)
		return false;
	out->skipped = !mm;
	if (!mm)
		return true;
	switch ((int)c->op) {
	case CALL_MMAP:
		map_file(w, mm, c, out);
		break;
	case CALL_MUNMAP:
		out->value = gntsim_munmap(mm, addr, call_pages(c->b) * PAGE);
		break;
	case CALL_MPROTECT:
		out->value = gntsim_mprotect(mm, addr, call_pages(c->b) * PAGE, call_prot(c->b));
		break;
	case CALL_MREMAP:
		out->value =
		    gntsim_mremap(mm, addr, call_pages(c->b) * PAGE, call_pages(c->c) * PAGE,
				  call_remap_flags(c->a), call_addr((uint8_t)c->e));
		break;
	case CALL_MADVISE:
		out->value = gntsim_madvise(mm, addr, call_pages(c->b) * PAGE, call_advice(c->c));
		break;
	case CALL_STORE:
		store(mm, at, c->c % (BYTES_MOST + 1), c->b, out);
		break;
	default:
		load(mm, at, c->c % (BYTES_MOST + 1), out);
		break;
	}
	return true;
}
