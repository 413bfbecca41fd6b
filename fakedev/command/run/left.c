/* SPDX-License-Identifier: MIT */
/* A run that is killed by SIGKILL is its own machine's end, and nobody is left to remove the machine's socket: the next
 * run does. What is alive it must not touch, nor wake: it is a socket of another type that asks, which the kernel
 * refuses otherwise where somebody has the name. That this is so here is seen by our own. */
#define _GNU_SOURCE
#include "left.h"
#include "broker/place/shadow.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DIGITS 16u
/* It is a courtesy: in a large folder not all is looked at. */
#define MOST_LOOKED_AT 2000u
/* Seconds. A name is there a moment before the kernel knows whose it is. */
#define YOUNG 60

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* Elsewhere another host's machine may listen. */
static bool is_this_hosts(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case TMPFS_MAGIC:
	case EXT4_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool is_name(const char *name)
{
	const char *digits = name + strlen(RUN_SOCKET_PREFIX);

	return strncmp(name, RUN_SOCKET_PREFIX, strlen(RUN_SOCKET_PREFIX)) == 0 &&
	       strlen(digits) == DIGITS && strspn(digits, "0123456789abcdef") == DIGITS;
}

/* @return what connect(2) fails with */
static int asked(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path))
		return ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	err = connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static bool is_left(const char *path, time_t now)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
	       st.st_mtime < now - YOUNG && asked(path) == ECONNREFUSED;
}

void run_clear_left(const char *own)
{
	const char *slash = strrchr(own, '/');
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int len = slash ? (int)(slash - own) : 0;
	const struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%.*s", len, own);
	if (len == 0 || !is_this_hosts(path) || asked(own) != EPROTOTYPE)
		return;
	d = opendir(path);
	for (unsigned int n = 0; d && n < MOST_LOOKED_AT && (e = readdir(d)); n++) {
		if (e->d_type != DT_SOCK || !is_name(e->d_name) ||
		    (size_t)snprintf(path, sizeof(path), "%.*s/%s", len, own, e->d_name) >=
			sizeof(path))
			continue;
		if (is_left(path, time(NULL)) && unlink(path) == 0)
			shadow_remove(path);
	}
	if (d)
		closedir(d);
}
