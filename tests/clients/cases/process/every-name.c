/* SPDX-License-Identifier: MIT */
/*
 * Whatever a call on a path is called, it finds a device's node: by its own path and by a link. What lies below a node
 * is no directory's. Of other files, and of what is not there, the call says what it always does.
 */
#include "check.h"
#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static char dir[] = "/tmp/every-name-XXXXXX", other[64];

/* Of a call that returns -1: its error. */
static long result(long r)
{
	return r < 0 ? -errno : r;
}

static long opened(int fd)
{
	return fd < 0 ? -errno : close(fd);
}

static long shown(int r, mode_t mode)
{
	return r < 0 ? -errno : S_ISCHR(mode) ? 1 : 0;
}

#define CALL(name, expression)                                                                     \
	static long do_##name(int at, const char *path)                                            \
	{                                                                                          \
		(void)at;                                                                          \
		return expression;                                                                 \
	}
/* What a file of this kind is told of: 1 is a device. */
#define SHOW(name, type, expression)                                                               \
	static long do_##name(int at, const char *path)                                            \
	{                                                                                          \
		struct type st;                                                                    \
		int r = expression;                                                                \
		(void)at;                                                                          \
		return shown(r, r < 0 ? 0 : st.st_mode);                                           \
	}

SHOW(stat, stat, stat(path, &st))
SHOW(stat64, stat64, stat64(path, &st))
SHOW(lstat, stat, lstat(path, &st))
SHOW(lstat64, stat64, lstat64(path, &st))
SHOW(fstatat, stat, fstatat(at, path, &st, 0))
SHOW(fstatat64, stat64, fstatat64(at, path, &st, 0))
CALL(access, result(access(path, R_OK)))
CALL(eaccess, result(eaccess(path, R_OK)))
CALL(euidaccess, result(euidaccess(path, R_OK)))
CALL(faccessat, result(faccessat(at, path, R_OK, 0)))
CALL(open, opened(open(path, O_RDWR)))
CALL(open64, opened(open64(path, O_RDWR)))
CALL(openat, opened(openat(at, path, O_RDWR)))
CALL(openat64, opened(openat64(at, path, O_RDWR)))
CALL(creat, opened(creat(path, 0600)))
CALL(creat64, opened(creat64(path, 0600)))
CALL(chmod, result(chmod(path, 0600)))
CALL(fchmodat, result(fchmodat(at, path, 0600, 0)))
CALL(chown, result(chown(path, geteuid(), getegid())))
CALL(lchown, result(lchown(path, geteuid(), getegid())))
CALL(fchownat, result(fchownat(at, path, geteuid(), getegid(), 0)))
CALL(utime, result(utime(path, NULL)))
CALL(utimes, result(utimes(path, NULL)))
CALL(utimensat, result(utimensat(at, path, NULL, 0)))
CALL(truncate, result(truncate(path, 0)))
CALL(truncate64, result(truncate64(path, 0)))
CALL(unlink, result(unlink(path)))
CALL(unlinkat, result(unlinkat(at, path, 0)))
/* (Where the kernel serves the node it is on another file system, as it is on real Xen.) */
static long renamed(int r)
{
	return r < 0 && errno == EXDEV ? -EPERM : result(r);
}
CALL(rename, renamed(rename(path, other)))
CALL(rename_onto, renamed(rename(other, path)))
CALL(renameat, renamed(renameat(at, path, AT_FDCWD, other)))
CALL(readlink, result(readlink(path, (char[PATH_MAX]){0}, PATH_MAX)))
CALL(readlinkat, result(readlinkat(at, path, (char[PATH_MAX]){0}, PATH_MAX)))
CALL(realpath, realpath(path, (char[PATH_MAX]){0}) ? 0 : -errno)
CALL(chdir, result(chdir(path)))
/* Or there are none at all, as in a tree that the kernel serves. */
static long attribute(ssize_t r, long none)
{
	return r < 0 && errno == EOPNOTSUPP ? none : result(r);
}
CALL(getxattr, attribute(getxattr(path, "user.none", NULL, 0), -ENODATA))
CALL(lgetxattr, attribute(lgetxattr(path, "user.none", NULL, 0), -ENODATA))
CALL(listxattr, attribute(listxattr(path, NULL, 0), 0))
CALL(llistxattr, attribute(llistxattr(path, NULL, 0), 0))

static long do_fopen(int at, const char *path)
{
	FILE *f = fopen(path, "r+e");

	(void)at;
	return f ? fclose(f) : -errno;
}

static long do_opendir(int at, const char *path)
{
	DIR *d = opendir(path);

	(void)at;
	return d ? closedir(d) : -errno;
}

