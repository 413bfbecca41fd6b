/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the command: its FAULT_AT-th allocation (from 1) gives no memory; with FAULT_EVER none after it
 * does either. How many there were is written to the file FAULT_COUNT. Programs that the command starts are
 * left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long at, made;
static bool ever, on;
static pid_t counted;

__attribute__((constructor)) static void begin(void)
{
	const char *word = getenv("FAULT_AT"), *name = getenv("FAULT_PROGRAM");
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0 || !word || !name)
		return;
	exe[n] = 0;
	on = !strcmp(strrchr(exe, '/') + 1, name);
	at = strtoul(word, NULL, 10);
	ever = getenv("FAULT_EVER") != NULL;
	counted = getpid();
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAULT_COUNT");
	char text[32];
	int fd;

	/* A child that was forked ends as its parent does. */
	if (!on || !path || getpid() != counted)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)snprintf(text, sizeof(text), "%lu\n", made)) < 0)
		abort();
	close(fd);
}

static bool fails(void)
{
	if (!on)
		return false;
	made++;
	if (!at || (ever ? made < at : made != at))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
