/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char note[256];

void check_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
}

static const char *describe(long long value, char *buf, size_t size)
{
#ifdef __GLIBC__
	const char *name = value < 0 && value > -4096 ? strerrorname_np((int)-value) : NULL;
#else
	const char *name = value < 0 && value > -4096 ? strerror((int)-value) : NULL;
#endif

	snprintf(buf, size, name ? "%lld (-%s)" : "%lld", value, name);
	return buf;
}

noreturn void check_failed(const char *file, int line, const char *what, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "%s:%d: %s: %s%s%s\n", file, line, what, message, *note ? "; " : "",
		note);
	_exit(STAGE_FAILURE);
}

void check_is(const char *file, int line, const char *what, long long got, long long expected)
{
	char g[64], e[64];

	if (got != expected)
		check_failed(file, line, what, "got %s, expected %s", describe(got, g, sizeof(g)),
			     describe(expected, e, sizeof(e)));
}

noreturn void skip(const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "skipped: %s\n", message);
	_exit(STAGE_SKIP);
}

void limit_time(void)
{
	const char *seconds = getenv(STAGE_ENV_LIMIT);

	alarm(seconds ? (unsigned)atoi(seconds) : 60);
}
