/* SPDX-License-Identifier: MIT */
/* --trace: what the programs of a machine call, and what comes of it, for people (trace_text.c) or for
 * programs (trace_json.c). */
#ifndef FAKEDEV_COMMAND_TRACE_TRACE_H
#define FAKEDEV_COMMAND_TRACE_TRACE_H

#include "broker/trace.h"
#include "lang/layout.h"

/* How a call is written. Both append to `out`. */
struct trace_format {
	const char *name;
	void (*begin)(struct scn_buf *out);
	void (*call)(struct scn_buf *out, struct scn_buf *seen, const struct trace_call *call,
		     uint64_t us);
	/* Something seen before the call that caused it is told: into a buffer of its own, which call()
	 * is given, and empties. */
	void (*saw)(struct scn_buf *seen, const struct gntsim_observation *o);
	/* How many lines a call is, which did so much. begin() is one. */
	uint32_t (*lines)(const struct trace_call *call, uint32_t n_seen);
};
extern const struct trace_format trace_text, trace_json;

struct tracer;

/** Whether there is a format of that name; if not, it was said. */
bool trace_format_known(const char *name);

/**
 * Opens a trace: a file's path, "-" for stderr; format "text" or "json".
 * NULL: there can't be one, and why was said.
 */
struct tracer *trace_open(const char *path, const char *format);
/** For broker_config.trace. Lives as long as the tracer. */
const struct broker_trace *trace_hooks(struct tracer *t);
/** Writes what is left. Returns whether all of the trace could be written; if not, it was said. */
bool trace_end_writing(struct tracer *t);

/** "ioctl(gntdev1, IOCTL_GNTDEV_MAP_GRANT_REF, …)", as the text has it, without the result. */
void trace_call_text(struct scn_buf *out, const struct trace_call *call);

/* What both formats call things by. */
const char *trace_device_name(enum wire_device device);
/* "open", "ioctl", …; NULL for what is no call. */
const char *trace_call_name(enum trace_kind kind);
/* What its like are counted as: an ioctl's own name if it has one, else as trace_call_name(). */
const char *trace_kind_name(const struct trace_call *c);
/* The same name, from what somebody wrote; NULL: none is called so. */
const char *trace_kind_find(const char *text, size_t len);

#endif
