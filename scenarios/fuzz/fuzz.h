/* SPDX-License-Identifier: MIT */
/*
 * The differential fuzzer: random sequences of calls, played on the model while they are made,
 * then as a scenario, with the model's results stated, on another substrate.
 */
#ifndef SCN_FUZZ_H
#define SCN_FUZZ_H

#include <stdio.h>

#include "player/player.h"
#include "substrates/leg.h"
#include "substrates/play/cell.h"

#define FUZZ_MAX_OPS       1000u
#define FUZZ_MAX_PROCESSES 12u
#define FUZZ_MAX_REFS      8u
#define FUZZ_TEXT          480u
#define FUZZ_MAX_ALLOWED   8u

/* What sequences are to be like. */
struct fuzz_world {
	uint32_t n_domains; /* 1 or 2 */
	enum scn_guest guest[2];
	struct scn_version kernel;
	struct scn_platform platform;          /* of the model */
	enum gntsim_dmabufs dmabufs;           /* which of its calls gntdev has */
	uint64_t capabilities;                 /* what the generator may use */
	const char *allowed[FUZZ_MAX_ALLOWED]; /* hazards by name */
	uint32_t n_allowed;
	bool real; /* a real machine: what that gives no one result for is left alone */
	bool
	    keeps_own; /* one where a guest that maps its own page keeps it in its first place: Arm */
};

/*
 * One step. `text` is the call as a script has it, but for names, which are references to what
 * an earlier step gave: @f7 the descriptor or @p7 the port that step 7 returned, @x7 the index,
 * @r7.2 the reference it filled in.
 */
struct fuzz_op {
	uint32_t id;
	enum { FUZZ_CALL, FUZZ_FORK, FUZZ_KILL, FUZZ_ADVANCE, FUZZ_LIMIT, FUZZ_DESTROY } kind;
	uint32_t process, peer; /* peer: FORK's child; LIMIT's and DESTROY's domain */
	uint32_t value;         /* ADVANCE: seconds; LIMIT: gntalloc's */
	uint32_t file;          /* gntdev's MAP_GRANT_REF and mmap: the step that opened the file */
	uint64_t needs;         /* capabilities */
	bool ok;                /* it succeeded when it was made */
	char text[FUZZ_TEXT];
};

struct fuzz_sequence {
	struct fuzz_op *ops; /* FUZZ_MAX_OPS */
	uint32_t n;
};

/* --- model.c: a sequence on the model --- */

/* What a step gave. */
struct fuzz_bound {
	char kind; /* 'f', 'p'; 0: returned nothing that has a name */
	int64_t value;
	uint32_t domain;
	bool has_index;
	uint64_t index;
	uint32_t refs[FUZZ_MAX_REFS], n_refs;
	uint32_t file; /* of MAP_GRANT_REF: as the step's */
	struct fuzz_name {
		uint32_t id, item;
	} mapped[FUZZ_MAX_REFS]; /* what it maps, by name */
	uint32_t n_mapped;
};

struct fuzz_model {
	const struct fuzz_world *world;
	void *self;
	struct fuzz_bound *bound; /* by id, FUZZ_MAX_OPS */
	bool alive[FUZZ_MAX_PROCESSES];
	bool destroyed[2];     /* domains */
	uint32_t destroyed_by; /* the last such step's id */
	bool writes;           /* a script: what is to be played elsewhere */
	uint32_t domain_of[FUZZ_MAX_PROCESSES];
	struct scn_buf why; /* of ERROR and UNSOUND */
	char hazard[80];    /* of HAZARD */
};

enum fuzz_played {
	FUZZ_PLAYED,
	FUZZ_DROPPED, /* what the step is about is not there: it was not played */
	FUZZ_HAZARD,  /* the real kernel would have harmed itself, in a way that is not allowed */
	FUZZ_UNSOUND, /* the model itself is wrong at the end */
	FUZZ_ERROR,   /* the generator is: not a step that can be played */
};

/* A fresh machine, with its first processes. 0 or -ENOMEM. */
int fuzz_model_begin(struct fuzz_model *m, const struct fuzz_world *world);
void fuzz_model_end(struct fuzz_model *m);
/* Plays a step and writes it as a script's line, with its result. `value`: what it returned. */
enum fuzz_played fuzz_model_play(struct fuzz_model *m, const struct fuzz_op *op,
				 struct scn_buf *line, int64_t *value);
/* Ends every process; looks whether the machine is sound and empty. */
enum fuzz_played fuzz_model_finish(struct fuzz_model *m);
/* The number of processes from the start; they are in their domains in turn. */
uint32_t fuzz_first_processes(const struct fuzz_world *world);
/* "A", … */
char fuzz_process_name(uint32_t process);

/* --- rules.c: what a real machine gives no one result for --- */

/* The references in a step's text; how many. */
uint32_t fuzz_names_in(const char *text, struct fuzz_name out[FUZZ_MAX_REFS]);
/*
 * Whether the grant has ended, or will when the driver's timer next looks: a real kernel may by now
 * have given the reference to another page, or not.
 */
