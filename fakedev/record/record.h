/* SPDX-License-Identifier: MIT */
/* record: a scenario that does again what the programs of a machine did to the devices. */
#ifndef FAKEDEV_RECORD_H
#define FAKEDEV_RECORD_H

#include "broker/broker.h"
#include "broker/trace.h"

/* Which stores to shared pages the script has. */
enum record_stores {
	RECORD_STORES_CHANGED, /* those that changed something, of long ones the beginning */
	RECORD_STORES_ALL,     /* these, whole */
	RECORD_STORES_NONE,
	RECORD_STORES_EXACT, /* each, whole, as the programs were stopped at it: record_stops() */
};

struct recorder;

/*
 * NULL and errno: the file can't be written, or there is no memory. `also`, if not NULL, is told what
 * the recorder is told.
 */
struct recorder *record_new(const char *path, enum record_stores stores,
			    const struct broker_trace *also);
/* For broker_config.trace. Lives as long as the recorder. */
const struct broker_trace *record_hooks(struct recorder *r);
/* The process, a part of the machine itself, is none of the script's. */
void record_leave_out(struct recorder *r, uint32_t pid);
/* Who stops the programs at their stores, and tells of each. Lives as long as there are programs. */
struct stops;
void record_stops(struct recorder *r, struct stops *stops);
/* There is something to take: stops_descriptor(). */
void record_take_stores(struct recorder *r);
/* What stands behind a death that was ordered (broker/deaths.h), as a comment. */
#define RECORD_ORDERED "as ordered"
/* What the machine is made of: limits that are not the default, the kernel; and who is to die in it. */
void record_machine(struct recorder *r, const struct broker_config *config);

/* What came of it. */
struct record_result {
	int err;                   /* errno of writing; 0 */
	const char *not_expressed; /* lines that each name one thing; "" */
	unsigned int uncertain;    /* stores of which two processes could be the authors */
	bool too_long;             /* for the player: more than 1 MiB */
};
/* Writes the script. `out` lives until record_free(). */
void record_write(struct recorder *r, struct record_result *out);
void record_free(struct recorder *r);

#endif
