/* SPDX-License-Identifier: MIT */
/* Allocations that fail, and what of them is left. */
#include "failing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);
int __real_vasprintf(char **out, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **out, const char *format, va_list ap);

#define MAX_LIVE (1u << 16)

static struct failing memory;
struct failing *failing = &memory;
const char failing_what[] = "allocation";

static void *live[MAX_LIVE]; /* by address */
static unsigned int n_live;

unsigned int failing_held(void)
{
	return n_live;
}

static void **slot_of(const void *p)
{
	size_t i = (uintptr_t)p / 16 * 2654435761u % MAX_LIVE;

	while (live[i] && live[i] != p)
		i = (i + 1) % MAX_LIVE;
	return &live[i];
}

static void *born(void *p)
{
	if (p) {
		*slot_of(p) = p;
		n_live++;
	}
	return p;
}

/* What was not allocated here is not counted. */
static void gone(const void *p)
{
	void **slot = slot_of(p), *moved;

	if (!p || !*slot)
		return;
	*slot = NULL;
	n_live--;
	for (size_t i = (size_t)(slot - live); (moved = live[i = (i + 1) % MAX_LIVE]);) {
		live[i] = NULL;
		*slot_of(moved) = moved;
	}
}

/* What a child does before it is another program is not the work's: the coverage's own, maybe. */
static bool fails(void)
{
	static pid_t us;

	us = us ? us : getpid();
	if (getpid() != us || !failing_now())
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : born(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : born(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	gone(p);
	return born(__real_realloc(p, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : born(__real_strdup(s));
}

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **out, const char *format,
							   va_list ap)
{
	int n = fails() ? -1 : __real_vasprintf(out, format, ap);

	if (n >= 0)
		born(*out);
	return n;
}

void __wrap_free(void *p)
{
	gone(p);
	__real_free(p);
}
