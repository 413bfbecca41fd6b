/* SPDX-License-Identifier: MIT */
/*
 * Real Xen as a judge: sequences become scenarios in a directory, one for each, which are played
 * in as few boots as they leave alive.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "lang/written.h"
#include "substrates/agent/scratch.h"
#include "substrates/play/play_xen.h"

/* An event is there when the call that sent it is over; and a sequence looks again. */
#define QUIET_MS   2
#define TIME_LIMIT (24u * 3600) /* of a batch; a sequence that hangs is ended by play_xen.c */

struct fuzz_xen {
	struct scn_xen xen;
	struct scn_session session;
	void (*sink)(void *ctx, const struct fuzz_case *done);
	void *ctx;
};

/* What is being played: cases, and for each its file and lines. */
struct batch {
	struct fuzz_xen *xen;
	struct fuzz_case *cases;
	size_t n;
	uint32_t (*lines)[FUZZ_MAX_OPS];
	bool *judged;
	struct scn_scratch scratch;
	struct scn_files files;
};

struct fuzz_xen *fuzz_xen_open(const struct scn_leg *leg, const struct scn_cell *cell,
			       unsigned int patience, struct scn_version kernel)
{
	struct fuzz_xen *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->xen = (struct scn_xen){.leg = leg,
				  .cell = *cell,
				  .time_limit = TIME_LIMIT,
				  .patience = patience,
				  .once = true};
	x->session.options.quiet_ms = QUIET_MS;
	x->session.filter.has_kernel = true;
	x->session.filter.kernel = kernel;
	return x;
}

void fuzz_xen_close(struct fuzz_xen *xen)
{
	free(xen);
}

uint64_t fuzz_xen_capabilities(const struct fuzz_xen *xen)
{
	return scn_xen_capabilities(xen->xen.leg) & ~SCN_CAP(EMPTY_MACHINE);
}

void fuzz_xen_watch(struct fuzz_xen *xen, void (*sink)(void *ctx, const struct fuzz_case *done),
		    void *ctx)
{
	xen->sink = sink;
	xen->ctx = ctx;
}

static enum fuzz_kind kind_of(const char *message)
{
	if (!strncmp(message, SCN_XEN_CRASHED, strlen(SCN_XEN_CRASHED)))
		return FUZZ_CRASH;
	if (!strncmp(message, SCN_XEN_SILENT, strlen(SCN_XEN_SILENT)))
		return FUZZ_HANG;
	return FUZZ_DIFFERENCE;
}

/* A message, without the directory that will be gone. */
static void put_text(const struct batch *b, const char *message, struct scn_buf *out)
{
	size_t n = strlen(b->scratch.path);

	if (!strncmp(message, b->scratch.path, n) && message[n] == '/')
		message += n + 1;
	scn_buf_str(out, message);
}

static void set_verdict(struct batch *b, size_t i, const struct scn_outcome *o)
{
	struct fuzz_case *c = &b->cases[i];
	struct fuzz_verdict *v = &c->verdict;

	v->verdict = o->verdict;
	put_text(b, scn_buf_text(&o->message), &v->text);
	v->kind = kind_of(scn_buf_text(&v->text));
	v->step = c->seq.n;
	if (v->verdict == SCN_FAILED && v->kind == FUZZ_DIFFERENCE)
		v->step = fuzz_step_of(&v->text, b->lines[i], c->seq.n);
	b->judged[i] = true;
	if (b->xen->sink)
		b->xen->sink(b->xen->ctx, c);
}

/* A file's name is its case's position. */
static void take_record(void *ctx, const struct scn_record *record)
{
	struct batch *b = ctx;
	const char *name = strrchr(record->file, '/');
	unsigned long i = strtoul(name ? name + 1 : record->file, NULL, 10);

	if (i < b->n && !b->judged[i])
		set_verdict(b, i, &record->outcome);
}

static int write_file(const char *path, const struct scn_buf *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fputs(scn_buf_text(text), f);
	return scn_close_written(f);
}

/* A case whose script can't be made, since the model itself is wrong, has its verdict now. */
static int write_case(struct batch *b, size_t i)
{
	struct fuzz_case *c = &b->cases[i];
	scn_cleanup_buf struct scn_buf text = {0};
	struct scn_outcome wrong = {0};
	enum fuzz_played played;
	char path[128];
	int err;

	c->verdict = (struct fuzz_verdict){0};
	played = fuzz_script(&c->world, &c->seq, "a sequence", &text, b->lines[i], &wrong.message);
	if (played != FUZZ_PLAYED) {
		wrong.verdict = played == FUZZ_UNSOUND ? SCN_FAILED : SCN_BROKEN;
		set_verdict(b, i, &wrong);
	}
	scn_outcome_free(&wrong);
	if (played != FUZZ_PLAYED)
		return 0;
	snprintf(path, sizeof(path), "%s/%06zu.scn", b->scratch.path, i);
	err = write_file(path, &text);
	if (err)
		return err;
	b->files.paths[b->files.n] = strdup(path);
	if (!b->files.paths[b->files.n])
		return -ENOMEM;
	b->files.n++;
	return 0;
}

static int write_cases(struct batch *b)
{
	int err = scn_scratch_make(&b->scratch, "gntsim-fuzz");

	for (size_t i = 0; i < b->n && !err; i++)
		err = write_case(b, i);
	return err;
}

static int play(struct batch *b, struct scn_buf *why)
{
	struct scn_report report = {.sink = take_record, .ctx = b};

	if (!b->files.n)
		return 0;
	return scn_xen_play(&b->xen->xen, &b->xen->session, &b->files, &report, why);
}

int fuzz_xen_compare(struct fuzz_xen *xen, struct fuzz_case *cases, size_t n, struct scn_buf *why)
{
	struct batch b = {.xen = xen, .cases = cases, .n = n};
	int err = -ENOMEM;

	b.lines = calloc(n, sizeof(*b.lines));
	b.judged = calloc(n, sizeof(*b.judged));
	b.files.paths = calloc(n, sizeof(*b.files.paths));
	if (b.lines && b.judged && b.files.paths)
		err = write_cases(&b);
	if (err)
		scn_buf_printf(why, "%s: %s", b.scratch.path, strerror(-err));
	else
		err = play(&b, why);
	for (size_t i = 0; i < n && !err; i++) {
		if (!b.judged[i]) {
			scn_buf_printf(why, "no result of sequence %lu", cases[i].number);
			err = -EIO;
		}
	}
	scn_scratch_remove(&b.scratch);
	scn_files_free(&b.files);
	free(b.lines);
	free(b.judged);
	return err;
}
