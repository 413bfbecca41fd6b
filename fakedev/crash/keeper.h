/* SPDX-License-Identifier: MIT */
/**
 * @file keeper.h
 * A process that outlives a search, however that ends, and clears up: what of its trials runs, and
 * their directory.
 */
#ifndef FAKEDEV_CRASH_KEEPER_H
#define FAKEDEV_CRASH_KEEPER_H

#include <sys/types.h>

struct keeper {
	pid_t pid;
	int told; /* what it hears from us; our end of it is its signal */
};

/** Starts it for a directory. @return 0 or -errno */
int keeper_start(struct keeper *k, const char *dir);
/** A trial, which is its own process group, has begun, or has ended. @return 0 or -errno */
int keeper_began(struct keeper *k, pid_t group);
int keeper_ended(struct keeper *k, pid_t group);
/** It clears up, and is gone. */
void keeper_end(struct keeper *k);

#endif
