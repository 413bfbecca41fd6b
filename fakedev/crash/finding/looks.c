/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/finding/looks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a page's bytes so many runs are asked for, each of so many bytes. */
#define RUNS    4u
#define RUN_LEN 8u

void looks_free(struct looks *looks)
{
	for (uint32_t i = 0; i < looks->n; i++) {
		scn_buf_free(&looks->all[i].call);
		scn_buf_free(&looks->all[i].want);
		for (uint32_t k = 0; k < looks->all[i].n_cures; k++)
			scn_buf_free(&looks->all[i].cures[k]);
	}
	free(looks->all);
	*looks = (struct looks){0};
}

static struct look *add(struct looks *looks, uint32_t before)
{
	static struct look lost;
	struct look *more = looks->all;

	if (looks->n == looks->room) {
		uint32_t room = looks->room ? looks->room * 2 : 16;

		more = reallocarray(looks->all, room, sizeof(*more));
		if (!more) {
			looks->failed = true;
			lost = (struct look){0};
			return &lost;
		}
		looks->all = more;
		looks->room = room;
	}
	more[looks->n] = (struct look){.before = before};
	return &more[looks->n++];
}

static struct scn_buf *add_cure(struct look *look)
{
	static struct scn_buf lost;

	if (look->n_cures < LOOK_CURES)
		return &look->cures[look->n_cures++];
	scn_buf_clear(&lost);
	return &lost;
}

/* ---- where ---- */

static bool died_at(const struct names *names, uint32_t process, uint32_t step)
{
	return names->ends[process] != NAMES_NEVER && names->ends[process] < step;
}

/* Who is left there. */
static bool survives(const struct names *names, uint32_t process, uint32_t step)
{
	return !names->victims[process] && !died_at(names, process, step);
}

static uint32_t after_death(const struct names *names)
{
	return names->death == NAMES_NEVER ? names->n_steps : names->death + 1;
}

/* Where a victim still has what it dies with. */
static uint32_t last_of_victim(const struct names *names, uint32_t before)
{
	return names->death == NAMES_NEVER ? before : names->death;
}

static bool is_kill(const struct names *names, uint32_t step)
{
	const struct scn_step *s = names->steps[step];
	struct scn_str text = names_statement(names, step);

	return s->kind == SCN_STEP_KILL && !memmem(text.s, text.n, "# signal", 8);
}

/* Those who wait for ever are killed by who has found that. */
static uint32_t end_of_wait(const struct names *names)
{
	uint32_t step = names->death == NAMES_NEVER ? 0 : names->death + 1;

	while (step < names->n_steps && !is_kill(names, step))
		step++;
	return step;
}

/* ---- whom the report names: "taker (program 2, dom1)" ---- */

static bool is_of_domain(const struct names *names, uint32_t process, long domain)
{
	const struct scn_domain_decl *d = names->s->domains;

	for (uint32_t i = 0; d && i < names->domains[process]; i++)
		d = d->next;
	return domain < 0 || (d && d->number == domain);
}

static long domain_in(const char *detail)
{
	const char *at = strstr(detail, "(program ");
	unsigned int program, domain;

	return at && sscanf(at, "(program %u, dom%u)", &program, &domain) == 2 ? (long)domain : -1;
}

/* ---- events ---- */

static uint16_t number_of(const struct names *names, uint32_t process)
{
	const struct scn_domain_decl *d = names->s->domains;

	for (uint32_t i = 0; d && i < names->domains[process]; i++)
		d = d->next;
	return d ? d->number : 0;
}

/* An event that the victim sends, of what it has; or by a port that it binds for that. */
static void cure_by_event(struct look *look, const struct names *names, const struct named *file)
{
	uint32_t last = last_of_victim(names, look->before);

	for (uint32_t v = 0; v < names->s->n_processes; v++) {
		const struct named *port = NULL;

		if (!names->victims[v] || died_at(names, v, last))
			continue;
		while ((port = named_next(names, port, NAME_PORT, v, last)))
			scn_buf_printf(add_cure(look),
				       "%s: ioctl(%s, IOCTL_EVTCHN_NOTIFY, {port=%s})\n",
				       names->processes[v], port->of, port->name);
		while ((port = named_next(names, port, NAME_PORT, file->process, look->before)))
			if (!strcmp(port->of, file->name))
				scn_buf_printf(add_cure(look),
					       "%s: the_file = open(\"/dev/xen/evtchn\", O_RDWR)\n"
					       "%s: the_port = ioctl(the_file, "
					       "IOCTL_EVTCHN_BIND_INTERDOMAIN, "
					       "{remote_domain=dom%u, remote_port=%s})\n"
					       "%s: ioctl(the_file, IOCTL_EVTCHN_NOTIFY, "
					       "{port=the_port})\n",
					       names->processes[v], names->processes[v],
					       number_of(names, file->process), port->name,
					       names->processes[v]);
	}
}

