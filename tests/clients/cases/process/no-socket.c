/* SPDX-License-Identifier: MIT */
/* Socket calls on a device's descriptor are ENOTSOCK. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/socket.h>

static void not_a_socket(long result)
{
	CHECK_IS(result, -1);
	CHECK_IS(errno, ENOTSOCK);
}

void test(void)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};

	for (int i = 0; i < 3; i++) {
		int fd = device_open(HERE, names[i]), on = 1;
		struct sockaddr_storage addr;
		socklen_t len = sizeof(addr);
		struct msghdr msg = {0};
		char byte = 0;

		not_a_socket(getsockname(fd, (struct sockaddr *)&addr, &len));
		not_a_socket(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &on, sizeof(on)));
		not_a_socket(send(fd, &byte, 1, MSG_NOSIGNAL));
		not_a_socket(recv(fd, &byte, 1, MSG_DONTWAIT));
		not_a_socket(sendmsg(fd, &msg, MSG_NOSIGNAL));
		not_a_socket(recvmsg(fd, &msg, MSG_DONTWAIT));
		not_a_socket(shutdown(fd, SHUT_RDWR));
	}
}
