/* SPDX-License-Identifier: MIT */
#include "trace.h"
#include "late/late.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/command.h"
#include "writer.h"

struct tracer {
	const struct trace_format *format;
	const char *path;
	struct broker_trace hooks;
	struct writer *writer;
	struct timespec start;
	int fd;
	uint64_t lines, line; /* told so far; where the last call stands */
	uint64_t us;          /* the last call's */
	uint32_t n_seen;      /* since then */
};

static uint64_t us_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - start->tv_sec) * 1000000u +
	       (uint64_t)((now.tv_nsec - start->tv_nsec) / 1000);
}

static void on_call(void *ctx, const struct trace_call *call)
{
	struct tracer *t = ctx;

	t->us = us_since(&t->start);
	t->line = t->lines + 1;
	t->lines += t->format->lines(call, t->n_seen);
	t->n_seen = 0;
	writer_call(t->writer, call, t->us);
}

static void on_saw(void *ctx, const struct gntsim_observation *o)
{
	struct tracer *t = ctx;

	t->n_seen++;
	writer_saw(t->writer, o);
}

static bool on_flush(void *ctx, enum trace_flush when)
{
	const struct tracer *t = ctx;

	return writer_flush(t->writer, when, t->us);
}

static uint64_t on_line(void *ctx)
{
	const struct tracer *t = ctx;

	return writer_error(t->writer) ? 0 : t->line;
}

static const struct trace_format *find_format(const char *name)
{
	static const struct trace_format *const all[] = {&trace_text, &trace_json};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	complain("--trace-format: expected text or json, found '%s'", name);
	return NULL;
}

bool trace_format_known(const char *name)
{
	return find_format(name) != NULL;
}

struct tracer *trace_open(const char *path, const char *format)
{
	const struct trace_format *f = find_format(format);
	struct tracer *t;

	if (f == &trace_json && !late_has_json())
		return NULL;
	t = f ? calloc(1, sizeof(*t)) : NULL;
	if (!t) {
		if (f)
			complain("--trace: out of memory");
		return NULL;
	}
	t->format = f;
	t->path = path;
	t->hooks = (struct broker_trace){
	    .ctx = t, .call = on_call, .saw = on_saw, .flush = on_flush, .line = on_line};
	t->fd = strcmp(path, "-") ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
				  : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (t->fd < 0) {
		complain("--trace: cannot write %s: %s", path, strerror(errno));
		free(t);
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &t->start);
	t->lines = 1; /* the format's own */
	t->writer = writer_new(f, t->fd, !strcmp(path, "-"));
	if (!t->writer) {
		complain("--trace: out of memory");
		close(t->fd);
		free(t);
		return NULL;
	}
	return t;
}

const struct broker_trace *trace_hooks(struct tracer *t)
{
	return t ? &t->hooks : NULL;
}

bool trace_end_writing(struct tracer *t)
{
	int err;

	if (!t)
		return true;
	err = writer_end(t->writer);
	if (err)
		complain("--trace: %s is not whole: %s", t->path, strerror(err));
	close(t->fd);
	free(t);
	return err == 0;
}
