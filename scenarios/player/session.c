/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "lang/parse/parser.h"

/* Takes a finished record. */
typedef void sink(void *ctx, const struct scn_record *record);

struct player_seat {
	const struct scn_session *session;
	void *self; /* the opened substrate */
	sink *sink;
	void *ctx;
};

static void report_broken(const struct player_seat *seat, const char *path, const char *message)
{
	struct scn_record r = {.file = path, .outcome.verdict = SCN_BROKEN};

	scn_buf_str(&r.outcome.message, message);
	seat->sink(seat->ctx, &r);
	scn_record_free(&r);
}

static void prepare_variant(const struct player_seat *seat, const struct scn_scenario *s,
			    uint32_t n, struct scn_setup *setup, struct scn_buf *name)
{
	const struct scn_session *session = seat->session;
	struct scn_version kernel =
	    session->filter.has_kernel ? session->filter.kernel : session->ops->kernel(seat->self);
	struct scn_platform platform = session->ops->platform(seat->self);

	scn_variant(s, &session->filter, kernel, &platform, n, setup, name);
}

/* Whether every variant passes, although it is to be skipped. */
static bool passes_anyway(const struct player_seat *seat, const struct scn_scenario *s)
{
	const struct scn_session *session = seat->session;
	uint32_t variants = scn_variant_count(s, &session->filter);
	bool passes = session->doubt && scn_can_be_tried(s, session->ops, seat->self);

	for (uint32_t i = 0; i < variants && passes; i++) {
		scn_cleanup_buf struct scn_buf name = {0};
		struct scn_outcome outcome;
		struct scn_setup setup;

		prepare_variant(seat, s, i, &setup, &name);
		scn_play_anyway(s, &setup, session->ops, seat->self, &outcome);
		passes = outcome.verdict == SCN_PASSED;
		scn_outcome_free(&outcome);
	}
	return passes;
}

static void play_variant(const struct player_seat *seat, const char *path,
			 const struct scn_scenario *s, uint32_t n, bool doubted)
{
	const struct scn_session *session = seat->session;
	struct scn_record r = {.file = path, .needs = s->needs};
	struct scn_setup setup;
	double start = scn_now();

	prepare_variant(seat, s, n, &setup, &r.variant);
	scn_play(s, &setup, session->ops, seat->self, &r.outcome);
	if (doubted) {
		r.outcome.verdict = SCN_FAILED;
		scn_buf_str(&r.outcome.message, ", but it passes");
	}
	r.seconds = scn_now() - start;
	seat->sink(seat->ctx, &r);
	scn_record_free(&r);
}

static void free_text(char **text)
{
	free(*text);
}

static void report_unreadable(const struct player_seat *seat, const char *path, const char *why)
{
	scn_cleanup_buf struct scn_buf message = {0};

	scn_buf_printf(&message, "%s: %s", path, why);
	report_broken(seat, path, scn_buf_text(&message));
}

static void play_file(const struct player_seat *seat, const char *path)
{
	struct scn_source src = {.name = path};
	__attribute__((cleanup(free_text))) char *text = scn_read_file(path, &src.len);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	bool doubted;
	int err;

	if (!text) {
		report_unreadable(seat, path, strerror(errno));
		return;
	}
	src.text = text;
	err = scn_parse(&src, &s, &errors);
	if (err) {
		report_broken(seat, path,
			      err == -ENOMEM ? "out of memory" : scn_buf_text(&errors.text));
		return;
	}
	doubted = passes_anyway(seat, &s);
	for (uint32_t n = scn_variant_count(&s, &seat->session->filter), i = 0; i < n; i++)
		play_variant(seat, path, &s, i, doubted);
}

static void play_found(const struct player_seat *seat, const struct scn_files *files, size_t i)
{
	if (files->errors && files->errors[i])
		report_unreadable(seat, files->paths[i], scn_find_error(files->errors[i]));
	else
		play_file(seat, files->paths[i]);
}

static int open_substrate(const struct scn_session *session, void **self, struct scn_buf *why)
{
	switch (session->ops->open(&session->options, self, why)) {
	case SCN_OK:
		return 0;
	case SCN_SKIP:
		return -ENODEV;
	case SCN_ERROR:
		break;
	}
	return why->failed ? -ENOMEM : -EIO;
}

static void sink_report(void *ctx, const struct scn_record *record)
{
	scn_report_add(ctx, record);
}

static int play_here(const struct scn_session *session, const struct scn_files *files,
		     struct scn_report *report, struct scn_buf *why)
{
	struct player_seat seat = {session, NULL, sink_report, report};
	int err = open_substrate(session, &seat.self, why);

	if (err)
		return err;
	for (size_t i = 0; i < files->n; i++)
		play_found(&seat, files, i);
	session->ops->close(seat.self);
	return 0;
}

