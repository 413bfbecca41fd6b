/* SPDX-License-Identifier: MIT */
#include "xen_boots.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play_xen.h"
#include "player/clock.h"
#include "player/tap_reader.h"
#include "xen_stage.h"

#define CROWD           500 /* scenarios a boot */
#define SLOTS           32  /* boots at a time, and those whose results wait for their turn */
#define FRUITLESS_BOOTS 3   /* without a result, one after the other: then the lab is broken */

/* Of one scenario the result waits for its turn; those of a crowd are reported as they come. */
struct boot {
	struct scn_xen_front *front;
	struct scn_lab_boot run;
	struct scn_tap_reader reader;
	const struct scn_xen_item *next; /* whose result comes next */
	size_t n, left;                  /* results: in all, to come */
	double last;                     /* when the last result came, or it began */
	bool alone;
	bool any; /* a result came */
	bool ended;
	int err; /* for which it was not begun, or could not be heard */
	enum scn_lab_end end;
	struct scn_buf notes, why;
	struct scn_record held; /* alone: its result */
};

static void report_record(struct scn_xen_front *f, struct scn_record *r)
{
	scn_report_add(f->report, r);
	scn_outcome_free(&r->outcome);
}

/* The next result of a boot. */
static void take_result(struct boot *b, struct scn_outcome *outcome)
{
	const struct scn_xen_item *item = b->next++;
	struct scn_record r = {.file = item->path, .variant = item->variant, .outcome = *outcome};
	double now = scn_now();

	r.seconds = now - b->last;
	b->last = now;
	b->left--;
	if (b->alone)
		b->held = r;
	else
		report_record(b->front, &r);
}

__attribute__((format(printf, 2, 0))) static void say(struct scn_outcome *o, const char *format,
						      va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, ap);
	scn_buf_str(&o->message, text);
}

void scn_xen_report(struct scn_xen_front *f, const struct scn_xen_item *item,
		    enum scn_verdict verdict, const char *format, ...)
{
	struct scn_record r = {.file = item->path, .variant = item->variant};
	va_list ap;

	r.outcome.verdict = verdict;
	va_start(ap, format);
	say(&r.outcome, format, ap);
	va_end(ap);
	report_record(f, &r);
}

__attribute__((format(printf, 3, 4))) static void
take_text(struct boot *b, enum scn_verdict verdict, const char *format, ...)
{
	struct scn_outcome o = {.verdict = verdict};
	va_list ap;

	va_start(ap, format);
	say(&o, format, ap);
	va_end(ap);
	take_result(b, &o);
}

enum scn_xen_turn scn_xen_turn(const struct scn_xen_item *item)
{
	if (item->missing >= 0 || item->misfit)
		return SCN_XEN_NOT_AT_ALL;
	if (item->alone)
		return SCN_XEN_ALONE;
	return item->swapped ? SCN_XEN_SWAPPED : SCN_XEN_TOGETHER;
}

static void take_outcome(struct boot *b, struct scn_outcome *o)
{
	scn_lab_localize(&o->message);
	if (b->left == 0) {
		scn_outcome_free(o);
		return;
	}
	b->any = true;
	take_result(b, o);
}

static int take_line(void *ctx, const char *line)
{
	struct boot *b = ctx;
	struct scn_outcome o = {0};

	if (scn_tap_line(&b->reader, line, &o))
		take_outcome(b, &o);
	return b->front->patience;
}

/* The boot is over and its next scenario has no result. */
static void blame(struct boot *b)
{
	const struct scn_xen_front *f = b->front;
	const char *why = scn_buf_text(&b->why);

	if (b->end == SCN_LAB_CRASH && b->next->crash)
		take_text(b, SCN_PASSED, "%s", why);
	else if (b->end == SCN_LAB_CRASH)
		take_text(b, SCN_FAILED, SCN_XEN_CRASHED "%s", why);
	else if (b->end != SCN_LAB_SILENCE)
		take_text(b, SCN_BROKEN, "%s", why[0] ? why : "the player stopped short");
	else if (scn_now() >= f->deadline)
		take_text(b, SCN_BROKEN, "the time was up");
	else
		take_text(b, SCN_FAILED, SCN_XEN_SILENT "%d second%s", f->patience,
			  f->patience == 1 ? "" : "s");
}

