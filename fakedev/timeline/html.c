/* SPDX-License-Identifier: MIT */
/* The page: its text stands in page.html, page.css and *.js; what it shows is JSON in it. */
#define _GNU_SOURCE
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "model.h"

/* The picture for paper is made of elements: of so many things it may be. On paper, what has more is as
 * it was on the screen. */
#define MOST_ON_PAPER 5000u

struct word {
	const char *text;
	uint32_t n;
};

struct page {
	struct timeline *t;
	const struct timeline_view *view;
	struct scn_buf *out;
	uint32_t *rows, *n_rows;
	/* A text that comes often stands there once. */
	void *words;
	const char **texts;
	uint32_t n_texts, room;
};

static int compare(const void *left, const void *right)
{
	const struct word *l = left, *r = right;

	return strcmp(l->text, r->text);
}

static uint32_t text_number(struct page *p, const char *text)
{
	const struct word key = {text, 0};
	void *const *found = tfind(&key, &p->words, compare);
	struct word *w;
	const char **place;

	if (found)
		return ((const struct word *)*found)->n;
	w = malloc(sizeof(*w));
	place = w ? tl_grow(p->t, &p->texts, sizeof(*place), &p->n_texts, &p->room) : NULL;
	if (!place) {
		free(w);
		p->t->failed = true;
		return 0;
	}
	*place = text;
	*w = (struct word){text, p->n_texts - 1};
	if (!tsearch(w, &p->words, compare)) {
		free(w);
		p->t->failed = true;
	}
	return p->n_texts - 1;
}

static void comma(struct page *p, uint32_t i)
{
	if (i)
		scn_buf_str(p->out, ",");
}

static void write_text(struct page *p, const char *text)
{
	scn_buf_str(p->out, "\"");
	tl_escape_json(p->out, text);
	scn_buf_str(p->out, "\"");
}

/* TL_NONE is -1 there. */
static void write_number(struct page *p, uint32_t i, uint32_t value)
{
	scn_buf_printf(p->out, "%s%d", i ? "," : "", value == TL_NONE ? -1 : (int)value);
}

static void write_list(struct page *p, const struct tl_list *list)
{
	scn_buf_str(p->out, ",[");
	for (uint32_t i = 0; i < list->n; i++)
		write_number(p, i, list->at[i]);
	scn_buf_str(p->out, "]");
}

static void write_lanes(struct page *p)
{
	const struct timeline *t = p->t;
	uint32_t n = 0;

	scn_buf_str(p->out, ",\n\"lanes\":[");
	for (uint32_t i = 0; i < t->n_lanes; i++) {
		const struct tl_lane *l = &t->lanes[i];
		scn_cleanup_buf struct scn_buf name = {0};

		comma(p, i);
		tl_lane_name(&name, l);
		scn_buf_printf(p->out,
			       "{\"domain\":%u,\"pid\":%u,\"shown\":%s,\"name\":", l->domain,
			       l->pid, l->shown ? "true" : "false");
		write_text(p, scn_buf_text(&name));
		scn_buf_str(p->out, ",\"from\":");
		write_number(p, 0, l->from);
		scn_buf_str(p->out, ",\"ending\":");
		write_number(p, 0, l->ending);
		scn_buf_str(p->out, "}");
	}
	scn_buf_str(p->out, "],\n\"order\":[");
	for (uint32_t i = 0; i < t->n_lanes; i++)
		if (t->lanes[t->order[i]].shown)
			write_number(p, n++, t->order[i]);
	scn_buf_str(p->out, "]");
}

static void write_runs(struct page *p)
{
	const struct timeline *t = p->t;
	uint32_t *of_lane = calloc(t->n_lanes, sizeof(*of_lane));

	scn_buf_printf(p->out, ",\n\"long\":%u,\"runs\":[", TL_LONG_RUN);
	for (uint32_t i = 0; of_lane && i < t->n_runs; i++) {
		const struct tl_run *run = &t->runs[i];

		memset(of_lane, 0, t->n_lanes * sizeof(*of_lane));
		for (uint32_t c = run->first; c < run->first + run->n; c++)
			of_lane[t->calls[c].lane]++;
		scn_buf_printf(p->out, "%s[%u,%u", i ? "," : "", run->first, run->n);
		for (uint32_t k = 0; k < t->n_lanes; k++)
			if (of_lane[k])
				scn_buf_printf(p->out, ",%u,%u", k, of_lane[k]);
		scn_buf_str(p->out, "]");
	}
	scn_buf_str(p->out, "]");
	p->t->failed = p->t->failed || !of_lane;
	free(of_lane);
}

