/* SPDX-License-Identifier: MIT */
/* The model in-process. A cycle is what a client's page goes through: ALLOC_GREF, MAP_GRANT_REF, mmap,
 * munmap, UNMAP_GRANT_REF, DEALLOC_GREF, here between a granter and a PVH mapper, with 1, 10,000 and
 * 1,000,000 grants alive (counting its own), each an ALLOC of its own: first just granted, then each
 * with a MAP and an mmap of its own too, at every second page. Among mapped ones the cycle maps in two
 * places: above them all, as a kernel with room would, and between two of them at random, where every
 * step into a tree misses the caches. The three machines are measured in turns, in processor time. */
#include "measure.h"

#include <gntsim/machine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE    ((uint64_t)GNTSIM_PAGE_SIZE)
#define VA      UINT64_C(0x100000000000)
#define TURNS   9u
#define SECONDS 0.2
/* A gntdev file has 2^19 pages of offsets that work, so the maps are spread over some. */
#define DEVS 4u

enum place { ABOVE, BETWEEN, PLACES };

struct bench {
	uint32_t live;
	struct gntsim_machine *m;
	struct gntsim_domain *granter, *mapper;
	struct gntsim_file *alloc, *dev[DEVS];
	struct gntsim_mm *mm;
	double bytes; /* of state a live grant */
	double rate[PLACES][TURNS];
	uint64_t seed;
};

static uint64_t state_bytes(const struct bench *b)
{
	struct gntsim_totals t;

	gntsim_machine_totals(b->m, &t);
	return t.bytes;
}

/* Grants, maps and mmaps one page at `addr`. */
static void share(struct bench *b, struct gntsim_file *dev, uint64_t addr, uint64_t *index,
		  uint64_t *map)
{
	gntsim_gref ref;
	struct gntsim_grant grant = {.domid = 1};

	measure_need(!gntsim_gntalloc_alloc(b->alloc, 2, 1, 1, index, &ref), "ALLOC_GREF");
	grant.ref = ref;
	measure_need(!gntsim_gntdev_map(dev, 1, &grant, map), "MAP_GRANT_REF");
	measure_need(!gntsim_mmap(b->mm, dev, addr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *map),
		     "mmap");
}

static void make_machine(struct bench *b, uint32_t live)
{
	const uint32_t frames = live + 16;
	const struct gntsim_domain_config config = {.max_grant_frames = live / 512 + 2,
						    .max_maptrack_frames = live / 256 + 2,
						    .gntalloc_limit = frames};
	struct gntsim_config mc = {.n_frames = frames};

	mc.frames = mmap(NULL, frames * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	measure_need(mc.frames != MAP_FAILED, "frames");
	b->live = live;
	b->seed = 88172645463325252u;
	measure_need(!gntsim_machine_new(&mc, &b->m), "machine");
	measure_need(!gntsim_domain_create(b->m, 1, &config, &b->granter), "granter");
	measure_need(!gntsim_domain_create(b->m, 2, &config, &b->mapper), "mapper");
	measure_need(!gntsim_open(b->granter, GNTSIM_DEV_GNTALLOC, 2, &b->alloc), "gntalloc");
	for (unsigned i = 0; i < DEVS; i++)
		measure_need(!gntsim_open(b->mapper, GNTSIM_DEV_GNTDEV, 2, &b->dev[i]), "gntdev");
	measure_need(!gntsim_mm_create(b->mapper, &b->mm), "mm");
}

/* The grants that are alive beside the cycle's own, at every second page. */
static void populate(struct bench *b, bool mapped)
{
	uint64_t before = state_bytes(b), index, map;
	gntsim_gref ref;

	for (uint32_t i = 1; i < b->live; i++) {
		if (mapped)
			share(b, b->dev[i % DEVS], VA + 2 * i * PAGE, &index, &map);
		else
			measure_need(!gntsim_gntalloc_alloc(b->alloc, 2, 1, 1, &index, &ref),
				     "ALLOC_GREF");
	}
	if (b->live > 1)
		b->bytes = (double)(state_bytes(b) - before) / (b->live - 1);
}

static uint64_t random_below(struct bench *b, uint64_t n)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed % n;
}

