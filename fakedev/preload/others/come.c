/* SPDX-License-Identifier: MIT */
/* Calls after which a device may have come to a process that had none (none.c). */
#include "preload/library.h"

#include <sys/socket.h>

static int may_bring(int domain, int result)
{
	if (result >= 0 && domain == AF_UNIX)
		lib_may_have_one();
	return result;
}

DECLARE_NEXT(socket);
EXPORT int socket(int domain, int type, int protocol)
{
	return may_bring(domain, NEXT(socket)(domain, type, protocol));
}

DECLARE_NEXT(socketpair);
EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
	return may_bring(domain, NEXT(socketpair)(domain, type, protocol, fds));
}

/* Another process's descriptor. (A C library may lack it.) */
int pidfd_getfd(int pidfd, int fd, unsigned int flags);
DECLARE_NEXT(pidfd_getfd);
EXPORT int pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	int (*next)(int, int, unsigned int) = NEXT(pidfd_getfd);
	int r = next ? next(pidfd, fd, flags)
		     : (int)lib_result(raw_syscall(SYS_pidfd_getfd, pidfd, fd, flags, 0, 0, 0));

	if (r >= 0)
		lib_may_have_one();
	return r;
}
