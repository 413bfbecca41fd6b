/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "shadow.h"
#include "place/place.h"
#include "wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE (PLACE_SHADOW_MODE | 0755u)

static int make_folder(int in, const char *name)
{
	if (mkdirat(in, name, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return fchmodat(in, name, FOLDER_MODE, 0) < 0 ? -errno : 0;
}

/* The folders that it is in, and itself if it is one. Relative to @p root. */
static int make_folders(int root, const char *path, bool last)
{
	char part[PATH_MAX];
	int err = 0;

	for (const char *slash = strchr(path, '/'); err == 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		err = make_folder(root, part);
	}
	return err == 0 && last ? make_folder(root, path) : err;
}

/* A character device numbered 0 is nobody's, and everybody may make one (since Linux 5.8; not on every file
 * system). */
static int make_file(int root, const char *path, const struct place *p)
{
	int fd;

	if (p->kind == PLACE_DEVICE && S_ISCHR(p->mode) &&
	    mknodat(root, path, S_IFCHR | 0600, 0) == 0)
		return 0;
	fd = openat(root, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0400);
	if (fd < 0)
		return -errno;
	fchmod(fd, PLACE_SHADOW_MODE | (p->mode & 0444));
	close(fd);
	return 0;
}

static int fill(int root, uint16_t domid)
{
	const struct place *p;
	int err = 0;

	for (int i = 0; err == 0 && (p = place_at(i)); i++) {
		const char *path = p->path + 1;

		if (p->control && domid != 0)
			continue;
		err = make_folders(root, path, p->kind == PLACE_FOLDER);
		if (err == 0 && p->kind != PLACE_FOLDER)
			err = make_file(root, path, p);
	}
	return err;
}

static int open_folder(int in, const char *path)
{
	int fd = openat(in, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Nobody else's. */
static int open_ours(const char *socket)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s" PLACE_SHADOW, socket);
	fd = open_folder(AT_FDCWD, path);
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != geteuid())) {
		close(fd);
		return -EEXIST;
	}
	return fd;
}

static int make_ours(const char *socket)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" PLACE_SHADOW, socket);
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : open_ours(socket);
}

static void remove_in(int dir);

static void remove_entry(int in, const char *name)
{
	int fd;

	if (unlinkat(in, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	fd = open_folder(in, name);
	if (fd >= 0)
		remove_in(fd);
	unlinkat(in, name, AT_REMOVEDIR);
}

/* All that is in it; closes it. */
static void remove_in(int dir)
{
	DIR *d = fdopendir(dir);

	if (!d) {
		close(dir);
		return;
	}
	for (const struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remove_entry(dirfd(d), e->d_name);
	closedir(d);
}

/* The domain's tree appears whole. @return a descriptor of it */
static int domain_tree(int ours, uint16_t domid)
{
	char name[16], half[24];
	int fd, err;

	snprintf(name, sizeof(name), "%u", (unsigned int)domid);
	snprintf(half, sizeof(half), "%s.half", name);
	fd = open_folder(ours, name);
	if (fd != -ENOENT)
		return fd;
	remove_entry(ours, half);
	err = make_folder(ours, half);
	fd = err < 0 ? err : open_folder(ours, half);
	if (fd < 0)
		return fd;
	err = fill(fd, domid);
	if (err == 0 && renameat(ours, half, ours, name) < 0)
		err = -errno;
	if (err < 0)
		close(fd);
	return err < 0 ? err : fd;
}

int shadow_open(const char *socket, uint16_t domid, uint32_t node, uint32_t flags)
{
	const struct place *p = node <= INT_MAX ? place_at((int)node) : NULL;
	int ours, root, fd;

	if (!p || (p->control && domid != 0))
		return -ENOENT;
	ours = make_ours(socket);
	if (ours < 0)
		return ours;
	root = domain_tree(ours, domid);
	close(ours);
	if (root < 0)
		return root;
	fd = openat(root, p->path + 1,
		    (int)(flags & (O_PATH | O_DIRECTORY)) | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}

void shadow_remove(const char *socket)
{
	char path[PATH_MAX];
	int fd = open_ours(socket);

	if (fd < 0)
		return;
	remove_in(fd);
	snprintf(path, sizeof(path), "%s" PLACE_SHADOW, socket);
	rmdir(path);
}
