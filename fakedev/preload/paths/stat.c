/* SPDX-License-Identifier: MIT */
/* The ways to ask about a node: stat, access, readlink, realpath. What the kernel serves (FUSE, CUSE) it is
 * asked about first: it may not be there; then it is shown as the device that it stands for. */
#include "paths.h"
#include "place/place.h"

#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long below(int node)
{
	return node == LIB_BELOW_NODE ? -ENOTDIR : 0;
}

static int show(int node, struct stat *st)
{
	if (node == LIB_BELOW_NODE)
		return (int)lib_result(below(node));
	node_stat(node, geteuid(), getegid(), st);
	return 0;
}

static int show_extended(int node, struct statx *st)
{
	if (node == LIB_BELOW_NODE)
		return (int)lib_result(below(node));
	node_statx(node, geteuid(), getegid(), st);
	return 0;
}

/* What the broker shows a node by: its other files rarely have that bit. */
static bool may_be_shadow(const struct stat *st)
{
	return (S_ISCHR(st->st_mode) && st->st_rdev == 0) ||
	       (st->st_mode & (S_ISVTX | S_IWOTH)) == PLACE_SHADOW_MODE;
}

/* The node that a descriptor is of, by what the kernel says of the file. */
static int node_of_descriptor(int fd, const struct stat *st)
{
	struct device d;
	int node = lib_active() && may_be_shadow(st) ? lib_node_of_shadow(fd) : -1;

	if (node >= 0)
		return node;
	if (!lib_native() || !lib_looks_native(st))
		return -1;
	return lib_is_native(fd, st, &d) ? node_of_file(&d) : lib_node_of_kernels(fd);
}

/* The node that a path leads to, which the kernel takes for another file. */
static int node_behind(int dirfd, const char *path, const struct stat *st)
{
	long fd;
	int node;

	if (S_ISSOCK(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == 0))
		return lib_node_reopened(path);
	if (!lib_native() || !lib_looks_native(st) || !lib_may(SYS_openat))
		return -1;
	/* By links, or a descriptor. */
	fd = raw_syscall(SYS_openat, dirfd, (long)path, O_PATH | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return -1;
	node = lib_node_of_kernels((int)fd);
	raw_close((int)fd);
	return node;
}

static inline int node_found(int node, int dirfd, const char *path, const struct stat *st)
{
	/* Most files are none that would have to be looked at. */
	bool another = S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_size != 0 &&
						st->st_size != WIRE_EVTCHN_BYTES);

	return node >= 0 || another ? node : node_behind(dirfd, path, st);
}

/* One that is ours alone. */
static bool is_ours(int node)
{
	return node >= 0 && !lib_is_kernels(node);
}

/* The descriptor itself: an empty path. */
static bool is_empty(const char *path, int flags)
{
	char first;

	return (flags & AT_EMPTY_PATH) &&
	       (!path || (lib_copy_in(&first, (uintptr_t)path, 1) == 0 && !first));
}

/* (On the architectures that the library knows, struct stat64 is struct stat.) */
#define AS_STAT(st) ((struct stat *)(void *)(st))

/* What the C library's would ask. */
static inline int ask_kernel(int node, const char *path, struct stat *st, int flags)
{
	long r = raw_syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)st, flags, 0, 0);

	if (r == 0)
		node = node_found(node, AT_FDCWD, path, st);
	else if (r == -ENOENT)
		node = lib_node_behind(AT_FDCWD, path);
	else
		node = -1;
	return node >= 0 ? show(node, st) : (int)lib_result(r);
}

