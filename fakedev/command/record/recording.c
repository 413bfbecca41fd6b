/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "record/record.h"

struct recording {
	struct recorder *recorder;
	const char *path;
};

static bool find_stores(const char *name, enum record_stores *out)
{
	static const char *const names[] = {[RECORD_STORES_CHANGED] = "changed",
					    [RECORD_STORES_ALL] = "all",
					    [RECORD_STORES_NONE] = "none",
					    [RECORD_STORES_EXACT] = "exact"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (name && strcmp(names[i], name))
			continue;
		*out = (enum record_stores)i;
		return true;
	}
	complain("--stores: expected changed, all, none or exact, found '%s'", name);
	return false;
}

struct recording *recording_open(const char *path, const char *stores,
				 const struct broker_trace *also)
{
	struct recording *r;
	enum record_stores which;

	if (!find_stores(stores, &which))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r) {
		complain("--record: out of memory");
		return NULL;
	}
	r->path = path;
	r->recorder = record_new(path, which, also);
	if (!r->recorder) {
		complain("--record: cannot write %s: %s", path, strerror(errno));
		free(r);
		return NULL;
	}
	return r;
}

const struct broker_trace *recording_hooks(struct recording *r, const struct broker_trace *also)
{
	return r ? record_hooks(r->recorder) : also;
}

void recording_leave_out(struct recording *r, pid_t pid)
{
	if (r && pid > 0)
		record_leave_out(r->recorder, (uint32_t)pid);
}

void recording_machine(struct recording *r, const struct broker_config *config)
{
	if (r)
		record_machine(r->recorder, config);
}

void recording_stops(struct recording *r, struct stops *stops)
{
	if (r)
		record_stops(r->recorder, stops);
}

void recording_take_stores(void *ctx)
{
	const struct recording *r = ctx;

	record_take_stores(r->recorder);
}

/* "# not expressed: THING", a line each. */
static void say_missing(const char *lines)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");

		fprintf(stderr, "gntsim: %.*s\n", (int)(n > 2 ? n - 2 : 0), lines + 2);
		lines += n + (lines[n] == '\n');
	}
}

bool recording_end(struct recording *r)
{
	struct record_result result;
	bool whole;

	if (!r)
		return true;
	record_write(r->recorder, &result);
	whole = result.err == 0;
	if (!whole)
		complain("--record: %s is not whole: %s", r->path, strerror(result.err));
	say_missing(result.not_expressed);
	if (result.uncertain)
		fprintf(
		    stderr,
		    "gntsim: %u store%s in %s may be of another process: \"or by\" stands there "
		    "(--stores exact tells them apart)\n",
		    result.uncertain, result.uncertain == 1 ? "" : "s", r->path);
	if (result.too_long && whole)
		fprintf(stderr,
			"gntsim: %s is longer than the 1 MiB that can be played; less stores "
			"(--stores) or 'gntsim record --shrink' may help\n",
			r->path);
	record_free(r->recorder);
	free(r);
	return whole;
}
