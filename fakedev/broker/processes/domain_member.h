/* SPDX-License-Identifier: MIT */
/**
 * @file domain_member.h
 * Whether a process was started in a domain, as its environment says, and its end if so.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_DOMAIN_MEMBER_H
#define FAKEDEV_BROKER_PROCESSES_DOMAIN_MEMBER_H

#include <limits.h>
#include <stdint.h>

/** A domain of a machine. */
struct domain_place {
	uint32_t domid; /**< DOMAIN_MEMBER_ANY: all of the machine's */
	char socket[PATH_MAX];
};
#define DOMAIN_MEMBER_ANY UINT32_MAX

/** What a program's environment may be for us to look at it, and a byte: what domain_member_kill() needs. */
#define DOMAIN_MEMBER_ROOM (256 * 1024 + 1)

/**
 * Kills a process that was started in the domain by gntsim, or by who was, and has not been let go since.
 * While it executes a program nobody can look at it, and this waits: until it can be looked at or has ended.
 * @param room DOMAIN_MEMBER_ROOM bytes
 * @retval 1 it was one of the domain's, and is killed @retval 0 it is none, or gone
 * @retval -errno of kill(2): it lives on
 */
int domain_member_kill(const struct domain_place *place, uint32_t pid, char *room);

#endif
