/* SPDX-License-Identifier: MIT */
/*
 * The nodes in /dev/xen are character devices, by name and by descriptor, readable and writable,
 * and can be opened in all the ways a file can.
 */
#include "check.h"
#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const names[3] = {"/dev/xen/gntalloc", "/dev/xen/gntdev", "/dev/xen/evtchn"};

static void by_name_and_descriptor(const char *path, struct stat *st)
{
	struct stat other;
	struct statx stx;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0, "open %s: %s", path, strerror(errno));
	CHECK_IS(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_IS(stat(path, st), 0);
	CHECK(S_ISCHR(st->st_mode), "%s has mode %o", path, st->st_mode);
	CHECK_IS(lstat(path, &other), 0);
	CHECK_IS(other.st_rdev, st->st_rdev);
	CHECK_IS(fstatat(AT_FDCWD, path, &other, 0), 0);
	CHECK_IS(other.st_ino, st->st_ino);
	CHECK_IS(fstat(fd, &other), 0);
	CHECK(S_ISCHR(other.st_mode), "%s, open, has mode %o", path, other.st_mode);
	CHECK_IS(other.st_rdev, st->st_rdev);
	CHECK_IS(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx), 0);
	CHECK(S_ISCHR(stx.stx_mode), "%s, by statx, has mode %o", path, stx.stx_mode);
	CHECK_IS(makedev(stx.stx_rdev_major, stx.stx_rdev_minor), st->st_rdev);
	CHECK_IS(access(path, R_OK | W_OK), 0);
	CHECK_IS(access(path, F_OK), 0);
	CHECK_IS(access(path, X_OK), -1);
	CHECK_IS(errno, EACCES);
	CHECK_IS(faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS), 0);
	CHECK_IS(close(fd), 0);
}

static void flags(const char *path)
{
	static const int modes[] = {
	    O_RDONLY,         O_WRONLY,         O_RDWR,           O_RDWR | O_NONBLOCK | O_SYNC,
	    O_RDWR | O_TRUNC, O_RDWR | O_CREAT, O_RDWR | O_NOCTTY};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open(path, modes[i], 0600);

		CHECK(fd >= 0, "open %s with %#x: %s", path, (unsigned)modes[i], strerror(errno));
		CHECK_IS(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK),
			 modes[i] & (O_ACCMODE | O_NONBLOCK));
		CHECK_IS(fcntl(fd, F_GETFD), 0);
		CHECK_IS(close(fd), 0);
	}
	CHECK_IS(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), -1);
	CHECK_IS(errno, EEXIST);
	CHECK_IS(open(path, O_RDONLY | O_DIRECTORY), -1);
	CHECK_IS(errno, ENOTDIR);
}

static void is_gntdev(int fd, const char *how)
{
	CHECK(fd >= 0, "%s: %s", how, strerror(errno));
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), -ENOENT);
	CHECK_IS(close(fd), 0);
}

static void other_names(void)
{
	int dev = open("/dev", O_RDONLY | O_DIRECTORY);

	is_gntdev(openat(AT_FDCWD, names[1], O_RDWR), "openat");
	is_gntdev(openat(dev, "/dev/xen/gntdev", O_RDWR), "openat with an absolute path");
	is_gntdev(openat(dev, "xen/gntdev", O_RDWR), "openat beneath /dev");
	is_gntdev(open("/dev//xen/./gntdev", O_RDWR), "a path with //");
	is_gntdev(open("/dev/xen/../xen/gntdev", O_RDWR), "a path with ..");
	CHECK_IS(chdir("/dev"), 0);
	is_gntdev(open("xen/gntdev", O_RDWR), "a relative path");
	CHECK_IS(chdir("/"), 0);
	CHECK_IS(close(dev), 0);
	CHECK_IS(open("/dev/xen/nothing", O_RDWR), -1);
	CHECK_IS(errno, ENOENT);
	CHECK_IS(open("/dev/xen/gntdev2", O_RDWR), -1);
	CHECK_IS(errno, ENOENT);
}

/* A node is no directory, also where nothing, itself or its parent is sought in it. */
static void below_a_node(void)
{
	static const char *const paths[] = {"/dev/xen/gntdev/x",         "/dev/xen/gntdev/",
					    "/dev/xen/evtchn//",         "/dev/xen/evtchn/.",
					    "/dev/xen/evtchn/../gntdev", "/dev//xen/./gntalloc/"};
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CHECK(open(paths[i], O_RDWR) == -1 && errno == ENOTDIR, "open %s: %s", paths[i],
		      strerror(errno));
		CHECK(stat(paths[i], &st) == -1 && errno == ENOTDIR, "stat %s: %s", paths[i],
		      strerror(errno));
		CHECK(access(paths[i], F_OK) == -1 && errno == ENOTDIR, "access %s: %s", paths[i],
		      strerror(errno));
	}
}

void test(void)
{
	struct stat st[3];

	for (int i = 0; i < 3; i++) {
		by_name_and_descriptor(names[i], &st[i]);
		flags(names[i]);
	}
	CHECK(st[0].st_rdev != st[1].st_rdev && st[1].st_rdev != st[2].st_rdev &&
		  st[0].st_rdev != st[2].st_rdev,
	      "two devices have one number");
	other_names();
	below_a_node();
	MACHINE_AWAIT(files, 0);
}
