/* SPDX-License-Identifier: MIT */
/*
 * What a client program says of what it sees. A check that fails names itself on stderr and ends
 * the program with status 1; a program that cannot run here says why and ends with 77.
 *
 * A program defines test(). It may define again(), which runs instead when the program was
 * executed by itself with arguments.
 */
#ifndef CLIENTS_CHECK_H
#define CLIENTS_CHECK_H

#include <stdnoreturn.h>

void test(void);
int again(int argc, char **argv);

/* The condition must hold; the rest is a printf format and its arguments. */
#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__);                      \
	} while (0)

/* Two integers must be equal. Small negative ones are printed as the errors they stand for. */
#define CHECK_IS(expr, expected)                                                                   \
	check_is(__FILE__, __LINE__, #expr, (long long)(expr), (long long)(expected))

noreturn void check_failed(const char *file, int line, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void check_is(const char *file, int line, const char *what, long long got, long long expected);
/* What is being checked now: a check that fails says it too. */
void check_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
noreturn void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends this process by SIGALRM if it takes longer than the stage allows. Children of fork()
 * do not inherit it: call it in them. */
void limit_time(void);

#endif
