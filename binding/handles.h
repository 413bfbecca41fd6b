/* SPDX-License-Identifier: MIT */
/*
 * The table behind every handle. A handle is a slot's number and its generation, dressed as a
 * pointer that nobody follows; a generation is never used twice. One lock guards the table and
 * whatever it refers to. It is held for short calls only, and never across a cancellation point:
 * a thread that is cancelled must not take it along.
 */
#ifndef BINDING_HANDLES_H
#define BINDING_HANDLES_H

enum kind {
	KIND_GNTTAB = 1,
	KIND_GNTSHR,
	KIND_EVTCHN,
	KIND_MAPPING,
	KIND_SHARE,
};

void handles_lock(void);
void handles_unlock(void);

/* With the lock held: */

/* A new handle; NULL if there is no memory, or no handle left. */
void *handle_new(enum kind kind, void *object);
/* The object; NULL if the handle names none of that kind. */
void *handle_find(const void *handle, enum kind kind);
/* The handle names nothing from now on. */
void handle_drop(const void *handle);
/* Calls visit for each object of the kind. */
void handles_visit(enum kind kind, void (*visit)(void *object));

#endif
