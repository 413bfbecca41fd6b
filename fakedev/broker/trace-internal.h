/* SPDX-License-Identifier: MIT */
/**
 * @file trace-internal.h
 * Where the broker and its fronts tell of a call. Each of these does nothing when nobody is told.
 */
#ifndef FAKEDEV_TRACE_INTERNAL_H
#define FAKEDEV_TRACE_INTERNAL_H

#include "broker-internal.h"
#include "trace.h"

/** The memory to give the driver: @p um itself, or one that keeps what goes through it. */
const struct gntsim_user_memory *trace_watch(const struct broker *b, struct trace_memory *t,
					     const struct gntsim_user_memory *um,
					     struct gntsim_user_memory *room);

/** A request of a client is answered with @p result and @p payload. */
void trace_request(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		   size_t len);
/** A call that came through the kernel: whose is the file's domain and the thread's process. */
void trace_file_call(struct device_file *f, uint32_t thread, struct trace_call *call);
/** Tells @p told of a call that a client asks for, and that need not have been made. */
void trace_describe(struct client *c, const struct wire_in *in,
		    void (*told)(void *ctx, const struct trace_call *call), void *ctx);
/** The same of a call that came through the kernel, on @p f; NULL: it opens call->device. */
void trace_describe_file(const struct device_file *f, uint32_t thread, struct trace_call *call,
			 void (*told)(void *ctx, const struct trace_call *call), void *ctx);
/** A read() of evtchn that the kernel served alone; @p bytes: at most 4096, as its result says. */
void trace_kernel_read(struct client *c, const struct wire_read *r, const void *bytes);
/** WIRE_READ. @retval -EPROTO */
int trace_told_read(struct client *c, const struct wire_in *in);
void trace_close(const struct device_file *f);
void trace_end(const struct client *c);
/** What has happened since the last call was nobody's. */
void trace_time(struct broker *b);

#endif
