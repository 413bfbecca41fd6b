/* SPDX-License-Identifier: MIT */
/* The kernel's user interface of the three devices. Its headers lean on two types and two flags of
 * Xen's own headers, which need not be installed. */
#ifndef BINDING_UAPI_H
#define BINDING_UAPI_H

#include <stdint.h>
#include <sys/ioctl.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;

#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define GNTCOPY_SOURCE_GREF 1U
#define GNTCOPY_DEST_GREF   2U

#endif
