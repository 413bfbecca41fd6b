/* SPDX-License-Identifier: MIT */
/* Mounting the FUSE front's tree: over /dev/xen in a mount namespace of the program's own, or at a
 * directory for everybody. */
#define _GNU_SOURCE
#include "command.h"
#include "substrates/unmount.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TREE_TYPE "fuse.gntsim"
/* Milliseconds for a device node to appear. */
#define DEVICE_TRIES 10000

/* Mounts a tree with the rights we have. @return the descriptor that serves it */
static int mount_tree(const char *dir, struct failure *f)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), err;
	char options[128];

	if (fd < 0)
		return fail(f, -errno, "the fuse front needs /dev/fuse: %s", strerror(errno));
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", fd, geteuid(),
		 getegid());
	if (mount("gntsim", dir, TREE_TYPE, MS_NOSUID | MS_NODEV | MS_NOATIME, options) < 0) {
		err = fail(f, -errno, "cannot mount FUSE at %s: %s", dir, strerror(errno));
		close(fd);
		return err;
	}
	return fd;
}

/* fusermount3 mounts for who may not: it sends the descriptor over a socket. */
static int mount_with_help(const char *dir, struct failure *f)
{
	char number[16], byte;
	struct iovec iov = {&byte, 1};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int pair[2], fd = -1, status = 0;
	ssize_t n;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(f, -errno, "cannot make a socket: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		snprintf(number, sizeof(number), "%d", pair[1]);
		fcntl(pair[1], F_SETFD, 0);
		setenv("_FUSE_COMMFD", number, 1);
		execlp("fusermount3", "fusermount3", "-o", "fsname=gntsim,subtype=gntsim", "--",
		       dir, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	n = child < 0 ? -1 : recvmsg(pair[0], &m, MSG_CMSG_CLOEXEC);
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	close(pair[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	if (fd < 0 && exit_status(status) != 127)
		return fail(f, -EPERM, "cannot mount at %s: fusermount3 refuses to", dir);
	if (fd < 0)
		return fail(f, -EPERM,
			    "cannot mount at %s: without root it takes fusermount3 (package fuse3)",
			    dir);
	return fd;
}

/* mountinfo writes a blank, tab, newline or backslash as its octal number. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		unsigned int c;

		if (*p == '\\' && sscanf(p, "\\%3o", &c) == 1) {
			*out++ = (char)c;
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* The number of the tree that is on top at the directory; 0: none, or another's file system hides it.
 * The directory of a tree whose broker died cannot be looked at. */
static unsigned int tree_at(const char *dir)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, point[PATH_MAX], type[64];
	unsigned int id, found = 0;
	size_t room = 0;

	while (mounts && getline(&line, &room, mounts) > 0) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%u %*s %*s %*s %4095s", &id, point) != 2 ||
		    sscanf(dash, " - %63s", type) != 1)
			continue;
		unescape(point);
		if (strcmp(point, dir) == 0)
			found = strcmp(type, TREE_TYPE) == 0 ? id : 0;
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return found;
}

/* What somebody mounted there since, or instead, is his. */
void unmount_shared(const char *dir, unsigned int id)
{
	if (id && tree_at(dir) == id && !scn_unmount(dir))
		complain("%s stays mounted: %s", dir, SCN_UNMOUNT_REFUSED);
}

int mount_shared(const char *dir, unsigned int *id, struct failure *f)
{
	int fd, err = look_at_directory(dir, NULL);

	/* Left by a broker that died. A tree that is served answers, and stays. */
	if (err == -ENOTCONN && tree_at(dir)) {
		if (!scn_unmount(dir))
			return fail(f, -EPERM, "a dead machine's tree is mounted at %s: %s", dir,
				    SCN_UNMOUNT_REFUSED);
		err = look_at_directory(dir, NULL);
	} else if (err != -ETIMEDOUT && tree_at(dir)) {
		return fail(f, -EBUSY, "another machine's tree is mounted at %s", dir);
	}
	if (err == -ETIMEDOUT)
		return fail(f, err, TREE_SILENT, dir);
	if (err < 0)
		return fail(f, -ENOTDIR, "cannot mount at %s: no such directory", dir);
	fd = mount_tree(dir, f);
	if (fd == -EPERM)
		fd = mount_with_help(dir, f);
	*id = fd < 0 ? 0 : tree_at(dir);
	return fd;
}

/* Hands the tree to the machine, which from then on serves it. */
static int hand_over(const struct joining *j, int fd, struct failure *f)
{
	struct machine_question q = {.fd = fd, .with_fd = true};
	struct wire_in in;
	int err, control = machine_connect(j, WIRE_ROLE_COMMAND, NULL, f);

	if (control < 0)
		return control;
	err = machine_ask(j, control, WIRE_MOUNT, &q, &in, f);
	close(control);
	if (err < 0)
		return err;
	err = (int)in.msg.result;
	wire_in_done(&in);
	if (err == -EBUSY)
		return fail(f, err,
			    "the machine at %s serves unassisted programs through one tree, which "
			    "is mounted elsewhere",
			    j->socket);
	return err < 0 ? fail(f, err, "the machine does not take the tree: %s", strerror(-err)) : 0;
}

static int show_folder(uint32_t domid, struct failure *f)
{
	char folder[32];

	snprintf(folder, sizeof(folder), "/dev/xen/%u", domid);
	if (mount(folder, "/dev/xen", NULL, MS_BIND, NULL) < 0)
		return fail(f, -errno, "cannot make domain %u's folder /dev/xen: %s", domid,
			    strerror(errno));
	return setenv("GNTSIM_NATIVE", "fuse", 1) < 0 ? -errno : 0;
}

/* The folder of a tree that is mounted already. */
static int show_mounted(const struct joining *j, struct failure *f)
{
	char folder[600];

	snprintf(folder, sizeof(folder), "%s/%u", j->tree, j->domid);
	if (mount(folder, "/dev/xen", NULL, MS_BIND, NULL) < 0)
		return fail(f, -errno, "cannot make %s /dev/xen: %s", folder, strerror(errno));
	return setenv("GNTSIM_NATIVE", "fuse", 1) < 0 ? -errno : 0;
}

int mount_own(const struct joining *j, struct failure *f)
{
	int fd, err = namespace_enter(f);

	if (err < 0)
		return err;
	if (j->tree && *j->tree)
		return show_mounted(j, f);
	fd = mount_tree("/dev/xen", f);
	if (fd < 0)
		return fd;
	err = hand_over(j, fd, f);
	/* The end of the broker must be the end of the tree: it alone keeps the descriptor. */
	close(fd);
	return err < 0 ? err : show_folder(j->domid, f);
}

void mount_store(void)
{
	const char *own = getenv("XENSTORED_RUNDIR");

	/* Where there is no such folder on the host, nothing is found there in a domain either. */
	if (own)
		mount(own, "/run/xenstored", NULL, MS_BIND, NULL);
}

/* Asks the machine for a domain's character devices. */
static int ask_for_devices(const struct joining *j, char *folder, size_t room, struct failure *f)
{
	struct machine_question q = {0};
	struct wire_in in;
	int err, control = machine_connect(j, WIRE_ROLE_COMMAND, NULL, f);

	if (control < 0)
		return control;
	err = machine_ask(j, control, WIRE_CUSE, &q, &in, f);
	close(control);
	if (err < 0)
		return err;
	err = (int)in.msg.result;
	if (err == 0)
		snprintf(folder, room, "/dev/%.*s", (int)in.msg.payload, (const char *)in.payload);
	wire_in_done(&in);
	if (err == -EBUSY)
		return fail(f, err, "the machine at %s serves unassisted programs only", j->socket);
	return err < 0 ? fail(f, err,
			      "the cuse front needs root and /dev/cuse (kernel module cuse): %s",
			      strerror(-err))
		       : 0;
}

int mount_cuse(const struct joining *j, struct failure *f)
{
	const struct timespec step = {.tv_nsec = 1000000};
	char folder[128], last[160];
	struct stat st;
	int err = ask_for_devices(j, folder, sizeof(folder), f);

	if (err < 0)
		return err;
	snprintf(last, sizeof(last), "%s/evtchn", folder);
	for (int i = 0; stat(last, &st) < 0; i++) {
		if (i == DEVICE_TRIES)
			return fail(f, -ETIMEDOUT, "%s does not appear (is /dev a devtmpfs?)",
				    last);
		nanosleep(&step, NULL);
	}
	err = namespace_enter(f);
	if (err < 0)
		return err;
	if (mount(folder, "/dev/xen", NULL, MS_BIND, NULL) < 0)
		return fail(f, -errno, "cannot make %s /dev/xen: %s", folder, strerror(errno));
	return setenv("GNTSIM_NATIVE", "cuse", 1) < 0 ? -errno : 0;
}
