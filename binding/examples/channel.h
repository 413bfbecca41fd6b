/* SPDX-License-Identifier: MIT */
/* The page that producer and consumer share: a ring of lines' bytes, after the usual pattern: each
 * index is written by one side only, counts all bytes ever, and is taken modulo the ring. */
#ifndef EXAMPLE_CHANNEL_H
#define EXAMPLE_CHANNEL_H

#include <gnttab/types.h>
#include <stdatomic.h>

#define RING_SIZE 2048U

struct channel {
	_Atomic uint32_t produced, consumed;
	_Atomic unsigned char producer_alive; /* cleared by the kernel when it is not */
	_Atomic unsigned char consumer_alive; /* likewise */
	_Atomic unsigned char consumer_came;  /* and stays so */
	unsigned char ring[RING_SIZE];
};
_Static_assert(sizeof(struct channel) <= GNTTAB_PAGE_SIZE, "one page");

#endif
