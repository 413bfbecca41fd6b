/* SPDX-License-Identifier: MIT */
/**
 * @file turns.h
 * Whose turn it is, where programs run under a schedule (gntsim run --schedule). A device call is where
 * a process yields: it is answered when the process has the turn, and has it until its next one, its end,
 * or until it waits for something. What wakes a process is held for its turn too. Who gets the turn is
 * drawn from a seed, as in S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte: A Randomized
 * Scheduler with Probabilistic Guarantees of Finding Bugs (ASPLOS 2010).
 */
#ifndef FAKEDEV_TURNS_H
#define FAKEDEV_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct device_file;
struct turns;

#define SCHEDULE_DEPTH_MAX 16u

/** A store to a shared page that its thread is stopped before. The caller's. */
struct parked_store {
	struct parked_store *next;   /**< of those that wait */
	struct parked_store *of_run; /**< the caller's list */
	uint32_t pid, tid;
};

/** The caller's. */
struct schedule {
	uint64_t seed;
	uint32_t depth;    /**< 1 to SCHEDULE_DEPTH_MAX: one more than there are change points */
	uint64_t expected; /**< steps, 1 or more: the change points are drawn among them */
	/* What came. */
	uint64_t steps;     /**< device calls and stopped stores made, and wakings */
	uint32_t processes; /**< that had a turn */
};

/**
 * From now on device calls wait for their turn: those of processes below this one, on the socket front.
 * @param s has to live as long as the broker
 * @param apart a process that is always served, xenstored; 0: none
 * @retval -ENOMEM
 */
int turns_begin(struct broker *b, struct schedule *s, uint32_t apart);
void turns_end(struct turns *t);

/** A request has come, or the connection's end. @retval true it is not read yet: it waits */
bool turns_park(struct client *c);
/**
 * A thread is about to store. @p s stays its, until it is handed @p let at the process's turn, or to
 * turns_forget_store(). @retval -ENOMEM
 */
int turns_park_store(struct broker *b, struct parked_store *s,
		     void (*let)(void *ctx, struct parked_store *s), void *ctx);
/** The thread is gone. */
void turns_forget_store(struct broker *b, struct parked_store *s);
/** A file has events for a program. @retval true they wait */
bool turns_hold(struct device_file *f);

/** Whether anybody waits for a turn. */
bool turns_any(const struct turns *t);
/** Whether there is a turn to give, and nobody runs who could do something before it. */
bool turns_are_due(struct turns *t);
/** Gives it. To be called if nothing was ready after turns_are_due(). */
void turns_next(struct broker *b);
/** How long the broker may wait, which was @p timeout_ms. */
int turns_wait_ms(const struct turns *t, int timeout_ms);

#endif
