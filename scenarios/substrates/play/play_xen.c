/* SPDX-License-Identifier: MIT */
#include "play_xen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab_run.h"
#include "lang/parse/parser.h"
#include "player/clock.h"
#include "player/tap_reader.h"
#include "substrates/static_player.h"
#include "substrates/substrates.h"

#define SCENARIO_SECONDS 120 /* how long one may take before it counts as hung */
#define PAIR_SECONDS     300 /* the same for two domains, where a call can take 50 ms */
#define CROWD            500 /* scenarios a boot */
#define FRUITLESS_BOOTS  3   /* without a result, one after the other: then the lab is broken */

/* A file, or one of its variants, and what has to be known of it before it is played. */
struct item {
	char *path;
	bool swapped;  /* the script's first domain is the second of the guest */
	bool misfit;   /* no domain here is what it holds for */
	bool alone;    /* in a boot of its own */
	bool crash;    /* the kernel's crash is what it expects */
	bool destroys; /* a domain, which then is gone */
	int missing;   /* the capability that it needs and that isn't there; -1 */
	struct scn_buf variant;
};

struct front {
	struct scn_filter filter; /* of what is played */
	uint64_t capabilities;
	bool once;
	int patience;          /* seconds for a scenario */
	struct scn_buf player; /* the static player's path */
	struct scn_lab lab;
	struct scn_report *report;
	struct item *items;
	size_t n, room;
	bool heard;            /* the lab works here: a guest has answered */
	double deadline, last; /* when the last result came */
	unsigned int fruitless;
	/* One boot: */
	struct scn_tap_reader reader;
	const struct item *next; /* whose result comes next */
	size_t left;             /* results to come */
	struct scn_buf why;      /* the lab's last word */
};

static void report_item(struct front *f, const struct item *item, struct scn_outcome *outcome)
{
	struct scn_record r = {.file = item->path, .variant = item->variant, .outcome = *outcome};
	double now = scn_now();

	r.seconds = now - f->last;
	f->last = now;
	scn_report_add(f->report, &r);
	scn_outcome_free(outcome);
}

__attribute__((format(printf, 4, 5))) static void report_text(struct front *f,
							      const struct item *item,
							      enum scn_verdict verdict,
							      const char *format, ...)
{
	struct scn_outcome o = {.verdict = verdict};
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	scn_buf_str(&o.message, text);
	report_item(f, item, &o);
}

static void free_text(char **text)
{
	free(*text);
}

uint64_t scn_xen_capabilities(const struct scn_leg *leg)
{
	const struct scn_substrate_ops *ops =
	    leg->n_domains > 1 ? &scn_substrate_pair : &scn_substrate_device;

	/* Each boot is a machine of its own. */
	return ops->capabilities(NULL) | SCN_CAPS_OF_FRESH;
}

static bool add_item(struct front *f, char *path, const struct scn_scenario *s, bool swapped)
{
	struct scn_filter filter = f->filter;
	struct scn_setup setup;
	struct item *item;

	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 512;

		item = realloc(f->items, room * sizeof(*item));
		if (!item)
			return false;
		f->items = item;
		f->room = room;
	}
	filter.seats.swapped = swapped;
	item = &f->items[f->n++];
	*item = (struct item){.path = path, .swapped = swapped};
	item->misfit = filter.seats.there && !scn_seats_fit(s, &filter.seats);
	item->crash = s->needs & SCN_CAP(SURVIVE_CRASH);
	item->destroys = s->needs & SCN_CAP(DESTROY_DOMAIN);
	item->alone = s->needs & SCN_CAPS_ALONE;
	item->missing = scn_capability_missing(s->needs, f->capabilities);
	/* The guest knows what it is; here it is only asked who plays what. */
	scn_variant(s, &filter, filter.kernel, &(struct scn_platform){0}, 0, &setup,
		    &item->variant);
	return true;
}

