/* SPDX-License-Identifier: MIT */
/**
 * @file current-call.h
 * In which system call a thread is. The kernel may take its time to tell: of a process that executes a
 * program, and waits for somebody in it, it does not at all.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_CURRENT_CALL_H
#define FAKEDEV_BROKER_PROCESSES_CURRENT_CALL_H

#include <stdint.h>

struct current_call {
	long number;
	uint64_t arg[6];
};

/**
 * Asks for it, and waits a fifth of a second at most.
 * @retval 0
 * @retval -ENOENT it is in none, it is gone, or we may not know
 * @retval -ETIMEDOUT the kernel did not tell
 */
int current_call(uint32_t pid, uint32_t tid, struct current_call *out);

#endif
