/* SPDX-License-Identifier: MIT */
/*
 * A substrate: something that scenarios can be played on. One file fills in one struct of
 * operations; the player knows nothing else of it. All calls are synchronous, one at a time.
 */
#ifndef SCN_SUBSTRATE_H
#define SCN_SUBSTRATE_H

#include <gntsim/machine.h>

#include "lang/ast.h"
#include "lang/call.h"
#include "lang/totals.h"

/* How an operation of a substrate ended. Why, in `why`, for all but OK. */
enum scn_status {
	SCN_OK,
	SCN_SKIP,  /* this can't be done here */
	SCN_ERROR, /* the environment is broken; says nothing about the subject */
};

/* What the command line says about substrates. Zero is the default of each. */
struct scn_options {
	const char *device_dir; /* device: where the nodes are; default /dev/xen */
	int domid;              /* device: this domain's id; -1: find out */
	bool has_guest;
	enum scn_guest guest; /* device: what this domain is, if it can't be found out */
	bool swapped;         /* pair: a script's first domain is the second one here */
	bool fresh; /* device, pair: this domain was booted for the scenario, and may crash */
	const char *const *agent_argv; /* how to start an agent; the descriptor's number follows */
	unsigned int patience_ms;      /* how long an expected event may take; default 2000 */
	unsigned int quiet_ms; /* how long none must come where none is expected; default 20 */
	unsigned int hang_s;   /* fronts: how long a call may take; default 20 */
	/* fronts: `gntsim COMMAND...`, where this is part of gntsim: called in a child that lives for nothing
	 * else. NULL: it is executed. */
	int (*gntsim)(int argc, char **argv);
};

/* What a scenario's machine is to be like. */
struct scn_setup {
	uint32_t n_domains;
	struct {
		uint16_t number;
		bool has_guest; /* else any will do */
		enum scn_guest guest;
		bool second_seat; /* pair: it is the second of the two real domains */
		uint64_t limits[GNTSIM_N_LIMITS]; /* 0: the default */
	} domains[16];
	struct scn_version kernel;
	struct scn_platform platform; /* a Xen of 0: the default */
	uint64_t frames;              /* 0: the default */
	enum gntsim_dmabufs dmabufs;  /* as the script needs them */
	bool has_seed; /* for the player: the order of parallel branches; else as they stand */
	uint64_t seed;
};

/*
 * Operations that no capability stands for must be there; the others may be NULL if their
 * capability is not offered. Processes and domains go by their position in the scenario.
 */
struct scn_substrate_ops {
	const char *name;
	const char *summary; /* one line for --help */

	/* Makes the substrate ready, once; `self` is given to everything else. */
	enum scn_status (*open)(const struct scn_options *options, void **self,
				struct scn_buf *why);
	void (*close)(void *self);

	uint64_t (*capabilities)(const void *self);
	/* The kernel to play on if the user names none. */
	struct scn_version (*kernel)(const void *self);
	/* What it is under that, likewise. */
	struct scn_platform (*platform)(const void *self);
	/* The kernel to play on for who names one: itself, or the newest before it that is known.
	 * False: all that are known are newer. `self` may be NULL. NULL: what is named goes to
	 * begin(), which may refuse it. */
	bool (*kernel_for)(const void *self, struct scn_version wanted, struct scn_version *out);

	/* A fresh machine: no process, nothing left of the last. SKIP: it can't be such a one. */
	enum scn_status (*begin)(void *self, const struct scn_setup *setup, struct scn_buf *why);
	/* Ends whatever begin() and later calls made, in any state. */
	void (*end)(void *self);
	/* The domid that a domain of the script has here. */
	uint16_t (*domid)(const void *self, uint32_t domain);

	enum scn_status (*spawn)(void *self, uint32_t process, uint32_t domain,
				 struct scn_buf *why);
	/* A call of a process. OK: `result` is what came of it, whatever that is. */
	enum scn_status (*call)(void *self, uint32_t process, const struct scn_call *call,
				struct scn_result *result, struct scn_buf *why);
	/* SIGKILL. On return address space and files are gone. */
	enum scn_status (*kill)(void *self, uint32_t process, struct scn_buf *why);

	/* ADVANCE */
	enum scn_status (*advance)(void *self, uint64_t ns, struct scn_buf *why);
	/* DESTROY_DOMAIN; its processes are gone then. */
	enum scn_status (*destroy)(void *self, uint32_t domain, struct scn_buf *why);
	/* GNTALLOC_LIMIT, while the scenario runs */
	enum scn_status (*set_limit)(void *self, uint32_t domain, enum gntsim_limit limit,
				     uint64_t value, struct scn_buf *why);
	/* FAIL_ALLOCATION: the nth from now fails, once; 0: none any more */
	enum scn_status (*fail_allocation)(void *self, uint64_t nth, struct scn_buf *why);
	/* FAIL_MMAP: a signal comes during the nth from now, once; 0: none any more */
	enum scn_status (*fail_mmap)(void *self, uint64_t nth, struct scn_buf *why);
	/* RAISE_VIRQ */
	enum scn_status (*raise_virq)(void *self, uint32_t domain, uint64_t virq,
				      struct scn_buf *why);
	/* INSPECT */
	enum scn_status (*totals)(void *self, struct scn_totals *out, struct scn_buf *why);

	/* What the kernel has done wrong since this was last asked: "" if it can't be named, NULL
	 * if nothing. May be NULL. */
	const char *(*hazard)(void *self);
	/* After every process has ended: is the machine sound and empty? Says what is not. May be
	 * NULL. */
	bool (*check)(void *self, struct scn_buf *wrong);
};

#endif
