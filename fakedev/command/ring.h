/* SPDX-License-Identifier: MIT */
/**
 * @file ring.h
 * A ring in a page, as a user describes it: "0:8:4:0:1024:masked:data=2048".
 */
#ifndef FAKEDEV_COMMAND_RING_H
#define FAKEDEV_COMMAND_RING_H

#include "broker/deaths.h"

/** What is expected, for a message. */
#define RING_EXPECTED                                                                              \
	"DOMAIN:REFERENCE:PRODUCER:CONSUMER:SIZE, with :masked behind it or not, and then "        \
	":data=[REFERENCE+]OFFSET or not, with the ring's bytes in that page"

/** @return false: it is none */
bool ring_parse(const char *text, struct death_ring *out);
/** The same text. */
#define RING_TEXT 120
const char *ring_text(const struct death_ring *r, char text[RING_TEXT]);

#endif
