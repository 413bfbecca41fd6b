/* SPDX-License-Identifier: MIT */
#include "library.h"
#include "privcmd/abi.h"
#include "uapi.h"

#include <stdarg.h>
#include <sys/ioctl.h>

static int interposed(int (*next)(int, unsigned long, ...), int fd, unsigned long cmd, void *arg)
{
	struct device d;
	long result;

	if (device_ioctl_is_generic(cmd) || (!lib_one_way_device(fd, &d) && !lib_device(fd, &d))) {
		/* It fills a mapping, which the kernel knows nothing of. */
		if (privcmd_fills(cmd) && lib_native() && lib_mappable(fd, &d) &&
		    d.device == WIRE_DEV_PRIVCMD)
			return (int)lib_result(
			    device_ioctl(fd, &d, (uint32_t)cmd, (uint64_t)(uintptr_t)arg));
		/* And these give descriptors, or take some. */
		if (dmabuf_is_call((uint32_t)cmd) && lib_native() && lib_mappable(fd, &d) &&
		    d.device == WIRE_DEV_GNTDEV)
			return (int)lib_result(
			    device_ioctl(fd, &d, (uint32_t)cmd, (uint64_t)(uintptr_t)arg));
		/* Among the calls that go to the kernel's own device files one needs a word. */
		if (cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR && lib_native() &&
		    lib_mappable(fd, &d) && d.device == WIRE_DEV_GNTDEV &&
		    !device_ioctl_precheck(&d, (uint32_t)cmd, (uint64_t)(uintptr_t)arg, &result))
			return (int)lib_result(result);
		return (int)lib_native_result(fd, next(fd, cmd, arg));
	}
	if (lib_one_way_notify(fd, &d, cmd, arg))
		return 0;
	lib_one_way_end();
	return (int)lib_result(device_ioctl(fd, &d, (uint32_t)cmd, (uint64_t)(uintptr_t)arg));
}

#define IOCTL(name)                                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int fd, unsigned long cmd, ...)                                            \
	{                                                                                          \
		va_list args;                                                                      \
		void *arg;                                                                         \
		va_start(args, cmd);                                                               \
		arg = va_arg(args, void *);                                                        \
		va_end(args);                                                                      \
		return interposed(NEXT(name), fd, cmd, arg);                                       \
	}
int __ioctl_time64(int fd, unsigned long cmd, ...);
IOCTL(ioctl)
IOCTL(__ioctl_time64)
