/* SPDX-License-Identifier: MIT */
/* A machine with many domains, in-process: domains-bench [DOMAINS [MMS [GRANTS]]], each domain with its share of
 * the address spaces and grants. A domain grants its pages to the next one, in whose address spaces they are
 * mapped, an ALLOC, a MAP and an mmap for each. Then calls of domains at random, and the death of one, against
 * that of one in a machine with its two neighbours alone. */
#include "measure.h"

#include <gntsim/machine.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE   ((uint64_t)GNTSIM_PAGE_SIZE)
#define VA     UINT64_C(0x100000000000)
#define TURNS  9u
#define CYCLES 20000u
#define CALLS  6u
#define NEAR   3u /* domains of the machine that one dies in alone */

struct bench {
	struct gntsim_machine *m;
	void *frames;
	size_t bytes;
	unsigned domains, mms, grants; /* the latter two of one domain */
	struct domain {
		struct gntsim_domain *dom;
		struct gntsim_file *alloc, *dev;
		struct gntsim_mm **mm;
	} * domain;
};

static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void make_machine(struct bench *b)
{
	const struct gntsim_domain_config config = {.max_grant_frames = b->grants / 512 + 3,
						    .max_maptrack_frames = b->grants / 256 + 3,
						    .gntalloc_limit = b->grants + 16,
						    .gntdev_limit = b->grants + 16};
	struct gntsim_config mc = {.n_frames = b->domains * (b->grants + 16)};

	b->bytes = mc.n_frames * PAGE;
	b->frames = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	measure_need(b->frames != MAP_FAILED, "frames");
	mc.frames = b->frames;
	b->domain = calloc(b->domains, sizeof(*b->domain));
	measure_need(b->domain && !gntsim_machine_new(&mc, &b->m), "machine");
	for (unsigned i = 0; i < b->domains; i++) {
		struct domain *d = &b->domain[i];

		measure_need(!gntsim_domain_create(b->m, (uint16_t)(i + 1), &config, &d->dom),
			     "domain");
		measure_need(!gntsim_open(d->dom, GNTSIM_DEV_GNTALLOC, 2, &d->alloc), "gntalloc");
		measure_need(!gntsim_open(d->dom, GNTSIM_DEV_GNTDEV, 2, &d->dev), "gntdev");
		d->mm = calloc(b->mms, sizeof(struct gntsim_mm *));
		measure_need(d->mm != NULL, "memory");
		for (unsigned k = 0; k < b->mms; k++)
			measure_need(!gntsim_mm_create(d->dom, &d->mm[k]), "mm");
	}
}

static uint64_t address(unsigned nth)
{
	return VA + 2 * nth * PAGE;
}

static void populate(struct bench *b)
{
	for (unsigned i = 0; i < b->domains; i++) {
		struct domain *from = &b->domain[i], *to = &b->domain[(i + 1) % b->domains];

		for (unsigned k = 0; k < b->grants; k++) {
			struct gntsim_grant grant = {.domid = (uint16_t)(i + 1)};
			uint64_t index, map;
			gntsim_gref ref;

			measure_need(!gntsim_gntalloc_alloc(from->alloc,
							    (uint16_t)((i + 1) % b->domains + 1), 1,
							    1, &index, &ref),
				     "ALLOC_GREF");
			grant.ref = ref;
			measure_need(!gntsim_gntdev_map(to->dev, 1, &grant, &map), "MAP_GRANT_REF");
			measure_need(!gntsim_mmap(to->mm[k % b->mms], to->dev, address(k), PAGE,
						  PROT_READ | PROT_WRITE, MAP_SHARED, map),
				     "mmap");
		}
	}
}

static void take_effects(struct bench *b)
{
	struct gntsim_effect e;

	while (gntsim_next_effect(b->m, &e))
		;
}

static size_t timed(double *took, double *begin)
{
	double now = measure_now();

	*took = (now - *begin) * 1e6;
	*begin = now;
	return 1;
}

