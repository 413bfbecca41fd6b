/* SPDX-License-Identifier: MIT */
/* Steps about mappings and what is in them. */
#include "generate.h"

typedef struct fuzz_generator gen;

#define PLACE 0x100000u /* room for a mapping */

uint64_t fuzz_fresh_address(gen *g)
{
	uint64_t addr = g->next_addr;

	g->next_addr += PLACE;
	return addr;
}

static struct fuzz_thing *device_mapping(gen *g)
{
	char device = fuzz_chance(g, 40) ? 'a' : 'd';
	struct fuzz_thing *m;

	if (g->world->dmabufs && fuzz_chance(g, 30))
		device = FUZZ_DMABUF;
	m = fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, device);

	return m ? m : fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, device == 'a' ? 'd' : 'a');
}

static void say_mmap(gen *g, struct fuzz_op *op, uint32_t pages, const char *prot,
		     const char *sharing)
{
	/* Where something is mapped already: that has to go. */
	const struct fuzz_thing *over = fuzz_chance(g, 4) ? device_mapping(g) : NULL;

	g->made.addr = over ? over->addr : fuzz_fresh_address(g);
	g->made.count = pages;
	g->pool = &g->mappings;
	fuzz_say(op, "mmap(0x%llx, %u, %s, %s|MAP_FIXED, ", (unsigned long long)g->made.addr,
		 pages * 4096, prot, sharing);
}

static const char *choose_prot(gen *g, bool writable)
{
	if (fuzz_chance(g, 3))
		return "PROT_NONE";
	writable = fuzz_chance(g, 4) ? !writable : writable && !fuzz_chance(g, 15);
	return writable ? "PROT_READ|PROT_WRITE" : "PROT_READ";
}

static bool make_mmap(gen *g, struct fuzz_op *op)
{
	char device = fuzz_chance(g, 45) ? 'a' : 'd';
	struct fuzz_pool *pool = device == 'a' ? &g->pages : &g->maps;
	struct fuzz_thing *what, file;
	uint32_t first = 0, n;
	const char *prot;

	what = fuzz_usable(g, op, pool, device, &file);
	if (!what)
		return op->text[0];
	n = what->count;
	if (fuzz_chance(g, device == 'a' ? 30 : 4)) {
		first = fuzz_random(g, n);
		n = 1 + fuzz_random(g, fuzz_chance(g, 90) ? n - first : n);
	}
	what->used |= device == 'd' && first == 0 && n == what->count;
	op->file = device == 'd' ? file.file : 0;
	prot = choose_prot(g, device == 'a' || what->writable);
	g->made.device = device;
	g->made.writable = prot[9] == '|';
	g->made.source = what->id;
	g->made.private = fuzz_chance(g, device == 'd' && !g->made.writable ? 30 : 2);
	say_mmap(g, op, n, prot, g->made.private ? "MAP_PRIVATE" : "MAP_SHARED");
	fuzz_say(op, "@f%u, @x%u+%u)", file.id, what->id, first * 4096);
	return true;
}

/* Memory for copies, and some for event channels to be read to: what is written there are port
 * numbers, which are not the same everywhere, so that nothing is done with it. */
static bool make_buffer(gen *g, struct fuzz_op *op)
{
	char device = fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, 'b') ? 'r' : 'b';

	if (fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, device) ||
	    (device == 'r' && fuzz_chance(g, 80)))
		return false;
	g->made = (struct fuzz_thing){.process = g->process,
				      .device = device,
				      .writable = true,
				      .count = 2,
				      .addr = g->next_buffer};
	g->next_buffer += PLACE;
	g->pool = &g->mappings;
	fuzz_say(op,
		 "mmap(0x%llx, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, "
		 "-1, 0)",
		 (unsigned long long)g->made.addr);
	return true;
}

/* All of a mapping's pages, with a chance of so many percent, or some. */
static void pages_of(gen *g, const struct fuzz_thing *m, uint32_t percent, uint32_t *first,
		     uint32_t *n)
{
	*first = 0;
	*n = m->count;
	if (fuzz_chance(g, percent))
		return;
	*first = fuzz_random(g, m->count);
	*n = 1 + fuzz_random(g, m->count - *first);
}

