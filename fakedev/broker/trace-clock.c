/* SPDX-License-Identifier: MIT */
#include "trace-clock.h"

#include "trace.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define IDLE_MS 20

static void set(struct trace_clock *k, bool runs)
{
	const struct timespec each = {.tv_nsec = runs ? IDLE_MS * 1000000 : 0};
	const struct itimerspec t = {each, each};

	if (timerfd_settime(k->endpoint.fd, 0, &t, NULL) == 0)
		k->runs = runs;
}

static void run(struct trace_clock *k, bool runs)
{
	if (k->endpoint.fd >= 0 && runs != k->runs)
		set(k, runs);
}

static void tick(struct broker *b, struct endpoint *e, uint32_t events)
{
	uint64_t n;

	(void)events;
	errno = 0;
	b->trace_clock.ticked = read(e->fd, &n, sizeof(n)) >= 0 || errno != EAGAIN;
	/* What can't be read is still, once it is set again, until it ticks. */
	if (b->trace_clock.ticked && errno)
		set(&b->trace_clock, b->trace_clock.runs);
}

static void destroy(struct endpoint *e)
{
	(void)e; /* a member of the broker */
}

void trace_clock_start(struct broker *b)
{
	struct trace_clock *k = &b->trace_clock;
	int fd = b->config.trace ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1;

	k->endpoint =
	    (struct endpoint){.ready = tick, .destroy = destroy, .fd = fd, .kind = ENDPOINT_OTHER};
	if (fd >= 0 && broker_add_endpoint(b, &k->endpoint, EPOLLIN) < 0) {
		close(fd);
		k->endpoint.fd = -1;
	}
}

int trace_clock_served(struct broker *b, int n)
{
	const struct broker_trace *t = b->config.trace;
	struct trace_clock *k = &b->trace_clock;
	bool ticked = k->ticked, idle, left;

	if (!t)
		return n;
	k->ticked = false;
	n -= ticked;
	k->calls |= n > 0;
	idle = ticked && !k->calls;
	if (ticked)
		k->calls = false;
	left = t->flush(t->ctx, idle ? TRACE_FLUSH_IDLE : TRACE_FLUSH_BUSY) ||
	       b->reading.next != &b->reading;
	if (left || idle)
		run(k, left);
	return n;
}
