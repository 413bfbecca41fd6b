/* SPDX-License-Identifier: MIT */
/**
 * @file front.h
 * The ptrace front: devices for programs that no library can be preloaded into. A process of our own
 * traces the program and all that it starts. A seccomp filter stops them at the calls that may be for a
 * device, and at no others; what becomes of a call is what the preloaded library makes of it
 * (calls/calls.h), and the device descriptor is the socket front's.
 *
 * The program is changed in nothing else: there is no library in it. A page of memory and a descriptor of
 * ours (a number from 1000 on) are in it where nobody else may reach into it (channel.c).
 */
#ifndef FAKEDEV_PTRACE_FRONT_H
#define FAKEDEV_PTRACE_FRONT_H

#include "broker/broker.h"

#include <stdbool.h>
#include <stdint.h>

/** What who traces calls itself (prctl(2), PR_SET_NAME). */
#define PTRACE_FRONT_NAME "gntsim-ptrace"

/** Whose devices they are. */
struct ptrace_front {
	const char *socket; /**< of the machine: an absolute path */
	uint32_t domid;
	uint32_t guest;    /**< as in struct wire_hello */
	const char *store; /**< where the domain's store listens; NULL: there is none */
};

/**
 * The calling process, and all that it will start, has the devices from its next exec on. For a process
 * that is about to become the program, and has one thread. Who traces is a process without a parent here:
 * it ends when the last of those that it traces has ended, and they end with it.
 * @retval 0
 * @retval -ENOSYS not on this architecture, or not with this kernel; explained in @p f
 * @retval -EPERM ptrace(2) is forbidden here, or the process is traced already; explained in @p f
 * @retval -EBUSY another seccomp filter has a listener already; explained in @p f
 * @retval -errno explained in @p f
 */
int ptrace_front_enter(const struct ptrace_front *front, struct failure *f);

/**
 * Whether that would work on this host: tried with a process that ends at once.
 * @return as ptrace_front_enter()
 */
int ptrace_front_try(struct failure *f);

#endif
