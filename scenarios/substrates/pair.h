/* SPDX-License-Identifier: MIT */
/* Two real domains in ci/xen-lab: what the player needs besides the substrate itself. */
#ifndef SCN_PAIR_H
#define SCN_PAIR_H

#include "player/variant.h"

/* What the two domains of this lab are. */
void scn_pair_find_guests(enum scn_guest guest[2]);
/* Whether this is the second domain. */
bool scn_pair_is_second(void);
/*
 * The player in the second domain: it has the processes there and does what the first asks for,
 * until that has enough. Returns 0, or a negative errno and says why.
 */
int scn_pair_serve(const struct scn_options *options, struct scn_buf *why);

#endif
