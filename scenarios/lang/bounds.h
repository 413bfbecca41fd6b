/* SPDX-License-Identifier: MIT */
/*
 * How much a script may ask for. gntsim-scenario(5), BOUNDS, has all of it; what is more is refused
 * with its place, before it costs memory or time.
 */
#ifndef SCN_BOUNDS_H
#define SCN_BOUNDS_H

#include "ast.h"

#define SCN_MAX_SCRIPT     (1u << 20) /* bytes of a file */
#define SCN_MAX_HEIGHT     200u       /* operators, names and indices inside each other */
#define SCN_MAX_VARYING    6u         /* domains that are pv|pvh: each doubles the plays */
#define SCN_MAX_RANGE      65600u     /* values of A..B: a few more than gntdev's limit */
#define SCN_MAX_BYTES      (4u << 20) /* of one argument, or of one load */
#define SCN_MAX_ANONYMOUS  (256u << 20)
#define SCN_MAX_ELEMENTS   (1u << 20)             /* of all names together */
#define SCN_MAX_ADVANCE_NS UINT64_C(600000000000) /* of one step */
#define SCN_MAX_WORK       (UINT64_C(1) << 28)    /* of a play: values computed and bytes made */
#define SCN_WORK_OF_STEP   1024u                  /* what a step counts for, beside its values */
#define SCN_MAX_SECONDS    900                    /* of a play, by the clock on the wall */
#define SCN_MAX_MODEL      (UINT64_C(512) << 20)  /* memory that the model takes for a play */

/* What a binary operator makes of two numbers. */
uint64_t scn_arithmetic(enum scn_node_kind kind, uint64_t a, uint64_t b);
/* A number that is known before anything is played; false if it is not. */
bool scn_constant_value(const struct scn_node *node, uint64_t *value);

/*
 * How many values first..last has. The ends are signed, so that 0..n-1 is empty where n is 0.
 * False: more than SCN_MAX_RANGE.
 */
bool scn_range_count(uint64_t first, uint64_t last, uint64_t *n);

#endif
