/* SPDX-License-Identifier: MIT */
/* Steps about gntalloc and gntdev. */
#include "generate.h"

typedef struct fuzz_generator gen;

/* How many pages: mostly few, rarely none or absurdly many. */
static uint32_t count(gen *g, uint32_t usual)
{
	if (fuzz_chance(g, 96))
		return usual;
	return fuzz_chance(g, 40) ? 0 : fuzz_chance(g, 70) ? usual + 1 : 70000;
}

/* Rarely one of the bits that nobody has given a meaning, from @first on up to the @end. */
static uint32_t odd_bits(gen *g, uint32_t first, uint32_t end)
{
	return fuzz_chance(g, 3) ? 1u << (first + fuzz_random(g, end - first)) : 0;
}

static void ioctl_begin(gen *g, struct fuzz_op *op, const struct fuzz_thing *file, const char *name)
{
	if (fuzz_chance(g, 1))
		fuzz_say(op, "ioctl(200, %s, ", name);
	else
		fuzz_say(op, "ioctl(@f%u, %s, ", file->id, name);
}

/* A structure follows: rarely it is not all there, or can't be written. */
static void say_place(gen *g, struct fuzz_op *op)
{
	if (fuzz_bad(g, 2))
		fuzz_say(op, "short(%u) ", fuzz_random(g, 40));
	else if (fuzz_bad(g, 1))
		fuzz_say(op, "readonly ");
}

static bool make_alloc(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;
	const char *domain;
	uint32_t n;

	if (!fuzz_descriptor(g, op, 'a', &file))
		return true;
	n = 1 + (fuzz_chance(g, 40) ? fuzz_random(g, 4) : 0);
	domain = fuzz_domain(g, &g->made.peer_domain);
	g->made.writable = fuzz_chance(g, 80);
	g->made.count = n;
	g->made.file = file.file;
	g->pool = &g->pages;
	ioctl_begin(g, op, &file, "IOCTL_GNTALLOC_ALLOC_GREF");
	n = count(g, n);
	if (fuzz_bad(g, 1))
		fuzz_say(op, "NULL)");
	else
		fuzz_say(op, "%s{domid=%s, flags=0x%x, count=%u})",
			 fuzz_bad(g, 2) ? "readonly " : "", domain,
			 g->made.writable | odd_bits(g, 1, 16),
			 n > 1000 && fuzz_chance(g, 50) ? 5000 : n);
	if (n != g->made.count)
		g->pool = NULL;
	return true;
}

/* Some of the pages, mostly all of them. */
static void part(gen *g, uint32_t all, uint32_t *first, uint32_t *n)
{
	*first = fuzz_chance(g, 25) ? fuzz_random(g, all) : 0;
	*n = fuzz_chance(g, 25) ? 1 + fuzz_random(g, all) : all - *first;
	if (*n > all - *first && !fuzz_chance(g, 10))
		*n = all - *first;
}

static bool make_dealloc(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *pages, file;
	uint32_t first, n;

	pages = fuzz_usable(g, op, &g->pages, 'a', &file);
	if (!pages)
		return op->text[0];
	part(g, pages->count, &first, &n);
	ioctl_begin(g, op, &file, "IOCTL_GNTALLOC_DEALLOC_GREF");
	say_place(g, op);
	fuzz_say(op, "{index=@x%u+%u, count=%u})", pages->id,
		 first * 4096 + (fuzz_chance(g, 2) ? 8 : 0), count(g, n));
	pages->used = true;
	if (first == 0 && n == pages->count && fuzz_chance(g, 80)) {
		g->gone = pages;
		g->gone_pool = &g->pages;
	}
	return true;
}

/* Pages for this domain that are still granted, mostly; never those of the domain `but`. */
struct fuzz_thing *fuzz_granted_pages(gen *g, uint32_t but, uint32_t *item)
{
	uint32_t to = g->model->domain_of[g->process];
	struct fuzz_thing *found = NULL;

	for (uint32_t tries = 0; tries < 12; tries++) {
		found = NULL;
		if (g->world->dmabufs && fuzz_chance(g, 15))
			found = fuzz_pick(g, &g->imports, FUZZ_ANY, FUZZ_ANY, 0);
		if (!found || found->count == 0)
			found = fuzz_pick(g, &g->pages, FUZZ_ANY, FUZZ_ANY, 0);
		if (!found)
			return NULL;
		*item = fuzz_random(g, found->count);
		if (found->domain != but && found->peer_domain == to &&
		    !fuzz_model_has_ended(g->model, found->id, *item))
			break;
	}
	return found->domain == but ? NULL : found;
}

