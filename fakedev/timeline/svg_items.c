/* SPDX-License-Identifier: MIT */
/* The picture's spans, arrows and marks, and what they mean. */
#include "svg.h"

/* With more spans a lane has no words in it. */
#define MOST_WORDS  60u
#define MOST_EVENTS 200u
#define SMALL       2.0

static double edge(void)
{
	return SVG_WIDTH - SVG_MARGIN;
}

/* Right of what stands at a span's beginning: a notification is armed soon after it. */
static double words_begin(const struct svg *s, const struct tl_item *it, double width)
{
	double at = svg_x(s, it->from) + 4;

	for (uint32_t k = 0; k < it->links.n; k++) {
		const struct tl_item *mark = &s->t->items[it->links.at[k]];
		double x = svg_x(s, mark->from);

		if (mark->kind == TL_MARK && x - 7 < at + width && x + 9 > at)
			at = x + 9;
	}
	return at;
}

void svg_measure(struct svg *s)
{
	uint32_t spans = 0;

	for (uint32_t i = 0; i < s->t->n_items; i++)
		spans += tl_is_span(&s->t->items[i]);
	for (uint32_t i = 0; i < s->t->n_items; i++) {
		const struct tl_item *it = &s->t->items[i];
		double width;

		if (!tl_is_span(it))
			continue;
		if (spans > MOST_WORDS) {
			/* Rows by calls: what falls on one pixel may share one. */
			s->left[i] = it->from;
			s->right[i] = it->to == TL_NONE ? UINT32_MAX : it->to + 1.0;
			continue;
		}
		s->left[i] = svg_x(s, it->from);
		s->right[i] = it->to == TL_NONE ? edge() : svg_x(s, it->to);
		if (s->right[i] < s->left[i] + SMALL)
			s->right[i] = s->left[i] + SMALL;
		width = svg_text_width(scn_buf_text(&it->brief));
		s->words[i] = words_begin(s, it, width);
		if (s->words[i] + width > edge()) {
			s->words[i] = s->left[i] - width - 4;
			s->left[i] = s->words[i] - 4;
		} else if (s->words[i] + width > s->right[i]) {
			s->right[i] = s->words[i] + width + 4;
		}
	}
}

static double row_y(const struct svg *s, uint32_t n)
{
	const struct tl_item *it = &s->t->items[n];

	return s->tops[it->lane] + SVG_ROW * s->rows[n];
}

static void title(struct svg *s, const struct tl_item *it)
{
	scn_buf_str(s->out, "<title>");
	tl_escape(s->out, tl_name(it));
	if (it->calls.n) {
		scn_buf_str(s->out, ": ");
		tl_escape(s->out,
			  s->t->texts.data + s->t->calls[it->calls.at[it->calls.n - 1]].text);
	}
	scn_buf_str(s->out, "</title>");
}

static bool is_covered(struct svg *s, enum tl_space kind, uint32_t a, uint64_t b)
{
	if (tl_find(&s->drawn, kind, a, b) != TL_NONE)
		return true;
	tl_set(&s->drawn, kind, a, b, 0);
	return false;
}

static void draw_box(struct svg *s, const char *class_name, double from, double to, double y)
{
	scn_buf_printf(s->out,
		       "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		       "rx=\"2\"/>",
		       class_name, from, y + 2, to - from < SMALL ? SMALL : to - from, SVG_ROW - 5);
}

static void draw_parts(struct svg *s, const struct tl_item *it, double y, double end)
{
	static const struct {
		const char *name;
		enum svg_sign sign;
	} states[] = {{"granted", SVG_GRANTED}, {"mapped", SVG_MAPPED}, {"deferred", SVG_DEFERRED}};

	for (uint32_t k = 0; k < it->n_parts; k++) {
		double to = k + 1 < it->n_parts ? svg_x(s, it->parts[k + 1].call) : end;

		draw_box(s, states[it->parts[k].state].name, svg_x(s, it->parts[k].call), to, y);
		s->used[states[it->parts[k].state].sign] = true;
	}
}

static void draw_span(struct svg *s, uint32_t n)
{
	const struct tl_item *it = &s->t->items[n];
	double from = svg_x(s, it->from), to = it->to == TL_NONE ? edge() : svg_x(s, it->to), y;

	if (s->rows[n] == TL_NONE)
		return;
	y = row_y(s, n);
	if (to - from < SMALL &&
	    is_covered(s, TL_BY_REF, it->lane, (uint64_t)s->rows[n] << 32 | (uint64_t)from))
		return;
	scn_buf_str(s->out, "<g>");
	title(s, it);
	if (it->kind == TL_GRANT) {
		draw_parts(s, it, y, to);
	} else {
		draw_box(s, "map", from, to, y);
		s->used[SVG_MAP] = true;
	}
	if (s->words[n] > 0)
		svg_text(s, s->words[n], y + 15, NULL, scn_buf_text(&it->brief));
	scn_buf_str(s->out, "</g>\n");
}

