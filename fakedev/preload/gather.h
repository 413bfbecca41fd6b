/* SPDX-License-Identifier: MIT */
/* The words of a call such as execl(3). */
#ifndef PRELOAD_GATHER_H
#define PRELOAD_GATHER_H

#include <alloca.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Declares argv, in the caller's frame: the word `first` and those behind it, up to a NULL. `last` takes what follows
 * that from args. */
#define GATHER(first, last)                                                                        \
	va_list args;                                                                              \
	size_t n = 1;                                                                              \
	char **argv;                                                                               \
	va_start(args, first);                                                                     \
	while (va_arg(args, char *))                                                               \
		n++;                                                                               \
	va_end(args);                                                                              \
	argv = alloca((n + 1) * sizeof(char *));                                                   \
	argv[0] = (char *)(uintptr_t)(first);                                                      \
	va_start(args, first);                                                                     \
	for (size_t i = 1; i <= n; i++)                                                            \
		argv[i] = va_arg(args, char *);                                                    \
	last;                                                                                      \
	va_end(args)

#endif