/* What a client's page goes through, between two domains at random. @return how many calls */
static size_t cycle(struct bench *b, double took[CALLS])
{
	unsigned i = (unsigned)random_below(b->domains), next = (i + 1) % b->domains;
	struct domain *from = &b->domain[i], *to = &b->domain[next];
	struct gntsim_mm *mm = to->mm[random_below(b->mms)];
	uint64_t at = address((unsigned)random_below(b->grants)) + PAGE, index, map;
	struct gntsim_grant grant = {.domid = (uint16_t)(i + 1)};
	double begin = measure_now();
	gntsim_gref ref;
	size_t n = 0;

	measure_need(!gntsim_gntalloc_alloc(from->alloc, (uint16_t)(next + 1), 1, 1, &index, &ref),
		     "ALLOC_GREF");
	n += timed(&took[n], &begin);
	grant.ref = ref;
	measure_need(!gntsim_gntdev_map(to->dev, 1, &grant, &map), "MAP_GRANT_REF");
	n += timed(&took[n], &begin);
	measure_need(!gntsim_mmap(mm, to->dev, at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, map),
		     "mmap");
	n += timed(&took[n], &begin);
	measure_need(!gntsim_munmap(mm, at, PAGE), "munmap");
	n += timed(&took[n], &begin);
	measure_need(!gntsim_gntdev_unmap(to->dev, map, 1), "UNMAP_GRANT_REF");
	n += timed(&took[n], &begin);
	measure_need(!gntsim_gntalloc_dealloc(from->alloc, index, 1), "DEALLOC_GREF");
	n += timed(&took[n], &begin);
	take_effects(b);
	return n;
}

static void measure_calls(struct bench *b, const char *where)
{
	static double took[CYCLES * CALLS];
	size_t n = 0;
	double p50;

	for (unsigned i = 0; i < CYCLES; i++)
		n += cycle(b, took + n);
	p50 = measure_median(took, n);
	printf("%s: a call p50 %.2f us, p99 %.2f us\n", where, p50,
	       measure_percentile(took, n, 99));
}

/* All of the domain, as its owner ends it. In milliseconds of processor time. */
static double death(struct bench *b, unsigned nth)
{
	struct domain *d = &b->domain[nth];
	double begin = measure_cpu_now();

	gntsim_domain_destroy(d->dom);
	for (unsigned k = 0; k < b->mms; k++)
		gntsim_mm_destroy(d->mm[k]);
	gntsim_close(d->alloc);
	gntsim_close(d->dev);
	take_effects(b);
	return (measure_cpu_now() - begin) * 1e3;
}

static void free_machine(struct bench *b)
{
	gntsim_machine_free(b->m);
	munmap(b->frames, b->bytes);
	for (unsigned i = 0; i < b->domains; i++)
		free(b->domain[i].mm);
	free(b->domain);
}

static double death_alone(const struct bench *like)
{
	struct bench b = {.domains = NEAR, .mms = like->mms, .grants = like->grants};
	double ms;

	make_machine(&b);
	populate(&b);
	take_effects(&b);
	ms = death(&b, 1);
	free_machine(&b);
	return ms;
}

int main(int argc, char **argv)
{
	unsigned domains = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	unsigned mms = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
	unsigned grants = argc > 3 ? (unsigned)atoi(argv[3]) : 1000000;
	struct bench b = {.domains = domains}, few = {.domains = NEAR};
	double among[TURNS], alone[TURNS], ratio[TURNS];
	struct gntsim_totals t;
	struct rusage used;

	if (argc > 4 || domains < 3 * TURNS || domains > 32000 || mms < domains ||
	    grants < domains) {
		fprintf(stderr, "usage: domains-bench [DOMAINS [MMS [GRANTS]]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	few.mms = b.mms = mms / domains;
	few.grants = b.grants = grants / domains;
	make_machine(&few);
	populate(&few);
	measure_calls(&few, "3 domains of them alone");
	free_machine(&few);
	make_machine(&b);
	populate(&b);
	take_effects(&b);
	gntsim_machine_totals(b.m, &t);
	getrusage(RUSAGE_SELF, &used);
	printf("%u domains, %u address spaces, %u grants: %.1f MiB of state, %.0f bytes a grant; "
	       "the process has %.1f MiB\n",
	       t.domains, t.mms, t.grants, (double)t.bytes / (1 << 20), (double)t.bytes / t.grants,
	       (double)used.ru_maxrss / 1024);
	measure_calls(&b, "all of them");
	for (unsigned i = 0; i < TURNS; i++) {
		alone[i] = death_alone(&b);
		among[i] = death(&b, domains / TURNS * i + 1);
		ratio[i] = among[i] / alone[i];
	}
	printf("death of a domain: among all %.3f ms, with its neighbours alone %.3f ms\n",
	       measure_median(among, TURNS), measure_median(alone, TURNS));
	measure_verdict("  among all against alone (median of turns)", measure_median(ratio, TURNS),
			"x", 2, 1);
	printf("  middle half of the turns: %.3g to %.3g\n", measure_percentile(ratio, TURNS, 25),
	       measure_percentile(ratio, TURNS, 75));
	free_machine(&b);
	return 0;
}
