/* SPDX-License-Identifier: MIT */
/* The page frames: one sparse memfd. A client is handed a descriptor of it only inside the reply
 * to an mmap that succeeded, and the library closes it before mmap returns. */
#define _GNU_SOURCE
#include "broker-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#define ARENA_LARGE (4ull << 30)
#define ARENA_SMALL (64ull << 20)

int arena_init(struct arena *a, struct failure *f)
{
	struct statfs proc;
	int err = 0;

	*a = (struct arena){.rw = -1, .ro = -1, .memory = MAP_FAILED};
	a->rw = memfd_create(WIRE_FRAMES_NAME, MFD_CLOEXEC);
	if (a->rw < 0)
		return fail(f, -errno, "cannot make a memfd for the page frames: %s",
			    strerror(errno));
	/* Only touched pages cost memory, but an address-space limit (ulimit -v) may be tight. */
	for (a->size = ARENA_LARGE; a->size >= ARENA_SMALL; a->size /= 4) {
		err = ftruncate(a->rw, (off_t)a->size) < 0 ? -errno : 0;
		if (err < 0)
			continue;
		a->memory = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
				 a->rw, 0);
		if (a->memory != MAP_FAILED)
			break;
		err = -errno;
	}
	if (a->memory == MAP_FAILED)
		return fail(f, err,
			    err == -EFBIG ? "a file of %u MiB is not allowed (ulimit -Hf): page "
					    "frames take one"
					  : "%u MiB of address space are not to be had (ulimit "
					    "-Hv) for the page frames",
			    (unsigned int)(ARENA_SMALL >> 20));
	if (statfs("/proc", &proc) < 0 || proc.f_type != PROC_SUPER_MAGIC)
		return fail(f, -ENOENT,
			    "cannot reopen the page frames read-only: is /proc mounted?");
	return 0;
}

int arena_open_readonly(struct arena *a)
{
	char path[64];

	if (a->ro >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a->rw);
	a->ro = open(path, O_RDONLY | O_CLOEXEC);
	return a->ro < 0 ? -errno : 0;
}

void arena_done(struct arena *a)
{
	if (a->memory != MAP_FAILED && a->memory)
		munmap(a->memory, a->size);
	if (a->rw >= 0)
		close(a->rw);
	if (a->ro >= 0)
		close(a->ro);
}