#define STAT(name, type, flags)                                                                    \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *restrict path, struct type *restrict st)                       \
	{                                                                                          \
		int node = node_shown_at(AT_FDCWD, path), r;                                       \
		if (is_ours(node))                                                                 \
			return show(node, AS_STAT(st));                                            \
		if (lib_next_or_kernel(&next_##name, #name) == LIB_KERNEL)                         \
			return ask_kernel(node, lib_xenstored_path(path), AS_STAT(st), flags);     \
		r = OR_BEHIND(NEXT(name)(lib_xenstored_path(path), st), AT_FDCWD, path,            \
			      show(node, AS_STAT(st)));                                            \
		node = r == 0 ? node_found(node, AT_FDCWD, path, AS_STAT(st)) : -1;                \
		return node >= 0 ? show(node, AS_STAT(st)) : r;                                    \
	}
STAT(stat, stat, 0)
STAT(stat64, stat64, 0)
STAT(lstat, stat, AT_SYMLINK_NOFOLLOW)
STAT(lstat64, stat64, AT_SYMLINK_NOFOLLOW)

#define FSTAT(name, type)                                                                          \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int fd, struct type *st)                                                   \
	{                                                                                          \
		struct device d;                                                                   \
		int node, r;                                                                       \
		if (lib_device(fd, &d))                                                            \
			return show(node_of_file(&d), AS_STAT(st));                                \
		r = NEXT(name)(fd, st);                                                            \
		node = r == 0 ? node_of_descriptor(fd, AS_STAT(st)) : -1;                          \
		return node >= 0 ? show(node, AS_STAT(st)) : r;                                    \
	}
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

#define FSTATAT(name, type, by_descriptor)                                                         \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *restrict path, struct type *restrict st, int flags) \
	{                                                                                          \
		int node, r;                                                                       \
		if (is_empty(path, flags) && dirfd >= 0)                                           \
			return by_descriptor(dirfd, st);                                           \
		node = node_shown_at(dirfd, path);                                                 \
		if (is_ours(node))                                                                 \
			return show(node, AS_STAT(st));                                            \
		r = OR_BEHIND(NEXT(name)(dirfd, path, st, flags), dirfd, path,                     \
			      show(node, AS_STAT(st)));                                            \
		node = r == 0 ? node_found(node, dirfd, path, AS_STAT(st)) : -1;                   \
		return node >= 0 ? show(node, AS_STAT(st)) : r;                                    \
	}
FSTATAT(fstatat, stat, fstat)
FSTATAT(fstatat64, stat64, fstat64)

/* As much as the rules above look at. */
static void as_stat(const struct statx *x, struct stat *st)
{
	*st = (struct stat){.st_mode = x->stx_mode,
			    .st_size = (off_t)x->stx_size,
			    .st_rdev = x->stx_rdev_major | x->stx_rdev_minor};
}

DECLARE_NEXT(statx);
EXPORT int statx(int dirfd, const char *restrict path, int flags, unsigned int mask,
		 struct statx *restrict out)
{
	bool itself = is_empty(path, flags) && dirfd >= 0;
	struct device d;
	struct stat st;
	int node, r;

	if (itself && lib_device(dirfd, &d))
		return show_extended(node_of_file(&d), out);
	node = itself ? -1 : node_shown_at(dirfd, path);
	if (is_ours(node))
		return show_extended(node, out);
	r = OR_BEHIND(NEXT(statx)(dirfd, path, flags, mask, out), dirfd, path,
		      show_extended(node, out));
	if (r != 0)
		return r;
	as_stat(out, &st);
	node = itself ? node_of_descriptor(dirfd, &st) : node_found(node, dirfd, path, &st);
	return node >= 0 ? show_extended(node, out) : r;
}

static int may_access(int node, int mode)
{
	return (int)lib_result(node_access(node, mode));
}

/* A tree of FUSE lets everything pass. */
#define ACCESS(name)                                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, int mode)                                                \
	{                                                                                          \
		int node = node_shown_at(AT_FDCWD, path), r;                                       \
		if (is_ours(node))                                                                 \
			return may_access(node, mode);                                             \
		r = OR_BEHIND(NEXT(name)(path, mode), AT_FDCWD, path, may_access(node, mode));     \
		return r == 0 && node >= 0 ? may_access(node, mode) : r;                           \
	}
ACCESS(access)
ACCESS(eaccess)
ACCESS(euidaccess)

DECLARE_NEXT(faccessat);
EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	int node = node_shown_at(dirfd, path), r;

	if (is_ours(node))
		return may_access(node, mode);
	r = OR_BEHIND(NEXT(faccessat)(dirfd, path, mode, flags), dirfd, path,
		      may_access(node, mode));
	return r == 0 && node >= 0 ? may_access(node, mode) : r;
}

/* No node is a link. */
DECLARE_NEXT(readlinkat);
EXPORT ssize_t readlinkat(int dirfd, const char *restrict path, char *restrict buf, size_t size)
{
	int node = node_at(dirfd, path);

	if (node >= 0)
		return lib_result(node == LIB_BELOW_NODE ? -ENOTDIR : -EINVAL);
	return NEXT(readlinkat)(dirfd, path, buf, size);
}

EXPORT ssize_t readlink(const char *restrict path, char *restrict buf, size_t size)
{
	return readlinkat(AT_FDCWD, path, buf, size);
}

static char *real(int node, char *out)
{
	const struct place *p = place_at(node);

	if (!p) {
		errno = ENOTDIR;
		return NULL;
	}
	return out ? strcpy(out, p->path) : strdup(p->path);
}

DECLARE_NEXT(realpath);
EXPORT char *realpath(const char *restrict path, char *restrict out)
{
	int node = node_at(AT_FDCWD, path);

	return node >= 0 ? real(node, out)
			 : OR_BEHIND(NEXT(realpath)(path, out), AT_FDCWD, path, real(node, out));
}

char *__realpath_chk(const char *path, char *out, size_t room);
DECLARE_NEXT(__realpath_chk);
EXPORT char *__realpath_chk(const char *path, char *out, size_t room)
{
	int node = room >= PATH_MAX ? node_at(AT_FDCWD, path) : -1;

	return node >= 0 ? real(node, out)
			 : OR_BEHIND(NEXT(__realpath_chk)(path, out, room), AT_FDCWD, path,
				     real(node, out));
}

EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}
