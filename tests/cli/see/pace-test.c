/* SPDX-License-Identifier: MIT */
/* When a trace is put into words: not while programs are in a hurry, unless much waits; soon after they
 * pause; and all of it at the end. Time is what we say it is. */
#define _GNU_SOURCE
#include "command/trace/writer.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic unsigned int written;

/* The thread is woken by this and nothing else. */
static unsigned int woken;
int __real_sem_post(sem_t *sem);
int __wrap_sem_post(sem_t *sem);

int __wrap_sem_post(sem_t *sem)
{
	woken++;
	return __real_sem_post(sem);
}

static void begin(struct scn_buf *out)
{
	(void)out;
}

static void call(struct scn_buf *out, struct scn_buf *seen, const struct trace_call *c, uint64_t us)
{
	(void)out;
	(void)seen;
	(void)c;
	(void)us;
	atomic_fetch_add(&written, 1);
}

static void saw(struct scn_buf *seen, const struct gntsim_observation *o)
{
	(void)seen;
	(void)o;
}

static uint32_t lines(const struct trace_call *c, uint32_t n_seen)
{
	(void)c;
	return 1 + n_seen;
}

static const struct trace_format counts = {
    .name = "counts", .begin = begin, .call = call, .saw = saw, .lines = lines};

/* @p n calls, one each @p us. @return the time after them */
static uint64_t calls(struct writer *w, unsigned int n, uint64_t us, uint64_t now)
{
	const struct trace_call c = {.kind = TRACE_TIME};

	for (; n > 0; n--) {
		now += us;
		writer_call(w, &c, now);
		writer_flush(w, TRACE_FLUSH_BUSY, now);
	}
	return now;
}

/* A bounded wait for another thread. */
static void expect_written(unsigned int n)
{
	for (int i = 0; atomic_load(&written) < n && i < 60000; i++)
		poll(NULL, 0, 1);
	if (atomic_load(&written) != n) {
		fprintf(stderr, "%u written, not %u\n", atomic_load(&written), n);
		exit(1);
	}
}

int main(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct writer *w = writer_new(&counts, fd, false);
	unsigned int n;
	uint64_t now = 0;

	assert(w);
	/* A hurry: nobody is woken. */
	n = 20000;
	now = calls(w, n, 10, now);
	assert(woken == 0);
	expect_written(0);
	/* A pause. */
	writer_flush(w, TRACE_FLUSH_IDLE, now);
	expect_written(n);
	/* At leisure, each before long. */
	for (int i = 0; i < 10; i++) {
		now = calls(w, 2, 20000, now);
		n += 2;
		expect_written(n);
	}
	/* A hurry that does not end: it is woken before memory has reached its bound. */
	now = calls(w, 10000, 10, now);
	woken = 0;
	for (int i = 0; woken == 0 && atomic_load(&written) == n; i++) {
		assert(i < 1000);
		now = calls(w, 10000, 10, now);
	}
	assert(woken > 0);
	return writer_end(w) == 0 ? 0 : 1;
}
