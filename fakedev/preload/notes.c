/* SPDX-License-Identifier: MIT */
/* Devices by their descriptors' numbers: only where a sandbox forbids to ask the kernel what a
 * descriptor is. It is kept as descriptors are opened, copied and closed through the C library. */
#include "library.h"

struct note {
	bool used;
	struct device device;
};
/* Its pages cost nothing until they are written. */
static struct note notes[LIB_MOST_NOTES];

static struct note *note_of(int fd)
{
	return fd >= 0 && (unsigned int)fd < LIB_MOST_NOTES ? &notes[fd] : NULL;
}

void lib_note(int fd, const struct device *d)
{
	struct note *n = note_of(fd);

	if (n)
		*n = (struct note){true, *d};
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
