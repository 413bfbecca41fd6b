/* SPDX-License-Identifier: MIT */
/*
 * For ci/coverage, in the command and in shared libraries, in place of gcov's own part of a program: what each
 * counts lies in a file that all its processes map, so that no process has anything to write when it ends, however that
 * is: killed, in a sandbox, without memory or descriptors, with another program in its place. With COUNTS_WRITE in the
 * environment the program does not begin: what is in the file becomes gcov's files below the directory that it names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "preload/gather.h"
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <gcov.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOT_COUNTED __attribute__((no_profile_instrument_function))

/* Of each library its own. */
#pragma GCC visibility push(hidden)

/* The linker's (coverage-shared.ld): gcov's counters, in pages of their own. */
extern uint64_t gntsim_counts_begin[], gntsim_counts_end[];

/* ---- what gcc calls where it counts ---- */

#define MOST_FILES 1024
static const struct gcov_info *files[MOST_FILES];
static size_t n_files;

void __gcov_init(const struct gcov_info *file);
void __gcov_exit(void);
void __gcov_merge_add(void);
pid_t __gcov_fork(void);
int __gcov_execv(const char *path, char *const argv[]);
int __gcov_execvp(const char *file, char *const argv[]);
int __gcov_execve(const char *path, char *const argv[], char *const env[]);
int __gcov_execl(const char *path, const char *arg, ...);
int __gcov_execlp(const char *file, const char *arg, ...);
int __gcov_execle(const char *path, const char *arg, ...);

NOT_COUNTED void __gcov_init(const struct gcov_info *file)
{
	if (n_files < MOST_FILES)
		files[n_files++] = file;
}

NOT_COUNTED void __gcov_exit(void)
{
}

NOT_COUNTED void __gcov_merge_add(void)
{
}

/* By pointers: gcc would take calls for such that are to be counted. */
static pid_t (*const volatile real_fork)(void) = fork;
static int (*const volatile real_execv)(const char *, char *const[]) = execv;
static int (*const volatile real_execvp)(const char *, char *const[]) = execvp;
static int (*const volatile real_execve)(const char *, char *const[], char *const[]) = execve;

NOT_COUNTED pid_t __gcov_fork(void)
{
	return real_fork();
}

NOT_COUNTED int __gcov_execv(const char *path, char *const argv[])
{
	return real_execv(path, argv);
}

NOT_COUNTED int __gcov_execvp(const char *file, char *const argv[])
{
	return real_execvp(file, argv);
}

NOT_COUNTED int __gcov_execve(const char *path, char *const argv[], char *const env[])
{
	return real_execve(path, argv, env);
}

NOT_COUNTED int __gcov_execl(const char *path, const char *arg, ...)
{
	GATHER(arg, (void)0);
	return real_execv(path, argv);
}

NOT_COUNTED int __gcov_execlp(const char *file, const char *arg, ...)
{
	GATHER(arg, (void)0);
	return real_execvp(file, argv);
}

NOT_COUNTED int __gcov_execle(const char *path, const char *arg, ...)
{
	char **env;

	GATHER(arg, env = va_arg(args, char **));
	return real_execve(path, argv, env);
}

/* ---- the counts' file ---- */

/* Whose counts they are: what lies where in the file is his own. (A program may have been started by another name, as
 * /proc/self/exe.) */
#ifdef COUNTS_OF
NOT_COUNTED static const char *counts_of(void)
{
	return COUNTS_OF;
}
#else
NOT_COUNTED static const char *counts_of(void)
{
	static char path[PATH_MAX];
	const char *last;

	if (raw_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path,
			sizeof(path) - 1, 0, 0) < 0)
		return program_invocation_short_name;
	last = strrchr(path, '/');
	return last ? last + 1 : path;
}
#endif

NOT_COUNTED static long open_counts(void)
{
	char path[sizeof(COUNTS) + 64] = COUNTS;

	strncat(path, counts_of(), 63);
	return raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
}

/* What is counted until then is added. */
NOT_COUNTED static bool share(void)
{
	const size_t n = (size_t)(gntsim_counts_end - gntsim_counts_begin),
		     bytes = n * sizeof(uint64_t);
	const uint64_t *counted = gntsim_counts_begin;
	long fd = open_counts(), at;
	uint64_t *shared;

	if (fd < 0)
		return false;
	raw_syscall(SYS_ftruncate, fd, (long)bytes, 0, 0, 0, 0);
	at = raw_syscall(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (raw_is_error(at))
		return false;
	shared = (uint64_t *)at;
	for (size_t i = 0; i < n; i++)
		if (counted[i])
			__atomic_fetch_add(&shared[i], counted[i], __ATOMIC_RELAXED);
	raw_syscall(SYS_mremap, at, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		    (long)gntsim_counts_begin, 0);
	return true;
}

struct writing {
	const char *below;
	FILE *file;
};

NOT_COUNTED static void begin(const char *name, void *ctx)
{
	struct writing *w = ctx;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", w->below, name);
	w->file = fopen(path, "w");
	if (!w->file) {
		perror(path);
		exit(1);
	}
}

NOT_COUNTED static void add(const void *bytes, unsigned int n, void *ctx)
{
	fwrite(bytes, 1, n, ((struct writing *)ctx)->file);
}

NOT_COUNTED static void *room(unsigned int n, void *ctx)
{
	(void)ctx;
	return malloc(n);
}

/* After gcc's constructors, which tell of each file, and before others. */
__attribute__((constructor(101), no_profile_instrument_function)) static void share_counts(void)
{
	struct writing w = {.below = getenv("COUNTS_WRITE")};

	if (!share() || !w.below)
		return;
	for (size_t i = 0; i < n_files; i++) {
		__gcov_info_to_gcda(files[i], begin, add, room, &w);
		fclose(w.file);
	}
	exit(0);
}
