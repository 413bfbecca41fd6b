/* SPDX-License-Identifier: MIT */
/* lseek on a dma-buf, which tells its size; the other devices are at one with their sockets: ESPIPE. */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <unistd.h>

#define SEEK(name, type)                                                                           \
	DECLARE_NEXT(name);                                                                        \
	EXPORT type name(int fd, type offset, int whence)                                          \
	{                                                                                          \
		struct device d;                                                                   \
		if (lib_device(fd, &d) && d.device == WIRE_DEV_DMABUF)                             \
			return (type)lib_result(dmabuf_seek(&d, offset, whence));                  \
		return NEXT(name)(fd, offset, whence);                                             \
	}
SEEK(lseek, off_t)
SEEK(lseek64, off64_t)
