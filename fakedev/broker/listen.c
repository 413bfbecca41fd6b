/* SPDX-License-Identifier: MIT */
/* The socket's path, and what may be removed there: a dead socket that a broker made, and nothing
 * else. A lock file beside it, held while its broker lives, says which socket that is. */
#define _GNU_SOURCE
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MARK       "gntsim socket"
#define RECORD_MAX 128

/* What names a socket's file for good: a number alone may be given out again. Where the file system
 * tells no time of birth it is 0. */
static bool identify(const char *path, struct statx *x)
{
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, x) == 0;
}

static void write_record(char *out, const struct statx *x)
{
	bool born = (x->stx_mask & STATX_BTIME) != 0;

	snprintf(out, RECORD_MAX, MARK " %x:%x %llu %lld.%09u\n", x->stx_dev_major,
		 x->stx_dev_minor, (unsigned long long)x->stx_ino,
		 born ? (long long)x->stx_btime.tv_sec : 0, born ? x->stx_btime.tv_nsec : 0);
}

static bool is_recorded(const char *path, const char *record)
{
	char here[RECORD_MAX];
	struct statx x;

	if (!identify(path, &x) || !S_ISSOCK(x.stx_mode))
		return false;
	write_record(here, &x);
	return strcmp(here, record) == 0;
}

static int cannot(struct failure *f, int err, const char *path, const char *why)
{
	return fail(f, err, "cannot listen at %s: %s%s%s%s", path, strerror(-err), why ? " (" : "",
		    why ? why : "", why ? ")" : "");
}

static const char *kind_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return NULL;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return "a regular file is there";
	case S_IFDIR:
		return "a directory is there";
	case S_IFLNK:
		return "a symbolic link is there";
	case S_IFIFO:
		return "a FIFO is there";
	case S_IFSOCK:
		return "a socket is there that no broker of gntsim's left: if it is dead, remove "
		       "it";
	default:
		return "a device is there";
	}
}

/* It appears with its lock held and its mark in it: nobody finds it half made. @return a descriptor,
 * -EEXIST if another is there by now */
static int make_lock(const char *path)
{
	char *mine;
	int fd, err = 0;

	if (asprintf(&mine, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(mine, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		free(mine);
		return err;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || write(fd, MARK "\n", strlen(MARK) + 1) < 0 ||
	    link(mine, path) < 0)
		err = -errno;
	unlink(mine);
	free(mine);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* @return a descriptor with the lock held; -EAGAIN to try again */
static int take_lock(const char *path, char *record, const char **why)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), err = 0;
	struct stat ours, there;
	ssize_t n;

	if (fd < 0 && errno == ENOENT) {
		fd = make_lock(path);
		return fd == -EEXIST ? -EAGAIN : fd;
	}
	if (fd < 0 || fstat(fd, &ours) < 0)
		err = -errno;
	else if (!S_ISREG(ours.st_mode))
		err = -EEXIST;
	if (err == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	/* Whoever held it may have removed it, and a third made another. */
	if (err == 0 &&
	    (stat(path, &there) < 0 || there.st_dev != ours.st_dev || there.st_ino != ours.st_ino))
		err = -EAGAIN;
	if (err == 0) {
		n = pread(fd, record, RECORD_MAX - 1, 0);
		record[n > 0 ? n : 0] = '\0';
		if (strncmp(record, MARK, strlen(MARK)) != 0)
			err = -EEXIST;
	}
	if (err == -EEXIST)
		*why = "it is not a lock file of gntsim's";
	if (err == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

static int lock_path(struct listening *l, char *record, struct failure *f)
{
	const char *why = NULL;
	int fd;

	do {
		record[0] = '\0';
		fd = take_lock(l->lock_path, record, &why);
	} while (fd == -EAGAIN);
	if (fd == -EADDRINUSE)
		return cannot(f, fd, l->path, "a machine is served there");
	if (fd < 0)
		return fail(f, fd, "cannot listen at %s: its lock file %s: %s", l->path,
			    l->lock_path, why ? why : strerror(-fd));
	l->lock = fd;
	return 0;
}

static bool is_dead(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead;

	if (fd < 0)
		return false;
	dead =
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

/* What was bound a moment ago is ours, and nothing says so yet. */
static int without_socket(const struct listening *l, int err)
{
	unlink(l->path);
	return err;
}

static int bind_path(struct listening *l, int fd, const char *record, struct failure *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char now[RECORD_MAX];
	struct statx x;

	memcpy(addr.sun_path, l->path, strlen(l->path) + 1);
	/* Who held the lock before us left it, and has died. */
	if (*record && is_recorded(l->path, record) && is_dead(&addr))
		unlink(l->path);
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return cannot(f, -errno, l->path, errno == EADDRINUSE ? kind_of(l->path) : NULL);
	if (!identify(l->path, &x))
		return without_socket(l, cannot(f, -errno, l->path, NULL));
	write_record(now, &x);
	if (l->lock >= 0 && (pwrite(l->lock, now, strlen(now), 0) < 0 ||
			     ftruncate(l->lock, (off_t)strlen(now)) < 0))
		return without_socket(
		    l, fail(f, -errno, "cannot write %s: %s", l->lock_path, strerror(errno)));
	l->identity = strdup(now);
	if (!l->identity)
		return without_socket(l, fail(f, -ENOMEM, "out of memory"));
	l->bound = true;
	return 0;
}

int listen_start(struct listening *l, const char *path, bool own, struct failure *f)
{
	char record[RECORD_MAX] = "";
	int fd, err, on = 1;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return fail(f, -ENAMETOOLONG, "socket path is longer than %zu bytes: %s",
			    sizeof(((struct sockaddr_un *)0)->sun_path) - 1, path);
	l->path = strdup(path);
	if (!l->path || (!own && asprintf(&l->lock_path, "%s.lock", path) < 0)) {
		l->lock_path = NULL;
		return fail(f, -ENOMEM, "out of memory");
	}
	err = own ? 0 : lock_path(l, record, f);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(f, -errno, "cannot make a socket: %s", strerror(errno));
	err = bind_path(l, fd, record, f);
	/* Accepted sockets inherit it: a client may speak before client_add() has had a look at it. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (err == 0 && listen(fd, SOMAXCONN) < 0)
		err = cannot(f, -errno, path, NULL);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

void listen_end(struct listening *l)
{
	struct stat ours, there;

	if (l->bound && l->identity && is_recorded(l->path, l->identity))
		unlink(l->path);
	if (l->lock >= 0) {
		if (fstat(l->lock, &ours) == 0 && lstat(l->lock_path, &there) == 0 &&
		    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
			unlink(l->lock_path);
		close(l->lock);
	}
	free(l->identity);
	free(l->lock_path);
	free(l->path);
	*l = (struct listening){.lock = -1};
}
