/* SPDX-License-Identifier: MIT */
/**
 * @file domain_kill.h
 * The processes of a domain that is destroyed: those that use its devices, and those that were started
 * in it and use none, whose environment says so.
 */
#ifndef FAKEDEV_DOMAIN_KILL_H
#define FAKEDEV_DOMAIN_KILL_H

#include <stdint.h>

/** Lines about processes that live on. */
struct survivors {
	char text[4096];
	uint32_t len;
};

/** Kills one, or notes why not. */
void domain_kill_process(struct survivors *s, uint32_t pid);
/**
 * Kills every process that was started in the domain of the machine at @p socket, as far as /proc shows
 * it to us, but us and @p asker.
 */
void domain_kill_started(struct survivors *s, const char *socket, uint32_t domid, uint32_t asker);

#endif
