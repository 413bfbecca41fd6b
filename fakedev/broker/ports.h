/* SPDX-License-Identifier: MIT */
/**
 * @file ports.h
 * What programs do of their events without asking, in the pages that they share with the broker (wire_bell.h): they
 * unmask a port, write() of it. The machine is told of that when it matters. Nothing of it where somebody is to
 * hear of each call.
 */
#ifndef FAKEDEV_PORTS_H
#define FAKEDEV_PORTS_H

#include "broker-internal.h"

/** Of a new machine. */
void ports_start(struct broker *b);
/** The events that have come since, and wait: whose port was unmasked does not. Before what waits is looked at. */
void ports_settle(struct broker *b);
/** An event of this file's is about to be sent to the program. */
void ports_fires(const struct device_file *f, uint32_t port);
/** It was sent. */
void ports_sent(const struct device_file *f);
/** The machine hears of what was unmasked: of this file, of all, by this program. */
void ports_tell_file(const struct device_file *f);
void ports_tell_all(const struct broker *b);
void ports_tell_client(struct client *c);
/** The same, and until its next event nothing of it is unmasked without asking. */
void ports_forget(const struct device_file *f);
/** The file's ring has overflowed; who has a page hears of that. */
void ports_overflowed(const struct device_file *f);
/** He has a page now, or one file more. */
void ports_shared(const struct client *c);

#endif
