/* SPDX-License-Identifier: MIT */
/**
 * @file events.h
 * Files of /dev/xen/evtchn and their events, one at a time. Failures of what must not fail end the test.
 */
#ifndef GNTSIM_TESTS_EVENTS_H
#define GNTSIM_TESTS_EVENTS_H

#include "fixture.h"

/* What poll says. */
enum { IN = POLLIN | POLLRDNORM, OUT = POLLOUT | POLLWRNORM };

struct gntsim_file *evtchn(struct gntsim_domain *dom);
gntsim_port read_one(struct gntsim_file *file);
bool is_empty(struct gntsim_file *file);
/** Writes the port back. */
void enable(struct gntsim_file *file, gntsim_port port);
/** n ports of `file` bound to ports of `peer`, each pending once. */
void bind_pending(struct gntsim_file *peer, struct gntsim_file *file, unsigned n);

#endif
