/* SPDX-License-Identifier: MIT */
/* Calls with a path: those that name a node are ours, all others the kernel's. */
#include "follower.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Also where a link leads that ends at nothing. */
static int node_at(int dirfd, uint64_t path, bool follow)
{
	const char *there = (const char *)(uintptr_t)path;
	int device = lib_node(dirfd, there);

	return device < 0 && follow ? lib_node_behind(dirfd, there) : device;
}

/* A device's descriptor as a path: what is opened there is the device once more. */
static int reopened(struct thread *t, uint64_t path)
{
	static const char *const before[] = {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"};
	char text[64] = "", *end;
	struct device d;

	for (size_t n = sizeof(text) - 1; n > 0 && lib_copy_in(text, path, n) < 0; n /= 2)
		;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		size_t n = strlen(before[i]);
		long fd;

		if (strncmp(text, before[i], n) != 0 || !text[n])
			continue;
		fd = strtol(text + n, &end, 10);
		if (!*end && fd >= 0 && file_device(t, (int)fd, &d, NULL))
			return (int)d.device;
	}
	return -1;
}

static void open_node(struct thread *t, int device, int flags)
{
	struct wire_file f;
	int fd, number, err = node_open(device, flags, &f, &fd);
	const struct device d = {
	    .id = f.id, .device = f.device, .flags = f.flags, .minor = f.minor, .is_socket = true};

	if (err < 0 || fd < 0) {
		call_finish(t, err < 0 ? err : -EMFILE);
		return;
	}
	if (flags & (O_NONBLOCK | O_ASYNC))
		fcntl(fd, F_SETFL, flags & (O_NONBLOCK | O_ASYNC));
	if (f.device <= WIRE_DEV_PRIVCMD)
		file_remember(t->space, f.cookie, &d);
	number = call_give(t, fd, flags);
	close(fd);
	if (number >= 0 && f.device <= WIRE_DEV_PRIVCMD)
		reach_fd(t, number, &d);
	call_finish(t, number);
}

static void open_path(struct thread *t, int dirfd, uint64_t path, int flags)
{
	int device = node_at(dirfd, path, !(flags & O_NOFOLLOW));

	if (device < 0)
		device = reopened(t, path);
	if (device < 0)
		call_pass(t, AFTER_NOTHING);
	else
		open_node(t, device, flags);
}

static void open_how(struct thread *t)
{
	const uint64_t *a = t->call.args;
	struct open_how how;
	int device = node_at((int)a[0], a[1], true);

	if (device < 0)
		call_pass(t, AFTER_NOTHING);
	else if (a[3] < sizeof(how))
		call_finish(t, -EINVAL);
	else if (lib_copy_in(&how, a[2], sizeof(how)) < 0)
		call_finish(t, -EFAULT);
	else
		open_node(t, device, (int)how.flags);
}

/* ---- stat ---- */

static void owner(const struct thread *t, struct stat *st)
{
	char path[32];

	memset(st, 0, sizeof(*st));
	snprintf(path, sizeof(path), "/proc/%d", (int)t->tid);
	stat(path, st);
}

static void show(struct thread *t, int device, uint64_t to, bool extended)
{
	struct stat who, st;
	struct statx stx;

	if (device == LIB_BELOW_NODE) {
		call_finish(t, -ENOTDIR);
		return;
	}
	owner(t, &who);
	node_stat(device, who.st_uid, who.st_gid, &st);
	node_statx(device, who.st_uid, who.st_gid, &stx);
	call_finish(t, extended ? lib_copy_out(to, &stx, sizeof(stx))
				: lib_copy_out(to, &st, sizeof(st)));
}

static void stat_path(struct thread *t, int dirfd, uint64_t path, int flags, uint64_t to,
		      bool extended)
{
	int device = node_at(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));
	struct device d;
	char first = 1;

	/* The descriptor itself. */
	if (device < 0 && (flags & AT_EMPTY_PATH) &&
	    (path == 0 || (lib_copy_in(&first, path, 1) == 0 && !first)) &&
	    file_device(t, dirfd, &d, NULL))
		device = (int)d.device;
	if (device < 0)
		call_pass(t, AFTER_NOTHING);
	else
		show(t, device, to, extended);
}

static void stat_file(struct thread *t, int fd, uint64_t to)
{
	struct device d;

	if (file_device(t, fd, &d, NULL))
		show(t, (int)d.device, to, false);
	else
		call_pass(t, AFTER_NOTHING);
}

static void access_path(struct thread *t, int dirfd, uint64_t path, int mode, int flags)
{
	int device = node_at(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));

	if (device < 0)
		call_pass(t, AFTER_NOTHING);
	else
		call_finish(t, node_access(device, mode));
}

/* No node is a link. */
static void read_link_at(struct thread *t, int dirfd, uint64_t path)
{
	int device = node_at(dirfd, path, false);

	if (device < 0)
		call_pass(t, AFTER_NOTHING);
	else
		call_finish(t, device == LIB_BELOW_NODE ? -ENOTDIR : -EINVAL);
}

bool path_call(struct thread *t)
{
	const uint64_t *a = t->call.args;

	switch (t->call.nr) {
	case SYS_open:
		open_path(t, AT_FDCWD, a[0], (int)a[1]);
		return true;
	case SYS_creat:
		open_path(t, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC);
		return true;
	case SYS_openat:
		open_path(t, (int)a[0], a[1], (int)a[2]);
		return true;
	case SYS_openat2:
		open_how(t);
		return true;
	case SYS_stat:
		stat_path(t, AT_FDCWD, a[0], 0, a[1], false);
		return true;
	case SYS_lstat:
		stat_path(t, AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW, a[1], false);
		return true;
	case SYS_fstat:
		stat_file(t, (int)a[0], a[1]);
		return true;
	case SYS_newfstatat:
		stat_path(t, (int)a[0], a[1], (int)a[3], a[2], false);
		return true;
	case SYS_statx:
		stat_path(t, (int)a[0], a[1], (int)a[2], a[4], true);
		return true;
	case SYS_access:
		access_path(t, AT_FDCWD, a[0], (int)a[1], 0);
		return true;
	case SYS_faccessat:
		access_path(t, (int)a[0], a[1], (int)a[2], 0);
		return true;
	case SYS_faccessat2:
		access_path(t, (int)a[0], a[1], (int)a[2], (int)a[3]);
		return true;
	case SYS_readlink:
		read_link_at(t, AT_FDCWD, a[0]);
		return true;
	case SYS_readlinkat:
		read_link_at(t, (int)a[0], a[1]);
		return true;
	default:
		return false;
	}
}
