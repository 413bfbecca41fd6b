/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "player/clock.h"

/* Calls in a batch: with real Xen about a minute between two boots. */
#define BATCH_OPS  10000u
#define BATCH_MAX  400u
#define MAX_BARREN 100u
/* Between two lines of progress, if they are not over each other on a terminal. */
#define TELL_SECONDS 10

struct runner {
	const struct fuzz_run *run;
	struct fuzz_world world;
	struct fuzz_case cases[BATCH_MAX];
	size_t n;
	struct fuzz_sequence scratch;
	struct fuzz_statistics statistics;
	unsigned long made, judged, unplayed, sequences, found;
	unsigned int barren; /* sequences without a call, the last ones */
	double model_time, judge_time, start, told;
};

/* The domains of a sequence: all mixes in turn, if the user does not say. */
static void choose_world(struct runner *r, unsigned long sequence)
{
	struct fuzz_world *w = &r->world;

	*w = r->run->world;
	if (!r->run->all_worlds)
		return;
	w->n_domains = sequence % 5 == 4 ? 1 : 2;
	w->guest[0] = sequence % 5 & 2 ? SCN_PVH : SCN_PV;
	w->guest[1] = sequence % 5 & 1 ? SCN_PVH : SCN_PV;
	if (w->n_domains == 1)
		w->guest[0] = SCN_PV;
}

/* Whether the file at the path is this very text: what an earlier run with the same seed wrote. */
static bool is_written(const char *path, const struct scn_buf *text)
{
	const char *expected = scn_buf_text(text);
	FILE *f = fopen(path, "re");
	bool same = f != NULL;
	size_t i = 0;
	int c;

	while (same && (c = getc(f)) != EOF)
		same = i < text->len && expected[i++] == (char)c;
	if (f)
		fclose(f);
	return same && i == text->len;
}

/* A file that was worked on since is another's: the name that is free comes after it. */
static int write_script(const struct runner *r, const struct scn_buf *text, unsigned long sequence)
{
	char path[PATH_MAX];
	FILE *f = NULL;
	int err = EEXIST;

	mkdir(r->run->directory, 0777); /* if it can't be made, the file says why */
	for (unsigned int i = 1; err == EEXIST; i++) {
		int n = snprintf(path, sizeof(path), "%s/fuzz-%lu-%lu", r->run->directory,
				 r->run->seed, sequence);

		if (n > 0 && (size_t)n < sizeof(path))
			snprintf(path + n, sizeof(path) - (size_t)n, i == 1 ? ".scn" : "-%u.scn",
				 i);
		f = fopen(path, "wxe");
		err = f ? 0 : errno;
		if (err == EEXIST && is_written(path, text))
			break;
	}
	if (f && fputs(scn_buf_text(text), f) < 0)
		err = errno;
	if (f && fclose(f) && !err)
		err = errno;
	if (err && err != EEXIST) {
		fprintf(stderr, "gntsim fuzz: %s: %s\n", path, strerror(err));
		return -EIO;
	}
	if (!r->run->only_write)
		printf("written to %s\n", path);
	return 0;
}

static int write_case(const struct runner *r, const struct fuzz_case *c)
{
	scn_cleanup_buf struct scn_buf text = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	char title[400];

	snprintf(title, sizeof(title), "seed %lu, sequence %lu, against %s%s%.*s", r->run->seed,
		 c->number, r->run->only_write ? "nothing yet" : r->run->against,
		 c->verdict.kind == FUZZ_DIFFERENCE ? "" : "\n#         ",
		 c->verdict.kind == FUZZ_DIFFERENCE ? 0 : 300, scn_buf_text(&c->verdict.text));
	if (fuzz_script(&c->world, &c->seq, title, &text, NULL, &why) == FUZZ_ERROR) {
		fprintf(stderr, "gntsim fuzz: %s\n", scn_buf_reason(&why));
		return -EINVAL;
	}
	return write_script(r, &text, c->number);
}

/* Judges a single case again, by itself. */
static int judge_again(const struct runner *r, struct fuzz_case *c)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	fuzz_verdict_free(&c->verdict);
	err = fuzz_compare_all(c, 1, &r->run->judge, &why);
	if (err)
		fprintf(stderr, "gntsim fuzz: %s\n", scn_buf_reason(&why));
	return err;
}

