/* SPDX-License-Identifier: MIT */
/* What stat and access say of a node. */
#include "calls.h"

#include <linux/major.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const unsigned int minors[WIRE_DEV_MAX] = {119, 118, 120, 121, 123, 0, 0};

static bool is_plain(int device)
{
	return device == WIRE_DEV_XSD_PORT || device == WIRE_DEV_XSD_KVA;
}

static uint16_t mode_of(int device)
{
	return (uint16_t)(is_plain(device) ? S_IFREG | 0600 : S_IFCHR | 0600);
}

void node_stat(int device, uint32_t uid, uint32_t gid, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = mode_of(device);
	st->st_nlink = 1;
	st->st_ino = (ino_t)device + 1;
	st->st_uid = uid;
	st->st_gid = gid;
	st->st_rdev = is_plain(device) ? 0 : makedev(MISC_MAJOR, minors[device]);
	st->st_blksize = 4096;
}

void node_statx(int device, uint32_t uid, uint32_t gid, struct statx *st)
{
	memset(st, 0, sizeof(*st));
	st->stx_mask = STATX_BASIC_STATS & ~(unsigned int)STATX_BLOCKS;
	st->stx_mode = mode_of(device);
	st->stx_nlink = 1;
	st->stx_ino = (uint64_t)device + 1;
	st->stx_uid = uid;
	st->stx_gid = gid;
	st->stx_rdev_major = is_plain(device) ? 0 : MISC_MAJOR;
	st->stx_rdev_minor = minors[device];
	st->stx_blksize = 4096;
}

int node_access(int device, int mode)
{
	if (device == LIB_BELOW_NODE)
		return -ENOTDIR;
	return mode & X_OK ? -EACCES : 0;
}
