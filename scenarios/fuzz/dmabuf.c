/* SPDX-License-Identifier: MIT */
/*
 * Steps about gntdev's dma-bufs, where the machine has them. Some of their calls know a dma-buf by the number that
 * it had first, which means something to the process that it had it in alone: of another's nothing is asked.
 */
#include "generate.h"

typedef struct fuzz_generator gen;

static const char *version(gen *g)
{
	return g->world->dmabufs == GNTSIM_DMABUFS_ALL && fuzz_chance(g, 40) ? "_V2" : "";
}

static void begin(gen *g, struct fuzz_op *op, const struct fuzz_thing *gntdev, const char *call,
		  const char *second)
{
	fuzz_say(op, "ioctl(@f%u, IOCTL_GNTDEV_DMABUF_%s%s, ", gntdev->id, call, second);
	if (fuzz_bad(g, 2))
		fuzz_say(op, "short(%u) ", fuzz_random(g, 24));
	else if (fuzz_bad(g, 1))
		fuzz_say(op, "readonly ");
}

static const char *pick_flags(gen *g)
{
	static const char *const all[] = {"0x1", "0x2", "0x3", "0x4"};

	return fuzz_chance(g, 85) ? "0x0" : all[fuzz_random(g, 4)];
}

/* All of a call's references are one domain's. */
static bool make_export(gen *g, struct fuzz_op *op)
{
	uint32_t n = 1 + (fuzz_chance(g, 40) ? fuzz_random(g, 4) : 0), item;
	uint32_t but = fuzz_forbidden_domain(g);
	const struct fuzz_thing *pages = fuzz_granted_pages(g, but, &item);
	struct fuzz_thing gntdev;
	uint32_t domain, count;
	const char *second;

	if (!fuzz_descriptor(g, op, 'd', &gntdev))
		return true;
	if (!pages)
		return false;
	domain = pages->domain;
	second = version(g);
	count = fuzz_chance(g, 96) ? n : fuzz_chance(g, 50) ? 0 : 70000;
	begin(g, op, &gntdev, "EXP_FROM_REFS", second);
	fuzz_say(op, "{flags=%s, count=%u, ", pick_flags(g), count);
	if (second[0])
		fuzz_say(op, "data_ofs=%u, ",
			 fuzz_chance(g, 60) ? 0
					    : fuzz_random(g, 3) * 4096 + fuzz_random(g, 2) * 24);
	fuzz_say(op, "domid=dom%u, refs=[", domain);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t tries = 0; i && tries < 8; tries++) {
			pages = fuzz_granted_pages(g, but, &item);
			if (pages && pages->domain == domain)
				break;
		}
		if (!pages || pages->domain != domain || fuzz_chance(g, 3))
			fuzz_say(op, "%s%u", i ? ", " : "", 1000000);
		else
			fuzz_say(op, "%s@r%u.%u", i ? ", " : "", pages->id, item);
	}
	fuzz_say(op, "]})");
	g->made.device = FUZZ_DMABUF;
	g->made.cloexec = true;
	g->made.file = op->id;
	g->made.source = gntdev.file;
	g->made.count = count;
	g->made.writable = true;
	g->pool = &g->files;
	g->also = &g->exports;
	return true;
}

/* Of this process: of such a gntdev file mostly, which is open here. */
static const struct fuzz_thing *by_number(gen *g, struct fuzz_pool *pool, struct fuzz_thing *gntdev)
{
	const struct fuzz_thing *t = fuzz_pick(g, pool, g->process, FUZZ_ANY, 0);
	const struct fuzz_thing *f = t ? fuzz_pick(g, &g->files, g->process, t->source, 'd') : NULL;

	if (t && (!f || fuzz_chance(g, 10)))
		f = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, 'd');
	if (!f)
		return NULL;
	*gntdev = *f;
	return t;
}

static bool make_wait(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing gntdev;
	const struct fuzz_thing *t = by_number(g, &g->exports, &gntdev);

	if (!t)
		return false;
	begin(g, op, &gntdev, "EXP_WAIT_RELEASED", "");
	fuzz_say(op, "{fd=@f%u, wait_to_ms=%u})", t->id, fuzz_chance(g, 95) ? 0 : 3);
	return true;
}

