/* SPDX-License-Identifier: MIT */
/**
 * @file process-status.h
 * What /proc/PID/status tells. Of /proc/PID/stat, and of all else that is for who may trace a process,
 * nothing is told while it executes a program, and that may wait for us.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_PROCESS_STATUS_H
#define FAKEDEV_BROKER_PROCESSES_PROCESS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct process_status {
	uint32_t process, parent, threads; /**< process: whose thread it is */
	char state;                        /**< as in ps(1); 'Z', 'X': it has ended */
	bool
	    has_memory; /**< lost early at an exit, before any file; a thread of the kernel's has none */
	uint64_t switches; /**< how often it has left a processor */
};

/**
 * Looks at a process, as its first thread, or at any one thread.
 * @param tid a thread of @p pid's; 0: @p pid is itself the number of a process, or of any thread
 * @retval false it is gone
 */
bool process_status(uint32_t pid, uint32_t tid, struct process_status *out);

#endif
