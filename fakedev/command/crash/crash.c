/* SPDX-License-Identifier: MIT */
/* gntsim crash: a test, run once for each point at which one of its programs can die. */
#define _GNU_SOURCE
#include "command/command.h"
#include "crash/report.h"
#include "options.h"
#include "output.h"
#include "substrates/agent/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_UNTRIED 2

/* Words as a shell would need them. */
static void quote(struct scn_buf *out, char **words)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_";

	for (char **word = words; *word; word++) {
		scn_buf_str(out, word > words ? " " : "");
		if (**word && strspn(*word, plain) == strlen(*word)) {
			scn_buf_str(out, *word);
			continue;
		}
		scn_buf_str(out, "'");
		for (const char *c = *word; *c; c++)
			if (*c == '\'')
				scn_buf_str(out, "'\\''");
			else
				scn_buf_add(out, c, 1);
		scn_buf_str(out, "'");
	}
}

/* What the report says to try one point again with. */
static void tell_again(struct scn_buf *out, const struct crash_options *o)
{
	const struct crash_search *s = &o->search;
	char *values[] = {NULL, NULL};

	scn_buf_str(out, "gntsim crash");
	if (o->script)
		scn_buf_str(out, " --script");
	if (s->end)
		scn_buf_printf(out, " --end %s", s->end);
	if (s->hang_ms != CRASH_HANG_MS)
		scn_buf_printf(out, " --hang %u", s->hang_ms);
	if (s->accepted) {
		scn_buf_str(out, " --accept ");
		for (size_t i = 0; i < s->n_accepted; i++)
			scn_buf_printf(out, "%s%d", i ? "," : "", s->accepted[i]);
	}
	for (size_t i = 0; i < s->n_rings; i++)
		scn_buf_printf(out, " --ring %s", s->rings[i]);
	if (s->check) {
		values[0] = strdupa(s->check);
		scn_buf_str(out, " --check ");
		quote(out, values);
	}
}

/* On a terminal, over and over in one line. */
static void tell_progress(void *ctx, const struct crash_findings *f, size_t failed, int64_t ms)
{
	int64_t left = f->runs ? ms * (int64_t)(f->runs_planned - f->runs) / (int64_t)f->runs : 0;

	(void)ctx;
	fprintf(stderr, "\r%zu of %zu %s, %zu failed, %lld s left \033[K", f->runs, f->runs_planned,
		f->runs_planned == f->planned ? "points" : "runs", failed,
		(long long)(left + 999) / 1000);
	if (f->runs == f->runs_planned)
		fputs("\r\033[K", stderr);
}

static int write_file(const char *path, const struct scn_buf *text)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	bool whole;

	if (!out)
		return complain("crash: cannot write %s: %s", path, strerror(errno));
	whole = fwrite(text->data, 1, text->len, out) == text->len && fflush(out) == 0;
	if (out != stdout && fclose(out))
		whole = false;
	return whole ? 0 : complain("crash: cannot write %s: %s", path, strerror(errno));
}

static bool is_standard_output(const char *path)
{
	return path && !strcmp(path, "-");
}

