/* SPDX-License-Identifier: MIT */
/* What devices and calls are called. */
#include <string.h>

#include "lang/layout.h"
#include "trace.h"

const char *trace_device_name(enum wire_device device)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn", "privcmd"};

	return device <= WIRE_DEV_PRIVCMD  ? names[device]
	       : device == WIRE_DEV_DMABUF ? "dmabuf"
					   : "file";
}

const char *trace_call_name(enum trace_kind kind)
{
	static const char *const names[] = {
	    [TRACE_FORK] = "fork",     [TRACE_OPEN] = "open",         [TRACE_IOCTL] = "ioctl",
	    [TRACE_READ] = "read",     [TRACE_WRITE] = "write",       [TRACE_MMAP] = "mmap",
	    [TRACE_MUNMAP] = "munmap", [TRACE_MPROTECT] = "mprotect", [TRACE_MADVISE] = "madvise",
	    [TRACE_MREMAP] = "mremap", [TRACE_TIME] = NULL,
	};

	return names[kind];
}

const char *trace_kind_name(const struct trace_call *c)
{
	const struct scn_ioctl *known =
	    c->kind == TRACE_IOCTL ? scn_ioctl_on(c->cmd, c->device == WIRE_DEV_GNTDEV) : NULL;

	return known ? known->name : trace_call_name(c->kind);
}

const char *trace_kind_find(const char *text, size_t len)
{
	const struct scn_ioctl *known = scn_ioctl_by_name((struct scn_str){text, len});

	if (known)
		return known->name;
	for (int kind = TRACE_OPEN; kind <= TRACE_MREMAP; kind++) {
		const char *name = trace_call_name((enum trace_kind)kind);

		if (name && strlen(name) == len && memcmp(name, text, len) == 0)
			return name;
	}
	return NULL;
}
