/* SPDX-License-Identifier: MIT */
/**
 * @file program.h
 * What a process is called when something is to be said of it, even if it is gone by then.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_PROGRAM_H
#define FAKEDEV_BROKER_PROCESSES_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct program {
	uint32_t pid;  /**< 0: unknown */
	char name[16]; /**< as the kernel has it (comm); empty if it never told */
};

/** Makes a '?' of every byte that a terminal may take for a command, or that is of no UTF-8 character: a
 * program's name may hold anything. */
void program_printable(char *text);

/** Asks the kernel for the name of a process, which is alive. */
void program_look(struct program *p, uint32_t pid);

/** The process of a thread; 0: it is gone. */
uint32_t process_of_thread(uint32_t thread);
/** Whether the thread, or the process by its first one, is gone, or on its way, or the kernel's: of what
 * closes now, it closes nothing by a call. */
bool program_is_exiting(uint32_t thread);
/** Its parent; 0: it is gone. */
uint32_t program_parent(uint32_t pid);

/** How a process ended that is on its way, as wait(2) has it. @retval -1 not known */
int program_exit_status(uint32_t pid);

/** "NAME (process PID)" in a buffer of the caller's. @return it */
#define PROGRAM_TEXT 48
const char *program_text(const struct program *p, char text[PROGRAM_TEXT]);

#endif