static void cycle(struct bench *b, enum place place)
{
	uint64_t where = place == ABOVE ? b->live : random_below(b, b->live);
	uint64_t addr = VA + (2 * where + 1) * PAGE, index, map;
	struct gntsim_file *dev = b->dev[where % DEVS];

	share(b, dev, addr, &index, &map);
	measure_need(!gntsim_munmap(b->mm, addr, PAGE), "munmap");
	measure_need(!gntsim_gntdev_unmap(dev, map, 1), "UNMAP_GRANT_REF");
	measure_need(!gntsim_gntalloc_dealloc(b->alloc, index, 1), "DEALLOC_GREF");
}

static double cycles_per_second(struct bench *b, enum place place)
{
	double begin = measure_cpu_now(), end;
	uint64_t n = 0;

	do {
		for (unsigned i = 0; i < 1000; i++)
			cycle(b, place);
		n += 1000;
		end = measure_cpu_now();
	} while (end - begin < SECONDS);
	return (double)n / (end - begin);
}

static void measure_cycles(struct bench *benches, enum place place, const char *what)
{
	double rate[3];

	for (unsigned turn = 0; turn < TURNS; turn++)
		for (unsigned i = 0; i < 3; i++)
			benches[i].rate[place][turn] = cycles_per_second(&benches[i], place);
	printf("%s:\n", what);
	for (unsigned i = 0; i < 3; i++) {
		double *turns = benches[i].rate[place];

		rate[i] = measure_median(turns, TURNS);
		printf("  %8u live grants: %9.0f cycles/s (of %u turns: %.0f to %.0f)\n",
		       benches[i].live, rate[i], TURNS, turns[0], turns[TURNS - 1]);
	}
	measure_verdict("  cycles a second with 1", rate[0], "", 1e6, 0);
	printf("  10,000 against 1: %.3f\n", rate[1] / rate[0]);
	measure_verdict("  1,000,000 against 1", rate[2] / rate[0], "", 0.5, 0);
}

/* State of a grant in a run of `run` pages: granted only, and mapped as well. */
static void measure_state(uint32_t run)
{
	enum { PAGES = 65536 };
	static gntsim_gref refs[PAGES];
	static struct gntsim_grant grants[PAGES];
	struct bench b = {0};
	uint64_t empty, granted, index, map;

	make_machine(&b, PAGES);
	empty = state_bytes(&b);
	for (uint32_t i = 0; i < PAGES; i += run)
		measure_need(!gntsim_gntalloc_alloc(b.alloc, 2, 1, run, &index, refs + i), "ALLOC");
	granted = state_bytes(&b);
	for (uint32_t i = 0; i < PAGES; i++)
		grants[i] = (struct gntsim_grant){.domid = 1, .ref = refs[i]};
	for (uint32_t i = 0; i < PAGES; i += run) {
		measure_need(!gntsim_gntdev_map(b.dev[0], run, grants + i, &map), "MAP");
		measure_need(!gntsim_mmap(b.mm, b.dev[0], VA + 2 * i * PAGE, run * PAGE,
					  PROT_READ | PROT_WRITE, MAP_SHARED, map),
			     "mmap");
	}
	printf(
	    "state of a grant, runs of %-4u pages: %6.1f bytes granted, %6.1f granted and mapped\n",
	    run, (double)(granted - empty) / PAGES, (double)(state_bytes(&b) - empty) / PAGES);
	gntsim_machine_free(b.m);
}

int main(void)
{
	static struct bench benches[3];
	const uint32_t live[3] = {1, 10000, 1000000};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int mapped = 0; mapped < 2; mapped++) {
		for (unsigned i = 0; i < 3; i++) {
			make_machine(&benches[i], live[i]);
			populate(&benches[i], mapped);
		}
		if (mapped) {
			measure_cycles(benches, ABOVE, "others mapped, mapping above them");
			measure_cycles(benches, BETWEEN, "others mapped, mapping between them");
		} else {
			measure_cycles(benches, ABOVE, "others granted");
		}
		measure_verdict(mapped ? "state of a grant with its own ALLOC, MAP and mmap"
				       : "state of a grant with its own ALLOC",
				benches[2].bytes, "bytes", 160, 1);
		for (unsigned i = 0; i < 3; i++)
			gntsim_machine_free(benches[i].m);
		memset(benches, 0, sizeof(benches));
	}
	measure_state(1);
	measure_state(16);
	measure_state(256);
	return 0;
}