/* A file that holds a dma-buf which holds the file never ends, in Linux neither: only a file that is younger than who
 * exported imports. One is opened if there is none. */
static bool importer(gen *g, struct fuzz_op *op, const struct fuzz_thing *dmabuf,
		     struct fuzz_thing *out)
{
	for (uint32_t i = 0; i < g->files.n; i++) {
		const struct fuzz_thing *t = &g->files.things[i];

		if (t->process == g->process && t->device == 'd' && t->file > dmabuf->source) {
			*out = *t;
			return true;
		}
	}
	g->made.device = 'd';
	g->made.file = op->id;
	g->pool = &g->files;
	fuzz_say(op, "open(\"/dev/xen/gntdev\", O_RDWR)");
	return false;
}

static bool make_import(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *t = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, FUZZ_DMABUF);
	const char *domain = fuzz_domain(g, &g->made.peer_domain), *second = version(g);
	struct fuzz_thing gntdev;

	if (!t)
		return false;
	if (!importer(g, op, t, &gntdev))
		return true;
	g->made.count = fuzz_chance(g, 92) && t->count ? t->count : fuzz_random(g, 6);
	g->made.source = gntdev.file;
	g->made.file = t->id;
	g->made.writable = true;
	g->pool = &g->imports;
	begin(g, op, &gntdev, "IMP_TO_REFS", second);
	if (fuzz_chance(g, 8)) {
		fuzz_say(op, "{fd=200, count=%u, domid=%s})", g->made.count, domain);
		return true;
	}
	if (fuzz_chance(g, 4))
		t = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, 'e');
	if (t)
		fuzz_say(op, "{fd=@f%u, count=%u, domid=%s})", t->id, g->made.count, domain);
	return t != NULL;
}

static bool make_release(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing gntdev;
	const struct fuzz_thing *t = by_number(g, &g->imports, &gntdev);

	if (!t)
		return false;
	begin(g, op, &gntdev, "IMP_RELEASE", "");
	fuzz_say(op, "{fd=@f%u})", t->file);
	return true;
}

/* What any file has. */
static bool make_use(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *t = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, FUZZ_DMABUF);

	if (!t)
		return false;
	switch (fuzz_random(g, 3)) {
	case 0:
		fuzz_say(op, "poll(@f%u)", t->id);
		return true;
	case 1:
		fuzz_say(op, "read(@f%u, 4)", t->id);
		return true;
	default:
		g->gone_pool = &g->files;
		g->gone = fuzz_pick(g, &g->files, g->process, t->file, FUZZ_DMABUF);
		fuzz_say(op, "close(@f%u)", g->gone->id);
		return true;
	}
}

static bool make_mmap(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *t = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, FUZZ_DMABUF);
	uint32_t first, n;

	if (!t || t->count == 0 || t->count > FUZZ_MAX_REFS)
		return false;
	first = fuzz_chance(g, 30) ? fuzz_random(g, t->count) : 0;
	n = t->count - first + (fuzz_chance(g, 4) ? 1 : 0);
	g->made.device = FUZZ_DMABUF;
	g->made.writable = true;
	g->made.count = n;
	g->made.addr = fuzz_fresh_address(g);
	g->made.source = t->id;
	g->pool = &g->mappings;
	fuzz_say(op, "mmap(0x%llx, %u, PROT_READ%s, %s|MAP_FIXED, @f%u, %u)",
		 (unsigned long long)g->made.addr, n * 4096,
		 fuzz_chance(g, 85) ? "|PROT_WRITE" : "",
		 fuzz_chance(g, 95) ? "MAP_SHARED" : "MAP_PRIVATE", t->id, first * 4096);
	return true;
}

const struct fuzz_choice fuzz_dmabuf_choices[] = {
    {16, make_export}, {16, make_wait}, {40, make_import}, {20, make_release},
    {5, make_use},     {8, make_mmap},  {0, NULL},
};