static FILE *notes_file(const struct scn_xen_front *f)
{
	return f->report->tap ? f->report->out : stderr;
}

static bool is_line(const char *at, size_t n, const char *line)
{
	return n == strlen(line) && !strncmp(at, line, n);
}

/* `destroyed`: the scenario had domU destroyed. */
static void print_notes(const struct boot *b, bool destroyed)
{
	const char *at = scn_buf_text(&b->notes);

	while (*at) {
		size_t n = strcspn(at, "\n");

		if (!is_line(at, n, "domU: exit 0") &&
		    !(destroyed && is_line(at, n, "domU: domain 1 is gone")))
			fprintf(notes_file(b->front), "# %.*s\n", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

/* Starts items from one on in one boot. */
static void start(struct boot *b, struct scn_xen_front *f, const char *stage, size_t first,
		  size_t n)
{
	const struct scn_xen_item *items = &f->items[first];
	char *paths[CROWD];

	for (size_t i = 0; i < n; i++)
		paths[i] = items[i].path;
	*b = (struct boot){
	    .front = f, .next = items, .n = n, .left = n, .last = scn_now(), .alone = items->alone};
	f->lab.swapped = items->swapped;
	b->err = scn_lab_start(&b->run, &f->lab, stage, paths, n, items->alone, f->deadline,
			       take_line, b, &b->why);
	if (b->err) {
		b->ended = true;
		b->end = SCN_LAB_CANNOT;
	}
}

/* Boots on their way, by the numbers of their first items: some have ended and wait for their turn. */
struct lanes {
	struct boot boots[SLOTS];
	size_t next, at; /* whose turn it is; who is to be started */
	size_t running;
	const char *stage; /* that they start from, or NULL */
};

static struct boot *lane(struct lanes *l, size_t item)
{
	return &l->boots[item % SLOTS];
}

static void start_next(struct lanes *l, struct scn_xen_front *f, size_t n)
{
	struct boot *b = lane(l, l->at);

	start(b, f, l->stage, l->at, n);
	l->at += n;
	l->running += !b->ended;
}

/* Waits until one has ended that had not. */
static void await_one(struct lanes *l)
{
	struct scn_lab_boot *runs[SLOTS];
	struct boot *of[SLOTS];
	size_t n = 0;

	for (size_t i = l->next; i < l->at && n < l->running; i++) {
		struct boot *b = lane(l, i);

		if (!b->ended) {
			of[n] = b;
			runs[n++] = &b->run;
		}
	}
	while (n > 0 && !scn_lab_boot_listen(runs, n))
		;
	for (size_t i = 0; i < n; i++) {
		struct scn_outcome o = {0};

		if (!runs[i]->over)
			continue;
		of[i]->end = scn_lab_finish(runs[i], &of[i]->notes, &of[i]->why);
		of[i]->ended = true;
		of[i]->err = -runs[i]->err;
		l->running--;
		if (scn_tap_end(&of[i]->reader, &o))
			take_outcome(of[i], &o);
	}
}

/* After its end: reports. Returns how many of its items have a result now; 0: the lab can't. */
static size_t conclude(struct boot *b)
{
	struct scn_xen_front *f = b->front;
	bool begun = b->reader.begun;
	size_t done = 0;

	print_notes(b, (b->next - (b->n - b->left))->destroys);
	scn_buf_clear(&f->why);
	scn_buf_str(&f->why, scn_buf_text(&b->why));
	f->err = b->err;
	scn_tap_reader_free(&b->reader);
	if (b->any || (b->end == SCN_LAB_CRASH && begun))
		f->fruitless = 0;
	else
		f->fruitless++;
	if (b->left < b->n || b->end != SCN_LAB_CANNOT || begun || f->heard) {
		f->heard = true;
		if (b->left > 0) {
			if (b->end == SCN_LAB_CRASH && b->next->crash)
				/* Crashes that were waited for are worth a line: which one it was. */
				fprintf(notes_file(f), "# %s: the kernel's first words: %s\n",
					b->next->path, scn_buf_text(&b->why));
			blame(b);
		}
		if (b->alone)
			report_record(f, &b->held);
		done = b->n - b->left;
	}
	scn_buf_free(&b->notes);
	scn_buf_free(&b->why);
	return done;
}

static size_t play_together(struct scn_xen_front *f, size_t first)
{
	enum scn_xen_turn of_first = scn_xen_turn(&f->items[first]);
	struct lanes l = {.next = first, .at = first};
	size_t n = 1;

	while (n < CROWD && first + n < f->n && scn_xen_turn(&f->items[first + n]) == of_first)
		n++;
	start_next(&l, f, n);
	while (l.running > 0)
		await_one(&l);
	return conclude(lane(&l, first));
}

static bool is_broken(const struct scn_xen_front *f, const struct scn_xen_item *item)
{
	return f->fruitless >= FRUITLESS_BOOTS && f->why.len && !item->crash;
}

/* Whether no boot is tried for an item any more. */
static bool is_given_up(const struct scn_xen_front *f, const struct scn_xen_item *item)
{
	return scn_now() >= f->deadline || is_broken(f, item);
}

static void report_given_up(struct scn_xen_front *f, const struct scn_xen_item *item)
{
	if (is_broken(f, item))
		scn_xen_report(f, item, SCN_BROKEN, "not played: %d boots failed: %s",
			       FRUITLESS_BOOTS, scn_buf_text(&f->why));
	else
		scn_xen_report(f, item, SCN_BROKEN, "not played: the time was up");
}

/* Until a guest has answered there is but one, which may have to make the image, and after which it may be found
 * that there is no lab. */
static void start_some(struct lanes *l, struct scn_xen_front *f)
{
	size_t most = f->heard ? SLOTS : 1;

	while (l->at < f->n && l->running < f->jobs && l->at - l->next < most &&
	       scn_xen_turn(&f->items[l->at]) == SCN_XEN_ALONE && !is_given_up(f, &f->items[l->at]))
		start_next(l, f, 1);
}

/* Those that have a boot each, from one on: some boots at a time, reported in their order. */
static size_t play_alone(struct scn_xen_front *f, const char *stage, size_t first)
{
	struct lanes l = {.next = first, .at = first, .stage = stage};

	for (;;) {
		start_some(&l, f);
		if (l.next == l.at)
			break;
		if (!lane(&l, l.next)->ended)
			await_one(&l);
		else if (conclude(lane(&l, l.next)) == 0)
			return 0;
		else
			l.next++;
	}
	return l.next - first;
}

static int play_all(struct scn_xen_front *f, struct scn_xen_stage *stage)
{
	for (size_t i = 0, done; i < f->n; i += done) {
		const struct scn_xen_item *item = &f->items[i];
		enum scn_capability missing = (enum scn_capability)item->missing;

		done = 1;
		if (item->missing >= 0)
			scn_xen_report(f, item, SCN_SKIPPED, "xen can't do %s (%s)",
				       scn_capability_name(missing),
				       scn_capability_summary(missing));
		else if (item->misfit)
			scn_xen_report(
			    f, item, SCN_SKIPPED,
			    "leg %s has no such guests, or not where the script wants them",
			    f->lab.leg->name);
		else if (is_given_up(f, item))
			report_given_up(f, item);
		else
			done = item->alone ? play_alone(f, scn_xen_stage(stage), i)
					   : play_together(f, i);
		if (done == 0)
			return f->err ? f->err : -ENODEV;
	}
	return 0;
}

int scn_xen_play_all(struct scn_xen_front *f)
{
	struct scn_xen_stage stage;
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	scn_xen_stage_start(&stage, f);
	err = play_all(f, &stage);
	scn_xen_stage_end(&stage, &why);
	if (f->heard && why.len)
		fprintf(notes_file(f), "# played without a stage: %s\n", scn_buf_text(&why));
	return err;
}