static void draw_head(struct svg *s, const char *class_name, double x, double y, int down)
{
	scn_buf_printf(s->out, "<path class=\"%s-head\" d=\"M%.1f %.1fl-4 %dh8z\"/>", class_name, x,
		       y, down ? -7 : 7);
}

static void draw_event(struct svg *s, uint32_t n)
{
	const struct tl_item *it = &s->t->items[n];
	const char *class_name = it->origin == TL_NONE ? "event" : "notice";
	uint32_t sender = s->t->calls[it->from].lane;
	double x = svg_x(s, it->from), from, to;
	bool down;

	if (!s->t->lanes[it->target].shown || s->rows[n] == TL_NONE)
		return;
	from = it->origin != TL_NONE && s->rows[it->origin] != TL_NONE
		   ? row_y(s, it->origin) + SVG_ROW / 2
		   : s->tops[sender] + SVG_ROW / 2;
	to = s->tops[it->target] + SVG_ROW / 2;
	if (is_covered(s, TL_BY_PORT, sender, (uint64_t)it->target << 32 | (uint64_t)(x * 2)))
		return;
	scn_buf_str(s->out,
		    s->many_events && it->origin == TL_NONE ? "<g opacity=\".12\">" : "<g>");
	title(s, it);
	down = to > from;
	s->used[SVG_PENDING] = s->used[SVG_PENDING] || it->pending;
	if (from - to < 1 && to - from < 1) {
		s->used[SVG_OWN] = true;
		scn_buf_printf(s->out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
			       class_name, x, to);
	} else {
		s->used[it->origin == TL_NONE ? SVG_EVENT : SVG_NOTICE] = true;
		scn_buf_printf(s->out, "<path class=\"%s\" d=\"M%.1f %.1fV%.1f\"%s/>", class_name,
			       x, from, to + (down ? -7 : 7),
			       it->pending ? " stroke-dasharray=\"3 3\"" : "");
		draw_head(s, class_name, x, to, down);
	}
	scn_buf_str(s->out, "</g>\n");
}

/* Words of a mark stand above it where nothing else does. */
static void say_mark(struct svg *s, const struct tl_item *it, double x)
{
	const char *words = scn_buf_text(&it->brief);
	double width = svg_text_width(words) * 1.15, at = x - 5;

	if (at + width > edge() - 4)
		at = edge() - 4 - width;
	if (at < s->labelled[it->lane])
		return;
	s->labelled[it->lane] = at + width + 8;
	svg_text(s, at, s->tops[it->lane] - 5, "red", words);
}

static void draw_mark(struct svg *s, uint32_t n)
{
	const struct tl_item *it = &s->t->items[n];
	uint32_t of = it->origin == TL_NONE || s->rows[it->origin] == TL_NONE ? n : it->origin;
	double x = svg_x(s, it->from), y = row_y(s, of) + SVG_ROW / 2;

	if (is_covered(s, TL_BY_HANDLE, it->lane * 16 + it->mark,
		       (uint64_t)s->rows[of] << 32 | (uint64_t)x))
		return;
	scn_buf_str(s->out, "<g>");
	title(s, it);
	switch (it->mark) {
	case TL_ENDED:
	case TL_EXEC:
	case TL_DESTROYED:
		s->used[SVG_ENDS] = true;
		scn_buf_printf(s->out,
			       "<path class=\"death\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\"/>", x - 5,
			       y - 5);
		break;
	case TL_CLEARED:
		s->used[SVG_CLEARED] = true;
		scn_buf_printf(s->out, "<path class=\"cleared\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>",
			       x, y - 5);
		break;
	case TL_UNHEARD:
		s->used[SVG_UNHEARD] = true;
		scn_buf_printf(s->out,
			       "<circle class=\"notice\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>",
			       x + 9, y);
		break;
	case TL_ARMED:
		s->used[SVG_ARMED] = true;
		scn_buf_printf(s->out, "<path class=\"armed\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>",
			       x, y - 5);
		break;
	case TL_REFUSED:
	case TL_FAILED:
	case TL_REVOKED:
		s->used[SVG_BAD] = true;
		scn_buf_printf(s->out, "<path class=\"bad\" d=\"M%.1f %.1fl5 9h-10zm0 3v3\"/>", x,
			       y - 5);
		break;
	}
	scn_buf_str(s->out, "</g>\n");
	if (s->rows[of] == 0)
		say_mark(s, it, x);
}

