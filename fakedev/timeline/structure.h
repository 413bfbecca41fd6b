/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_TIMELINE_STRUCTURE_H
#define FAKEDEV_TIMELINE_STRUCTURE_H

#include <json-c/json.h>

#include "lang/layout.h"

/** An ioctl's structure, as a trace in JSON has it, in the words of the text trace. */
void tl_print_structure(struct scn_buf *out, const struct scn_layout *layout,
			struct json_object *structure);

#endif
