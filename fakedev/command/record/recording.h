/* SPDX-License-Identifier: MIT */
/* --record: a scenario of what the programs of a machine do. */
#ifndef FAKEDEV_COMMAND_RECORD_RECORDING_H
#define FAKEDEV_COMMAND_RECORD_RECORDING_H

#include "broker/broker.h"
#include "broker/trace.h"

#include <stdbool.h>
#include <sys/types.h>

struct recording;

/**
 * Opens one. @p stores: "changed", "all", "none", "exact", or NULL for the first. @p also is told what is
 * recorded; may be NULL. NULL: there can't be one, and why was said.
 */
struct recording *recording_open(const char *path, const char *stores,
				 const struct broker_trace *also);
/** For broker_config.trace; of no recording @p also. */
const struct broker_trace *recording_hooks(struct recording *r, const struct broker_trace *also);
/** A process of the machine's own, such as xenstored; pid 0: none. No recording: nothing. */
void recording_leave_out(struct recording *r, pid_t pid);
/** What the machine is made of: limits that are not the default, the kernel. */
void recording_machine(struct recording *r, const struct broker_config *config);
/** Who tells of stores (stops/stops.h), if they are to be exact. */
struct stops;
void recording_stops(struct recording *r, struct stops *stops);
/** There is something to take: for broker_watch() of stops_descriptor(). @p ctx: the recording */
void recording_take_stores(void *ctx);
/** Writes it, and says what it can't have. Returns whether it could be written. */
bool recording_end(struct recording *r);

#endif
