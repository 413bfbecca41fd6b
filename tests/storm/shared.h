/* SPDX-License-Identifier: MIT */
/*
 * What the storm, its nests (a process a domain, that starts others when told) and its actors know of each
 * other: plain memory that all map, in which each actor says before and after each step what it has done. So
 * what its death must bring is known, whenever it comes.
 */
#ifndef STORM_SHARED_H
#define STORM_SHARED_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#define STORM_ACTORS  512u
#define STORM_DOMAINS 32u
#define STORM_WORDS   16 /* that lie about for others' random calls, a domain */

/* A side of a pair has two notifications: of the page that it granted, and of its mapping of the other's. */
enum {
	OF_PAGE,
	OF_MAPPING,
	NOTES,
};
enum note {
	NOTE_NONE,
	NOTE_ARMING,
	NOTE_ARMED,
	NOTE_DISARMING,
	NOTE_ENDING, /* it was armed, and what it is about is being given up */
	NOTE_ENDED,
};

enum stage {
	STAGE_NONE,
	STAGE_STARTED,
	STAGE_LINKED,   /* it would see what the other's end brings */
	STAGE_VERIFIED, /* it has seen it, all as it must be */
	STAGE_WRONG, /* a call failed, or something came that must not, or came not; text says what */
	STAGE_REPLACED, /* it has executed a program */
	STAGE_STRAYED, /* the other side had ended, and what it had given up was somebody else's by then */
	STAGE_LEFT, /* the machine went, and it has got its errors */
};

/* What the storm wants of an actor. */
enum order {
	ORDER_LIVE,
	ORDER_GIVE_UP, /* its page and its mapping, in an order of its own; then live on */
	ORDER_EXIT,
	ORDER_EXEC,
	ORDER_FORK, /* a child, which has its files too */
};

/* What has become of the other side, for who is left. */
enum other {
	OTHER_LIVES,
	OTHER_HALF_GONE, /* a child of it has its files: no event may come */
	OTHER_GONE,      /* each notification that was armed has come, once */
	OTHER_DESTROYED, /* with its domain: none comes */
};

struct actor {
	/* the storm's */
	uint32_t domid, other_domid, life;
	uint64_t seed;
	_Atomic uint32_t order, other;
	/* the actor's */
	_Atomic int32_t forking;
	_Atomic uint64_t child; /* that shares its files: life << 32 | its process */
	_Atomic uint32_t stage, note[NOTES], half_seen;
	_Atomic uint32_t ref, port[NOTES]; /* for the other side; 0: not yet */
	_Atomic uint64_t calls, error_at;
	char text[160];
};

struct storm_shared {
	_Atomic uint32_t machine_gone;
	/* the checked broker's: its memory in use, when it was asked for; how often it looked */
	_Atomic uint32_t measure, measured;
	_Atomic uint64_t memory, checks;
	/* by domain, references and ports that others may try: domid << 32 | number */
	_Atomic uint64_t refs[STORM_DOMAINS][STORM_WORDS], ports[STORM_DOMAINS][STORM_WORDS];
	struct actor actors[STORM_ACTORS];
};

/* To a nest, and back. */
struct nest_word {
	uint32_t actor;
	int32_t
	    pid; /* to: 1: it is to execute the program anew. From: started, or if negative it has ended */
};

static inline uint64_t storm_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint32_t storm_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

#endif
