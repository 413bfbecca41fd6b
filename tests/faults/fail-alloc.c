/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the command: its FAULT_AT-th allocation (from 1) gives no memory; with FAULT_EVER none after it
 * does either. How many there were is written to the file FAULT_COUNT, and if none is to fail which of them were
 * the first from their place in the command's code, by its few callers there. Programs that the command starts are
 * left alone.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long at, made;
static bool ever, on;
static pid_t counted;

/* ---- places in the code ---- */

#define CALLERS 4
#define DEPTH   24
#define PLACES  4096u

static uintptr_t code_start, code_end; /* of the command */
static uint64_t places[PLACES];
static unsigned long first[PLACES];
static unsigned int n_places;
static __thread bool looking;

struct walk {
	int depth, callers;
	uint64_t place;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *ctx)
{
	struct walk *w = ctx;
	uintptr_t ip = _Unwind_GetIP(c);

	if (ip >= code_start && ip < code_end) {
		w->place = (w->place + ip - code_start + 1) * 0x9E3779B97F4A7C15u;
		w->callers++;
	}
	return ++w->depth < DEPTH && w->callers < CALLERS ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* The first object is the program itself. */
static int find_code(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			code_start = info->dlpi_addr + p->p_vaddr;
			code_end = code_start + p->p_memsz;
		}
	}
	return 1;
}

static void note_place(void)
{
	struct walk w = {0};
	unsigned int i;

	if (looking)
		return;
	looking = true;
	_Unwind_Backtrace(step, &w);
	looking = false;
	for (i = 0; i < n_places && places[i] != w.place; i++)
		;
	if (!w.callers || i < n_places || n_places == PLACES)
		return;
	places[n_places] = w.place;
	first[n_places++] = made;
}

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
	if (on && !at)
		dl_iterate_phdr(find_code, NULL);
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
	for (unsigned int i = 0; i < n_places; i++)
		if (write(fd, text, (size_t)snprintf(text, sizeof(text), "%lu\n", first[i])) < 0)
			abort();
	close(fd);
}

static bool fails(void)
{
	if (!on)
		return false;
	made++;
	if (!at)
		note_place();
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