static bool waits_for_event(const char *detail)
{
	static const char *const words[] = {"waits in read(evtchn)", "waits in poll",
					    "waits in ppoll",        "waits in select",
					    "waits in pselect",      "waits in epoll"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(detail, words[i]))
			return true;
	return false;
}

static void propose_events(struct looks *looks, const struct names *names, const char *detail)
{
	uint32_t before = end_of_wait(names);
	long domain = domain_in(detail);

	for (uint32_t p = 0; p < names->s->n_processes; p++) {
		const struct named *file = NULL;

		if (!survives(names, p, before) || !is_of_domain(names, p, domain))
			continue;
		while ((file = named_next(names, file, NAME_EVTCHN, p, before))) {
			struct look *look = add(looks, before);

			look->of_event = true;
			scn_buf_printf(&look->call, "%s: read(%s, 4)", names->processes[p],
				       file->name);
			cure_by_event(look, names, file);
		}
	}
}

/* ---- bytes ---- */

/* The victim stores something else there, by any page of its. */
static void cure_by_store(struct look *look, const struct names *names, unsigned int offset,
			  unsigned int len)
{
	uint32_t last = last_of_victim(names, look->before);

	for (uint32_t v = 0; v < names->s->n_processes; v++) {
		const struct named *page = NULL;

		if (!names->victims[v] || died_at(names, v, last))
			continue;
		while ((page = named_next(names, page, NAME_PAGE, v, last))) {
			/* One of the two is another value. */
			scn_buf_printf(add_cure(look), "%s: store(%s+%u, fill(0, %u))\n",
				       names->processes[v], page->name, offset, len);
			scn_buf_printf(add_cure(look), "%s: store(%s+%u, fill(90, %u))\n",
				       names->processes[v], page->name, offset, len);
		}
	}
}

static void add_load(struct looks *looks, const struct names *names, uint32_t process,
		     const char *page, unsigned int offset, unsigned int len, uint32_t before)
{
	struct look *look = add(looks, before);

	scn_buf_printf(&look->call, "%s: load(%s+%u, %u)", names->processes[process], page, offset,
		       len);
	cure_by_store(look, names, offset, len);
}

/* By each page that a survivor has at that step, while it has it. */
static void propose_loads(struct looks *looks, const struct names *names, long domain,
			  unsigned int offset, unsigned int len, uint32_t before)
{
	for (uint32_t i = 0; i < names->n; i++) {
		const struct named *h = &names->all[i];
		uint32_t at = h->to < before ? h->to : before;

		if (h->kind == NAME_PAGE && (names->death == NAMES_NEVER || at > names->death) &&
		    named_at(h, at) && survives(names, h->process, at) &&
		    is_of_domain(names, h->process, domain))
			add_load(looks, names, h->process, h->name, offset, len, at);
	}
}

/* "byte 20 of dom0's grant 8, byte 3 of ... stayed set" */
static bool propose_set_bytes(struct looks *looks, const struct names *names, const char *detail,
			      uint32_t before)
{
	unsigned int offset, granter, ref;
	bool any = false;

	for (const char *at = detail; (at = strstr(at, "byte ")); at++)
		if (sscanf(at, "byte %u of dom%u's grant %u", &offset, &granter, &ref) == 3) {
			propose_loads(looks, names, -1, offset, 1, before);
			any = true;
		}
	return any;
}

/* "--ring 0:8:4:0:1024" */
static void propose_rings(struct looks *looks, const struct names *names, const char *detail)
{
	unsigned int granter, ref, producer, consumer, size;
	const char *at = strstr(detail, "--ring ");

	for (at = at ? at + 7 : ""; *at; at = strchrnul(at, ',') + (*strchrnul(at, ',') == ','))
		if (sscanf(at, "%u:%u:%u:%u:%u", &granter, &ref, &producer, &consumer, &size) ==
		    5) {
			propose_loads(looks, names, -1, producer, 4, names->n_steps);
			propose_loads(looks, names, -1, consumer, 4, names->n_steps);
		}
}

/* What a survivor reads of its pages at its end, or as long as it has them. */
static void propose_pages(struct looks *looks, const struct names *names, long domain,
			  uint32_t before)
{
	uint32_t first = looks->n;

	propose_loads(looks, names, domain, 0, 4096, before);
	for (uint32_t i = first; i < looks->n; i++)
		looks->all[i].n_cures = 0;
}

/* How far the next value of bytes side by side goes; 0: no more is known. */
static size_t take_value(const char **at, bool *set)
{
	unsigned int byte, n;
	char *end;
	size_t len = 0;

	*at += strspn(*at, " ");
	*set = true;
	if (**at == '"') {
		for ((*at)++; **at && **at != '"'; len++)
			*at += **at != '\\' ? 1 : (*at)[1] == 'x' ? 4 : 2;
		*at += **at == '"';
		return len;
	}
	if (sscanf(*at, "fill(%u, %u)", &byte, &n) == 2) {
		*set = byte != 0;
		*at = strchrnul(*at, ')') + 1;
		return n;
	}
	byte = (unsigned int)strtoul(*at, &end, 0);
	*set = byte != 0;
	len = end > *at;
	*at = end;
	return len;
}