static bool make_munmap(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *m = device_mapping(g);
	uint32_t first, n;

	if (!m)
		return false;
	pages_of(g, m, 60, &first, &n);
	fuzz_say(op, "munmap(0x%llx, %u)", (unsigned long long)m->addr + first * 4096, n * 4096);
	if (first == 0 && n == m->count && fuzz_chance(g, 90)) {
		g->gone = m;
		g->gone_pool = &g->mappings;
	}
	return true;
}

/* Private ones are few, and each kernel has its own opinion of them. */
static const struct fuzz_thing *protected_mapping(gen *g)
{
	for (uint32_t i = 0; i < g->mappings.n; i++) {
		const struct fuzz_thing *m = &g->mappings.things[i];

		if (m->private && m->process == g->process && fuzz_chance(g, 30))
			return m;
	}
	return device_mapping(g);
}

static bool make_mprotect(gen *g, struct fuzz_op *op)
{
	static const char *const prots[] = {"PROT_NONE", "PROT_READ", "PROT_READ|PROT_WRITE"};
	const struct fuzz_thing *m = protected_mapping(g);
	bool discard = g->world->capabilities & SCN_CAP(DISCARD);
	uint32_t prot, first, n;

	if (!m || !(g->world->capabilities & SCN_CAP(INVALIDATION)))
		return false;
	op->needs = SCN_CAP(INVALIDATION);
	prot = fuzz_random(g, m->writable || m->private || discard ? 3 : 2);
	if (prot == 2 && !m->writable && !m->private)
		op->needs |= SCN_CAP(DISCARD);
	pages_of(g, m, 70, &first, &n);
	fuzz_say(op, "mprotect(0x%llx, %u, %s)", (unsigned long long)m->addr + first * 4096,
		 n * 4096, prots[prot]);
	return true;
}

static bool make_mremap(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *m = device_mapping(g);
	uint32_t first, n, to;

	if (!m || !(g->world->capabilities & SCN_CAP(INVALIDATION)))
		return false;
	op->needs = SCN_CAP(INVALIDATION);
	pages_of(g, m, 70, &first, &n);
	to = fuzz_chance(g, 85) ? n : 1 + fuzz_random(g, n + 1);
	g->made = *m;
	g->made.count = to;
	g->made.addr = fuzz_fresh_address(g);
	g->pool = &g->mappings;
	if (n == m->count) {
		g->gone = m;
		g->gone_pool = &g->mappings;
	}
	fuzz_say(op, "mremap(0x%llx, %u, %u, MREMAP_MAYMOVE|MREMAP_FIXED, 0x%llx)",
		 (unsigned long long)m->addr + first * 4096, n * 4096, to * 4096,
		 (unsigned long long)g->made.addr);
	return true;
}

static bool make_madvise(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *m = device_mapping(g);
	uint32_t first, n;

	if (!m)
		return false;
	pages_of(g, m, 50, &first, &n);
	fuzz_say(op, "madvise(0x%llx, %u, MADV_DONTNEED)",
		 (unsigned long long)m->addr + first * 4096, n * 4096);
	return true;
}

/* Few places in a page: those that notifications clear, so that bytes meet. */
static uint64_t choose_place(gen *g, const struct fuzz_thing *m)
{
	return m->addr + fuzz_random(g, m->count) * 4096 +
	       fuzz_random(g, 8) * (fuzz_chance(g, 50) ? 1u : 511u);
}

/* Buffers are looked at too: copies go there. */
static const struct fuzz_thing *accessed_mapping(gen *g)
{
	const struct fuzz_thing *m = fuzz_chance(g, 85) ? device_mapping(g) : NULL;

	return m ? m : fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, 'b');
}

static bool make_load(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *m = accessed_mapping(g);

	if (!m)
		return false;
	fuzz_say(op, "load(0x%llx, %u)", (unsigned long long)choose_place(g, m),
		 1 + fuzz_random(g, 12));
	return true;
}

static bool make_store(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *m = accessed_mapping(g);
	uint32_t n = 1 + fuzz_random(g, 12);

	if (!m)
		return false;
	fuzz_say(op, "store(0x%llx,", (unsigned long long)choose_place(g, m));
	for (uint32_t i = 0; i < n; i++)
		fuzz_say(op, " %u", 1 + fuzz_random(g, 255));
	fuzz_say(op, ")");
	return true;
}

const struct fuzz_choice fuzz_memory_choices[] = {
    {28, make_mmap},   {5, make_buffer}, {10, make_munmap}, {4, make_mprotect}, {4, make_mremap},
    {2, make_madvise}, {12, make_load},  {9, make_store},   {0, NULL},
};
