/* SPDX-License-Identifier: MIT */
/* That a device's descriptor is a socket underneath is our secret: socket calls on it say what they
 * say on a character device. */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <sys/socket.h>

static bool is_device(int fd)
{
	struct device d;

	return lib_device(fd, &d);
}

#define SOCKET_CALL(type, name, params, args)                                                      \
	DECLARE_NEXT(name);                                                                        \
	EXPORT type name params                                                                    \
	{                                                                                          \
		if (is_device(fd))                                                                 \
			return (type)lib_result(-ENOTSOCK);                                        \
		return NEXT(name) args;                                                            \
	}

SOCKET_CALL(int, getsockname, (int fd, struct sockaddr *restrict a, socklen_t *restrict n),
	    (fd, a, n))
SOCKET_CALL(int, getpeername, (int fd, struct sockaddr *restrict a, socklen_t *restrict n),
	    (fd, a, n))
SOCKET_CALL(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n),
	    (fd, level, name, p, n))
SOCKET_CALL(int, getsockopt, (int fd, int level, int name, void *restrict p, socklen_t *restrict n),
	    (fd, level, name, p, n))
SOCKET_CALL(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
SOCKET_CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
SOCKET_CALL(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
SOCKET_CALL(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
SOCKET_CALL(ssize_t, sendto,
	    (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t len),
	    (fd, p, n, flags, a, len))
SOCKET_CALL(ssize_t, recvfrom,
	    (int fd, void *restrict p, size_t n, int flags, struct sockaddr *restrict a,
	     socklen_t *restrict len),
	    (fd, p, n, flags, a, len))
SOCKET_CALL(int, shutdown, (int fd, int how), (fd, how))
SOCKET_CALL(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
SOCKET_CALL(int, listen, (int fd, int n), (fd, n))

DECLARE_NEXT(connect);
EXPORT int connect(int fd, const struct sockaddr *a, socklen_t n)
{
	struct sockaddr_un own;

	if (is_device(fd))
		return (int)lib_result(-ENOTSOCK);
	if (!lib_store_address((uint64_t)(uintptr_t)a, n, &own))
		return NEXT(connect)(fd, a, n);
	return NEXT(connect)(fd, (const struct sockaddr *)&own, sizeof(own));
}
