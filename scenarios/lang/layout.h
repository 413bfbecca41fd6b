/* SPDX-License-Identifier: MIT */
/*
 * The drivers' ioctls and how their structures lie in memory (x86-64). Numbers, names and
 * structures from Linux include/uapi/xen/{gntalloc,gntdev,evtchn}.h.
 */
#ifndef SCN_LAYOUT_H
#define SCN_LAYOUT_H

#include "text.h"

enum scn_field_kind {
	SCN_F_UINT,
	SCN_F_SINT,
	SCN_F_STRUCT,  /* of layout `of`, in place */
	SCN_F_TAIL,    /* an array in place, as long as the field `count` says */
	SCN_F_POINTER, /* the address of an array */
};

struct scn_field {
	const char *name;
	uint16_t offset, size; /* size of one element for arrays */
	enum scn_field_kind kind;
	const struct scn_layout *of; /* elements; NULL: plain numbers */
};

struct scn_layout {
	const char *name;
	uint16_t size;
	uint16_t n_fields;
	const struct scn_field *fields;
};

struct scn_ioctl {
	const char *name;
	uint32_t number;
	const struct scn_layout *layout; /* NULL: no argument */
};

/* Every number that the headers of a kernel have; nth from 0. */
uint32_t scn_ioctl_count(void);
const struct scn_ioctl *scn_ioctl_nth(uint32_t n);
const struct scn_ioctl *scn_ioctl_by_name(struct scn_str name);
/* The first of that number: gntalloc's and gntdev's SET_UNMAP_NOTIFY share one. */
const struct scn_ioctl *scn_ioctl_by_number(uint64_t number);
/* That number on a file of gntdev, or on one of the others. */
const struct scn_ioctl *scn_ioctl_on(uint64_t number, bool gntdev);
const struct scn_field *scn_field_find(const struct scn_layout *layout, struct scn_str name);
/* "count, index, refs": for messages. */
void scn_layout_describe(const struct scn_layout *layout, struct scn_buf *out);

#endif
