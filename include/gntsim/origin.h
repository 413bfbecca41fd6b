/* SPDX-License-Identifier: MIT */
/**
 * @file origin.h
 * Which call made what lives. The caller numbers its calls; the machine stamps with the current number
 * what it makes, and inspect.h tells it again. A stamp is one store: it costs nothing to speak of.
 *
 *     struct gntsim_file *file;
 *     uint64_t index;
 *     gntsim_gref ref;
 *     gntsim_open(dom0, GNTSIM_DEV_GNTALLOC, O_RDWR, &file);
 *     gntsim_machine_set_origin(m, 7);
 *     gntsim_gntalloc_alloc(file, 1, 1, 1, &index, &ref);
 *     assert(gntsim_machine_origin_used(m));
 */
#ifndef GNTSIM_ORIGIN_H
#define GNTSIM_ORIGIN_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is made from now on is stamped with @p origin. 0, as at first: nobody asks. */
void gntsim_machine_set_origin(struct gntsim_machine *m, uint32_t origin);

/** Whether something was stamped since gntsim_machine_set_origin(). What was stamped may be gone. */
bool gntsim_machine_origin_used(const struct gntsim_machine *m);

#ifdef __cplusplus
}
#endif
#endif
