/* SPDX-License-Identifier: MIT */
/**
 * @file listen.h
 * A socket's place in the file system, where nothing of anybody else's is lost.
 */
#ifndef FAKEDEV_LISTEN_H
#define FAKEDEV_LISTEN_H

#include "broker.h"

/** A path that one listens at, and its lock file PATH.lock, if it needs one. Zero but lock, which is -1: none. */
struct listening {
	char *path, *lock_path;
	char *identity; /**< of the socket's file */
	int lock;       /**< held as long as this is open */
	bool bound;
};
/**
 * Listens at a path. A socket that a broker made and left there when it died is replaced; whatever
 * else is there stays. @param own nobody else can mean that path: whatever is there stays, and no lock is needed
 * @return the listening socket, or a negative errno, explained; listen_end() is due in any case
 */
int listen_start(struct listening *l, const char *path, bool own, struct failure *f);
/** Removes what listen_start() made there, unless it is another's by now. */
void listen_end(struct listening *l);

#endif
