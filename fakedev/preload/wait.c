/* SPDX-License-Identifier: MIT */
/* Waiting for a child: the kernel ends a process's mappings and files before its parent can see it
 * dead, so what their end does (a byte cleared, an event) has happened when wait returns. */
#include "library.h"

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

static pid_t reaped(pid_t pid)
{
	if (pid > 0)
		lib_sync();
	return pid;
}

DECLARE_NEXT(wait);
EXPORT pid_t wait(int *status)
{
	return reaped(NEXT(wait)(status));
}

DECLARE_NEXT(waitpid);
EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	return reaped(NEXT(waitpid)(pid, status, options));
}

DECLARE_NEXT(wait3);
EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
	return reaped(NEXT(wait3)(status, options, usage));
}

DECLARE_NEXT(wait4);
EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	return reaped(NEXT(wait4)(pid, status, options, usage));
}

DECLARE_NEXT(waitid);
EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	int r = NEXT(waitid)(type, id, info, options);

	if (r == 0)
		lib_sync();
	return r;
}
