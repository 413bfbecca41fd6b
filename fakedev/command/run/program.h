/* SPDX-License-Identifier: MIT */
/**
 * @file program.h
 * What a program is, as far as it decides how the devices can reach it.
 */
#ifndef FAKEDEV_COMMAND_RUN_PROGRAM_H
#define FAKEDEV_COMMAND_RUN_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

enum program_kind {
	PROGRAM_DYNAMIC,   /**< its loader preloads our library: glibc's or musl's */
	PROGRAM_OWN_CALLS, /**< the same, but it makes system calls of its own */
	PROGRAM_SET_ID,    /**< executed with rights of another, so its loader preloads nothing */
	PROGRAM_STATIC,    /**< it has none */
	PROGRAM_OTHER_LOADER,  /**< it has another */
	PROGRAM_OTHER_MACHINE, /**< of another architecture, or of 32 bits */
};

/**
 * Looks at the file that exec would execute; of a script, at its interpreter.
 * @param found gets where a search for the program comes to its end, for the caller to free; NULL: it has a path, or
 *        was not found
 * @param detail gets the name of the program's loader, "" if it has none; of one with calls of its own what says so,
 *        words that go on after the program's name
 */
enum program_kind program_kind(const char *program, char detail[PATH_MAX], char **found);

#endif
