/* SPDX-License-Identifier: MIT */
/**
 * @file late.h
 * Libraries that few commands use are loaded when something of them is first called: each that a command starts
 * with makes it some tenths of a millisecond slower. For each of their functions that we call there is a
 * stand-in of that name, which passes the call on.
 */
#ifndef FAKEDEV_LATE_H
#define FAKEDEV_LATE_H

#include <stdatomic.h>
#include <stdbool.h>

struct late_library {
	const char *name; /**< as the loader knows it */
	void *_Atomic handle;
};

/** A function of it. Where it can't be had the process ends, as the loader would have ended it: says why, 127. */
void *late_find(struct late_library *library, const char *function);

/** Loads it now. @return false: it can't be had, which was said */
bool late_has(struct late_library *library);
/** The same of those whose want may come where there is something to be cleared up, or nobody to say it to. */
bool late_has_fuse(void);
bool late_has_json(void);
/** Filters of system calls. */
bool late_has_filters(void);

/** The stand-in of a function. Nobody but this program is to see it: the library means its own. */
#define LATE(library, type, function, parameters, ...)                                             \
	__attribute__((visibility("hidden"))) type function parameters                             \
	{                                                                                          \
		static void *_Atomic found;                                                        \
		void *f = atomic_load_explicit(&found, memory_order_acquire);                      \
		__typeof__(&function) call;                                                        \
		if (!f) {                                                                          \
			f = late_find(&(library), #function);                                      \
			atomic_store_explicit(&found, f, memory_order_release);                    \
		}                                                                                  \
		call = (__typeof__(&function))f;                                                   \
		return call(__VA_ARGS__);                                                          \
	}

#endif
