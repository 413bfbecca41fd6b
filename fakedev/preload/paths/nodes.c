/* SPDX-License-Identifier: MIT */
/* Opening a node, and what the paths to one need to know of this process. */
#include "paths.h"

#include <fcntl.h>
#include <stdio.h>

bool lib_base_directory(int dirfd, char *out, size_t room)
{
	char link[32];
	long n;

	if (dirfd == AT_FDCWD) {
		n = raw_syscall(SYS_getcwd, (long)out, (long)room, 0, 0, 0, 0);
		return n > 0;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = lib_read_link(AT_FDCWD, link, out, room - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

long lib_read_link(int dirfd, const char *path, char *out, size_t room)
{
	return raw_syscall(SYS_readlinkat, dirfd, (long)path, (long)out, (long)room, 0, 0);
}

int lib_open_node(int node, int flags)
{
	struct wire_file f;
	sigset_t saved;
	bool is_device;
	int err, fd;

	lib_enter(&saved);
	err = node_open(node, flags, &f, &fd);
	is_device = fd >= 0 && f.device < WIRE_DEV_XSD_PORT;
	if (is_device) {
		lib_may_have_one();
		lib_remember(&f, f.cookie, true);
	}
	if (fd >= 0 && !(flags & O_CLOEXEC))
		raw_fcntl(fd, F_SETFD, 0);
	if (is_device && (flags & O_NONBLOCK))
		raw_fcntl(fd, F_SETFL, O_NONBLOCK);
	lib_leave(&saved);
	if (is_device) {
		const struct device d = {.id = f.id,
					 .device = f.device,
					 .flags = f.flags,
					 .minor = f.minor,
					 .is_socket = true};

		lib_note(fd, &d);
	}
	if (err == 0 && fd < 0 && !lib_may(SYS_recvmsg))
		err = lib_unable("recvmsg", -EPERM);
	if (err == 0 && fd < 0)
		err = -EMFILE; /* the kernel had no room for the descriptor it was sent */
	return err < 0 ? err : fd;
}

/* What is opened by a descriptor's path is the device once more. */
int lib_node_reopened(const char *path)
{
	struct device d;
	int fd = lib_active() ? lib_descriptor_in(path) : -1;

	if (fd < 0)
		return -1;
	return lib_device(fd, &d) ? node_of_file(&d) : lib_node_of_shadow(fd);
}