static int tell_people(const struct crash_options *o, const struct crash_findings *f,
		       const struct crash_groups *groups, const char *command)
{
	scn_cleanup_buf struct scn_buf text = {0}, again = {0};

	if (is_standard_output(o->json))
		return 0;
	tell_again(&again, o);
	crash_report_text(&text, f, groups, scn_buf_text(&again), command);
	if (text.failed || again.failed)
		return complain("crash: out of memory");
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

static int write_reports(const struct crash_options *o, const struct crash_findings *f,
			 const char *command)
{
	scn_cleanup_buf struct scn_buf json = {0}, junit = {0};
	int status = 0;

	crash_report_json(&json, f, command);
	crash_report_junit(&junit, f, command);
	if (json.failed || junit.failed)
		return complain("crash: out of memory");
	if (o->json)
		status = write_file(o->json, &json);
	if (o->junit && status == 0)
		status = write_file(o->junit, &junit);
	return status;
}

/* Says how many points were not reached, and which was the first. */
static void tell_missed(const struct crash_findings *f, size_t missed)
{
	struct scn_buf point = {0};
	size_t i = 0;

	while (f->results[i].outcome != CRASH_NOT_REACHED)
		i++;
	crash_point_text(&f->results[i].point, &point);
	complain("crash: %zu of %zu points were not reached, %s first: the programs made fewer "
		 "calls then",
		 missed, f->n, scn_buf_text(&point));
	scn_buf_free(&point);
}

static int judge(const struct crash_findings *f)
{
	size_t missed = crash_count(f, CRASH_NOT_REACHED), lost = crash_count(f, CRASH_LOST);
	unsigned int missing = 0;

	for (unsigned int i = 0; f->merged && i < f->n_shards; i++)
		missing += !f->merged[i];
	if (f->unsteady)
		complain(
		    "crash: two undisturbed runs did not make the same number of calls: a point "
		    "is the nth call of its kind in its own run");
	if (f->shifted)
		complain(
		    "crash: in %zu of %zu runs the program that died had made another number of "
		    "calls before its point",
		    f->shifted, f->runs);
	if (missed)
		tell_missed(f, missed);
	if (f->uncountable)
		complain("crash: a program's stores cannot be counted: it dies at calls alone%s%s",
			 f->why_uncountable ? ": " : "",
			 f->why_uncountable ? f->why_uncountable : "");
	if (f->interrupted)
		return 128 + f->interrupted;
	if (crash_count_failed(f))
		return 1;
	if (f->n < f->planned)
		complain("crash: %zu of %zu points were not tried", f->planned - f->n, f->planned);
	else if (f->runs < f->runs_planned)
		complain("crash: %zu of %zu runs were not made", f->runs_planned - f->runs,
			 f->runs_planned);
	if (missing)
		complain("crash: %u of %u shards are missing", missing, f->n_shards);
	if (f->runs < f->runs_planned || missing)
		return EXIT_UNTRIED;
	if (f->n && missed + lost == f->n)
		return complain("crash: no point could be tried");
	return 0;
}

static int tell(const struct crash_options *o, struct crash_findings *f, const char *command,
		const char *self)
{
	struct crash_groups groups;
	int status, written;

	if (crash_groups_make(&groups, f) < 0)
		return complain("crash: out of memory");
	status = tell_people(o, f, &groups, command);
	if (status == 0 && o->output && !o->merge && !f->interrupted) {
		/* It takes a while, in which whoever waits may lose patience: what is known is there already. */
		if (!is_standard_output(o->json) && !is_standard_output(o->junit))
			status = write_reports(o, f, command);
		if (status == 0)
			status = crash_output_write(o, &groups, command, self);
	}
	written = write_reports(o, f, command);
	status = status ? status : written;
	crash_groups_free(&groups);
	return status ? status : judge(f);
}

static int merge(const struct crash_options *o)
{
	struct crash_findings f = {0};
	char *command = NULL;
	int status = 0;

	for (char **file = o->words; *file && status == 0; file++) {
		scn_cleanup_buf struct scn_buf why = {0};

		status = crash_report_read(*file, &f, &command, &why);
		if (status < 0)
			status = complain("crash: %s %s", *file,
					  why.len ? scn_buf_text(&why) : strerror(-status));
	}
	if (status == 0)
		status = tell(o, &f, command, NULL);
	crash_findings_free(&f);
	free(command);
	return status;
}

/* What starts the programs. @return NULL: out of memory; the caller's */
static char **command_of(const struct crash_options *o, char *self)
{
	const char *slash = strrchr(o->words[0], '/');
	bool whole = o->script || (!strcmp(slash ? slash + 1 : o->words[0], "gntsim") &&
				   o->words[1] && !strcmp(o->words[1], "run"));
	size_t n = 0, at = 0;
	char **out;
	static char run[] = "run";

	while (o->words[n])
		n++;
	out = calloc(n + 3, sizeof(*out));
	if (out && !whole) {
		out[at++] = self;
		out[at++] = run;
	}
	for (size_t i = 0; out && i < n; i++)
		out[at++] = o->words[i];
	return out;
}

static int search(struct crash_options *o)
{
	struct crash_progress progress = {.tell = tell_progress};
	struct crash_findings f = {0};
	scn_cleanup_buf struct scn_buf why = {0}, command = {0};
	char room[PATH_MAX], self[PATH_MAX] = "";
	int status;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return complain("cannot find out where gntsim is: %s", strerror(errno));
	if (crash_output_check(o) != 0)
		return EXIT_GNTSIM;
	o->search.room = scn_temporary(room);
	o->search.argv = command_of(o, self);
	if (!o->search.argv)
		return complain("crash: out of memory");
	quote(&command, o->words);
	status = crash_search_run(
	    &o->search, isatty(STDERR_FILENO) && !o->search.loud ? &progress : NULL, &f, &why);
	if (status < 0)
		status = complain("crash: %s", why.len ? scn_buf_text(&why) : strerror(-status));
	if (f.interrupted && status > 0)
		status = 128 + f.interrupted;
	else if (status == 0)
		status = tell(o, &f, scn_buf_text(&command), self);
	crash_findings_free(&f);
	free(o->search.argv);
	return status;
}

int crash_main(int argc, char **argv)
{
	struct crash_options o;
	int status = crash_options_parse(argc, argv, &o);

	if (status == 0)
		status = o.merge ? merge(&o) : search(&o);
	else if (status == 1)
		status = 0;
	crash_options_free(&o);
	return status;
}
