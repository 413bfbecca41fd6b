/* SPDX-License-Identifier: MIT */
/*
 * The table behind every handle. A handle is a slot's number and its generation, dressed as a
 * pointer that nobody follows; a generation is never used twice. One lock guards the table and
 * whatever it refers to. It is held for short calls only, and never across a cancellation point:
 * a thread that is cancelled must not take it along.
 */
#ifndef BINDING_HANDLES_H
#define BINDING_HANDLES_H

/* Its callers need no other way out of it than its return: nothing is thrown through it, and no
 * thread is cancelled in it. */
#define NOTHROW __attribute__((nothrow))

enum kind {
	KIND_GNTTAB = 1,
	KIND_GNTSHR,
	KIND_EVTCHN,
	KIND_MAPPING,
	KIND_SHARE,
};

void handles_lock(void) NOTHROW;
void handles_unlock(void) NOTHROW;

/* With the lock held: */

/* A new handle; NULL if there is no memory, or no handle left. */
void *handle_new(enum kind kind, void *object) NOTHROW;
/* The object; NULL if the handle names none of that kind. */
void *handle_find(const void *handle, enum kind kind) NOTHROW;
/* The handle names nothing from now on. */
void handle_drop(const void *handle) NOTHROW;
/* Calls visit for each object of the kind. */
void handles_visit(enum kind kind, void (*visit)(void *object)) NOTHROW;

#endif