void looks_add_bytes(struct looks *looks, const struct names *names, const struct look *read,
		     const char *result)
{
	const char *colon = strchr(scn_buf_text(&read->call), ':');
	size_t offset = 0, from = 0, n;
	uint32_t before = read->before;
	scn_cleanup_buf struct scn_buf call = {0};
	unsigned int runs = 0;
	bool set, was_set = false;

	if (!colon)
		return;
	/* "taker: load(ring+0, 4096)": up to the sign. */
	scn_buf_add(&call, scn_buf_text(&read->call), strcspn(scn_buf_text(&read->call), "+"));
	while (runs < RUNS && (n = take_value(&result, &set))) {
		if (set && !was_set)
			from = offset;
		offset += n;
		was_set = set;
		/* The run's end, or it is long enough. */
		if (set && (offset - from < RUN_LEN) && *result && strncmp(result, " 0", 2) != 0 &&
		    strncmp(result, " fill(0", 7) != 0)
			continue;
		if (set) {
			unsigned int len =
			    (unsigned int)(offset - from < RUN_LEN ? offset - from : RUN_LEN);
			struct look *look = add(looks, before);

			scn_buf_printf(&look->call, "%s+%zu, %u)", scn_buf_text(&call), from, len);
			cure_by_store(look, names, (unsigned int)from, len);
			runs++;
		}
		was_set = false;
	}
}

/* ---- what was not given back ---- */

static void propose_leaks(struct looks *looks, const struct names *names)
{
	for (uint32_t i = 0; i < names->n; i++) {
		const struct named *h = &names->all[i];
		uint32_t end = names->ends[h->process];
		struct look *look;

		if ((h->kind != NAME_GRANT && h->kind != NAME_MAP) || names->victims[h->process] ||
		    end == NAMES_NEVER || h->to != end || names->steps[end]->kind != SCN_STEP_CALL)
			continue;
		look = add(looks, end);
		scn_buf_printf(&look->call, "%s: ioctl(%s, %s, {index=%s, count=%llu})",
			       names->processes[h->process], h->of,
			       h->kind == NAME_GRANT ? "IOCTL_GNTALLOC_DEALLOC_GREF"
						     : "IOCTL_GNTDEV_UNMAP_GRANT_REF",
			       h->name, (unsigned long long)h->count);
		scn_buf_str(&look->want, "0");
	}
}

/* ---- */

static int refuse(struct scn_buf *why, const char *reason)
{
	scn_buf_str(why, reason);
	return -ENOENT;
}

static int propose_hang(struct looks *looks, const struct names *names, const char *detail,
			struct scn_buf *why)
{
	uint32_t before = end_of_wait(names);

	if (!strstr(detail, "waits in "))
		return refuse(why, "nobody waits: it does not end, which is no call's result");
	if (!waits_for_event(detail)) {
		const char *in = strstr(detail, "waits in ") + 9;

		scn_buf_printf(why, "who is left waits in %.*s, which is no device's call",
			       (int)strcspn(in, ",;"), in);
		return -ENOENT;
	}
	if (!propose_set_bytes(looks, names, detail, before))
		propose_pages(looks, names, domain_in(detail), before);
	propose_events(looks, names, detail);
	return 0;
}

static int propose(struct looks *looks, const struct names *names, const struct looks_of *of,
		   struct scn_buf *why)
{
	switch (of->outcome) {
	case CRASH_HANG:
		return propose_hang(looks, names, of->detail, why);
	case CRASH_SIGNAL:
	case CRASH_STATUS:
		propose_pages(looks, names, domain_in(of->detail), names->n_steps);
		return 0;
	case CRASH_RING:
		propose_rings(looks, names, of->detail);
		return 0;
	case CRASH_LIVE_FLAG:
		propose_set_bytes(looks, names, of->detail, after_death(names));
		return 0;
	case CRASH_LEAK:
		propose_leaks(looks, names);
		return 0;
	case CRASH_HAZARD:
		return 0;
	case CRASH_CHECK:
		return refuse(why, "what --check asks is no call");
	case CRASH_NOT_EMPTY:
		return refuse(why, "each scenario ends with an empty machine");
	case CRASH_LOST:
	case CRASH_NOT_REACHED:
	case CRASH_PASSED:
	case CRASH_OUTCOMES:
		break;
	}
	return refuse(why, "nothing was found");
}

int looks_propose(struct looks *looks, const struct names *names, const struct looks_of *of,
		  struct scn_buf *why)
{
	int err;

	*looks = (struct looks){0};
	err = propose(looks, names, of, why);
	if (!err && looks->failed)
		err = -ENOMEM;
	if (!err && !looks->n && of->outcome != CRASH_HAZARD)
		err = refuse(why, "of what was found nothing is in what the scenario has");
	return err;
}
