/* SPDX-License-Identifier: MIT */
/* The parts of the storm, which is one process and one loop. */
#ifndef STORM_H
#define STORM_H

#include "shared.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct totals {
	unsigned long long domains, zombies, files, mms, vmas, frames, grants, deferred,
	    gntdev_maps, maptrack, ports, bytes;
};

/* The machine (machine.c): a gntsim serve that checks itself. */
struct machine {
	const char *command, *socket, *front, *trace;
	struct storm_shared *shared;
	pid_t pid;
	int wire, output;
};
void machine_start(struct machine *m, int memory);
/* What ended before is acted on when it returns. */
void machine_sync(struct machine *m);
void machine_destroy(struct machine *m, uint32_t domid);
struct totals machine_totals(struct machine *m);
unsigned int machine_descriptors(const struct machine *m);
unsigned long long machine_memory(struct machine *m);
/* SIGKILL, or if it is to end by itself SIGTERM; with all that is left of it here. */
void machine_end(struct machine *m, bool kill);

struct process {
	pid_t pid;
	int pidfd;
	bool gone;
};

enum state {
	FREE,
	STARTING,
	RUNNING,
	DYING, /* one of the two */
	HALF,  /* one has died, and its child has not */
	VERIFYING,
	CLEARING, /* what is left is to go */
};
struct pair {
	enum state state;
	uint64_t due, deadline;
	unsigned int victim;
	bool stopped[2], forked[2], linked_first, both;
	bool unsure; /* what the victim's end must bring */
	enum other how;
};

struct nest {
	pid_t pid;
	int socket;
	bool heard;  /* so its domain is there */
	bool going;  /* its domain is to be destroyed */
	bool absent; /* it was, and is not there again */
};

struct storm {
	const char *gntsim, *actor, *dir;
	struct machine machine;
	struct storm_shared *shared;
	int memory;
	unsigned int n_actors, n_domains;
	uint64_t random, started, patience_ns;
	struct pair pairs[STORM_ACTORS / 2];
	struct process actors[STORM_ACTORS], children[STORM_ACTORS];
	struct nest nests[STORM_DOMAINS];
	uint32_t lives;
	bool winding_up;
	unsigned long long kills, computed, stops, forks, executions, exits, destroyed, given_up,
	    strayed, calls, worst_sync_ns;
};

_Noreturn void storm_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t storm_roll(struct storm *s, uint32_t sides);

/* nests.c */
void nest_start(struct storm *s, unsigned int domain);
void nest_ask(struct storm *s, unsigned int domain, uint32_t actor, bool execute);
/* Takes what the nests say, and the ends of processes that are the storm's own. */
void nests_listen(struct storm *s, int timeout_ms);
/* All end; nobody may have used the processor while it had nothing to do. */
void nests_end(struct storm *s);
void process_signal(struct process *p, int signal);
/* Has it ended? A nest that was killed with its domain may have been about to tell. */
void process_look(struct process *p);

/* pairs.c */
void pair_step(struct storm *s, unsigned int pair);
/* Takes who is new of what its actors' calls made. */
void storm_notice_children(struct storm *s);
/* Destroys the domain, with the nest in it. It can be made again when nobody maps its pages any more. */
void pairs_destroy_domain(struct storm *s, unsigned int domain);
/* The machine has been killed: each actor gets its errors. Returns the longest that took, ns. */
uint64_t pairs_without_machine(struct storm *s, uint64_t killed_at);

#endif
