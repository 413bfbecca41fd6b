/* SPDX-License-Identifier: MIT */
#include "run-stops.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool records_stores(const struct run_options *o)
{
	return o->record && o->stores && strcmp(o->stores, "exact") == 0;
}

static bool is_followed(const struct run_options *o, const struct run_program *p)
{
	return o->count_stores || p->kill_at.at == DEATH_STORE || records_stores(o);
}

int run_stops_begin(const struct run_options *o, struct stops **out)
{
	struct stops_config config = {.tell = records_stores(o)};
	struct failure f;
	bool any = false;
	int err;

	for (unsigned int i = 0; i < o->n_programs; i++) {
		const struct run_program *p = &o->programs[i];

		any |= is_followed(o, p);
		if (p->kill_at.at == DEATH_STORE && i < STOPS_PROGRAMS)
			config.programs[i] =
			    (struct stops_program){.end_at = p->kill_at.n, .end_signal = SIGKILL};
	}
	if (!any)
		return 0;
	if (o->n_programs > STOPS_PROGRAMS)
		return complain("no more than %u programs can be stopped at their stores",
				STOPS_PROGRAMS),
		       -E2BIG;
	if (o->unassisted)
		return complain("an unassisted program, whose memory the kernel alone maps, can't "
				"be stopped at its stores"),
		       -ENOTSUP;
	err = stops_start(&config, out, &f);
	if (err < 0)
		complain("%s", f.text);
	return err;
}

bool run_stops_watch(struct stops *s, struct broker *b, struct recording *r)
{
	int fd;

	if (!s || !r || stops_descriptor(s) < 0)
		return true;
	/* The broker closes what it watches. */
	fd = fcntl(stops_descriptor(s), F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && broker_watch(b, fd, recording_take_stores, r) == 0)
		return true;
	complain("cannot watch for stores: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

int run_stops_follow(const struct run_options *o, const struct run_program *p, struct stops *s,
		     struct failure *f)
{
	return s && is_followed(o, p) ? stops_follow(s, (unsigned int)(p - o->programs), f) : 0;
}

void run_stops_counted(const struct run_options *o, const struct stops *s, unsigned int program,
		       struct deaths *d)
{
	struct death_program *p = d ? &d->programs[program] : NULL;

	if (!s || !p || !is_followed(o, &o->programs[program]))
		return;
	p->stops = true;
	p->stores = stops_count(s, program);
	if (!p->reached && stops_reached(s, program)) {
		p->reached = true;
		p->victim = stops_victim(s, program);
	}
}

int run_stops_judge(const struct stops *s, int status)
{
	return s && stops_refused(s) ? complain("stores can't be stopped at: %s", stops_refused(s))
				     : status;
}
