/* SPDX-License-Identifier: MIT */
/* Calls with a path: those that name a node are ours, all others the kernel's. */
#include "follower.h"
#include "place/place.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Also where a link leads that ends at nothing. */
static int node_at(int dirfd, uint64_t path, bool follow)
{
	const char *there = (const char *)(uintptr_t)path;
	int node = lib_node(dirfd, there);

	return node < 0 && follow ? lib_node_behind(dirfd, there) : node;
}

/* The node that a descriptor is of. */
static int node_of_descriptor(struct thread *t, int fd)
{
	struct device d;

	return file_device(t, fd, &d, NULL) ? node_of_file(&d) : lib_node_of_shadow(fd);
}

/* A node's descriptor as a path: what is opened or shown there is the node once more. */
static int node_behind_descriptor(struct thread *t, uint64_t path)
{
	int fd = lib_descriptor_in((const char *)(uintptr_t)path);

	return fd < 0 ? -1 : node_of_descriptor(t, fd);
}

static void open_node(struct thread *t, int node, int flags)
{
	struct wire_file f;
	int fd, number, err = node_open(node, flags, &f, &fd);
	const struct device d = {
	    .id = f.id, .device = f.device, .flags = f.flags, .minor = f.minor, .is_socket = true};
	/* (Where xenstored is followed too, nobody may wait here for what it answers: errors of a write go untold.) */
	bool followed = f.device < WIRE_DEV_XSD_PORT &&
			(f.device != WIRE_DEV_XENBUS || !follower->has_xenstored);

	follower->has_xenstored |= err == 0 && f.device == WIRE_DEV_XSD_KVA;

	if (err < 0 || fd < 0) {
		call_finish(t, err < 0 ? err : -EMFILE);
		return;
	}
	if (followed && (flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (followed)
		file_remember(t->space, f.cookie, &d);
	number = call_give(t, fd, flags);
	close(fd);
	if (number >= 0 && followed)
		reach_fd(t, number, &d);
	call_finish(t, number);
}

/* The last component of a path, in the program's memory. */
static uint64_t last_component(uint64_t path)
{
	uint64_t last = path;
	char c = 1;

	for (uint64_t at = path; lib_copy_in(&c, at, 1) == 0 && c; at++)
		if (c == '/')
			last = at + 1;
	return last;
}

/* For no more than its path: such a descriptor can't be given, so the program opens it, in the folder that it
 * is in. */
static void open_name(struct thread *t, int node, uint64_t path, int flags)
{
	const struct place *p = place_at(node);
	char parent[256] = "";
	struct wire_file f;
	int fd = -1, number, err;
	long r;

	if (!p || p->kind == PLACE_FOLDER || strlen(p->path) >= sizeof(parent)) {
		open_node(t, node, p ? (flags & ~O_PATH) | O_DIRECTORY : flags);
		return;
	}
	memcpy(parent, p->path, (size_t)(strrchr(p->path, '/') - p->path));
	err = flags & O_DIRECTORY
		  ? -ENOTDIR
		  : node_open(place_find(parent, lib_domid()), O_RDONLY | O_DIRECTORY, &f, &fd);
	number = err < 0 || fd < 0 ? -EMFILE : call_give(t, fd, O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	if (err < 0 || number < 0) {
		call_finish(t, err < 0 ? err : number);
		return;
	}
	r = lib_program_call(SYS_openat, number, (long)last_component(path),
			     O_PATH | O_NOFOLLOW | (flags & O_CLOEXEC), 0, 0, 0);
	lib_program_call(SYS_close, number, 0, 0, 0, 0, 0);
	call_finish(t, r);
}

static void open_path(struct thread *t, int dirfd, uint64_t path, int flags)
{
	int node = node_at(dirfd, path, !(flags & O_NOFOLLOW));

	if (node < 0 && !(flags & O_NOFOLLOW))
		node = node_behind_descriptor(t, path);
	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else if (flags & O_PATH)
		open_name(t, node, path, flags);
	else
		open_node(t, node, flags);
}

static void open_how(struct thread *t)
{
	const uint64_t *a = t->call.args;
	struct open_how how;
	int node = node_at((int)a[0], a[1], true);

	if (node < 0)
		node = node_behind_descriptor(t, a[1]);
	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else if (a[3] < sizeof(how))
		call_finish(t, -EINVAL);
	else if (lib_copy_in(&how, a[2], sizeof(how)) < 0)
		call_finish(t, -EFAULT);
	else if (how.flags & O_PATH)
		open_name(t, node, a[1], (int)how.flags);
	else
		open_node(t, node, (int)how.flags);
}

/* ---- stat ---- */

static void owner(const struct thread *t, struct stat *st)
{
	char path[32];

	memset(st, 0, sizeof(*st));
	snprintf(path, sizeof(path), "/proc/%d", (int)t->tid);
	stat(path, st);
}

static void show(struct thread *t, int node, uint64_t to, bool extended)
{
	struct stat who, st;
	struct statx stx;

	if (node == LIB_BELOW_NODE) {
		call_finish(t, -ENOTDIR);
		return;
	}
	owner(t, &who);
	node_stat(node, who.st_uid, who.st_gid, &st);
	node_statx(node, who.st_uid, who.st_gid, &stx);
	call_finish(t, extended ? lib_copy_out(to, &stx, sizeof(stx))
				: lib_copy_out(to, &st, sizeof(st)));
}

static bool is_empty(uint64_t path)
{
	char first = 1;

	return path == 0 || (lib_copy_in(&first, path, 1) == 0 && !first);
}

static void stat_path(struct thread *t, int dirfd, uint64_t path, int flags, uint64_t to,
		      bool extended)
{
	int node;

	if ((flags & AT_EMPTY_PATH) && is_empty(path))
		node = node_of_descriptor(t, dirfd);
	else
		node = node_at(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));
	if (node < 0 && !(flags & AT_SYMLINK_NOFOLLOW))
		node = node_behind_descriptor(t, path);
	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else
		show(t, node, to, extended);
}

static void stat_file(struct thread *t, int fd, uint64_t to)
{
	int node = node_of_descriptor(t, fd);

	if (node >= 0)
		show(t, node, to, false);
	else
		call_pass(t, AFTER_NOTHING);
}

static void access_path(struct thread *t, int dirfd, uint64_t path, int mode, int flags)
{
	int node = node_at(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));

	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else
		call_finish(t, node_access(node, mode));
}

/* No node is a link. */
static void read_link_at(struct thread *t, int dirfd, uint64_t path)
{
	int node = node_at(dirfd, path, false);

	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else
		call_finish(t, node == LIB_BELOW_NODE ? -ENOTDIR : -EINVAL);
}

/* What would change it: it is found, and stays as it is. */
static void change_at(struct thread *t, int dirfd, uint64_t path, bool follow, long err)
{
	int node = node_at(dirfd, path, follow);

	if (node < 0)
		call_pass(t, AFTER_NOTHING);
	else
		call_finish(t, node == LIB_BELOW_NODE ? -ENOTDIR : err);
}

/* Neither what has the name nor what would get it is a node. */
static void rename_at(struct thread *t, int dirfd, uint64_t from, int to_dirfd, uint64_t to)
{
	bool onto = node_at(to_dirfd, to, false) >= 0;

	change_at(t, onto ? to_dirfd : dirfd, onto ? to : from, false, -EPERM);
}

/* It goes to a folder of ours. */
static void change_directory(struct thread *t, uint64_t path)
{
	int node = node_at(AT_FDCWD, path, true), fd = -1, number, err;
	struct wire_file f;
	long r;

	if (node < 0) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	err = node_open(node, O_RDONLY | O_DIRECTORY, &f, &fd);
	number = err < 0 || fd < 0 ? -1 : call_give(t, fd, O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	if (number < 0) {
		call_finish(t, err < 0 ? err : -EMFILE);
		return;
	}
	r = lib_program_call(SYS_fchdir, number, 0, 0, 0, 0, 0);
	lib_program_call(SYS_close, number, 0, 0, 0, 0, 0);
	call_finish(t, r);
}

/* It has gone to a folder of ours, which it knows by another name. */
static void tell_directory(struct thread *t, uint64_t to, size_t room)
{
	char path[512];

	if (!lib_base_directory(AT_FDCWD, path, sizeof(path)) || !strstr(path, PLACE_SHADOW "/")) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	lib_out_of_shadow(path);
	if (strlen(path) + 1 > room)
		call_finish(t, -ERANGE);
	else if (lib_copy_out(to, path, strlen(path) + 1) < 0)
		call_finish(t, -EFAULT);
	else
		call_finish(t, (long)strlen(path) + 1);
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
	case SYS_chmod:
	case SYS_chown:
	case SYS_utime:
	case SYS_utimes:
		change_at(t, AT_FDCWD, a[0], true, -EPERM);
		return true;
	case SYS_lchown:
	case SYS_unlink:
		change_at(t, AT_FDCWD, a[0], false, -EPERM);
		return true;
	case SYS_fchmodat:
		change_at(t, (int)a[0], a[1], true, -EPERM);
		return true;
	case SYS_fchownat:
		change_at(t, (int)a[0], a[1], !(a[4] & AT_SYMLINK_NOFOLLOW), -EPERM);
		return true;
	case SYS_utimensat:
		change_at(t, (int)a[0], a[1], !(a[3] & AT_SYMLINK_NOFOLLOW), -EPERM);
		return true;
	case SYS_unlinkat:
		change_at(t, (int)a[0], a[1], false, -EPERM);
		return true;
	case SYS_rename:
		rename_at(t, AT_FDCWD, a[0], AT_FDCWD, a[1]);
		return true;
	case SYS_renameat:
	case SYS_renameat2:
		rename_at(t, (int)a[0], a[1], (int)a[2], a[3]);
		return true;
	case SYS_truncate:
		change_at(t, AT_FDCWD, a[0], true, -EINVAL);
		return true;
	case SYS_getxattr:
		change_at(t, AT_FDCWD, a[0], true, -ENODATA);
		return true;
	case SYS_lgetxattr:
		change_at(t, AT_FDCWD, a[0], false, -ENODATA);
		return true;
	case SYS_listxattr:
		change_at(t, AT_FDCWD, a[0], true, 0);
		return true;
	case SYS_llistxattr:
		change_at(t, AT_FDCWD, a[0], false, 0);
		return true;
	case SYS_getcwd:
		tell_directory(t, a[0], a[1]);
		return true;
	case SYS_chdir:
		change_directory(t, a[0]);
		return true;
	default:
		return false;
	}
}
