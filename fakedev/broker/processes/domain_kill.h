/* SPDX-License-Identifier: MIT */
/**
 * @file domain_kill.h
 * The processes of a domain that is destroyed: those that use its devices, and those that were started
 * in it and use none, whose environment says so.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_DOMAIN_KILL_H
#define FAKEDEV_BROKER_PROCESSES_DOMAIN_KILL_H

#include "domain_member.h"

#include <stdint.h>

/** Lines about processes that live on. */
struct survivors {
	char text[4096];
	uint32_t len;
};

/** Kills one, or notes why not. */
void domain_kill_process(struct survivors *s, uint32_t pid);

/** The killing of those that were started in a domain, while the caller goes on. */
struct domain_kill;
/**
 * Begins to kill every process that was started in the domain of the machine at @p socket, as far as
 * /proc shows it to us, but us and @p asker. To look at a process that executes a program may have to
 * wait for what the caller serves it. One that cannot be looked at for long is noted, and killed when it
 * can.
 * @param domid may be DOMAIN_MEMBER_ANY
 * @param[out] fd at its end when all is done; the caller's
 * @retval -ENOMEM, -EAGAIN, -EMFILE, -ENFILE
 */
int domain_kill_start(const char *socket, uint32_t domid, uint32_t asker, struct domain_kill **out,
		      int *fd);
/** Frees it. @param s gets what was noted until now; may be NULL */
void domain_kill_end(struct domain_kill *k, struct survivors *s);

#endif
