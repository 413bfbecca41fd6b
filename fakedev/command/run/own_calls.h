/* SPDX-License-Identifier: MIT */
/**
 * @file own_calls.h
 * Does a program make system calls of its own, past the C library, though a loader loads it?
 */
#ifndef FAKEDEV_COMMAND_RUN_OWN_CALLS_H
#define FAKEDEV_COMMAND_RUN_OWN_CALLS_H

#include <elf.h>

/**
 * Looks at the file of a dynamic program: Go's is known by its build's note, or by its section, with cgo too; any
 * other, by needing no library at all.
 * @return words that go on after the program's name; NULL: nothing says so
 */
const char *own_calls(int fd, const Elf64_Ehdr *e);

#endif
