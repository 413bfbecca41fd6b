/* SPDX-License-Identifier: MIT */
/**
 * @file thread-calls.h
 * In which system call each thread of a process is, and whether anything but another can end it.
 */
#ifndef FAKEDEV_COMMAND_RUN_THREAD_CALLS_H
#define FAKEDEV_COMMAND_RUN_THREAD_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;

enum thread_waits {
	THREAD_RUNS,           /**< or is about to */
	THREAD_WAITS,          /**< asleep; for a time, or for what is not known */
	THREAD_WAITS_FOR_EVER, /**< asleep, until another wakes it */
	THREAD_STOPPED,
};

struct thread_call {
	uint32_t pid, tid;
	enum thread_waits waits;
	uint64_t switches; /**< how often it went to sleep, or was made to */
	long call;         /**< its number; -1: none, or not known */
	uint64_t arg[6];
	bool hidden; /**< the kernel does not tell: it executes a program, and waits in that */
};

/** Visits each thread of a process that lives, as far as the kernel tells. */
void thread_calls(uint32_t pid, void (*visit)(void *ctx, const struct thread_call *c), void *ctx);

/** "read(evtchn)", "futex". @return @p text */
#define THREAD_CALL_TEXT 64
const char *thread_call_text(const struct thread_call *c, const struct broker *b,
			     char text[THREAD_CALL_TEXT]);

#endif
