/* SPDX-License-Identifier: MIT */
/* Dice, and what there is to make calls about. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "generate.h"

uint32_t fuzz_random(struct fuzz_generator *g, uint32_t n)
{
	uint64_t x = g->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((x ^ x >> 31) % n);
}

bool fuzz_chance(struct fuzz_generator *g, uint32_t percent)
{
	return fuzz_random(g, 100) < percent;
}

bool fuzz_bad(struct fuzz_generator *g, uint32_t percent)
{
	return (g->world->capabilities & SCN_CAP(CHECK_ORDER)) && fuzz_chance(g, percent);
}

struct fuzz_thing *fuzz_pick(struct fuzz_generator *g, struct fuzz_pool *pool, uint32_t process,
			     uint32_t file, char device)
{
	struct fuzz_thing *found = NULL;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < pool->n; i++) {
		struct fuzz_thing *t = &pool->things[i];

		if ((process != FUZZ_ANY && t->process != process) ||
		    (file != FUZZ_ANY && t->file != file) || (device && t->device != device))
			continue;
		if (fuzz_random(g, ++seen) == 0)
			found = t;
	}
	return found;
}

void fuzz_pool_add(struct fuzz_generator *g, struct fuzz_pool *pool, const struct fuzz_thing *thing)
{
	uint32_t at = pool->n < FUZZ_POOL ? pool->n++ : fuzz_random(g, FUZZ_POOL);

	pool->things[at] = *thing;
}

void fuzz_pool_remove(struct fuzz_pool *pool, struct fuzz_thing *thing)
{
	*thing = pool->things[--pool->n];
}

void fuzz_say(struct fuzz_op *op, const char *format, ...)
{
	size_t at = strlen(op->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(op->text + at, sizeof(op->text) - at, format, ap);
	va_end(ap);
}

const char *fuzz_domain(struct fuzz_generator *g, uint32_t *domain)
{
	static const char *const names[] = {"dom0", "dom1"};

	*domain = fuzz_random(g, g->world->n_domains);
	if (fuzz_chance(g, 2))
		return fuzz_chance(g, 50) ? "77" : "DOMID_SELF";
	return names[*domain];
}

/* On the socket front an evtchn that is open for writing alone never polls readable: gntsim-fronts(7). */
static const char *choose_mode(struct fuzz_generator *g, char device)
{
	if (!fuzz_bad(g, 3))
		return "O_RDWR";
	/* Neither for reading nor for writing. */
	if (g->world->real && fuzz_chance(g, 10))
		return "3";
	return fuzz_chance(g, 70) || (device == 'e' && !g->world->real) ? "O_RDONLY" : "O_WRONLY";
}

bool fuzz_descriptor(struct fuzz_generator *g, struct fuzz_op *op, char device,
		     struct fuzz_thing *out)
{
	const struct fuzz_thing *t = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, device);
	const char *node = device == 'a' ? "gntalloc" : device == 'd' ? "gntdev" : "evtchn";
	const char *mode, *blocking;

	if (t && !fuzz_chance(g, 3)) {
		*out = *t;
		return true;
	}
	g->made.device = device;
	g->made.file = op->id;
	g->pool = &g->files;
	/* As gcc evaluates them, since there have been seeds. */
	g->made.cloexec = fuzz_chance(g, 20);
	blocking = device == 'e' && fuzz_chance(g, 60) ? "|O_NONBLOCK" : "";
	mode = choose_mode(g, device);
	fuzz_say(op, "open(\"/dev/xen/%s\", %s%s%s)", node, mode, blocking,
		 g->made.cloexec ? "|O_CLOEXEC" : "");
	return false;
}

/* Has the process the file open? A map that was mapped before is of little use. */
static bool is_usable(struct fuzz_generator *g, const struct fuzz_thing *t, bool any)
{
	return (any || !t->used) && fuzz_pick(g, &g->files, g->process, t->file, 0);
}

static struct fuzz_thing *pick_usable(struct fuzz_generator *g, struct fuzz_pool *pool, bool any)
{
	struct fuzz_thing *found = NULL;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < pool->n; i++) {
		if (is_usable(g, &pool->things[i], any) && fuzz_random(g, ++seen) == 0)
			found = &pool->things[i];
	}
	return found;
}

struct fuzz_thing *fuzz_usable(struct fuzz_generator *g, struct fuzz_op *op, struct fuzz_pool *pool,
			       char device, struct fuzz_thing *file)
{
	struct fuzz_thing *found = NULL;

	if (!fuzz_chance(g, 4))
		found = pick_usable(g, pool, fuzz_chance(g, 10));
	if (found) {
		*file = *fuzz_pick(g, &g->files, g->process, found->file, 0);
		return found;
	}
	if (fuzz_chance(g, 80) && fuzz_pick(g, &g->files, g->process, FUZZ_ANY, device))
		return NULL;
	if (!fuzz_descriptor(g, op, device, file))
		return NULL;
	return fuzz_pick(g, pool, FUZZ_ANY, fuzz_chance(g, 50) ? file->file : FUZZ_ANY, 0);
}

void fuzz_note_event(struct fuzz_generator *g, uint32_t file)
{
	g->eventful[fuzz_random(g, FUZZ_EVENTFUL)] = file;
}
