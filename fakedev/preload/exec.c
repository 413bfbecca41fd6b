/* SPDX-License-Identifier: MIT */
/* A program that starts another with an environment of its own making, or with none, does not mean
 * to leave the machine: what brought us here is put back. (To leave it, set GNTSIM_SOCKET to nothing.)
 * Safe in the child of vfork: nothing but the stack is written. */
#include "library.h"

#include "gather.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kept[] = {"LD_PRELOAD",   "GNTSIM_SOCKET", "GNTSIM_DOMAIN",
				   "GNTSIM_GUEST", "GNTSIM_NATIVE", "GNTSIM_VERBOSE",
				   "ASAN_OPTIONS"};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))
#define ROOM   4096

/* The settings as they were when this program started; read once, before it can change them. They lie side by side: each
 * page that a program touches at its start costs it a fault. */
static char texts[N_KEPT * ROOM];
static LIB_NEAR char *saved[N_KEPT]; /* in there; NULL: not set */

__attribute__((constructor)) static void save(void)
{
	char *to = texts;

	for (size_t i = 0; i < N_KEPT; i++) {
		const char *value = getenv(kept[i]);
		size_t name = strlen(kept[i]), size = value ? name + strlen(value) + 2 : 0;

		if (!lib_active() || !value || size > ROOM)
			continue;
		saved[i] = to;
		memcpy(to, kept[i], name);
		to[name] = '=';
		memcpy(to + name + 1, value, size - name - 1);
		to += size;
	}
}

static const char *find(char *const env[], const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static size_t count(char *const env[])
{
	size_t n = 0;

	while (env && env[n])
		n++;
	return n;
}

/* Whether the child would come out of the machine without having been told to. */
static bool would_leave(char *const env[])
{
	const char *preload = find(env, "LD_PRELOAD"), *socket = find(env, "GNTSIM_SOCKET");

	if (!lib_active() || (socket && !*socket))
		return false;
	return !socket || !preload || !strstr(preload, "libgntsim-preload.so");
}

/* The words of LD_PRELOAD before what the child would have had. */
static char *joined(char *out, const char *ours, const char *theirs)
{
	if (!theirs || !*theirs)
		return strcpy(out, ours);
	strcpy(out, ours);
	strcat(out, ":");
	return strcat(out, theirs);
}

static char **restore(char *const env[], char **out, char *preload)
{
	size_t n = 0;

	for (size_t i = 0; i < N_KEPT; i++) {
		if (!saved[i])
			continue;
		if (strcmp(kept[i], "LD_PRELOAD") == 0)
			out[n++] = joined(preload, saved[i], find(env, "LD_PRELOAD"));
		else if (!find(env, kept[i]))
			out[n++] = saved[i];
	}
	for (; env && *env; env++)
		if (strncmp(*env, "LD_PRELOAD=", 11) != 0)
			out[n++] = *env;
	out[n] = NULL;
	return out;
}

/* A macro: the memory must live in the caller's frame. */
#define COMPLETE(env)                                                                              \
	(would_leave(env)                                                                          \
	     ? restore(env, alloca((count(env) + N_KEPT + 1) * sizeof(char *)),                    \
		       alloca(ROOM + 2 +                                                           \
			      (find(env, "LD_PRELOAD") ? strlen(find(env, "LD_PRELOAD")) : 0)))    \
	     : (char **)(uintptr_t)(env))

/* What exec ends is no leak, and the broker sees only the end. */
static int not_executed(int result)
{
	lib_sync();
	return result;
}

DECLARE_NEXT(execve);
EXPORT int execve(const char *path, char *const argv[], char *const env[])
{
	lib_tell_of_program(path, false, env);
	lib_executes();
	return not_executed(NEXT(execve)(path, argv, COMPLETE(env)));
}

DECLARE_NEXT(execvpe);
EXPORT int execvpe(const char *file, char *const argv[], char *const env[])
{
	lib_tell_of_program(file, true, env);
	lib_executes();
	return not_executed(NEXT(execvpe)(file, argv, COMPLETE(env)));
}

DECLARE_NEXT(fexecve);
EXPORT int fexecve(int fd, char *const argv[], char *const env[])
{
	lib_tell_of_program_at(fd, "", AT_EMPTY_PATH, env);
	lib_executes();
	return not_executed(NEXT(fexecve)(fd, argv, COMPLETE(env)));
}

DECLARE_NEXT(execveat);
EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const env[], int flags)
{
	char **full = COMPLETE(env);

	lib_tell_of_program_at(dirfd, path, flags, env);
	lib_executes();
	return not_executed(NEXT(execveat)
				? NEXT(execveat)(dirfd, path, argv, full, flags)
				: (int)lib_result(raw_syscall(SYS_execveat, dirfd, (long)path,
							      (long)argv, (long)full, flags, 0)));
}

DECLARE_NEXT(posix_spawn);
EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	lib_tell_of_program(path, false, env);
	return NEXT(posix_spawn)(pid, path, actions, attributes, argv, COMPLETE(env));
}

DECLARE_NEXT(posix_spawnp);
EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	lib_tell_of_program(file, true, env);
	return NEXT(posix_spawnp)(pid, file, actions, attributes, argv, COMPLETE(env));
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

EXPORT int execl(const char *path, const char *arg, ...)
{
	GATHER(arg, (void)0);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	GATHER(arg, (void)0);
	return execvpe(file, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char **env;

	GATHER(arg, env = va_arg(args, char **));
	return execve(path, argv, env);
}
