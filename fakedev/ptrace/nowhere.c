/* SPDX-License-Identifier: MIT */
/* Where a program's registers are not known to us. */
#include "front.h"

#include <errno.h>

int ptrace_front_enter(const struct ptrace_front *front, struct failure *f)
{
	(void)front;
	return fail(f, -ENOSYS, "the ptrace front is there on x86-64 and arm64 only");
}

int ptrace_front_try(struct failure *f)
{
	return ptrace_front_enter(NULL, f);
}