/* The first of the two domains can't be destroyed: it would take the player along. */
static bool destroys_first(const struct scn_scenario *s, bool swapped)
{
	for (const struct scn_step *step = s->steps; step; step = step->next) {
		if (step->kind == SCN_STEP_DESTROY && (step->domain == 0) != swapped)
			return true;
	}
	return false;
}

/* Two domains: whichever way around the script holds for. */
static bool add_variants(struct front *f, char *path, const struct scn_scenario *s)
{
	struct scn_seats seats = f->filter.seats;
	bool fits[2];

	for (unsigned int i = 0; i < 2; i++) {
		seats.swapped = i;
		fits[i] = scn_seats_fit(s, &seats) && !destroys_first(s, i);
	}
	fits[1] &= !(s->needs & SCN_CAP(DOMIDS));
	if (!seats.there || (!fits[0] && !fits[1]))
		return add_item(f, path, s, false);
	if (f->once && fits[0])
		fits[1] = false;
	return (!fits[0] || add_item(f, path, s, false)) &&
	       (!fits[1] || add_item(f, path, s, true));
}

/* Reads a scenario for what it needs. One that can't be read is reported here. */
static int look_at(struct front *f, char *path, int unreadable)
{
	struct scn_source src = {.name = path};
	__attribute__((cleanup(free_text))) char *text =
	    unreadable ? NULL : scn_read_file(path, &src.len);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct item broken = {.path = path};

	src.text = text;
	if (!text)
		report_text(f, &broken, SCN_BROKEN, "%s: %s", path,
			    scn_find_error(unreadable ? unreadable : -errno));
	else if (scn_parse(&src, &s, &errors))
		report_text(f, &broken, SCN_BROKEN, "%s", scn_buf_text(&errors.text));
	else if (!add_variants(f, path, &s))
		return -ENOMEM;
	return 0;
}

/* In which order things are played. */
enum turn { TOGETHER, TOGETHER_SWAPPED, ALONE, NOT_AT_ALL };

static enum turn turn(const struct item *item)
{
	if (item->missing >= 0 || item->misfit)
		return NOT_AT_ALL;
	if (item->alone)
		return ALONE;
	return item->swapped ? TOGETHER_SWAPPED : TOGETHER;
}

static int plan(struct front *f, const struct scn_files *files)
{
	struct item *sorted;
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++) {
		int err = look_at(f, files->paths[i], files->errors ? files->errors[i] : 0);

		if (err)
			return err;
	}
	sorted = calloc(f->n + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (unsigned int round = TOGETHER; round <= NOT_AT_ALL; round++) {
		for (size_t i = 0; i < f->n; i++) {
			if (turn(&f->items[i]) == round)
				sorted[n++] = f->items[i];
		}
	}
	free(f->items);
	f->items = sorted;
	return 0;
}

static void take_outcome(struct front *f, struct scn_outcome *o)
{
	scn_lab_localize(&o->message);
	if (f->left == 0) {
		scn_outcome_free(o);
		return;
	}
	report_item(f, f->next++, o);
	f->left--;
	f->fruitless = 0;
}

static int take_line(void *ctx, const char *line)
{
	struct front *f = ctx;
	struct scn_outcome o = {0};

	if (scn_tap_line(&f->reader, line, &o))
		take_outcome(f, &o);
	return f->patience;
}

/* The boot is over and this scenario has no result. */
static void blame(struct front *f, const struct item *item, enum scn_lab_end end)
{
	const char *why = scn_buf_text(&f->why);

	if (end == SCN_LAB_CRASH && item->crash)
		report_text(f, item, SCN_PASSED, "%s", why);
	else if (end == SCN_LAB_CRASH)
		report_text(f, item, SCN_FAILED, SCN_XEN_CRASHED "%s", why);
	else if (end != SCN_LAB_SILENCE)
		report_text(f, item, SCN_BROKEN, "%s", why[0] ? why : "the player stopped short");
	else if (scn_now() >= f->deadline)
		report_text(f, item, SCN_BROKEN, "the time was up");
	else
		report_text(f, item, SCN_FAILED, SCN_XEN_SILENT "%d second%s", f->patience,
			    f->patience == 1 ? "" : "s");
}

