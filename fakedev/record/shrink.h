/* SPDX-License-Identifier: MIT */
/* Makes a script shorter while somebody still wants it. */
#ifndef FAKEDEV_RECORD_SHRINK_H
#define FAKEDEV_RECORD_SHRINK_H

#include "lang/source.h"

/* What is asked of each shorter script, which is whole: it parses. */
struct shrink_judge {
	void *ctx;
	/* 1: it still shows what matters; 0: it does not; a negative errno: ask no more. */
	int (*wanted)(void *ctx, const char *text, size_t len);
};

struct shrink_totals {
	uint32_t before, after; /* statements */
	uint32_t trials;
	bool ended; /* the judge had enough before all was tried */
};

/*
 * Statements are left out, ever fewer at a time; with each go those that mean nothing without it. The
 * shortest script that was wanted is `out`.
 * @return 0; -EINVAL: it does not parse, see `errors`; -ECANCELED: the whole script is not wanted; an
 * error of the judge's about the whole script; -ENOMEM
 */
int shrink_script(const struct scn_source *src, const struct shrink_judge *judge,
		  struct scn_buf *out, struct shrink_totals *totals, struct scn_errors *errors);

#endif
