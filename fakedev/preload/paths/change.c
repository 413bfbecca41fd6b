/* SPDX-License-Identifier: MIT */
/* Calls that would change a node, or what is told of it: it is found, and stays as it is. What Linux lets root
 * do to a node of devtmpfs is EPERM, as in a FUSE tree; xenfs and sysfs have no more names made or taken. */
#include "paths.h"

#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* @p err of a node, else the call. */
#define REFUSE(dirfd, path, err, call)                                                             \
	({                                                                                         \
		int node = node_at(dirfd, path);                                                   \
		node >= 0 ? lib_result(node == LIB_BELOW_NODE ? -ENOTDIR : (err))                  \
			  : OR_BEHIND(call, dirfd, path, (int)lib_result(err));                    \
	})

#define CHANGE(name, err, parameters, ...)                                                         \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name parameters                                                                 \
	{                                                                                          \
		return (int)REFUSE(AT_FDCWD, path, err, NEXT(name)(__VA_ARGS__));                  \
	}
#define CHANGE_AT(name, err, parameters, ...)                                                      \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name parameters                                                                 \
	{                                                                                          \
		return (int)REFUSE(dirfd, path, err, NEXT(name)(__VA_ARGS__));                     \
	}

CHANGE(chmod, -EPERM, (const char *path, mode_t mode), path, mode)
CHANGE_AT(fchmodat, -EPERM, (int dirfd, const char *path, mode_t mode, int flags), dirfd, path,
	  mode, flags)
CHANGE(chown, -EPERM, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
CHANGE(lchown, -EPERM, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
CHANGE_AT(fchownat, -EPERM, (int dirfd, const char *path, uid_t uid, gid_t gid, int flags), dirfd,
	  path, uid, gid, flags)
CHANGE(utime, -EPERM, (const char *path, const struct utimbuf *times), path, times)
CHANGE(utimes, -EPERM, (const char *path, const struct timeval times[2]), path, times)
CHANGE_AT(utimensat, -EPERM,
	  (int dirfd, const char *path, const struct timespec times[2], int flags), dirfd, path,
	  times, flags)
CHANGE(truncate, -EINVAL, (const char *path, off_t length), path, length)
CHANGE(truncate64, -EINVAL, (const char *path, off64_t length), path, length)
CHANGE(unlink, -EPERM, (const char *path), path)
CHANGE_AT(unlinkat, -EPERM, (int dirfd, const char *path, int flags), dirfd, path, flags)

/* Neither what has the name nor what would get it is a node. */
#define RENAME(name, parameters, from_dir, to_dir, ...)                                            \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name parameters                                                                 \
	{                                                                                          \
		int onto = node_at(to_dir, to);                                                    \
		return onto >= 0 ? (int)lib_result(onto == LIB_BELOW_NODE ? -ENOTDIR : -EPERM)     \
				 : (int)REFUSE(from_dir, from, -EPERM, NEXT(name)(__VA_ARGS__));   \
	}
RENAME(rename, (const char *from, const char *to), AT_FDCWD, AT_FDCWD, from, to)
RENAME(renameat, (int dirfd, const char *from, int to_dirfd, const char *to), dirfd, to_dirfd,
       dirfd, from, to_dirfd, to)
RENAME(renameat2, (int dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags),
       dirfd, to_dirfd, dirfd, from, to_dirfd, to, flags)

/* Nothing more is known of them: ls asks. */
#define ATTRIBUTE(name)                                                                            \
	DECLARE_NEXT(name);                                                                        \
	EXPORT ssize_t name(const char *path, const char *of, void *value, size_t size)            \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		return node >= 0 ? lib_result(node == LIB_BELOW_NODE ? -ENOTDIR : -ENODATA)        \
				 : OR_BEHIND(NEXT(name)(path, of, value, size), AT_FDCWD, path,    \
					     lib_result(-ENODATA));                                \
	}
ATTRIBUTE(getxattr)
ATTRIBUTE(lgetxattr)

#define ATTRIBUTES(name)                                                                           \
	DECLARE_NEXT(name);                                                                        \
	EXPORT ssize_t name(const char *path, char *list, size_t size)                             \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		return node >= 0 ? lib_result(node == LIB_BELOW_NODE ? -ENOTDIR : 0)               \
				 : OR_BEHIND(NEXT(name)(path, list, size), AT_FDCWD, path, 0);     \
	}
ATTRIBUTES(listxattr)
ATTRIBUTES(llistxattr)
