/* SPDX-License-Identifier: MIT */
/**
 * @file hazards.h
 * With what a real kernel would come to harm (gntsim/effects.h, HAZARD): one line for each cause, with
 * all that is known of it; how often it came again is told at the end.
 */
#ifndef FAKEDEV_HAZARDS_H
#define FAKEDEV_HAZARDS_H

#include "broker/processes/program.h"
#include "wire.h"

struct gntsim_user_memory;
struct trace_memory;

/** Which call the machine is in, and whose: what comes of it is told with it. */
struct cause {
	enum {
		CAUSE_NONE,
		CAUSE_REQUEST, /**< memory, or an administrator's */
		CAUSE_IOCTL,
		CAUSE_CLOSE, /**< of a file's last descriptor */
		CAUSE_END,   /**< of an address space */
	} kind;
	uint32_t domid;
	struct program program;
	uint32_t thread;               /**< not 0: the kernel's word for who called, instead */
	const struct wire_in *request; /**< REQUEST */
	enum wire_device device;       /**< IOCTL, CLOSE */
	uint32_t cmd;                  /**< IOCTL */
	uint64_t arg;
	const struct gntsim_user_memory *memory; /**< of arg; NULL: it can't be read */
	struct trace_memory
	    *traced;     /**< IOCTL: what was read and written so far, if it is traced */
	uint32_t dmabuf; /**< IOCTL: which one it made, or was given; 0: none */
};

/** What was told already. Zero is empty. */
struct hazards {
	struct hazard *seen;
	unsigned int n, room;
	unsigned long untold; /**< for want of memory or room */
};

/** Tells of a hazard, by its name, on stderr, or counts it if its cause was told before. */
void hazard_note(struct hazards *h, const char *name, const struct cause *c);
/** A cause that was told: the hazard's name, whose it was and in which call; the same for the same cause in
 * another machine. @return out, or NULL: there are not so many */
const char *hazard_text(const struct hazards *h, unsigned int i, char *out, size_t room);
/** Tells what came again, and forgets all. */
void hazards_end(struct hazards *h);

#endif
