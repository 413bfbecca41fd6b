/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_CRASH_FINDING_WHERE_H
#define FAKEDEV_CRASH_FINDING_WHERE_H

#include "lang/text.h"

/**
 * On which leg of real Xen (gntsim play --leg) a scenario can be played.
 * @param[out] leg its name; "": on none, and @p lacks says what real Xen can't do
 * @return 0 or -ENOMEM
 */
int finding_where(const char *text, struct scn_buf *leg, struct scn_buf *lacks);

#endif
