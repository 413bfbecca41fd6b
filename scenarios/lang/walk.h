/* SPDX-License-Identifier: MIT */
/*
 * A structure of an ioctl in somebody's memory, field by field: what a call hands in, or what it fills
 * in. For who prints calls that no script stands behind.
 */
#ifndef SCN_WALK_H
#define SCN_WALK_H

#include "layout.h"

/* What a field's number says. */
enum scn_meaning {
	SCN_IS_NUMBER,
	SCN_IS_DOMID,
	SCN_IS_ADDRESS,
	SCN_IS_NOTIFY_ACTION, /* UNMAP_NOTIFY_* */
	SCN_IS_ALLOC_FLAGS,   /* GNTALLOC_FLAG_* */
	SCN_IS_COPY_FLAGS,    /* GNTCOPY_* */
	SCN_IS_GNTST,
	SCN_IS_VIRQ,
};

enum scn_meaning scn_meaning_of(const struct scn_layout *layout, const struct scn_field *field);

/* Reads memory as it was when the call looked at it. False: it can't be had. */
typedef bool scn_fetch(void *ctx, uint64_t addr, void *out, size_t len);

/* Is told of each part in order. `name`: NULL for an element of a list. */
struct scn_visitor {
	void *ctx;
	void (*begin)(void *ctx, const char *name, bool list);
	void (*end)(void *ctx, bool list);
	void (*number)(void *ctx, const char *name, int64_t value, enum scn_meaning meaning);
	/* Memory that can't be had. */
	void (*unknown)(void *ctx, const char *name);
	/* Of a list, so many more are not told. */
	void (*more)(void *ctx, uint64_t n);
};

enum scn_way { SCN_WAY_IN, SCN_WAY_OUT };

/* Whether a call fills in anything of the structure. */
bool scn_layout_has_results(const struct scn_layout *layout);

/*
 * Walks the structure at `addr`; of each list at most `most` elements. A list's length is what the
 * structure says, read by `fetch` too.
 */
void scn_walk(const struct scn_layout *layout, enum scn_way way, uint64_t addr, scn_fetch *fetch,
	      void *fetch_ctx, uint32_t most, const struct scn_visitor *v);

#endif
