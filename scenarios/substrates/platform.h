/* SPDX-License-Identifier: MIT */
/* What this very machine is: its kernel, hypervisor, architecture, and Xen's security module. */
#ifndef SCN_PLATFORM_H
#define SCN_PLATFORM_H

#include "lang/ast.h"

/* By what uname(2) says: with its patch level; all 0 if it can't be understood. */
struct scn_version scn_kernel_of(const char *release, const char *version);
/* With its patch level; all 0 if it can't be found out. */
struct scn_version scn_kernel_here(void);
/* `dir`: where the device nodes are. It makes a port for nobody, and closes it. */
struct scn_platform scn_platform_here(const char *dir);

#endif
