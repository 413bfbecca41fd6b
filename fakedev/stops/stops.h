/* SPDX-License-Identifier: MIT */
/**
 * @file stops.h
 * Stops programs at their stores to shared pages, counts these, tells of each, and can end a program
 * after its Nth. A process of our own traces the programs (ptrace(2)): the pages that they map of the
 * machine's page frames are kept without PROT_WRITE, so that a store faults; it is carried out by a
 * single step while nobody else of its address space runs.
 *
 * A store is what one instruction stores, however long; of a repeated string instruction each
 * iteration is one. What a system call stores for a program, read(2) into a shared page, is one store
 * a call, made when the call ends.
 *
 * Where a ring is, of which a death has left the indexes, its loads are looked at, too.
 *
 * Only what is followed is slowed down: a program that nobody follows runs as if this were not there.
 */
#ifndef FAKEDEV_STOPS_H
#define FAKEDEV_STOPS_H

#include "broker/broker.h"
#include "broker/deaths.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stops;

/** How many programs can be followed. */
#define STOPS_PROGRAMS 64u

/** What is to be done with a program. */
struct stops_program {
	uint64_t end_at; /**< after which store, from 1, who made it is ended; 0: never */
	enum death_end end;
};

struct stops_config {
	struct stops_program programs[STOPS_PROGRAMS];
	bool tell; /**< of each store: stops_take() */
	bool look; /**< at who is ended: stops_take_end() */
	bool ask;  /**< before each store: stops_take_question() */
};

/** The most bytes that one struct stops_store tells of. What is longer is told in pieces. */
#define STOPS_BYTES 4096u

/** A store, or a piece of one, as it is told. */
struct stops_store {
	uint64_t addr;   /**< in the program's memory */
	uint64_t offset; /**< in the file of the page frames */
	uint64_t number; /**< the how manieth store of its program, from 1 */
	int32_t pid;     /**< whose address space it is */
	int32_t tid;
	uint32_t program; /**< as it was given to stops_follow() */
	uint32_t len;     /**< bytes that are told: what changed; 0: nothing did */
	bool by_kernel;   /**< a system call stored for the program */
	unsigned char bytes[STOPS_BYTES];
};

/**
 * Starts the process that traces. It ends with the caller, and with it all programs that it follows.
 * @retval 0
 * @retval -ENOSYS not on this architecture, explained in @p f
 * @retval -errno explained in @p f
 */
int stops_start(const struct stops_config *config, struct stops **out, struct failure *f);

/**
 * The calling process, and all that it will start, is followed from now on, as the program with this
 * number. For a process that is about to become the program.
 * @retval 0
 * @retval -EPERM ptrace(2) is forbidden here, or the process is traced already; explained in @p f
 * @retval -EPIPE the process that traces is gone; explained in @p f
 */
int stops_follow(struct stops *s, unsigned int program, struct failure *f);

/** How many stores the program has made. */
uint64_t stops_count(const struct stops *s, unsigned int program);

/** A thread that has made the last store that its program was to make. It is stopped. */
struct stops_end {
	uint32_t program, pid, tid;
	struct snapshot
	    *look; /**< the taker's (broker/catch.h); NULL: none was wanted, or could be had */
};

/** Readable when there is an end to take. */
int stops_ends(const struct stops *s);

/** @retval true there is one: it comes about with stops_let_end() */
bool stops_take_end(struct stops *s, struct stops_end *out);
void stops_let_end(struct stops *s);

/** A thread that is about to store and may not yet; or, gone, will never. */
struct stops_question {
	uint32_t pid, tid;
	bool gone;
};

/** It could not be told something, or not be heard, which was said; whom it traces is killed with it, and nothing
 * more comes. */
bool stops_are_lost(const struct stops *s);

/** Readable when there is a question to take; -1: none is asked. */
int stops_questions(const struct stops *s);

/** @retval true there is one: unless it is gone, it stores after stops_answer(), and not before */
bool stops_take_question(struct stops *s, struct stops_question *out);
void stops_answer(struct stops *s, uint32_t tid);

/** Why what was counted is worth nothing; NULL: there is nothing to say. The program was ended then. */
const char *stops_refused(const struct stops *s);

/**
 * Tells of the stores that nobody has been told of, in the order in which they were made: with
 * @p until_now of all that have been made before this call, else of those that are known.
 */
void stops_take(struct stops *s, bool until_now,
		void (*each)(void *ctx, const struct stops_store *store), void *ctx);

/** Readable when there is something to take; -1 if nothing is told. Programs are stopped at their next
 * stores until it has been taken, when there is much of it. */
int stops_descriptor(const struct stops *s);

/**
 * Somebody is about to die, and leaves a ring: who is left is watched for loads of its bytes that come of indexes that
 * are no ring's. One begins by being loaded when the two are none; then it is a load that begins in the ring or, with
 * one of the two as the offset, behind it, by the same thread, before it has loaded one of the indexes again. What is
 * handed to a system call is not seen, nor is a program any more that has done so.
 * @param ring a number below DEATH_RINGS
 * @param indexes, data where its pages are in the file of the page frames
 */
void stops_watch_ring(struct stops *s, unsigned int ring, const struct death_ring *what,
		      uint64_t indexes, uint64_t data);
/** Whether there was such a load. */
bool stops_ring_misread(const struct stops *s, unsigned int ring);

/** Ends the process that traces, and who is still followed. Also of NULL. */
void stops_end(struct stops *s);

#endif