static void print_lines(const struct scn_buf *text)
{
	const char *end = text->len ? text->data + text->len - 1 : NULL;

	fputs(scn_buf_text(text), stdout);
	if (end && *end != '\n')
		puts("");
}

/* The judge did not play it: that tells nothing of the model. */
static int not_played(const struct fuzz_case *c)
{
	fprintf(stderr, "gntsim fuzz: sequence %lu could not be played: %s\n", c->number,
		scn_buf_reason(&c->verdict.text));
	return -ENODEV;
}

static bool is_played(enum scn_verdict verdict)
{
	return verdict == SCN_PASSED || verdict == SCN_FAILED;
}

static int report_alone(struct runner *r, struct fuzz_case *c)
{
	uint32_t was = c->seq.n, plays;
	int err;

	plays = fuzz_shrink(c, &r->run->judge);
	err = judge_again(r, c);
	if (err)
		return err;
	if (!r->run->judge.xen && !is_played(c->verdict.verdict))
		return not_played(c);
	printf("sequence %lu differs (%u calls, shrunk from %u in %u plays):\n", c->number,
	       c->seq.n, was, plays);
	print_lines(&c->verdict.text);
	return 0;
}

/* A guest remembers: what differs only after others is written as it is. */
static int report(struct runner *r, struct fuzz_case *c)
{
	scn_cleanup_buf struct scn_buf first = {0};
	int err = 0;

	if (r->run->judge.xen) {
		fprintf(stderr, "sequence %lu differs; playing it by itself\n%s\n", c->number,
			scn_buf_text(&c->verdict.text));
		scn_buf_str(&first, scn_buf_text(&c->verdict.text));
		err = judge_again(r, c);
	}
	if (err)
		return err;
	if (c->verdict.verdict == SCN_PASSED)
		printf("sequence %lu differs after others, but not by itself:\n", c->number);
	if (c->verdict.verdict == SCN_PASSED)
		print_lines(&first);
	else
		err = report_alone(r, c);
	if (!err)
		err = write_case(r, c);
	r->found += !err;
	fflush(stdout);
	return err;
}

/* Is it about this sequence, rather than the judge? */
static bool names_file(const struct fuzz_verdict *v)
{
	const char *at = strstr(scn_buf_text(&v->text), ".scn:");

	/* With a line: that it can't be read tells nothing. */
	return at && at[5] >= '0' && at[5] <= '9';
}

static int take_verdict(struct runner *r, struct fuzz_case *c)
{
	enum scn_verdict verdict = c->verdict.verdict;
	bool xen = r->run->judge.xen;

	if (verdict == SCN_PASSED)
		return 0;
	if (verdict == SCN_FAILED || (verdict == SCN_BROKEN && xen && names_file(&c->verdict)))
		return report(r, c);
	if (verdict == SCN_BROKEN || !xen || !names_file(&c->verdict))
		return not_played(c);
	fprintf(stderr, "gntsim fuzz: sequence %lu: %s\n", c->number,
		scn_buf_text(&c->verdict.text));
	/* Real domains refuse what no rule tells of yet: others may be played. */
	r->unplayed += c->seq.n;
	return 0;
}

static int generate(struct runner *r, unsigned long sequence)
{
	struct fuzz_case *c = &r->cases[r->n];
	uint64_t seed = (r->run->seed << 32) + sequence;
	scn_cleanup_buf struct scn_buf why = {0};
	double start = scn_now();
	enum fuzz_played played;

	choose_world(r, sequence);
	*c = (struct fuzz_case){.number = sequence, .world = r->world};
	played = fuzz_generate(&c->world, seed, (uint32_t)r->run->length, &r->scratch, &why);
	r->model_time += scn_now() - start;
	if (played != FUZZ_PLAYED && played != FUZZ_UNSOUND) {
		fprintf(stderr, "gntsim fuzz: sequence %lu: %s\n", sequence, scn_buf_reason(&why));
		return -EINVAL;
	}
	if (!fuzz_sequence_copy(&c->seq, &r->scratch))
		return -ENOMEM;
	fuzz_statistics_add(&r->statistics, &c->seq);
	r->made += c->seq.n;
	r->sequences++;
	r->n++;
	/* Without calls there would be no end of sequences. */
	r->barren = c->seq.n ? 0 : r->barren + 1;
	if (r->barren == MAX_BARREN) {
		fprintf(stderr, "gntsim fuzz: %u sequences, one after the other, have no call\n",
			MAX_BARREN);
		return -EINVAL;
	}
	return 0;
}

