/* SPDX-License-Identifier: MIT */
#include "library.h"
#include "uapi.h"

#include <stdarg.h>
#include <sys/ioctl.h>

/* Sends an event, and asks not what came of it. */
static bool notify_one_way(int fd, const struct device *d, unsigned long cmd, const void *arg)
{
	uint32_t port;

	if (cmd != IOCTL_EVTCHN_NOTIFY ||
	    lib_copy_in(&port, (uint64_t)(uintptr_t)arg, sizeof(port)) < 0)
		return false;
	port |= WIRE_PORT_NOTIFY;
	return lib_send_ports(fd, d, &port, sizeof(port));
}

static int interposed(int (*next)(int, unsigned long, ...), int fd, unsigned long cmd, void *arg)
{
	struct device d;
	long result;

	if (device_ioctl_is_generic(cmd) || !lib_device(fd, &d)) {
		/* Among the calls that go to the kernel's own device files one needs a word. */
		if (cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR && lib_native() &&
		    lib_mappable(fd, &d) && d.device == WIRE_DEV_GNTDEV &&
		    !device_ioctl_precheck(&d, (uint32_t)cmd, (uint64_t)(uintptr_t)arg, &result))
			return (int)lib_result(result);
		return next(fd, cmd, arg);
	}
	if (lib_settings.one_way && notify_one_way(fd, &d, cmd, arg))
		return 0;
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
