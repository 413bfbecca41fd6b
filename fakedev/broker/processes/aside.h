/* SPDX-License-Identifier: MIT */
/**
 * @file aside.h
 * What may have to wait for us, done beside us. The kernel keeps a process's memory, environment and
 * calls from everybody while it executes a program, and that may wait for an answer of ours: the close of
 * a file that we serve. Who looked from the broker's loop would wait for himself.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_ASIDE_H
#define FAKEDEV_BROKER_PROCESSES_ASIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/**
 * Calls a function in a thread of its own, and waits for it, but no longer than @p ms.
 * @param fn may return later than we do: it uses nothing of the caller's but its argument
 * @param args @p size bytes; @p fn gets a copy, which is copied back if it has returned in time
 * @return whether it has. Never if there is no memory, or no thread, for it: it is not called then
 */
bool aside(void (*fn)(void *args), void *args, size_t size, unsigned int ms);

/** Starts a thread that nobody waits for, with all signals blocked. @retval -errno */
int aside_start(void *(*run)(void *ctx), void *ctx);

/** What such a thread is waited for by, with pthread_cond_timedwait() until aside_until(). */
void aside_condition(pthread_cond_t *changed);
/** @return the time in @p ms from now */
struct timespec aside_until(unsigned int ms);

#endif