void svg_items(struct svg *s)
{
	uint32_t events = 0;

	for (uint32_t i = 0; i < s->t->n_items; i++)
		if (tl_is_span(&s->t->items[i]))
			draw_span(s, i);
	for (uint32_t i = 0; i < s->t->n_items; i++)
		events += s->t->items[i].kind == TL_EVENT;
	s->many_events = events > MOST_EVENTS;
	for (uint32_t i = 0; i < s->t->n_items; i++)
		if (s->t->items[i].kind == TL_EVENT)
			draw_event(s, i);
	for (uint32_t i = 0; i < s->t->n_items; i++)
		if (s->t->items[i].kind == TL_MARK)
			draw_mark(s, i);
}

static void draw_sign(struct svg *s, enum svg_sign sign, double x, double y)
{
	static const char *const boxes[] = {"granted", "mapped", "deferred", "map"};

	switch (sign) {
	case SVG_GRANTED:
	case SVG_MAPPED:
	case SVG_DEFERRED:
	case SVG_MAP:
		draw_box(s, boxes[sign], x, x + 18, y - 15);
		break;
	case SVG_EVENT:
	case SVG_NOTICE:
		scn_buf_printf(s->out, "<path class=\"%s\" d=\"M%.1f %.1fv9\"/>",
			       sign == SVG_EVENT ? "event" : "notice", x + 9, y - 12);
		draw_head(s, sign == SVG_EVENT ? "event" : "notice", x + 9, y + 3, 1);
		break;
	case SVG_PENDING:
		scn_buf_printf(
		    s->out, "<path class=\"event\" stroke-dasharray=\"3 3\" d=\"M%.1f %.1fv15\"/>",
		    x + 9, y - 12);
		break;
	case SVG_OWN:
		scn_buf_printf(s->out, "<circle class=\"event\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
			       x + 9, y - 4);
		break;
	case SVG_CLEARED:
		scn_buf_printf(s->out, "<path class=\"cleared\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>",
			       x + 9, y - 9);
		break;
	case SVG_ARMED:
		scn_buf_printf(s->out, "<path class=\"armed\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"/>",
			       x + 9, y - 9);
		break;
	case SVG_UNHEARD:
		scn_buf_printf(s->out,
			       "<circle class=\"notice\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>",
			       x + 9, y - 4);
		break;
	case SVG_ENDS:
		scn_buf_printf(s->out,
			       "<path class=\"death\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\"/>", x + 4,
			       y - 9);
		break;
	case SVG_BAD:
		scn_buf_printf(s->out, "<path class=\"bad\" d=\"M%.1f %.1fl5 9h-10zm0 3v3\"/>",
			       x + 9, y - 9);
		break;
	case SVG_RUN:
		draw_box(s, "run", x, x + 18, y - 15);
		break;
	}
}

double svg_legend(struct svg *s, double y)
{
	static const char *const words[] = {
	    [SVG_GRANTED] = "granted",
	    [SVG_MAPPED] = "granted and mapped",
	    [SVG_DEFERRED] = "ended by its granter, still mapped",
	    [SVG_MAP] = "map of a grant",
	    [SVG_EVENT] = "event",
	    [SVG_PENDING] = "dashed: nobody takes it now",
	    [SVG_OWN] = "event that reaches its sender",
	    [SVG_NOTICE] = "event of a notification",
	    [SVG_UNHEARD] = "event of a notification, to nobody",
	    [SVG_ARMED] = "notification armed",
	    [SVG_CLEARED] = "byte cleared by a notification",
	    [SVG_ENDS] = "process, program or domain ends",
	    [SVG_BAD] = "refused or failed",
	    [SVG_RUN] = "many events, drawn as one",
	};
	double x = SVG_MARGIN;

	y += 10;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		double width = 24 + svg_text_width(words[i]) + 20;

		if (!s->used[i])
			continue;
		if (x + width > edge()) {
			x = SVG_MARGIN;
			y += SVG_ROW;
		}
		draw_sign(s, (enum svg_sign)i, x, y);
		svg_text(s, x + 24, y, "soft", words[i]);
		x += width;
	}
	return y + 16;
}