/* The domain whose grants this process must not map: in a real PVH guest its own, even if nothing
 * comes of it but a MAP_GRANT_REF (rule pvh-maps-own-grant). */
uint32_t fuzz_forbidden_domain(const gen *g)
{
	uint32_t own = g->model->domain_of[g->process];

	return g->world->real && !g->world->keeps_own && g->world->guest[own] == SCN_PVH ? own
											 : FUZZ_ANY;
}

/* A reference that is none, of a domain that may be one. */
static void say_bad_reference(gen *g, struct fuzz_op *op, uint32_t but)
{
	uint32_t domain;
	const char *name = fuzz_domain(g, &domain);

	fuzz_say(op, "{domid=%s, ref=%u}", domain == but ? "77" : name,
		 fuzz_chance(g, 50) ? 1000000 : 30000);
}

static bool make_map(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;
	uint32_t n = 1 + (fuzz_chance(g, 40) ? fuzz_random(g, 4) : 0);
	uint32_t but = fuzz_forbidden_domain(g);

	if (!fuzz_descriptor(g, op, 'd', &file))
		return true;
	g->made.count = count(g, n);
	g->made.file = file.file;
	op->file = file.file;
	g->made.writable = true;
	ioctl_begin(g, op, &file, "IOCTL_GNTDEV_MAP_GRANT_REF");
	if (fuzz_bad(g, 1)) {
		fuzz_say(op, "BAD)");
		return true;
	}
	say_place(g, op);
	fuzz_say(op, "{count=%u, refs=[", g->made.count);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t item;
		struct fuzz_thing *pages = fuzz_granted_pages(g, but, &item);

		fuzz_say(op, "%s", i ? ", " : "");
		if (!pages || fuzz_chance(g, 4)) {
			say_bad_reference(g, op, but);
			continue;
		}
		g->made.writable &= pages->writable;
		fuzz_say(op, "{domid=dom%u, ref=@r%u.%u}", pages->domain, pages->id, item);
	}
	fuzz_say(op, "]})");
	if (g->made.count == 0 || g->made.count > FUZZ_MAX_REFS)
		return true;
	g->pool = &g->maps;
	return true;
}

static bool make_unmap(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *map, file;

	map = fuzz_usable(g, op, &g->maps, 'd', &file);
	if (!map)
		return op->text[0];
	ioctl_begin(g, op, &file, "IOCTL_GNTDEV_UNMAP_GRANT_REF");
	say_place(g, op);
	fuzz_say(op, "{index=@x%u+%d, count=%u})", map->id, fuzz_chance(g, 3) ? 5 : 0,
		 count(g, map->count));
	map->used = true;
	if (fuzz_chance(g, 80)) {
		g->gone = map;
		g->gone_pool = &g->maps;
	}
	return true;
}

/* Of this domain: a notification is sent by the kernel that the port is bound in. */
static struct fuzz_thing *own_port(gen *g)
{
	struct fuzz_thing *port = NULL;

	for (uint32_t tries = 0; tries < 12; tries++) {
		port = fuzz_pick(g, &g->ports, FUZZ_ANY, FUZZ_ANY, 0);
		if (!port || port->domain == g->model->domain_of[g->process])
			break;
	}
	return port;
}

static void say_action(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *port = own_port(g);
	uint32_t action = fuzz_random(g, 4) | odd_bits(g, 2, 32);

	if (!port || fuzz_chance(g, 3))
		port = fuzz_pick(g, &g->ports, FUZZ_ANY, FUZZ_ANY, 0);
	if (!port && (action & 2) && !fuzz_chance(g, 10))
		action &= ~2u;
	fuzz_say(op, "action=0x%x, event_channel_port=", action);
	if (port && (action & 2))
		fuzz_note_event(g, port->file);
	if (port && !fuzz_chance(g, 3))
		fuzz_say(op, "@p%u})", port->id);
	else
		fuzz_say(op, "%u})", fuzz_chance(g, 50) ? 0 : 3000000);
}

