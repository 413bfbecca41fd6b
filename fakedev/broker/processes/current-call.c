/* SPDX-License-Identifier: MIT */
#include "current-call.h"

#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TELL_MS 200u

struct reading {
	char path[64], text[256];
};

static void read_it(void *args)
{
	struct reading *r = args;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, r->text, sizeof(r->text) - 1);

	if (fd >= 0)
		close(fd);
	r->text[n > 0 ? n : 0] = '\0';
}

int current_call(uint32_t pid, uint32_t tid, struct current_call *out)
{
	struct reading r = {.text = ""};
	unsigned long long a[6];

	snprintf(r.path, sizeof(r.path), "/proc/%u/task/%u/syscall", pid, tid);
	if (!aside(read_it, &r, sizeof(r), TELL_MS))
		return -ETIMEDOUT;
	/* "running", or "-1 SP PC" outside of any call, has fewer numbers. */
	if (sscanf(r.text, "%ld %llx %llx %llx %llx %llx %llx", &out->number, &a[0], &a[1], &a[2],
		   &a[3], &a[4], &a[5]) != 7)
		return -ENOENT;
	for (int i = 0; i < 6; i++)
		out->arg[i] = a[i];
	return 0;
}
