/* SPDX-License-Identifier: MIT */
/**
 * @file own_calls.h
 * Does a program make system calls of its own, past the C library, though a loader loads it?
 */
#ifndef FAKEDEV_COMMAND_RUN_OWN_CALLS_H
#define FAKEDEV_COMMAND_RUN_OWN_CALLS_H

#include <elf.h>
#include <sys/types.h>

/** A program's file. What is asked of it is mostly at its beginning, which is read at once. */
struct program_file {
	int fd;
	ssize_t n; /**< bytes of it that were read, or -1 */
	unsigned char start[2048];
};

void program_file_begin(struct program_file *p, int fd);
/** As pread(2). */
ssize_t program_file_read(const struct program_file *p, void *out, size_t n, off_t at);

/**
 * Looks at the file of a dynamic program: Go's is known by its build's note, or by its section, with cgo too; any
 * other, by needing no library at all.
 * @return words that go on after the program's name; NULL: nothing says so
 */
const char *own_calls(const struct program_file *file, const Elf64_Ehdr *e);

#endif