static bool is_batch_full(const struct runner *r, unsigned long before)
{
	if (r->n == 0)
		return false;
	return r->run->only_write || !r->run->judge.xen || r->n == BATCH_MAX ||
	       r->made - before >= BATCH_OPS || r->made >= r->run->ops;
}

static void print_progress(struct runner *r, bool at_end)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu calls, %lu differences ", r->judged, r->found);
	else if (r->run->judge.xen && (at_end || scn_now() - r->told >= TELL_SECONDS))
		fprintf(stderr, "%lu calls, %lu differences, %.0f s\n", r->judged, r->found,
			scn_now() - r->start);
	else
		return;
	r->told = scn_now();
}

static void watch(void *ctx, const struct fuzz_case *done)
{
	struct runner *r = ctx;

	r->judged += done->seq.n;
	print_progress(r, false);
}

static int judge_batch(struct runner *r)
{
	scn_cleanup_buf struct scn_buf why = {0};
	double start = scn_now();
	int err;

	if (r->run->judge.xen)
		fuzz_xen_watch(r->run->judge.xen, watch, r);
	err = fuzz_compare_all(r->cases, r->n, &r->run->judge, &why);
	r->judge_time += scn_now() - start;
	if (r->run->judge.xen)
		fuzz_xen_watch(r->run->judge.xen, NULL, NULL);
	else
		r->judged = r->made;
	if (err)
		fprintf(stderr, "gntsim fuzz: %s: %s\n", r->run->against, scn_buf_reason(&why));
	return err;
}

static bool is_enough(const struct runner *r)
{
	return !r->run->only_write && r->found >= r->run->max;
}

static int play_batch(struct runner *r)
{
	int err = r->run->only_write ? 0 : judge_batch(r);

	for (size_t i = 0; i < r->n && !err && !is_enough(r); i++)
		err = r->run->only_write ? write_case(r, &r->cases[i])
					 : take_verdict(r, &r->cases[i]);
	print_progress(r, true);
	return err;
}

static void free_batch(struct runner *r)
{
	for (size_t i = 0; i < r->n; i++)
		fuzz_case_free(&r->cases[i]);
	r->n = 0;
}

static int one_batch(struct runner *r)
{
	unsigned long before = r->made;
	int err = 0;

	while (!err && !is_batch_full(r, before))
		err = generate(r, r->run->first + r->sequences);
	if (!err)
		err = play_batch(r);
	free_batch(r);
	return err;
}

static void print_end(struct runner *r)
{
	if (isatty(STDERR_FILENO))
		fputs("\n", stderr);
	printf("%lu calls in %lu sequences, seed %lu: %lu differences; %.0f calls/s generated",
	       r->made, r->sequences, r->run->seed, r->found,
	       r->model_time > 0 ? (double)r->made / r->model_time : 0);
	if (!r->run->only_write)
		printf(", %.0f calls/s played against %s",
		       r->judge_time > 0 ? (double)r->judged / r->judge_time : 0, r->run->against);
	puts("");
	if (r->unplayed)
		printf("%lu of the calls are in sequences that could not be played\n", r->unplayed);
	if (r->run->statistics)
		fuzz_statistics_print(&r->statistics, stdout);
}

static void complain_of_memory(void)
{
	fputs("gntsim fuzz: out of memory\n", stderr);
}

int fuzz_run(const struct fuzz_run *run)
{
	struct runner *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (!r) {
		complain_of_memory();
		return err;
	}
	r->run = run;
	r->start = scn_now();
	r->scratch.ops = calloc(FUZZ_MAX_OPS, sizeof(*r->scratch.ops));
	if (r->scratch.ops)
		err = 0;
	while (!err) {
		if (is_enough(r) ||
		    (run->only_write ? r->sequences == run->count : r->made >= run->ops))
			break;
		err = one_batch(r);
	}
	if (err == -ENOMEM)
		complain_of_memory();
	print_end(r);
	if (!err)
		err = (int)r->found;
	free(r->scratch.ops);
	free(r);
	return err;
}
