/* SPDX-License-Identifier: MIT */
/* For ci/coverage, before each file: what a process that ends by _exit() has counted is written too; that of a child of
 * vfork(), which counts in its parent's memory, once. (Where gcov is: it is with whoever calls fork() and exec().) */
#ifndef COVERAGE_EXIT_H
#define COVERAGE_EXIT_H

extern void __gcov_dump(void) __attribute__((weak));
extern void __gcov_reset(void) __attribute__((weak));
extern void _exit(int status) __attribute__((noreturn));

static inline __attribute__((noreturn, unused)) void coverage_exit(int status)
{
	if (__gcov_dump && __gcov_reset) {
		__gcov_dump();
		__gcov_reset();
	}
	_exit(status);
}
#define _exit coverage_exit

#endif