static void write_calls(struct page *p)
{
	const struct timeline *t = p->t;
	uint32_t n = 0;

	scn_buf_str(p->out, ",\n\"us\":[");
	for (uint32_t i = 0; i < t->n_calls; i++)
		scn_buf_printf(p->out, "%s%lld", i ? "," : "",
			       (long long)(t->calls[i].us - (i ? t->calls[i - 1].us : 0)));
	scn_buf_str(p->out, "],\n\"lane\":[");
	for (uint32_t i = 0; i < t->n_calls; i++)
		write_number(p, i, t->calls[i].lane);
	scn_buf_str(p->out, "],\n\"text\":[");
	for (uint32_t i = 0; i < t->n_calls; i++)
		write_number(p, i, text_number(p, t->texts.data + t->calls[i].text));
	scn_buf_str(p->out, "],\n\"seen\":[");
	for (uint32_t i = 0; i < t->n_calls; i++)
		write_number(p, i, text_number(p, t->texts.data + t->calls[i].seen));
	scn_buf_str(p->out, "],\n\"failed\":[");
	for (uint32_t i = 0; i < t->n_calls; i++)
		if (t->calls[i].failed)
			write_number(p, n++, i);
	scn_buf_str(p->out, "]");
}

static void write_item(struct page *p, uint32_t n)
{
	const struct tl_item *i = &p->t->items[n];

	scn_buf_printf(p->out, "[%u,%u,%u,%u,%u", i->kind, i->mark, i->lane, p->rows[n], i->from);
	write_number(p, 1, i->to);
	write_number(p, 1, i->target);
	write_number(p, 1, i->origin);
	scn_buf_printf(p->out, ",%u", i->pending ? 1u : 0u);
	write_number(p, 1, text_number(p, tl_name(i)));
	write_number(p, 1, text_number(p, scn_buf_text(&i->brief)));
	write_list(p, &i->calls);
	write_list(p, &i->links);
	scn_buf_str(p->out, ",[");
	for (uint32_t k = 0; k < i->n_parts; k++)
		scn_buf_printf(p->out, "%s%u,%u", k ? "," : "", i->parts[k].call,
			       i->parts[k].state);
	scn_buf_str(p->out, "]]");
}

static void write_data(struct page *p)
{
	const struct timeline *t = p->t;

	scn_buf_str(p->out, "{\"name\":");
	write_text(p, t->name);
	scn_buf_printf(p->out, ",\"byTime\":%s", p->view->by_time ? "true" : "false");
	write_lanes(p);
	write_runs(p);
	write_calls(p);
	scn_buf_str(p->out, ",\n\"items\":[");
	for (uint32_t i = 0; i < t->n_items; i++) {
		comma(p, i);
		write_item(p, i);
	}
	scn_buf_str(p->out, "],\n\"texts\":[");
	for (uint32_t i = 0; i < p->n_texts; i++) {
		scn_buf_str(p->out, i ? ",\n" : "\n");
		write_text(p, p->texts[i]);
	}
	scn_buf_str(p->out, "]}");
}

static void write_about(struct page *p)
{
	const struct timeline *t = p->t;
	uint64_t from = t->calls[0].us, to = t->calls[t->n_calls - 1].us;

	scn_buf_printf(p->out, "%u call%s in %.3f ms%s", t->n_calls, t->n_calls == 1 ? "" : "s",
		       (double)(to - from) / 1000,
		       t->cut ? "; the trace is cut: its last line is not whole" : "");
}

static void write_part(struct page *p, const char *name, size_t n)
{
	const struct scn_str part = {name, n};

	if (scn_str_is(part, "TITLE"))
		tl_escape(p->out, p->view->title);
	else if (scn_str_is(part, "ABOUT"))
		write_about(p);
	else if (scn_str_is(part, "CSS"))
		scn_buf_str(p->out, tl_page_css);
	else if (scn_str_is(part, "DATA"))
		write_data(p);
	else if (scn_str_is(part, "SVG") && p->t->n_calls + p->t->n_items <= MOST_ON_PAPER)
		timeline_write_svg(p->t, p->view, p->out);
	else if (scn_str_is(part, "SCRIPT"))
		scn_buf_printf(p->out, "%s%s%s", tl_page_js, tl_draw_js, tl_tell_js);
}

/* By calls, so that spans stay in their rows whatever the scale. */
static void pack(struct page *p)
{
	struct timeline *t = p->t;
	double *left = calloc(t->n_items + 1, sizeof(*left));
	double *right = calloc(t->n_items + 1, sizeof(*right));

	for (uint32_t i = 0; left && right && i < t->n_items; i++) {
		left[i] = t->items[i].from;
		right[i] = t->items[i].to == TL_NONE ? UINT32_MAX : t->items[i].to + 1.0;
	}
	if (left && right)
		tl_pack(t, left, right, p->rows, p->n_rows);
	else
		t->failed = true;
	free(left);
	free(right);
}

void timeline_write_html(struct timeline *t, const struct timeline_view *view, struct scn_buf *out)
{
	struct page p = {.t = t, .view = view, .out = out};
	const char *at = tl_page_html;

	p.rows = calloc(t->n_items + 1, sizeof(*p.rows));
	p.n_rows = calloc(t->n_lanes, sizeof(*p.n_rows));
	if (p.rows && p.n_rows)
		pack(&p);
	else
		t->failed = true;
	while (!t->failed && *at) {
		size_t n = strcspn(at, "%");

		scn_buf_add(out, at, n);
		at += n;
		if (!*at)
			break;
		n = strcspn(at + 1, "%");
		write_part(&p, at + 1, n);
		at += n + 2;
	}
	out->failed = out->failed || t->failed;
	tdestroy(p.words, free);
	free(p.texts);
	free(p.rows);
	free(p.n_rows);
}
