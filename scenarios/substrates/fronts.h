/* SPDX-License-Identifier: MIT */
/*
 * The ways in which the fake devices reach a program, and what each cannot do as the drivers do.
 * Declared here once: what is played on a front, gntsim run --verbose and the table in gntsim-fronts(7)
 * go by it.
 */
#ifndef SCN_FRONTS_H
#define SCN_FRONTS_H

#include <stddef.h>

#include "lang/capability.h"

enum scn_front {
	SCN_FRONT_SOCKET,
	SCN_FRONT_FUSE,
	SCN_FRONT_FUSE_UNASSISTED,
	SCN_FRONT_CUSE,
	SCN_FRONT_PTRACE,
	SCN_N_FRONTS,
};

/* A capability that is missing, and what comes of it. A constant string. */
struct scn_lack {
	enum scn_capability capability;
	const char *what;
};

/* The ith thing that a front lacks; NULL beyond the last. */
const struct scn_lack *scn_front_lack(enum scn_front front, size_t i);
/* All that it lacks. */
uint64_t scn_front_lacks(enum scn_front front);

#endif
