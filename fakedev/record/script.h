/* SPDX-License-Identifier: MIT */
/*
 * A script while it is recorded: steps in order, whose texts refer to variables, processes and domains
 * by number. What they are called is found when all is known: names are given to what is used.
 */
#ifndef FAKEDEV_RECORD_SCRIPT_H
#define FAKEDEV_RECORD_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <gntsim/limits.h>
#include <gntsim/machine.h>

#include "lang/text.h"

#define NOBODY UINT32_MAX /* no process */
#define NO_VAR UINT32_MAX

enum step_kind {
	STEP_CALL,
	STEP_MEMORY, /* munmap and what else changes the memory only */
	STEP_CLOSE,
	STEP_FORK,
	STEP_EXEC,
	STEP_EXIT, /* or kill */
	STEP_MACHINE,
	STEP_NOTE, /* a comment */
};

/* What a call filled in, as a field of its result. */
struct step_out {
	const char *field;
	uint32_t var;    /* left out where nobody uses it; or NO_VAR, and: */
	bool list;       /* of one element */
	uint64_t wanted; /* the field must be this */
};

struct step {
	enum step_kind kind;
	uint32_t process;      /* NOBODY: of the machine */
	uint32_t child;        /* FORK: NOBODY until it has said who it is */
	uint32_t bind;         /* the variable that takes the result, or NO_VAR */
	struct scn_buf text;   /* "close(…)" */
	struct scn_buf result; /* "-1 EINVAL"; empty: success */
	struct scn_buf more;   /* after the result: a read's ports, a copy's statuses */
	struct scn_buf note;   /* a comment behind it */
	struct step_out outs[2];
	uint32_t n_outs;
	char hazard[64];
	bool unsure;     /* another process may have made it */
	bool of_machine; /* no process makes it: kill, destroy */
	bool left_out;
};

struct variable {
	const char *base; /* what it is called, a number apart */
	uint32_t process; /* that got it */
	uint32_t uses;
	bool array;
	char name[48];
};

struct script_process {
	char program[16];
	uint32_t domid;
	bool forked;    /* by a step */
	bool substance; /* it does something */
	bool ignored;
	uint32_t fork_step, end_step; /* or UINT32_MAX */
	bool unnoticed;               /* its end has notified nobody yet */
	char name[32];
};

struct script_domain {
	uint16_t domid;
	uint32_t guest; /* 1 PV, 2 PVH */
	bool maps;      /* grants: what becomes of them differs between the guests */
	bool has_processes, used;
	uint32_t limits[GNTSIM_N_LIMITS]; /* 0: as all have it */
};

struct script {
	struct step *steps;
	uint32_t n_steps, room_steps;
	struct variable *vars;
	uint32_t n_vars, room_vars;
	struct script_process *processes;
	uint32_t n_processes, room_processes;
	struct script_domain *domains;
	uint32_t n_domains, room_domains;
	enum gntsim_kernel kernel;
	uint32_t limits[GNTSIM_N_LIMITS]; /* of each domain, and the machine; 0: the default */
	bool needs_munmap;
	enum gntsim_dmabufs dmabufs;
	bool failed; /* no memory: look once, at the end */
};

void script_free(struct script *s);

/* The new step, of kind and process. Never NULL; it is lost when there is no memory. */
struct step *script_step(struct script *s, enum step_kind kind, uint32_t process);
uint32_t script_var(struct script *s, const char *base, uint32_t process);
uint32_t script_process(struct script *s, uint16_t domid, const char *program);
/* Makes it if it is not there; NULL: no memory. */
struct script_domain *script_domain(struct script *s, uint16_t domid);

/* The steps from `from` on take the place of those in [first, end), which are no more. */
void script_replace(struct script *s, uint32_t first, uint32_t end, uint32_t from);

/* The step becomes the last one. */
void script_move_to_end(struct script *s, uint32_t step);

/* References, in a step's texts. */
void put_var(struct scn_buf *b, uint32_t var);
void put_process(struct scn_buf *b, uint32_t process);
void put_domain(struct scn_buf *b, uint16_t domid);

/* The file. `head`: comments to begin with. */
void script_write(struct script *s, const char *head, struct scn_buf *out);

/* The array with room for one more element than `n`; NULL: no memory, it is as it was. */
void *record_more(void *array, uint32_t n, uint32_t *room, size_t size);

#endif
