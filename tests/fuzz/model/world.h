/* SPDX-License-Identifier: MIT */
/* The machine that a sequence is carried out on, with what its calls have made, in numbered places. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "call.h"

/* Memory of a process that is no device's: what ioctls point to. */
#define SCRATCH_ADDR  UINT64_C(0x7000000000)
#define SCRATCH_BYTES (2 * GNTSIM_PAGE_SIZE)
#define N_OUT         64u
#define N_RAW         16u /* a kernel's own maps of grants, and frames that are held */

/* What came of a call. */
struct outcome {
	bool skipped; /* there is no such file, or its place is taken: nothing was done */
	int64_t value;
	unsigned int n;
	uint64_t out[N_OUT];
};

struct raw_map {
	bool used;
	bool host; /* it has an address, which is looked at when it ends */
	unsigned int domain;
	uint32_t handle;
	uint64_t addr;
};

struct world {
	struct gntsim_machine *m;
	struct setup setup;
	struct gntsim_domain *domain[N_DOMAINS];
	struct gntsim_file *file[N_FILES];
	struct gntsim_mm *mm[N_MMS];
	struct raw_map raw[N_RAW];
	gntsim_frame held[N_RAW];
	unsigned int n_held;
	bool raw_entries; /* a kernel wrote into its grant table by itself */
	struct gntsim_wait *wait[N_WAITS];
	bool told[N_WAITS];
	bool keeps_itself; /* a gntdev file may hold, by way of others, a dma-buf that holds it */
	uint64_t maps_before_refusal, fail_in;
	enum gntsim_gntst refusal;
	uint8_t scratch[SCRATCH_BYTES];
	size_t scratch_used; /* bytes of it that may not be 0 */
};

/* The memory of the machine: one at a time. False: no memory, which the set-up may have asked for. */
bool world_begin(struct world *w, const struct setup *setup);
void world_end(struct world *w);

void world_call(struct world *w, const struct call *c, struct outcome *out);

/* By kind of call; false: none of theirs. */
bool apply_device(struct world *w, const struct call *c, struct outcome *out);
bool apply_memory(struct world *w, const struct call *c, struct outcome *out);
bool apply_user(struct world *w, const struct call *c, struct outcome *out);
bool apply_dmabuf(struct world *w, const struct call *c, struct outcome *out);
bool apply_domain(struct world *w, const struct call *c, struct outcome *out);
bool apply_kernel(struct world *w, const struct call *c, struct outcome *out);

/* Whether the machine has given the frame out; looks inside. */
bool world_frame_used(const struct gntsim_machine *m, gntsim_frame frame);
/* Frames that it ever gave out: the first ones. */
uint32_t world_frames_given(const struct gntsim_machine *m);

/* Whose wait is told of; -1: nobody's. */
int world_told(const struct world *w, const struct gntsim_effect *effect);

struct gntsim_domain *world_domain(const struct world *w, uint8_t n);
struct gntsim_file **world_file(struct world *w, uint8_t n);
struct gntsim_mm **world_mm(struct world *w, uint8_t n);

static inline void put(struct outcome *out, uint64_t value)
{
	if (out->n < N_OUT)
		out->out[out->n++] = value;
}

#endif
