/* SPDX-License-Identifier: MIT */
/* --why: the chain that keeps something alive. */
#ifndef FAKEDEV_COMMAND_SHOW_WHY_H
#define FAKEDEV_COMMAND_SHOW_WHY_H

#include "command/show/rows.h"
#include "command/show/tables.h"

/* What a chain is asked of. */
struct why {
	enum why_kind { WHY_GRANT, WHY_FRAME, WHY_PORT, WHY_HANDLE, WHY_ADDRESS } kind;
	uint32_t domid; /* ADDRESS: the process */
	uint64_t number;
};
/* dom0:8 (or dom0:gref:8), frame:3, dom1:port:2, dom1:handle:0, PID:0xADDRESS. False: it is none. */
bool why_parse(const char *text, struct why *out);

/* The chain on standard output, or as JSON. False: there is no such thing, which was said. */
bool why_print(const struct why *w, const struct rows *r, bool as_json);

#endif
