/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_TIMELINE_SVG_H
#define FAKEDEV_TIMELINE_SVG_H

#include "model.h"

#define SVG_WIDTH  960.0
#define SVG_MARGIN 16.0
#define SVG_ROW    22.0

/** A picture in the making. */
struct svg {
	struct timeline *t;
	const struct timeline_view *view;
	struct scn_buf *out;
	double *left, *right;  /* of each item, px, words included */
	double *words;         /* where they begin; 0: there are none */
	uint32_t *rows;        /* of each item */
	uint32_t *n_rows;      /* of each lane */
	double *tops;          /* of each lane: its calls' row */
	double *labelled;      /* of each lane: until where its calls' row has words */
	bool many_events;      /* they are pale, where they would hide what they pass */
	struct tl_table drawn; /* what would only cover the like of it is left out */
	bool used[16];         /* for the legend: enum svg_sign */
};

enum svg_sign {
	SVG_GRANTED,
	SVG_MAPPED,
	SVG_DEFERRED,
	SVG_MAP,
	SVG_EVENT,
	SVG_PENDING,
	SVG_OWN,
	SVG_NOTICE,
	SVG_UNHEARD,
	SVG_ARMED,
	SVG_CLEARED,
	SVG_ENDS,
	SVG_BAD,
	SVG_RUN,
};

/** Where a call stands. */
double svg_x(const struct svg *s, uint32_t call);
/** About how wide a text is. */
double svg_text_width(const char *text);
void svg_text(struct svg *s, double x, double y, const char *class_name, const char *text);
/** Left and right ends of all items, words included, for their rows. */
void svg_measure(struct svg *s);
void svg_items(struct svg *s);
/** One of each kind, with words, from @p y on. @return where it ends */
double svg_legend(struct svg *s, double y);

#endif
