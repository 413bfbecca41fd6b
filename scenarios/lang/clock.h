/* SPDX-License-Identifier: MIT */
/* Real time: how long something took, and how long it may take. */
#ifndef SCN_CLOCK_H
#define SCN_CLOCK_H

/* CLOCK_MONOTONIC, in seconds. */
double scn_now(void);

#endif
