/* SPDX-License-Identifier: MIT */
/* A program that takes all free descriptors from itself for good can still map devices: the machine is
 * connected, and the page frames' descriptors are got, before. */
#include "library.h"

#include <string.h>
#include <sys/resource.h>

void lib_before_limit(long pid, int resource, uint64_t limit)
{
	struct rlimit64 now, next;

	if (!lib_active() || resource != RLIMIT_NOFILE || !limit ||
	    (pid != 0 && pid != raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0)) ||
	    lib_copy_in(&next, limit, sizeof(next)) < 0 ||
	    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&now, 0, 0) < 0)
		return;
	/* The soft limit alone can be lifted when need be. */
	if (next.rlim_max < now.rlim_max)
		lib_take_arena();
}

/* OCaml's xenstored ends unless it may have as many descriptors as the kernel knows, which takes a right
 * that root of a container may lack: there it gets all that there are. */
static bool takes_less(int resource)
{
	return resource == RLIMIT_NOFILE && errno == EPERM && lib_active() &&
	       strcmp(program_invocation_short_name, "oxenstored") == 0;
}

#define SETRLIMIT(name, type)                                                                      \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(__rlimit_resource_t resource, const struct type *limit)                    \
	{                                                                                          \
		struct type most;                                                                  \
		int r;                                                                             \
                                                                                                   \
		lib_before_limit(0, (int)resource, (uintptr_t)limit);                              \
		r = NEXT(name)(resource, limit);                                                   \
		if (r == 0 || !takes_less((int)resource) || get##type(resource, &most) < 0)        \
			return r;                                                                  \
		most.rlim_cur = most.rlim_max;                                                     \
		return NEXT(name)(resource, &most);                                                \
	}
SETRLIMIT(setrlimit, rlimit)
SETRLIMIT(setrlimit64, rlimit64)

#define PRLIMIT(name, type)                                                                        \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(pid_t pid, enum __rlimit_resource resource, const struct type *limit,      \
			struct type *old)                                                          \
	{                                                                                          \
		lib_before_limit(pid, (int)resource, (uintptr_t)limit);                            \
		return NEXT(name)(pid, resource, limit, old);                                      \
	}
PRLIMIT(prlimit, rlimit)
PRLIMIT(prlimit64, rlimit64)
