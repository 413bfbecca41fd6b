/* SPDX-License-Identifier: MIT */
/**
 * @file uapi.h
 * The kernel's user interface of the three devices. The headers of linux-libc-dev lean on two
 * types and two flags of Xen's own headers, which need not be installed.
 */
#ifndef FAKEDEV_UAPI_H
#define FAKEDEV_UAPI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;

#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

/* Linux 6.5's; Debian 12's headers are older. */
#ifndef IOCTL_EVTCHN_BIND_STATIC
#define IOCTL_EVTCHN_BIND_STATIC _IOC(_IOC_NONE, 'E', 7, sizeof(struct ioctl_evtchn_bind))
struct ioctl_evtchn_bind {
	unsigned int port;
};
#endif

/* No release of Linux has these two: they are in Xen's and others' trees. */
#ifndef IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2
#define IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2                                                       \
	_IOC(_IOC_NONE, 'G', 13, sizeof(struct ioctl_gntdev_dmabuf_exp_from_refs_v2))
struct ioctl_gntdev_dmabuf_exp_from_refs_v2 {
	uint32_t flags, count, data_ofs, fd, domid;
	uint32_t refs[1];
};
#define IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2                                                         \
	_IOC(_IOC_NONE, 'G', 14, sizeof(struct ioctl_gntdev_dmabuf_imp_to_refs_v2))
struct ioctl_gntdev_dmabuf_imp_to_refs_v2 {
	uint32_t fd, count, domid, reserved, data_ofs;
	uint32_t refs[1];
};
#endif

/* Xen's public/grant_table.h. */
#define GNTCOPY_source_gref (1 << 0)
#define GNTCOPY_dest_gref   (1 << 1)

/** Is it a call of gntdev's on dma-bufs? They have to do with descriptors of the caller's. */
static inline bool dmabuf_is_call(uint32_t cmd)
{
	switch (cmd) {
	case IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS:
	case IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2:
	case IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED:
	case IOCTL_GNTDEV_DMABUF_IMP_TO_REFS:
	case IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2:
	case IOCTL_GNTDEV_DMABUF_IMP_RELEASE:
		return true;
	default:
		return false;
	}
}

#endif
