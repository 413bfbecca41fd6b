/* SPDX-License-Identifier: MIT */
/* Where things stand: names, the order of lanes, the axis of steps, rows. */
#include "model.h"

#include <stdlib.h>

#include "lang/constants.h"

static void name_refs(struct scn_buf *b, const struct tl_item *i)
{
	scn_buf_printf(b, "grant %u", i->ref);
	if (i->count > 1)
		scn_buf_printf(b, " and %u more", i->count - 1);
	scn_buf_printf(b, " of dom%u", i->domain);
}

static void name_event(struct scn_buf *b, const struct tl_item *i)
{
	scn_buf_printf(b, "%s for port %u of dom%u%s",
		       i->origin == TL_NONE ? "event" : "notification: event", i->port, i->domain,
		       i->lost      ? ": lost, the ring overflows"
		       : i->pending ? ": pending"
				    : "");
}

static const char *errno_text(int err)
{
	const char *name = scn_errno_name(err);

	return name ? name : "an errno without a name";
}

static void name_briefly(struct scn_buf *b, const struct tl_item *i)
{
	static const char *const marks[] = {
	    [TL_ENDED] = "ends",        [TL_EXEC] = "exec",       [TL_DESTROYED] = "destroyed",
	    [TL_REFUSED] = "refused",   [TL_FAILED] = "error",    [TL_CLEARED] = "byte cleared",
	    [TL_UNHEARD] = "to nobody", [TL_REVOKED] = "revoked", [TL_ARMED] = "armed",
	};

	if (i->kind == TL_MARK) {
		scn_buf_str(b, i->mark == TL_FAILED ? errno_text(i->err) : marks[i->mark]);
		return;
	}
	scn_buf_printf(b, "%s%u",
		       i->kind == TL_EVENT ? "event "
		       : i->kind == TL_MAP ? "map of "
					   : "grant ",
		       i->kind == TL_EVENT ? i->port : i->ref);
	if (i->count > 1)
		scn_buf_printf(b, "–%u", i->ref + i->count - 1);
}

static void name_item(struct scn_buf *b, const struct tl_item *i)
{
	switch (i->kind) {
	case TL_GRANT:
		name_refs(b, i);
		scn_buf_printf(b, " for dom%u%s", i->peer, i->readonly ? ", read-only" : "");
		break;
	case TL_MAP:
		scn_buf_str(b, "map of ");
		name_refs(b, i);
		scn_buf_str(b, i->readonly ? ", read-only" : "");
		break;
	case TL_EVENT:
		name_event(b, i);
		break;
	case TL_MARK:
		scn_buf_str(b, tl_mark_word(i->mark));
		if (i->mark == TL_REFUSED)
			scn_buf_printf(b, ": grant %u of dom%u", i->ref, i->domain);
		else if (i->mark == TL_FAILED)
			scn_buf_printf(b, ": %s", errno_text(i->err));
		break;
	}
}

struct key {
	uint32_t lane;
	uint64_t rank;
};

static int compare(const void *left, const void *right)
{
	const struct key *l = left, *r = right;

	return l->rank == r->rank ? 0 : l->rank < r->rank ? -1 : 1;
}

/* By domain; what no process did stands last in it. */
static void order_lanes(struct timeline *t)
{
	struct key *keys = calloc(t->n_lanes, sizeof(*keys));

	t->order = calloc(t->n_lanes, sizeof(*t->order));
	if (!keys || !t->order) {
		t->failed = true;
		free(keys);
		return;
	}
	for (uint32_t i = 0; i < t->n_lanes; i++)
		keys[i] = (struct key){i, (uint64_t)t->lanes[i].domain << 40 |
					      (uint64_t)(t->lanes[i].pid == 0) << 39 | i};
	qsort(keys, t->n_lanes, sizeof(*keys), compare);
	for (uint32_t i = 0; i < t->n_lanes; i++)
		t->order[i] = keys[i].lane;
	free(keys);
}

static void place_calls(struct timeline *t)
{
	for (uint32_t i = 0; i < t->n_calls;) {
		uint32_t n = 0;
		double width = 1;

		while (i + n < t->n_calls && t->calls[i + n].traffic)
			n++;
		if (n > TL_LONG_RUN) {
			struct tl_run *run =
			    tl_grow(t, &t->runs, sizeof(*run), &t->n_runs, &t->runs_room);

			if (run)
				*run = (struct tl_run){i, n};
			width = (double)TL_LONG_RUN / n;
		}
		if (n == 0)
			n = 1;
		for (; n > 0; n--, t->steps += width)
			t->calls[i++].x = t->steps;
	}
}

void tl_place(struct timeline *t)
{
	for (uint32_t i = 0; i < t->n_items; i++) {
		struct tl_item *it = &t->items[i];

		name_item(&it->name, it);
		name_briefly(&it->brief, it);
		t->failed = t->failed || it->name.failed || it->brief.failed;
	}
	order_lanes(t);
	place_calls(t);
}

struct rows {
	double *busy; /* until where, of each row */
	uint32_t n, room;
};

void tl_pack(struct timeline *t, const double *left, const double *right, uint32_t *rows,
	     uint32_t *n)
{
	struct rows *lanes = calloc(t->n_lanes, sizeof(*lanes));

	for (uint32_t i = 0; lanes && i < t->n_items; i++) {
		struct rows *lane = &lanes[t->items[i].lane];
		double *busy = NULL;

		rows[i] = 0;
		if (!tl_is_span(&t->items[i]))
			continue;
		for (uint32_t k = 0; k < lane->n && !busy; k++)
			if (lane->busy[k] <= left[i])
				busy = &lane->busy[k];
		if (!busy)
			busy = tl_grow(t, &lane->busy, sizeof(*busy), &lane->n, &lane->room);
		if (!busy)
			break;
		*busy = right[i];
		rows[i] = (uint32_t)(busy - lane->busy) + 1;
	}
	for (uint32_t i = 0; lanes && i < t->n_lanes; i++) {
		n[i] = lanes[i].n;
		free(lanes[i].busy);
	}
	t->failed = t->failed || !lanes;
	free(lanes);
}
