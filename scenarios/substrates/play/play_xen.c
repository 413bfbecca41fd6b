/* SPDX-License-Identifier: MIT */
#include "play_xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lang/parse/parser.h"
#include "player/clock.h"
#include "substrates/static_player.h"
#include "substrates/substrates.h"
#include "xen_boots.h"

#define SCENARIO_SECONDS 120 /* how long one may take before it counts as hung */
#define MOST_JOBS        4   /* unless told otherwise */
#define JOB_GIGABYTES    3
#define PAIR_SECONDS     300 /* the same for two domains, where a call can take 50 ms */

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

static bool add_item(struct scn_xen_front *f, char *path, const struct scn_scenario *s,
		     bool swapped)
{
	struct scn_filter filter = f->filter;
	struct scn_setup setup;
	struct scn_xen_item *item;

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
	*item = (struct scn_xen_item){.path = path, .swapped = swapped};
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
static bool add_variants(struct scn_xen_front *f, char *path, const struct scn_scenario *s)
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
static int look_at(struct scn_xen_front *f, char *path, int unreadable)
{
	struct scn_source src = {.name = path};
	__attribute__((cleanup(free_text))) char *text =
	    unreadable ? NULL : scn_read_file(path, &src.len);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct scn_xen_item broken = {.path = path};
	int err;

	src.text = text;
	if (!text)
		scn_xen_report(f, &broken, SCN_BROKEN, "%s: %s", path,
			       scn_find_error(unreadable ? unreadable : -errno));
	else if ((err = scn_parse(&src, &s, &errors)) != 0)
		scn_xen_report(f, &broken, SCN_BROKEN, "%s",
			       err == -ENOMEM ? "out of memory" : scn_buf_text(&errors.text));
	else if (!add_variants(f, path, &s))
		return -ENOMEM;
	return 0;
}

static int plan(struct scn_xen_front *f, const struct scn_files *files)
{
	struct scn_xen_item *sorted;
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++) {
		int err = look_at(f, files->paths[i], files->errors ? files->errors[i] : 0);

		if (err)
			return err;
	}
	sorted = calloc(f->n + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (unsigned int round = 0; round <= SCN_XEN_NOT_AT_ALL; round++) {
		for (size_t i = 0; i < f->n; i++) {
			if (scn_xen_turn(&f->items[i]) == round)
				sorted[n++] = f->items[i];
		}
	}
	free(f->items);
	f->items = sorted;
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

static int find_lab(const struct scn_xen *xen, struct scn_xen_front *f, struct scn_buf *why)
{
	struct scn_lab *lab = &f->lab;

	lab->command = scn_xen_lab();
	scn_static_player(xen->leg->arm64 ? "-arm64" : "", &f->player);
	if (f->player.failed)
		return -ENOMEM;
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

static void announce(const struct scn_xen_front *f)
{
	size_t n[4] = {0};

	if (f->report->sink)
		return;
	for (size_t i = 0; i < f->n; i++)
		n[scn_xen_turn(&f->items[i])]++;
	fprintf(stderr,
		"gntsim play: xen: leg %s, Linux %u.%u: %zu scenarios together, %zu in a boot "
		"each, %zu can't be played\n",
		f->lab.leg->name, f->lab.kernel.major, f->lab.kernel.minor,
		n[SCN_XEN_TOGETHER] + n[SCN_XEN_SWAPPED], n[SCN_XEN_ALONE], n[SCN_XEN_NOT_AT_ALL]);
}

/* What is played on the leg, and what it can do. */
static void take_leg(struct scn_xen_front *f, const struct scn_xen *xen,
		     const struct scn_session *session)
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

/* As many boots at a time as there are processors, and memory for: a guest of two domains may come to use 2 GB. */
static size_t jobs_of_this_host(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	double gigabytes = (double)pages * (double)sysconf(_SC_PAGESIZE) / (1u << 30);
	size_t jobs = processors > 1 ? (size_t)processors : 1;

	while (jobs > 1 && (jobs > MOST_JOBS || (double)jobs * JOB_GIGABYTES > gigabytes))
		jobs--;
	return jobs;
}

int scn_xen_play(const struct scn_xen *xen, const struct scn_session *session,
		 const struct scn_files *files, struct scn_report *report, struct scn_buf *why)
{
	struct scn_xen_front f = {.report = report, .once = xen->once};
	int err = find_lab(xen, &f, why);

	if (err) {
		scn_buf_free(&f.player);
		return err;
	}
	take_leg(&f, xen, session);
	f.lab.verbose = report->verbose;
	f.lab.quiet_ms = session->options.quiet_ms;
	f.lab.has_seed = session->filter.has_seed;
	f.lab.seed = session->filter.seed;
	f.jobs = session->jobs ? session->jobs : jobs_of_this_host();
	f.deadline = scn_now() + xen->time_limit;
	err = plan(&f, files);
	if (!err) {
		announce(&f);
		err = scn_xen_play_all(&f);
	}
	if (err)
		scn_buf_str(why, scn_buf_text(&f.why));
	for (size_t i = 0; i < f.n; i++)
		scn_buf_free(&f.items[i].variant);
	free(f.items);
	scn_buf_free(&f.player);
	scn_buf_free(&f.why);
	return err;
}
