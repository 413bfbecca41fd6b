/* SPDX-License-Identifier: MIT */
/**
 * @file program.h
 * What a process is called when something is to be said of it, even if it is gone by then.
 */
#ifndef FAKEDEV_PROGRAM_H
#define FAKEDEV_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct program {
	uint32_t pid;  /**< 0: unknown */
	char name[16]; /**< as the kernel has it (comm); empty if it never told */
};

/** Asks the kernel for the name of a process, which is alive. */
void program_look(struct program *p, uint32_t pid);

/** Whether the process is gone, or on its way: of what closes now, it closes nothing by a call. */
bool program_is_exiting(uint32_t pid);
/** Its parent; 0: it is gone. */
uint32_t program_parent(uint32_t pid);

/** How a process ended that is gone or on its way, as wait(2) has it. @retval -1 not known */
int program_exit_status(uint32_t pid);

/** "NAME (process PID)" in a buffer of the caller's. @return it */
#define PROGRAM_TEXT 48
const char *program_text(const struct program *p, char text[PROGRAM_TEXT]);

#endif