/* A record on its way from a worker; the texts follow. File's end: variant_len UINT32_MAX. */
struct wire_record {
	uint32_t verdict, variant_len, message_len, log_len;
	double seconds;
	uint64_t needs;
};

static void sink_pipe(void *ctx, const struct scn_record *r)
{
	const struct scn_outcome *o = &r->outcome;
	struct wire_record w = {o->verdict,
				(uint32_t)r->variant.len,
				(uint32_t)o->message.len,
				(uint32_t)o->log.len,
				r->seconds,
				r->needs};
	FILE *f = ctx;

	fwrite(&w, sizeof(w), 1, f);
	fwrite(scn_buf_text(&r->variant), 1, r->variant.len, f);
	fwrite(scn_buf_text(&o->message), 1, o->message.len, f);
	fwrite(scn_buf_text(&o->log), 1, o->log.len, f);
}

struct worker {
	pid_t pid;
	FILE *records;
};

static void work(const struct scn_session *session, const struct scn_files *files, size_t first,
		 FILE *out)
{
	struct wire_record end = {.variant_len = UINT32_MAX};
	struct player_seat seat = {session, NULL, sink_pipe, out};
	scn_cleanup_buf struct scn_buf why = {0};
	int err = open_substrate(session, &seat.self, &why);

	for (size_t i = first; i < files->n; i += session->jobs) {
		if (err)
			report_broken(&seat, files->paths[i], scn_buf_text(&why));
		else
			play_found(&seat, files, i);
		fwrite(&end, sizeof(end), 1, out);
		fflush(out);
	}
	if (!err)
		session->ops->close(seat.self);
	fclose(out);
}

static int start_worker(const struct scn_session *session, const struct scn_files *files,
			size_t first, struct worker *w)
{
	int fds[2], err;

	if (pipe(fds))
		return -errno;
	w->pid = scn_fork_child();
	if (w->pid == 0) {
		FILE *out = fdopen(fds[1], "w");

		close(fds[0]);
		if (out)
			work(session, files, first, out);
		_exit(0);
	}
	err = w->pid < 0 ? -errno : 0;
	close(fds[1]);
	w->records = fdopen(fds[0], "r");
	if (!w->records)
		close(fds[0]);
	return w->records ? err : -ENOMEM;
}

static bool read_text(FILE *f, struct scn_buf *out, uint32_t len)
{
	char chunk[4096];

	while (len > 0) {
		size_t n = len < sizeof(chunk) ? len : sizeof(chunk);

		if (fread(chunk, 1, n, f) != n)
			return false;
		scn_buf_add(out, chunk, n);
		len -= (uint32_t)n;
	}
	return true;
}

/* The records of one file. Returns false if the worker is gone. */
static bool collect_file(struct worker *w, const char *path, struct scn_report *report)
{
	for (;;) {
		struct scn_record r = {.file = path};
		struct wire_record wire;
		bool good;

		if (!w->records || fread(&wire, sizeof(wire), 1, w->records) != 1)
			return false;
		if (wire.variant_len == UINT32_MAX)
			return true;
		r.seconds = wire.seconds;
		r.needs = wire.needs;
		r.outcome.verdict = (enum scn_verdict)wire.verdict;
		good = read_text(w->records, &r.variant, wire.variant_len) &&
		       read_text(w->records, &r.outcome.message, wire.message_len) &&
		       read_text(w->records, &r.outcome.log, wire.log_len);
		if (good)
			scn_report_add(report, &r);
		scn_record_free(&r);
		if (!good)
			return false;
	}
}

static void end_worker(struct worker *w)
{
	if (w->records)
		fclose(w->records);
	if (w->pid > 0)
		scn_await_child(w->pid, NULL);
}

static int play_in_workers(const struct scn_session *session, const struct scn_files *files,
			   struct scn_report *report)
{
	struct worker *workers = calloc(session->jobs, sizeof(*workers));
	struct player_seat lost = {session, NULL, sink_report, report};
	int err = workers ? 0 : -ENOMEM;

	for (unsigned int i = 0; !err && i < session->jobs; i++)
		err = start_worker(session, files, i, &workers[i]);
	for (size_t i = 0; !err && i < files->n; i++) {
		struct worker *w = &workers[i % session->jobs];

		if (!collect_file(w, files->paths[i], report))
			report_broken(&lost, files->paths[i], "the worker that played this died");
	}
	for (unsigned int i = 0; workers && i < session->jobs; i++)
		end_worker(&workers[i]);
	free(workers);
	return err;
}

int scn_session_play(const struct scn_session *session, const struct scn_files *files,
		     struct scn_report *report, struct scn_buf *why)
{
	void *self;
	int err;

	if (session->jobs <= 1 || files->n <= 1)
		return play_here(session, files, report, why);
	/* Whether it can be had at all is told once. */
	err = open_substrate(session, &self, why);
	if (err)
		return err;
	session->ops->close(self);
	return play_in_workers(session, files, report);
}
