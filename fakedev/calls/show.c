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
	const struct place *p = place_at(node);

	memset(st, 0, sizeof(*st));
	if (node >= LIB_DMABUF) {
		*st = (struct statx){.stx_mask = STATX_BASIC_STATS,
				     .stx_mode = DMABUF_MODE,
				     .stx_nlink = 1,
				     .stx_uid = uid,
				     .stx_gid = gid,
				     .stx_size = (uint64_t)(node - LIB_DMABUF) * 4096,
				     .stx_blocks = (uint64_t)(node - LIB_DMABUF) * 8,
				     .stx_blksize = 4096};
		return;
	}
	st->stx_mask = STATX_BASIC_STATS & ~(unsigned int)STATX_BLOCKS;
	st->stx_mode = (uint16_t)p->mode;
	st->stx_nlink = (uint32_t)links_of(p);
	st->stx_ino = (uint64_t)node + 1;
	st->stx_uid = uid;
	st->stx_gid = gid;
	st->stx_size = (uint64_t)size_of(p);
	st->stx_rdev_major = S_ISCHR(p->mode) ? MISC_MAJOR : 0;
	st->stx_rdev_minor = S_ISCHR(p->mode) ? p->minor : 0;
	st->stx_blksize = 4096;
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
