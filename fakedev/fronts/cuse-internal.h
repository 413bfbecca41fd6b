/* SPDX-License-Identifier: MIT */
/**
 * @file cuse-internal.h
 * What the CUSE front's two files share.
 */
#ifndef FAKEDEV_CUSE_INTERNAL_H
#define FAKEDEV_CUSE_INTERNAL_H

#include "fuse-internal.h"

#include <cuse_lowlevel.h>

/** A character device. */
struct cuse_device {
	struct fuse_host host; /**< first */
	uint16_t domid;
	enum wire_device device;
};

void cuse_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi, unsigned int flags,
		const void *in, size_t in_len, size_t out_len);

#endif
