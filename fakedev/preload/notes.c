/* SPDX-License-Identifier: MIT */
/* Devices by their descriptors' numbers: only where a sandbox forbids to ask the kernel what a
 * descriptor is. It is kept as descriptors are opened, copied and closed through the C library. */
#include "library.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* More than programs that confine themselves have. */
#define MOST 65536u

struct note {
	bool used;
	struct device device;
};
/* Its pages cost nothing until they are written. */
static struct note notes[MOST];

static struct note *note_of(int fd)
{
	return fd >= 0 && (unsigned int)fd < MOST ? &notes[fd] : NULL;
}

void lib_note(int fd, const struct device *d)
{
	struct note *n = note_of(fd);

	if (n)
		*n = (struct note){true, *d};
}

void lib_note_all(void)
{
	struct rlimit r = {MOST, MOST};

	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&r, 0, 0);
	for (int fd = 0; fd < (int)MOST && (rlim_t)fd < r.rlim_max; fd++) {
		struct device d;

		if (lib_mappable(fd, &d))
			lib_note(fd, &d);
		else if (notes[fd].used)
			lib_note_closed(fd);
	}
}

void lib_note_copy(int from, int to)
{
	struct note *n = note_of(from);

	if (lib_may(SYS_getsockopt) || from == to)
		return;
	if (n && n->used)
		lib_note(to, &n->device);
	else
		lib_note_closed(to);
}

void lib_note_closed(int fd)
{
	struct note *n = note_of(fd);

	if (n && n->used)
		n->used = false;
}

bool lib_noted(int fd, struct device *out)
{
	const struct note *n = note_of(fd);

	if (!n || !n->used)
		return false;
	*out = n->device;
	return true;
}
