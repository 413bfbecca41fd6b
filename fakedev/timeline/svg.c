/* SPDX-License-Identifier: MIT */
/* A picture for reports: lanes from the top, the axis below, a legend. What moves is the page's. */
#include "svg.h"

#include <stdlib.h>
#include <string.h>

#include "embedded.h"

#define HEAD      58.0
#define LANE_HEAD 20.0
#define DOMAIN    26.0
#define GAP       8.0
#define MOST_ROWS 40u
#define TICKS     100.0

double svg_x(const struct svg *s, uint32_t call)
{
	const struct tl_call *c = s->t->calls, *last = &c[s->t->n_calls - 1];
	double room = SVG_WIDTH - 2 * SVG_MARGIN - 24, at;

	if (s->view->by_time)
		at = last->us > c->us ? (double)(c[call].us - c->us) / (double)(last->us - c->us)
				      : 0.5;
	else
		at = (c[call].x + 0.5) / s->t->steps;
	return SVG_MARGIN + 12 + at * room;
}

double svg_text_width(const char *text)
{
	double n = 0;

	/* A letter is not wider, in no font that is asked for; of UTF-8, first bytes count. */
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n * 6.5;
}

void svg_text(struct svg *s, double x, double y, const char *class_name, const char *text)
{
	scn_buf_printf(s->out, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
	if (class_name)
		scn_buf_printf(s->out, " class=\"%s\"", class_name);
	scn_buf_str(s->out, ">");
	tl_escape(s->out, text);
	scn_buf_str(s->out, "</text>\n");
}

static double lane_height(const struct svg *s, uint32_t n)
{
	uint32_t rows = s->n_rows[n] < MOST_ROWS ? s->n_rows[n] : MOST_ROWS;

	return LANE_HEAD + SVG_ROW * (1 + rows) + GAP;
}

/* @return where the lanes end */
static double place_lanes(struct svg *s)
{
	double y = HEAD;
	int domain = -1;

	for (uint32_t i = 0; i < s->t->n_lanes; i++) {
		uint32_t n = s->t->order[i];

		if (!s->t->lanes[n].shown)
			continue;
		if (s->t->lanes[n].domain != domain)
			y += DOMAIN;
		domain = s->t->lanes[n].domain;
		s->tops[n] = y + LANE_HEAD;
		y += lane_height(s, n);
	}
	return y;
}

static void draw_life(struct svg *s, uint32_t n)
{
	const struct tl_lane *lane = &s->t->lanes[n];
	double from = svg_x(s, lane->from), y = s->tops[n] + SVG_ROW / 2;
	uint32_t end = lane->ending == TL_NONE ? TL_NONE : s->t->items[lane->ending].from;
	double to = end == TL_NONE ? SVG_WIDTH - SVG_MARGIN : svg_x(s, end);

	if (lane->pid)
		scn_buf_printf(s->out, "<path class=\"life\" d=\"M%.1f %.1fH%.1f\"/>\n", from, y,
			       to);
}

static void name_lane(const struct svg *s, struct scn_buf *name, uint32_t n)
{
	tl_lane_name(name, &s->t->lanes[n]);
	if (s->n_rows[n] > MOST_ROWS)
		scn_buf_printf(name, "  (%u rows; the first %u are drawn)", s->n_rows[n],
			       MOST_ROWS);
}

static void draw_names(struct svg *s)
{
	for (uint32_t n = 0; n < s->t->n_lanes; n++) {
		scn_cleanup_buf struct scn_buf name = {0};

		if (!s->t->lanes[n].shown)
			continue;
		name_lane(s, &name, n);
		svg_text(s, SVG_MARGIN + 8, s->tops[n] - 5, "name", scn_buf_text(&name));
	}
}

static void draw_lane(struct svg *s, uint32_t n, bool first)
{
	const struct tl_lane *lane = &s->t->lanes[n];
	scn_cleanup_buf struct scn_buf name = {0};
	double top = s->tops[n] - LANE_HEAD;

	if (first) {
		scn_buf_printf(&name, "domain %u", lane->domain);
		scn_buf_printf(s->out, "<path class=\"rule\" d=\"M%.0f %.1fH%.0f\"/>\n", SVG_MARGIN,
			       top - DOMAIN + 6, SVG_WIDTH - SVG_MARGIN);
		svg_text(s, SVG_MARGIN, top - 5, "domain", scn_buf_text(&name));
		scn_buf_clear(&name);
	}
	scn_buf_printf(s->out,
		       "<rect class=\"band\" x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" "
		       "rx=\"4\"/>\n",
		       SVG_MARGIN, top, SVG_WIDTH - 2 * SVG_MARGIN, lane_height(s, n) - GAP);
	name_lane(s, &name, n);
	s->labelled[n] = SVG_MARGIN + 8 + svg_text_width(scn_buf_text(&name)) + 10;
	draw_life(s, n);
}

static void draw_lanes(struct svg *s)
{
	int domain = -1;

	for (uint32_t i = 0; i < s->t->n_lanes; i++) {
		uint32_t n = s->t->order[i];

		if (!s->t->lanes[n].shown)
			continue;
		draw_lane(s, n, s->t->lanes[n].domain != domain);
		domain = s->t->lanes[n].domain;
	}
}

static void draw_runs(struct svg *s)
{
	for (uint32_t i = 0; i < s->t->n_runs && !s->view->by_time; i++) {
		const struct tl_run *run = &s->t->runs[i];
		double from = svg_x(s, run->first), to = svg_x(s, run->first + run->n - 1);

		s->used[SVG_RUN] = true;
		for (uint32_t k = 0; k < s->t->n_lanes; k++) {
			scn_cleanup_buf struct scn_buf words = {0};
			uint32_t of_lane = 0;

			for (uint32_t c = run->first; c < run->first + run->n; c++)
				of_lane += s->t->calls[c].lane == k;
			if (!of_lane || !s->t->lanes[k].shown)
				continue;
			scn_buf_printf(s->out,
				       "<rect class=\"run\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
				       "height=\"%.1f\" rx=\"3\"/>\n",
				       from - 2, s->tops[k] + 2, to - from + 4, SVG_ROW - 4);
			scn_buf_printf(&words, "×%u", of_lane);
			if (svg_text_width(scn_buf_text(&words)) > to - from ||
			    from < s->labelled[k])
				continue;
			svg_text(s, from + 2, s->tops[k] - 5, "soft", scn_buf_text(&words));
			s->labelled[k] = from + svg_text_width(scn_buf_text(&words)) + 10;
		}
	}
}

static void draw_calls(struct svg *s)
{
	for (uint32_t i = 0; i < s->t->n_calls; i++) {
		const struct tl_call *c = &s->t->calls[i];
		double x = svg_x(s, i);
		uint64_t key = (uint64_t)(x * 2);

		if (!s->t->lanes[c->lane].shown ||
		    tl_find(&s->drawn, TL_BY_PROCESS, c->lane, key) != TL_NONE)
			continue;
		tl_set(&s->drawn, TL_BY_PROCESS, c->lane, key, 0);
		scn_buf_printf(s->out, "<path class=\"call\" d=\"M%.1f %.1fv%.1f\"><title>", x,
			       s->tops[c->lane] + 5, SVG_ROW - 10);
		tl_escape(s->out, s->t->texts.data + c->text);
		scn_buf_str(s->out, "</title></path>\n");
	}
}

static void draw_axis(struct svg *s, double y)
{
	double last = -TICKS;

	scn_buf_printf(s->out, "<path class=\"rule\" d=\"M%.0f %.1fH%.0f\"/>\n", SVG_MARGIN, y,
		       SVG_WIDTH - SVG_MARGIN);
	for (uint32_t i = 0; i < s->t->n_calls; i++) {
		scn_cleanup_buf struct scn_buf words = {0};
		double x = svg_x(s, i);

		if (x < last + TICKS)
			continue;
		last = x;
		scn_buf_printf(&words, "%.3f ms", (double)s->t->calls[i].us / 1000);
		if (x + svg_text_width(scn_buf_text(&words)) > SVG_WIDTH)
			break;
		scn_buf_printf(s->out, "<path class=\"rule\" d=\"M%.1f %.1fv5\"/>\n", x, y);
		svg_text(s, x - 3, y + 18, "soft", scn_buf_text(&words));
	}
}

static void write_head(struct svg *s, double height)
{
	scn_cleanup_buf struct scn_buf words = {0};
	const struct timeline *t = s->t;

	scn_buf_printf(s->out,
		       "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		       "width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-labelledby=\"t d\">\n"
		       "<title id=\"t\">",
		       SVG_WIDTH, height, SVG_WIDTH, height);
	tl_escape(s->out, s->view->title);
	scn_buf_printf(&words, "%u calls, %.3f ms to %.3f ms; %s%s", t->n_calls,
		       (double)t->calls[0].us / 1000, (double)t->calls[t->n_calls - 1].us / 1000,
		       s->view->by_time ? "true to time" : "each call has the same room",
		       t->cut ? "; the trace is cut" : "");
	scn_buf_printf(s->out, "</title>\n<desc id=\"d\">%s</desc>\n<style>\n%s</style>\n",
		       scn_buf_text(&words), tl_style_css);
	scn_buf_str(s->out, "<defs><pattern id=\"wait\" width=\"6\" height=\"6\" "
			    "patternUnits=\"userSpaceOnUse\"><rect class=\"wait-ground\" "
			    "width=\"6\" height=\"6\"/><path class=\"wait\" d=\"M0 6L6 0\"/>"
			    "</pattern></defs>\n");
	scn_buf_printf(s->out, "<rect class=\"ground\" width=\"%.0f\" height=\"%.0f\"/>\n",
		       SVG_WIDTH, height);
	svg_text(s, SVG_MARGIN, 26, "title", s->view->title);
	svg_text(s, SVG_MARGIN, 46, "soft", scn_buf_text(&words));
}

static void draw(struct svg *s)
{
	scn_cleanup_buf struct scn_buf body = {0};
	struct scn_buf *out = s->out;
	double y;

	svg_measure(s);
	tl_pack(s->t, s->left, s->right, s->rows, s->n_rows);
	if (s->t->failed)
		return;
	for (uint32_t i = 0; i < s->t->n_items; i++)
		if (s->rows[i] > MOST_ROWS)
			s->rows[i] = TL_NONE;
	y = place_lanes(s);
	s->out = &body;
	draw_lanes(s);
	draw_runs(s);
	draw_calls(s);
	svg_items(s);
	draw_names(s);
	draw_axis(s, y);
	y = svg_legend(s, y + 34);
	s->out = out;
	write_head(s, y);
	scn_buf_add(out, scn_buf_text(&body), body.len);
	scn_buf_str(out, "</svg>\n");
	out->failed = out->failed || body.failed;
}

void timeline_write_svg(struct timeline *t, const struct timeline_view *view, struct scn_buf *out)
{
	struct svg s = {.t = t, .view = view, .out = out};
	size_t n = t->n_items + 1;

	s.left = calloc(n, sizeof(*s.left));
	s.right = calloc(n, sizeof(*s.right));
	s.words = calloc(n, sizeof(*s.words));
	s.rows = calloc(n, sizeof(*s.rows));
	s.n_rows = calloc(t->n_lanes, sizeof(*s.n_rows));
	s.tops = calloc(t->n_lanes, sizeof(*s.tops));
	s.labelled = calloc(t->n_lanes, sizeof(*s.labelled));
	if (s.left && s.right && s.words && s.rows && s.n_rows && s.tops && s.labelled)
		draw(&s);
	else
		out->failed = true;
	out->failed = out->failed || t->failed;
	tl_table_free(&s.drawn);
	free(s.left);
	free(s.right);
	free(s.words);
	free(s.rows);
	free(s.n_rows);
	free(s.tops);
	free(s.labelled);
}