static bool make_notify(gen *g, struct fuzz_op *op)
{
	char device = fuzz_chance(g, 40) ? 'a' : 'd';
	struct fuzz_pool *pool = device == 'a' ? &g->pages : &g->maps;
	struct fuzz_thing *what, file;

	what = fuzz_usable(g, op, pool, device, &file);
	if (!what)
		return op->text[0];
	ioctl_begin(g, op, &file,
		    device == 'a' ? "IOCTL_GNTALLOC_SET_UNMAP_NOTIFY"
				  : "IOCTL_GNTDEV_SET_UNMAP_NOTIFY");
	say_place(g, op);
	fuzz_say(op, "{index=@x%u+%u, ", what->id,
		 fuzz_random(g, what->count + (fuzz_chance(g, 3) ? 2 : 0)) * 4096 +
		     fuzz_random(g, 8) * (fuzz_chance(g, 50) ? 1u : 511u));
	say_action(g, op);
	return true;
}

static bool make_offset(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *mapping, file;

	if (!fuzz_descriptor(g, op, 'd', &file))
		return true;
	mapping = fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, fuzz_chance(g, 80) ? 'd' : 'a');
	if (!mapping)
		return false;
	ioctl_begin(g, op, &file, "IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR");
	say_place(g, op);
	/* find_vma() has an answer for what lies below, too. */
	if (fuzz_chance(g, 15))
		fuzz_say(op, "{vaddr=0x%llx})",
			 fuzz_chance(g, 30)
			     ? 0
			     : (unsigned long long)mapping->addr - 1 - fuzz_random(g, 0x200000));
	else
		fuzz_say(op, "{vaddr=0x%llx})",
			 (unsigned long long)mapping->addr + fuzz_random(g, mapping->count * 4096));
	return true;
}

/* Memory to copy from or to: a buffer's, or what a device has mapped. */
static const struct fuzz_thing *copied_memory(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *t = NULL;

	if ((g->world->capabilities & SCN_CAP(MAPPED_COPY)) && fuzz_chance(g, 30))
		t = fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY,
			      fuzz_chance(g, 50) ? 'a' : 'd');
	if (t)
		op->needs |= SCN_CAP(MAPPED_COPY);
	return t ? t : fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, 'b');
}

/* One side of a copy; false: it is local memory. */
static bool say_side(gen *g, struct fuzz_op *op, bool foreign)
{
	uint32_t domain, item;
	const struct fuzz_thing *t =
	    foreign ? fuzz_granted_pages(g, FUZZ_ANY, &item) : copied_memory(g, op);

	if (foreign && t && !fuzz_chance(g, 3)) {
		fuzz_say(op, "{foreign={ref=@r%u.%u, offset=%u, domid=dom%u}}", t->id, item,
			 fuzz_random(g, 64) * 61, t->domain);
	} else if (foreign) {
		fuzz_say(op, "{foreign={ref=%u, offset=%u, domid=%s}}",
			 fuzz_chance(g, 50) ? 20000 : 2000000, fuzz_random(g, 4096),
			 fuzz_domain(g, &domain));
	} else if (t && !fuzz_bad(g, 2)) {
		fuzz_say(op, "{virt=0x%llx}",
			 (unsigned long long)t->addr + fuzz_random(g, t->count * 3000));
	} else {
		fuzz_say(op, "{virt=BAD}");
	}
	return foreign;
}

static bool make_copy(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;
	uint32_t n = 1 + (fuzz_chance(g, 25) ? fuzz_random(g, 3) : 0);

	if (!fuzz_descriptor(g, op, 'd', &file))
		return true;
	if (!fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, 'b'))
		return false;
	fuzz_say(op, "ioctl(@f%u, IOCTL_GNTDEV_GRANT_COPY, {count=%u, segments=[", file.id, n);
	for (uint32_t i = 0; i < n; i++) {
		bool from = fuzz_chance(g, 60);
		bool to = fuzz_chance(g, from ? 15 : 97);

		fuzz_say(op, "%s{source=", i ? ", " : "");
		say_side(g, op, from);
		fuzz_say(op, ", dest=");
		say_side(g, op, to);
		fuzz_say(op, ", len=%u, flags=0x%x}",
			 fuzz_chance(g, 90)   ? fuzz_random(g, 200)
			 : fuzz_chance(g, 95) ? fuzz_random(g, 5000)
					      : 65535,
			 (unsigned int)from | (unsigned int)to << 1 | odd_bits(g, 2, 16));
	}
	fuzz_say(op, "]})");
	return true;
}

const struct fuzz_choice fuzz_grant_choices[] = {
    {9, make_alloc},   {4, make_dealloc}, {9, make_map},  {5, make_unmap},
    {14, make_notify}, {3, make_offset},  {5, make_copy}, {0, NULL},
};
