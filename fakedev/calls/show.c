/* SPDX-License-Identifier: MIT */
/* What stat and access say of a node. */
#include "calls.h"
#include "place/place.h"

#include <linux/major.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* sysfs says a page of each of its files, whatever is in it. */
static off_t size_of(const struct place *p)
{
	return p->kind == PLACE_TEXT && strncmp(p->path, "/sys/", 5) == 0 ? 4096 : 0;
}

static nlink_t links_of(const struct place *p)
{
	return p->kind == PLACE_FOLDER ? 2 : 1;
}

/* A file of the kernel's that is of no kind (alloc_anon_inode()). */
#define DMABUF_MODE 0600u

void node_stat(int node, uint32_t uid, uint32_t gid, struct stat *st)
{
	const struct place *p = place_at(node);

	memset(st, 0, sizeof(*st));
	if (node >= LIB_DMABUF) {
		*st = (struct stat){.st_mode = DMABUF_MODE,
				    .st_nlink = 1,
				    .st_uid = uid,
				    .st_gid = gid,
				    .st_size = (off_t)(node - LIB_DMABUF) * 4096,
				    .st_blocks = (blkcnt_t)(node - LIB_DMABUF) * 8,
				    .st_blksize = 4096};
		return;
	}
	st->st_mode = p->mode;
	st->st_nlink = links_of(p);
	st->st_ino = (ino_t)node + 1;
	st->st_uid = uid;
	st->st_gid = gid;
	st->st_size = size_of(p);
	st->st_rdev = S_ISCHR(p->mode) ? makedev(MISC_MAJOR, p->minor) : 0;
	st->st_blksize = 4096;
}

void node_statx(int node, uint32_t uid, uint32_t gid, struct statx *st)
{
	struct stat s;

	node_stat(node, uid, gid, &s);
	memset(st, 0, sizeof(*st));
	st->stx_mask = STATX_BASIC_STATS;
	if (node < LIB_DMABUF)
		st->stx_mask &= ~(unsigned int)STATX_BLOCKS;
	st->stx_mode = (uint16_t)s.st_mode;
	st->stx_nlink = (uint32_t)s.st_nlink;
	st->stx_ino = s.st_ino;
	st->stx_uid = uid;
	st->stx_gid = gid;
	st->stx_size = (uint64_t)s.st_size;
	st->stx_rdev_major = major(s.st_rdev);
	st->stx_rdev_minor = minor(s.st_rdev);
	st->stx_blksize = (uint32_t)s.st_blksize;
	st->stx_blocks = (uint64_t)s.st_blocks;
}

int node_access(int node, int mode)
{
	const struct place *p = place_at(node);

	if (!p)
		return -ENOTDIR;
	if ((mode & X_OK) && p->kind != PLACE_FOLDER)
		return -EACCES;
	return (mode & W_OK) && p->kind == PLACE_TEXT && !(p->mode & 0200) ? -EACCES : 0;
}

int node_of_file(const struct device *d)
{
	if (d->device == WIRE_DEV_DMABUF)
		return LIB_DMABUF + (int)d->minor;
	/* A parameter tells itself. */
	return d->device == WIRE_DEV_PARAMETER ? (int)d->minor
					       : place_of_device(d->device, d->minor);
}
