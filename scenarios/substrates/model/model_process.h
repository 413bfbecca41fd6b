/* SPDX-License-Identifier: MIT */
/* A process of the model: descriptors and memory, and the calls it makes. */
#ifndef SCN_MODEL_PROCESS_H
#define SCN_MODEL_PROCESS_H

#include <gntsim/machine.h>

#include "lang/call.h"
#include "substrates/agent/private_memory.h"

#define SCN_MODEL_FDS 256u

/* What came of the machine's calls beside their results. */
struct scn_model_effects {
	struct gntsim_machine *machine;
	const char *hazard; /* the last one; NULL: none */
};

/* Takes it from the machine: notes hazards, and sends SIGIO to who is to get it. */
void scn_model_take_effects(struct scn_model_effects *e);

/* An open file description: what dup, fork and send_fd share. */
struct scn_model_file;

struct scn_model_fd {
	struct scn_model_file *file; /* NULL: free */
	bool cloexec;
};

/* Argument memory that exists during one call. */
struct scn_scratch {
	uint64_t addr;
	uint8_t *data;
	size_t len;
	bool writable;
};

struct scn_model_process {
	struct gntsim_mm *mm; /* NULL: no such process, or it has ended */
	struct scn_private_memory memory;
	struct scn_scratch scratch;
	uint64_t next_addr; /* where mmap(NULL) puts the next mapping */
	bool sigio;         /* is pending */
	struct scn_model_effects *effects;
	/* Last, as a copy needs no more of them than were ever used. */
	uint32_t n_fds;
	struct scn_model_fd fds[SCN_MODEL_FDS];
};

/* Each returns 0 or -ENOMEM. */
int scn_model_process_start(struct scn_model_process *p, struct gntsim_domain *dom,
			    struct scn_allowance *allowance, struct scn_model_effects *effects);
int scn_model_process_fork(struct scn_model_process *parent, struct scn_model_process *child);
/* As the kernel ends a process: first the address space, then the files. */
void scn_model_process_end(struct scn_model_process *p);

/* Any call but fork, exit and send_fd. Returns -ENOTSUP if the model can't play it. */
int scn_model_process_call(struct scn_model_process *p, const struct scn_call *call,
			   struct scn_result *result);
/* F_SETOWN: 0 or -EBADF. */
int scn_model_process_own(struct scn_model_process *p, uint64_t fd,
			  struct scn_model_process *owner);
/* The receiver's descriptor, or a negative errno. */
int scn_model_process_send(struct scn_model_process *from, int fd, struct scn_model_process *to);

/* The file behind a descriptor, NULL if there is none; `last`: nobody else has it. */
struct gntsim_file *scn_model_process_file(const struct scn_model_process *p, uint64_t fd,
					   bool *last);

/* substrate_model.c: the machine that the scenario is being played on. */
struct gntsim_machine *scn_model_machine(const void *self);

#endif
