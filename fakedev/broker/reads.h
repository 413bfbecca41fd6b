/* SPDX-License-Identifier: MIT */
/**
 * @file reads.h
 * What the kernel alone did for a program that is traced: reads of evtchn on the socket front, as the
 * program's library puts them in memory that it shares with us (wire_reads.h).
 */
#ifndef FAKEDEV_READS_H
#define FAKEDEV_READS_H

#include "broker-internal.h"

/** WIRE_READS: makes that memory. Refused where who is told must be asked first, or at once. */
int reads_give(struct client *c, const struct wire_in *in);
/** Tells the trace of what was put there by now. Before anybody is served. */
void reads_take(struct broker *b);
/** The client ends. */
void reads_forget(struct client *c);

#endif