static long do_scandir(int at, const char *path)
{
	struct dirent **list;

	int n = scandir(path, &list, NULL, NULL);

	(void)at;
	for (int i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	return result(n);
}

/* What a call makes of a node and of another file. A link to a node is the node to all but who takes the link itself. */
#define ITS_OWN  1u /* what it does to a link */
#define TAKES_IT 2u /* the file is gone afterwards */
#define MAKES_IT 4u /* what is not there is made */
#define ANYTHING 8u /* what other files have depends on their file system */
static const struct {
	const char *name;
	long (*call)(int at, const char *path);
	long node, file;
	unsigned int how;
} calls[] = {
    {"stat", do_stat, 1, 0, 0},
    {"stat64", do_stat64, 1, 0, 0},
    {"lstat", do_lstat, 1, 0, ITS_OWN},
    {"lstat64", do_lstat64, 1, 0, ITS_OWN},
    {"fstatat", do_fstatat, 1, 0, 0},
    {"fstatat64", do_fstatat64, 1, 0, 0},
    {"access", do_access, 0, 0, 0},
    {"eaccess", do_eaccess, 0, 0, 0},
    {"euidaccess", do_euidaccess, 0, 0, 0},
    {"faccessat", do_faccessat, 0, 0, 0},
    {"open", do_open, 0, 0, 0},
    {"open64", do_open64, 0, 0, 0},
    {"openat", do_openat, 0, 0, 0},
    {"openat64", do_openat64, 0, 0, 0},
    {"creat", do_creat, 0, 0, MAKES_IT},
    {"creat64", do_creat64, 0, 0, MAKES_IT},
    {"fopen", do_fopen, 0, 0, 0},
    {"chmod", do_chmod, -EPERM, 0, 0},
    {"fchmodat", do_fchmodat, -EPERM, 0, 0},
    {"chown", do_chown, -EPERM, 0, 0},
    {"lchown", do_lchown, -EPERM, 0, ITS_OWN},
    {"fchownat", do_fchownat, -EPERM, 0, 0},
    {"utime", do_utime, -EPERM, 0, 0},
    {"utimes", do_utimes, -EPERM, 0, 0},
    {"utimensat", do_utimensat, -EPERM, 0, 0},
    {"truncate", do_truncate, -EINVAL, 0, 0},
    {"truncate64", do_truncate64, -EINVAL, 0, 0},
    {"unlink", do_unlink, -EPERM, 0, ITS_OWN | TAKES_IT},
    {"unlinkat", do_unlinkat, -EPERM, 0, ITS_OWN | TAKES_IT},
    {"rename", do_rename, -EPERM, 0, ITS_OWN | TAKES_IT},
    {"rename onto it", do_rename_onto, -EPERM, 0, ITS_OWN | MAKES_IT},
    {"renameat", do_renameat, -EPERM, 0, ITS_OWN | TAKES_IT},
    {"readlink", do_readlink, -EINVAL, -EINVAL, ITS_OWN},
    {"readlinkat", do_readlinkat, -EINVAL, -EINVAL, ITS_OWN},
    {"realpath", do_realpath, 0, 0, 0},
    {"chdir", do_chdir, -ENOTDIR, -ENOTDIR, 0},
    {"opendir", do_opendir, -ENOTDIR, -ENOTDIR, 0},
    {"scandir", do_scandir, -ENOTDIR, -ENOTDIR, 0},
    {"getxattr", do_getxattr, -ENODATA, 0, ANYTHING},
    {"lgetxattr", do_lgetxattr, -ENODATA, 0, ANYTHING | ITS_OWN},
    {"listxattr", do_listxattr, 0, 0, ANYTHING},
    {"llistxattr", do_llistxattr, 0, 0, ANYTHING | ITS_OWN},
};

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR, 0600);

	CHECK(fd >= 0, "%s: %s", path, strerror(errno));
	CHECK_IS(close(fd), 0);
}

void test(void)
{
	int xen = open("/dev/xen", O_RDONLY | O_DIRECTORY), here;
	char file[64], link[64];

	CHECK(mkdtemp(dir), "mkdtemp: %s", strerror(errno));
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	CHECK_IS(symlink("/dev/xen/gntdev", link), 0);
	here = open(dir, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long r;

		check_note("%s", calls[i].name);
		make(other);
		CHECK_IS(calls[i].call(AT_FDCWD, "/dev/xen/gntdev"), calls[i].node);
		CHECK_IS(calls[i].call(AT_FDCWD, "/dev/xen/gntdev/x"), -ENOTDIR);
		if (calls[i].call != do_opendir)
			CHECK_IS(calls[i].call(xen, "/dev/xen/../xen/evtchn"), calls[i].node);
		if (!(calls[i].how & ITS_OWN)) {
			CHECK_IS(calls[i].call(AT_FDCWD, link), calls[i].node);
			CHECK_IS(calls[i].call(here, link), calls[i].node);
		}
		make(file);
		make(other);
		r = calls[i].call(here, file);
		if (!(calls[i].how & ANYTHING))
			CHECK_IS(r, calls[i].file);
		if (!(calls[i].how & TAKES_IT))
			CHECK_IS(unlink(file), 0);
		make(other);
		CHECK_IS(calls[i].call(here, file), calls[i].how & MAKES_IT ? 0 : -ENOENT);
		unlink(file);
	}
	check_note("folders");
	CHECK_IS(unlink(link), 0);
	CHECK_IS(symlink("/dev/xen", link), 0);
	CHECK_IS(do_opendir(here, link), 0);
	CHECK(do_scandir(here, link) >= 5, "no nodes in it");
	CHECK_IS(do_chdir(here, link), 0);
	CHECK_IS(do_open(here, "gntalloc"), 0);
	CHECK_IS(do_chdir(here, "/"), 0);
	check_note("the end");
	unlink(other);
	CHECK_IS(unlink(link), 0);
	CHECK_IS(rmdir(dir), 0);
	CHECK_IS(close(here), 0);
	CHECK_IS(close(xen), 0);
	MACHINE_AWAIT(files, 0);
}
