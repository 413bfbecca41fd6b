/* SPDX-License-Identifier: MIT */
/* Real time: how long something took, and how long it may take. */
#ifndef SCN_CLOCK_H
#define SCN_CLOCK_H

#include "substrate.h"

/* CLOCK_MONOTONIC, in seconds. */
double scn_now(void);
/* A substrate's advance() where time passes by itself alone. */
enum scn_status scn_pass_time(void *self, uint64_t ns, struct scn_buf *why);

#endif
