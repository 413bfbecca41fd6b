/* SPDX-License-Identifier: MIT */
/* Futexes that processes share: in memory of a device there are none (Linux kernel/futex/core.c,
 * get_futex_key()), as the pages have no file. Here they have one. */
#include "follower.h"

#include <linux/futex.h>
#include <stdio.h>
#include <unistd.h>

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Whether there is a page of a private mapping that may be written: the kernel copies it, and it is the
 * process's own. */
static bool will_be_its_own(uint64_t addr)
{
	int fd = lib_open_maps();
	__attribute__((cleanup(close_file))) FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long long start, end;
	char line[512], write, share;

	if (!f && fd >= 0)
		close(fd);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %*c%c%*c%c", &start, &end, &write, &share) == 4 &&
		    addr >= start && addr < end)
			return write == 'w' && share == 'p';
	}
	return false;
}

bool futex_call(struct thread *t)
{
	const uint64_t *a = t->call.args;
	unsigned int command = (unsigned int)a[1] & (unsigned int)FUTEX_CMD_MASK;

	if (t->call.nr != SYS_futex || (a[1] & FUTEX_PRIVATE_FLAG) || (a[0] & 3) ||
	    command == FUTEX_FD || command > FUTEX_LOCK_PI2 || !ranges_any() ||
	    !ranges_overlap(a[0], 4) || will_be_its_own(a[0]))
		return false;
	call_finish(t, -EFAULT);
	return true;
}
