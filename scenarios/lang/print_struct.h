/* SPDX-License-Identifier: MIT */
/* Values of the drivers' structures as a script has them: dom1, UNMAP_NOTIFY_CLEAR_BYTE, 0x1000. */
#ifndef SCN_PRINT_STRUCT_H
#define SCN_PRINT_STRUCT_H

#include "walk.h"

/* A number by what it says. */
void scn_print_meaning(struct scn_buf *b, int64_t value, enum scn_meaning meaning);
/* "{count=1, refs=[{domid=dom0, ref=8}]}"; see scn_walk(). What can't be had is "?". */
void scn_print_struct(struct scn_buf *b, const struct scn_layout *layout, enum scn_way way,
		      uint64_t addr, scn_fetch *fetch, void *fetch_ctx, uint32_t most);

#endif