bool fuzz_model_has_ended(const struct fuzz_model *m, uint32_t id, uint32_t item);
/* How many grants wait for that timer. */
uint32_t fuzz_model_deferred(const struct fuzz_model *m);
/* The name of the rule by which a step must not be made now; NULL: it may. */
const char *fuzz_rule_against(const struct fuzz_model *m, const struct fuzz_op *op);

/* --- generate.c --- */

/* A sequence of about n steps. FUZZ_PLAYED, or what is wrong with the model in `why`. */
enum fuzz_played fuzz_generate(const struct fuzz_world *world, uint64_t seed, uint32_t n,
			       struct fuzz_sequence *out, struct scn_buf *why);

/* --- script.c --- */

/* The capability that a world's dma-bufs need; 0: it has none. */
uint64_t fuzz_dmabuf_needs(const struct fuzz_world *world);

/* The step that a message "FILE:LINE:…" is about; n: none. */
uint32_t fuzz_step_of(const struct scn_buf *message, const uint32_t *lines, uint32_t n);
/*
 * A sequence, and the model's results, as a scenario. `lines`: for each step the line that it
 * stands in, 0 if nowhere; or NULL.
 */
enum fuzz_played fuzz_script(const struct fuzz_world *world, const struct fuzz_sequence *seq,
			     const char *title, struct scn_buf *out, uint32_t *lines,
			     struct scn_buf *why);

/* --- compare.c: what judges a sequence --- */

struct fuzz_xen; /* xen.c: real Xen */

/* A substrate in this process, or real Xen. */
struct fuzz_judge {
	const struct scn_substrate_ops *ops;
	void *self;
	struct scn_version kernel;
	struct fuzz_xen *xen; /* NULL: ops judges */
};

struct fuzz_verdict {
	enum scn_verdict verdict;
	enum fuzz_kind {
		FUZZ_DIFFERENCE, /* or the model is unsound */
		FUZZ_CRASH,      /* the real kernel is down */
		FUZZ_HANG,       /* nothing came for too long */
	} kind;                  /* of FAILED */
	uint32_t step;           /* of a difference: which one; the number of steps: the end */
	struct scn_buf text;     /* of all but PASSED */
};

/* A sequence, with what belongs to it. */
struct fuzz_case {
	unsigned long number;
	struct fuzz_world world;
	struct fuzz_sequence seq;
	struct fuzz_verdict verdict;
};

void fuzz_case_free(struct fuzz_case *c);
/* A copy of a sequence, with room for no more. False: out of memory. */
bool fuzz_sequence_copy(struct fuzz_sequence *to, const struct fuzz_sequence *from);

void fuzz_verdict_free(struct fuzz_verdict *v);
void fuzz_compare(const struct fuzz_world *world, const struct fuzz_sequence *seq,
		  const struct fuzz_judge *judge, struct fuzz_verdict *out);
/* Judges many cases. Returns 0, or a negative errno with what is wrong with the judge. */
int fuzz_compare_all(struct fuzz_case *cases, size_t n, const struct fuzz_judge *judge,
		     struct scn_buf *why);

/* --- xen.c: many sequences in one boot --- */

/* Real Xen as a judge, which lets a sequence take so many seconds (0: as scn_xen_play() does).
 * NULL: out of memory. */
struct fuzz_xen *fuzz_xen_open(const struct scn_leg *leg, const struct scn_cell *cell,
			       unsigned int patience, struct scn_version kernel);
void fuzz_xen_close(struct fuzz_xen *xen);
/* What may be used there. */
uint64_t fuzz_xen_capabilities(const struct fuzz_xen *xen);
/* Is called with every case that has a verdict. */
void fuzz_xen_watch(struct fuzz_xen *xen, void (*sink)(void *ctx, const struct fuzz_case *done),
		    void *ctx);
int fuzz_xen_compare(struct fuzz_xen *xen, struct fuzz_case *cases, size_t n, struct scn_buf *why);

/* --- statistics.c --- */

#define FUZZ_MAX_KINDS 64u

/* Which calls were made and how many of them succeeded. */
struct fuzz_statistics {
	struct fuzz_kind_count {
		char name[40];
		unsigned long n, ok;
	} kinds[FUZZ_MAX_KINDS];
	uint32_t n;
};

void fuzz_statistics_add(struct fuzz_statistics *st, const struct fuzz_sequence *seq);
/* The most frequent first. */
void fuzz_statistics_print(struct fuzz_statistics *st, FILE *out);

/* --- run.c --- */

struct fuzz_run {
	struct fuzz_judge judge;
	struct fuzz_world world; /* kernel, capabilities, hazards; domains unless all_worlds */
	bool all_worlds;
	const char *against, *directory;
	unsigned long ops, seed, length, count, max, first;
	bool only_write, statistics;
};

/* Generates, compares, shrinks, writes and reports. Returns how many differences there were, or a
 * negative errno; what was wrong has been said. */
int fuzz_run(const struct fuzz_run *run);

/* --- shrink.c --- */

/*
 * Leaves out every step without which the verdict stays the same. Returns plays needed. What is
 * tried at a time is judged together.
 */
uint32_t fuzz_shrink(struct fuzz_case *c, const struct fuzz_judge *judge);

#endif