/* Crashes that were waited for are worth a line: which one it was. */
static void print_crash(const struct front *f, const struct item *item)
{
	fprintf(f->report->tap ? f->report->out : stderr, "# %s: the kernel's first words: %s\n",
		item->path, scn_buf_text(&f->why));
}

static bool is_line(const char *at, size_t n, const char *line)
{
	return n == strlen(line) && !strncmp(at, line, n);
}

/* `destroyed`: the scenario had domU destroyed. */
static void print_notes(const struct front *f, const struct scn_buf *notes, bool destroyed)
{
	const char *at = scn_buf_text(notes);

	while (*at) {
		size_t n = strcspn(at, "\n");

		if (!is_line(at, n, "domU: exit 0") &&
		    !(destroyed && is_line(at, n, "domU: domain 1 is gone")))
			fprintf(f->report->tap ? f->report->out : stderr, "# %.*s\n", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

/* Plays items from one on in one boot. Returns how many have a result now; 0: the lab can't. */
static size_t boot(struct front *f, size_t first, size_t n)
{
	scn_cleanup_buf struct scn_buf notes = {0};
	char *paths[CROWD];
	struct scn_outcome o = {0};
	enum scn_lab_end end;

	for (size_t i = 0; i < n; i++)
		paths[i] = f->items[first + i].path;
	f->next = &f->items[first];
	f->left = n;
	f->lab.swapped = f->items[first].swapped;
	f->fruitless++;
	scn_buf_clear(&f->why);
	end = scn_lab_run(&f->lab, paths, n, f->items[first].alone, f->deadline, take_line, f,
			  &notes, &f->why);
	if (scn_tap_end(&f->reader, &o))
		take_outcome(f, &o);
	print_notes(f, &notes, f->items[first].destroys);
	if (f->left == n && end == SCN_LAB_CANNOT && !f->reader.begun && !f->heard)
		return 0;
	f->heard = true;
	if (end == SCN_LAB_CRASH && f->reader.begun)
		f->fruitless = 0;
	scn_tap_reader_free(&f->reader);
	if (f->left > 0) {
		if (end == SCN_LAB_CRASH && f->next->crash)
			print_crash(f, f->next);
		blame(f, f->next, end);
		f->left--;
	}
	return n - f->left;
}

static size_t crowd_size(const struct front *f, size_t first)
{
	enum turn of_first = turn(&f->items[first]);
	size_t n = 1;

	while (of_first != ALONE && n < CROWD && first + n < f->n &&
	       turn(&f->items[first + n]) == of_first)
		n++;
	return n;
}

/* Plays everything. Returns -ENODEV if the very first boot is refused. */
static int play_all(struct front *f)
{
	for (size_t i = 0, done; i < f->n; i += done) {
		enum scn_capability missing = (enum scn_capability)f->items[i].missing;

		done = 1;
		if (f->items[i].missing >= 0) {
			report_text(f, &f->items[i], SCN_SKIPPED, "xen can't do %s (%s)",
				    scn_capability_name(missing), scn_capability_summary(missing));
		} else if (f->items[i].misfit) {
			report_text(f, &f->items[i], SCN_SKIPPED,
				    "leg %s has no such guests, or not where the script wants them",
				    f->lab.leg->name);
		} else if (scn_now() >= f->deadline) {
			report_text(f, &f->items[i], SCN_BROKEN, "not played: the time was up");
		} else if (f->fruitless >= FRUITLESS_BOOTS && f->why.len && !f->items[i].crash) {
			report_text(f, &f->items[i], SCN_BROKEN, "not played: %d boots failed: %s",
				    FRUITLESS_BOOTS, scn_buf_text(&f->why));
		} else {
			done = boot(f, i, crowd_size(f, i));
			if (done == 0)
				return -ENODEV;
		}
	}
	return 0;
}

static int refuse(struct scn_buf *why, const char *what, const char *name, const char *hint)
{
	scn_buf_printf(why, "%s%s%s", what, name, hint);
	return -ENODEV;
}

const char *scn_xen_lab(void)
{
	const char *said = getenv("GNTSIM_XEN_LAB");

	return said && *said ? said : SCN_XEN_LAB;
}

static int find_lab(const struct scn_xen *xen, struct front *f, struct scn_buf *why)
{
	struct scn_lab *lab = &f->lab;

	lab->command = scn_xen_lab();
	scn_static_player(xen->leg->arm64 ? "-arm64" : "", &f->player);
	lab->player = scn_buf_text(&f->player);
	lab->leg = xen->leg;
	lab->cell = xen->cell;
	if (access(lab->command, X_OK))
		return refuse(why, "no lab at ", lab->command, " (GNTSIM_XEN_LAB names another)");
	if (access(lab->player, X_OK))
		return refuse(why, "no static player at ", lab->player,
			      xen->leg->arm64
				  ? " (ninja -C build scenarios/gntsim-play-static-arm64 "
				    "makes it; GNTSIM_PLAY_STATIC names another)"
				  : " (ninja -C build scenarios/gntsim-play-static makes "
				    "it; GNTSIM_PLAY_STATIC names another)");
	return 0;
}

static void announce(const struct front *f)
{
	size_t n[4] = {0};

	if (f->report->sink)
		return;
	for (size_t i = 0; i < f->n; i++)
		n[turn(&f->items[i])]++;
	fprintf(stderr,
		"gntsim play: xen: leg %s, Linux %u.%u: %zu scenarios together, %zu in a boot "
		"each, %zu can't be played\n",
		f->lab.leg->name, f->lab.kernel.major, f->lab.kernel.minor,
		n[TOGETHER] + n[TOGETHER_SWAPPED], n[ALONE], n[NOT_AT_ALL]);
}

/* What is played on the leg, and what it can do. */
static void take_leg(struct front *f, const struct scn_xen *xen, const struct scn_session *session)
{
	const struct scn_leg *leg = xen->leg;
	bool pair = leg->n_domains > 1;

	f->filter = session->filter;
	if (!session->filter.has_kernel)
		f->filter.kernel = (struct scn_version){6, 1, -1};
	f->filter.has_kernel = true;
	f->patience = (int)xen->patience;
	if (f->patience == 0)
		f->patience = pair ? PAIR_SECONDS : SCENARIO_SECONDS;
	if (pair) {
		f->filter.seats =
		    (struct scn_seats){.there = true, .guest = {leg->guest[0], leg->guest[1]}};
	} else {
		f->filter.has_guest = true;
		f->filter.guest = leg->guest[0];
	}
	f->capabilities = scn_xen_capabilities(leg);
	f->lab.kernel = f->filter.kernel;
}

int scn_xen_play(const struct scn_xen *xen, const struct scn_session *session,
		 const struct scn_files *files, struct scn_report *report, struct scn_buf *why)
{
	struct front f = {.report = report, .once = xen->once};
	int err = find_lab(xen, &f, why);

	if (err) {
		scn_buf_free(&f.player);
		return err;
	}
	take_leg(&f, xen, session);
	f.lab.verbose = report->verbose;
	f.lab.has_seed = session->filter.has_seed;
	f.lab.seed = session->filter.seed;
	f.last = scn_now();
	f.deadline = f.last + xen->time_limit;
	err = plan(&f, files);
	if (!err) {
		announce(&f);
		err = play_all(&f);
	}
	if (err == -ENODEV)
		scn_buf_str(why, scn_buf_text(&f.why));
	for (size_t i = 0; i < f.n; i++)
		scn_buf_free(&f.items[i].variant);
	free(f.items);
	scn_buf_free(&f.player);
	scn_buf_free(&f.why);
	scn_tap_reader_free(&f.reader);
	return err;
}
