/* SPDX-License-Identifier: MIT */
/**
 * @file advice.h
 * What there is to do about a part of gntsim that does not work on a host.
 */
#ifndef FAKEDEV_COMMAND_DOCTOR_ADVICE_H
#define FAKEDEV_COMMAND_DOCTOR_ADVICE_H

/** The parts that gntsim doctor tries. */
enum part {
	PART_SOCKET,
	PART_PTRACE,
	PART_FUSE,
	PART_FUSE_UNASSISTED,
	PART_CUSE,
	PART_STORES,
	PART_XENSTORE,
	PART_EMULATOR,
	N_PARTS,
};

/**
 * Looks at the host: what it lacks for this part, and how it gets it.
 * @return a constant string; NULL if it is none of the things that are known to be lacking
 */
const char *advice(enum part part);

/** kernel.yama.ptrace_scope: whom a process may trace, from 0 (all of its user's) to 3 (none). -1: no Yama */
int advice_ptrace_scope(void);

#endif
