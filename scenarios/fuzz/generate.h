/* SPDX-License-Identifier: MIT */
/* What the generator's files share: what there is by now to make calls about (choose.c). */
#ifndef SCN_FUZZ_GENERATE_H
#define SCN_FUZZ_GENERATE_H

#include "fuzz.h"

/* A descriptor, pages of gntalloc, a map of gntdev, a mapping, a port. */
struct fuzz_thing {
	uint32_t id;      /* of the step that made it */
	uint32_t process; /* descriptors, mappings; who made the others */
	uint32_t domain;
	uint32_t file; /* the step that opened the file; what dup and fork share */
	char
	    device; /* 'a' gntalloc, 'd' gntdev, 'e' evtchn, FUZZ_DMABUF; of mappings also 'b', a buffer */
	bool writable, unbound;
	bool private;         /* mappings */
	bool cloexec;         /* files */
	bool used;            /* maps: mmapped before; pages and maps: taken back, mostly */
	uint32_t count;       /* pages */
	uint32_t peer_domain; /* pages, ports: for whom */
	uint64_t addr;
	uint32_t source; /* mappings: the pages or map; dma-bufs: the file of gntdev */
};

#define FUZZ_DMABUF 'x'
#define FUZZ_POOL   96u

struct fuzz_pool {
	struct fuzz_thing things[FUZZ_POOL];
	uint32_t n;
};

#define FUZZ_EVENTFUL 8u

struct fuzz_generator {
	const struct fuzz_world *world;
	struct fuzz_model *model;
	uint64_t random;
	uint64_t next_addr, next_buffer;
	struct fuzz_pool files, pages, maps, mappings, ports;
	struct fuzz_pool exports, imports; /* of dma-bufs: who made each knows its number */
	uint32_t eventful[FUZZ_EVENTFUL];  /* files that an event may wait in; 0: none */
	uint32_t process;                  /* that makes the next call */
	/* What becomes of it if the step succeeds: `made` goes into `pool`; `gone` leaves it. */
	struct fuzz_thing made;
	struct fuzz_pool *pool, *also; /* `also`: a second pool */
	struct fuzz_thing *gone;
	struct fuzz_pool *gone_pool;
	uint32_t next_process;
};

uint32_t fuzz_random(struct fuzz_generator *g, uint32_t n); /* below n */
bool fuzz_chance(struct fuzz_generator *g, uint32_t percent);
/* Is it to be a bad pointer? Not where those are checked in another order. */
bool fuzz_bad(struct fuzz_generator *g, uint32_t percent);

#define FUZZ_ANY UINT32_MAX
/* One at random; NULL: there is none. device 0: any. */
struct fuzz_thing *fuzz_pick(struct fuzz_generator *g, struct fuzz_pool *pool, uint32_t process,
			     uint32_t file, char device);
void fuzz_pool_add(struct fuzz_generator *g, struct fuzz_pool *pool,
		   const struct fuzz_thing *thing);
void fuzz_pool_remove(struct fuzz_pool *pool, struct fuzz_thing *thing);

void fuzz_say(struct fuzz_op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes a step; false: nothing to make it of. The calls of each device, in files of their own. */
typedef bool fuzz_make(struct fuzz_generator *g, struct fuzz_op *op);

struct fuzz_choice {
	uint32_t weight;
	fuzz_make *make;
};

extern const struct fuzz_choice fuzz_grant_choices[], fuzz_memory_choices[], fuzz_event_choices[],
    fuzz_process_choices[], fuzz_machine_choices[], fuzz_odd_choices[], fuzz_dmabuf_choices[];

/* Pages for this domain that are still granted, mostly; never those of the domain `but`. */
struct fuzz_thing *fuzz_granted_pages(struct fuzz_generator *g, uint32_t but, uint32_t *item);
/* The domain whose grants this process must not map; FUZZ_ANY: none. */
uint32_t fuzz_forbidden_domain(const struct fuzz_generator *g);
/* Where nothing is mapped. */
uint64_t fuzz_fresh_address(struct fuzz_generator *g);

/* A descriptor of the process for the device. False: it has none, and the step opens one. */
bool fuzz_descriptor(struct fuzz_generator *g, struct fuzz_op *op, char device,
		     struct fuzz_thing *out);
/*
 * One of the pool whose file the process has open, and a descriptor of that file; rarely another.
 * NULL: there is none, or the step is now one that opens the device.
 */
struct fuzz_thing *fuzz_usable(struct fuzz_generator *g, struct fuzz_op *op, struct fuzz_pool *pool,
			       char device, struct fuzz_thing *file);
/* An event has been sent to the file. */
void fuzz_note_event(struct fuzz_generator *g, uint32_t file);
/* Another domain, or the same one; rarely one that does not exist. */
const char *fuzz_domain(struct fuzz_generator *g, uint32_t *domain);

#endif
