/* SPDX-License-Identifier: MIT */
/* A mount namespace of the program's own, in which there is a directory /dev/xen to mount at. */
#define _GNU_SOURCE
#include "command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* The same user and group inside, and nobody else. */
static bool map_ids(uid_t uid, gid_t gid)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", text))
		return false;
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", text);
}

static bool make_slaves(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
}

/* In a chroot "/" is a directory within a mount, and no path leads to that mount's own root. To enter
 * a namespace goes there, even if it is the one that we are in. */
static bool make_slaves_from_within(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	bool done = false;
	int err;

	if (root >= 0 && here >= 0 && self >= 0 && setns(self, CLONE_NEWNS) == 0)
		done = make_slaves() && fchdir(root) == 0 && chroot(".") == 0 && fchdir(here) == 0;
	err = errno;
	if (root >= 0)
		close(root);
	if (here >= 0)
		close(here);
	if (self >= 0)
		close(self);
	errno = err;
	return done;
}

/* A mount namespace of our own; what the host mounts later still shows. */
static int enter(struct failure *f)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS) < 0) {
		if (errno != EPERM)
			return fail(f, -errno, "cannot make a mount namespace: %s",
				    strerror(errno));
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !map_ids(uid, gid))
			return fail(f, -EPERM,
				    "the fuse front needs root or a user namespace, and this host "
				    "grants neither (%s); --front socket works without",
				    strerror(errno));
	}
	if (!make_slaves() && (errno != EINVAL || !make_slaves_from_within()))
		return fail(f, -errno, "cannot make the mounts our own: %s", strerror(errno));
	return 0;
}

static int bind_entry(int old, const struct dirent *d)
{
	char from[PATH_MAX], to[PATH_MAX], link[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, d->d_name);
	snprintf(to, sizeof(to), "/dev/%s", d->d_name);
	if (fstatat(old, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone meanwhile */
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(old, d->d_name, link, sizeof(link) - 1);
		if (n < 0)
			return 0;
		link[n] = '\0';
		return symlink(link, to) < 0 ? -errno : 0;
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) < 0)
			return -errno;
	} else {
		fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		close(fd);
	}
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

/* /dev as it is, in a file system of our own, where a folder can be added. */
static int copy_dev(struct failure *f)
{
	int old = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	struct dirent *d;
	DIR *dir;

	if (old < 0)
		return fail(f, -errno, "cannot open /dev: %s", strerror(errno));
	if (mount("gntsim-dev", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0) {
		err = fail(f, -errno, "cannot mount over /dev: %s", strerror(errno));
		close(old);
		return err;
	}
	dir = fdopendir(old);
	while (err == 0 && dir && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..")) {
			err = bind_entry(old, d);
			if (err < 0)
				fail(f, err, "cannot show /dev/%s in the program's /dev: %s",
				     d->d_name, strerror(-err));
		}
	}
	if (dir)
		closedir(dir);
	else
		close(old);
	if (err == 0 && mkdir("/dev/xen", 0755) < 0)
		err = fail(f, -errno, "cannot make /dev/xen: %s", strerror(errno));
	return err;
}

int namespace_enter(struct failure *f)
{
	struct stat st;
	int err = enter(f);

	return err == 0 && stat("/dev/xen", &st) < 0 ? copy_dev(f) : err;
}
