/* SPDX-License-Identifier: MIT */
/* What the rules of calls (calls.h) need of a program, from inside it. */
#include "library.h"

#include <fcntl.h>

struct ranges *lib_ranges(void)
{
	static struct ranges ours;

	return &ours;
}

uint32_t lib_domid(void)
{
	return lib_settings.domid;
}

long lib_program_call(long nr, long a, long b, long c, long d, long e, long f)
{
	return raw_syscall(nr, a, b, c, d, e, f);
}

int lib_hand_over(int fd)
{
	return fd;
}

bool lib_sends_in_place(void)
{
	return !lib_under_valgrind() && lib_may(SYS_sendmsg);
}

int lib_open_maps(void)
{
	return (int)raw_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_CLOEXEC, 0, 0, 0);
}
