/* SPDX-License-Identifier: MIT */
/* What this very machine is: its kernel, hypervisor, architecture, and Xen's security module; and what this
 * domain is in it. */
#ifndef SCN_PLATFORM_H
#define SCN_PLATFORM_H

#include "lang/ast.h"
#include "player/substrate.h"

/* By what uname(2) says: with its patch level; all 0 if it can't be understood. */
struct scn_version scn_kernel_of(const char *release, const char *version);
/* With its patch level; all 0 if it can't be found out. */
struct scn_version scn_kernel_here(void);
/* `dir`: where the device nodes are. It makes a port for nobody, and closes it. */
struct scn_platform scn_platform_here(const char *dir);
/* Whether gntdev there has its calls for dma-bufs. */
bool scn_dmabufs_here(const char *dir);
/* Whether all three devices are in `dir`, and may be used; what is missing is added to `why`. */
bool scn_devices_here(const char *dir, struct scn_buf *why);
/* This domain's id, as `options` say, else as Xen's or xenstored's files do; -1: can't be found out. */
int scn_domid_here(const struct scn_options *options);
/* What this domain is, likewise; false: can't be found out. */
bool scn_guest_here(const struct scn_options *options, enum scn_guest *out);

#endif
