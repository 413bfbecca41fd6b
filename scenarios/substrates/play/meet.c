/* SPDX-License-Identifier: MIT */
/*
 * The greeting is lines of text, since a channel may be a console: what else is said there is passed over.
 * The first says "hello" until it hears "here", then "start", once; the second answers each "hello", and
 * "start" with "ready". Nothing of the greeting is on its way after that.
 */
#include "meet.h"

#include <errno.h>
#include <gntsim/machine.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "player/clock.h"
#include "player/variant.h"
#include "substrates/real/platform.h"

#define AGAIN_SECONDS 1 /* how soon "hello" is said again */

#define HELLO "gntsim-hello"
#define HERE  "gntsim-here"
#define START "gntsim-start"
#define READY "gntsim-ready"

/* What one says of itself. */
struct party {
	char version[32], guest[8], kernel[32];
	unsigned int domid;
};

struct greeting {
	const char *name; /* the channel's */
	int fd;
	double deadline;
	unsigned int seconds;
	struct party us, them;
	struct scn_buf *why;
};

static int find_us(const struct scn_options *options, struct party *us, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf kernel = {0};
	enum scn_guest guest;
	int domid;

	if (!scn_devices_here("/dev/xen", why))
		return -ENODEV;
	domid = scn_domid_here(options);
	if (domid < 0 || !scn_guest_here(options, &guest)) {
		scn_buf_printf(why, "can't find out %s; say it with --%s",
			       domid < 0 ? "this domain's id" : "whether this domain is pv or pvh",
			       domid < 0 ? "domid" : "host");
		return -ENODEV;
	}
	scn_version_print(&kernel, scn_kernel_here());
	us->domid = (unsigned int)domid;
	snprintf(us->version, sizeof(us->version), "%s", gntsim_version());
	snprintf(us->guest, sizeof(us->guest), "%s", guest == SCN_PV ? "pv" : "pvh");
	snprintf(us->kernel, sizeof(us->kernel), "%s", scn_buf_text(&kernel));
	return 0;
}

static int say(const struct greeting *g, const char *word)
{
	const struct party *us = &g->us;
	char line[160];
	int n = snprintf(line, sizeof(line), "\n%s %s %u %s %s\n", word, us->version, us->domid,
			 us->guest, us->kernel);

	for (const char *at = line; n > 0;) {
		ssize_t sent = write(g->fd, at, (size_t)n);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			scn_buf_printf(g->why, "%s: %s", g->name, strerror(errno));
			return -EPIPE;
		}
		at += sent;
		n -= (int)sent;
	}
	return 0;
}

/* A line of at most that many bytes, until then; -ETIMEDOUT. What is longer is cut. */
static int read_line(const struct greeting *g, double until, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p = {.fd = g->fd, .events = POLLIN};
		double left = until - scn_now();
		int ready = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
		ssize_t got = ready > 0 ? read(g->fd, line + n, 1) : ready;

		if (ready == 0)
			return -ETIMEDOUT;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			scn_buf_printf(g->why, "%s: the other side is gone", g->name);
			return -EPIPE;
		}
		if (line[n] == '\n' || line[n] == '\r') {
			line[n] = '\0';
			return 0;
		}
		n += n < size - 2;
	}
}

/* Waits for one of two words; 0 or 1: which. Other lines are not for us. */
static int await(struct greeting *g, double until, const char *first, const char *second)
{
	char line[160], word[16];
	struct party *them = &g->them;

	for (;;) {
		int err = read_line(g, until, line, sizeof(line));

		if (err)
			return err;
		if (sscanf(line, "%15s %31s %5u %7s %31s", word, them->version, &them->domid,
			   them->guest, them->kernel) != 5)
			continue;
		if (!strcmp(word, first))
			return 0;
		if (second && !strcmp(word, second))
			return 1;
	}
}

static int nobody(const struct greeting *g)
{
	scn_buf_printf(g->why, "%s: nobody answered within %u seconds", g->name, g->seconds);
	return -ETIMEDOUT;
}

static int same_version(const struct greeting *g)
{
	if (!strcmp(g->us.version, g->them.version))
		return 0;
	scn_buf_printf(g->why, "%s: the player there is gntsim %s, this one is %s", g->name,
		       g->them.version, g->us.version);
	return -EPROTO;
}

static int greet_first(struct greeting *g)
{
	int got = -ETIMEDOUT, err;

	while (got == -ETIMEDOUT) {
		double now = scn_now();

		if (now >= g->deadline)
			return nobody(g);
		err = say(g, HELLO);
		if (err)
			return err;
		got = await(g, now + AGAIN_SECONDS, HERE, NULL);
	}
	if (got < 0)
		return got;
	err = same_version(g);
	if (!err)
		err = say(g, START);
	if (!err)
		err = await(g, g->deadline, READY, NULL);
	return err == -ETIMEDOUT ? nobody(g) : err;
}

static int greet_second(struct greeting *g)
{
	for (;;) {
		int got = await(g, g->deadline, HELLO, START), err;

		if (got == -ETIMEDOUT)
			return nobody(g);
		if (got < 0)
			return got;
		err = say(g, got ? READY : HERE);
		if (!err)
			err = same_version(g);
		if (err || got)
			return err;
	}
}

static void print_party(const struct party *p, struct scn_buf *about)
{
	scn_buf_printf(about, "domain %u, %s, Linux %s", p->domid, p->guest, p->kernel);
}

/* Of a pair the first is first. */
static void tell(const struct greeting *g, bool second)
{
	const struct party *first = second ? &g->them : &g->us;
	const struct party *other = second ? &g->us : &g->them;
	char text[32];

	snprintf(text, sizeof(text), "%s+%s", first->guest, other->guest);
	setenv("GNTSIM_LAB", text, 1);
	setenv("GNTSIM_LAB_KERNEL", g->us.kernel, 1);
	setenv("GNTSIM_LAB_ROLE", second ? "domU" : "dom0", 1);
	snprintf(text, sizeof(text), "%u", g->us.domid);
	setenv("GNTSIM_LAB_DOMID", text, 1);
	snprintf(text, sizeof(text), "%u", g->them.domid);
	setenv("GNTSIM_LAB_PEER", text, 1);
	snprintf(text, sizeof(text), "%d", g->fd);
	setenv("GNTSIM_LAB_CHANNEL", text, 1);
}

int scn_meet(const struct scn_meeting *meeting, const struct scn_options *options,
	     struct scn_reached *out, struct scn_buf *about, struct scn_buf *why)
{
	struct greeting g = {.name = meeting->channel,
			     .seconds = meeting->seconds,
			     .deadline = scn_now() + meeting->seconds,
			     .why = why};
	int err = find_us(options, &g.us, why);

	*out = (struct scn_reached){.fd = -1};
	if (!err)
		err = scn_channel_reach(meeting->channel, meeting->seconds, out, why);
	if (err)
		return err;
	g.fd = out->fd;
	signal(SIGPIPE, SIG_IGN);
	err = meeting->second ? greet_second(&g) : greet_first(&g);
	if (err) {
		scn_channel_leave(out);
		return err;
	}
	print_party(&g.us, about);
	scn_buf_str(about, "; the other: ");
	print_party(&g.them, about);
	tell(&g, meeting->second);
	return 0;
}
