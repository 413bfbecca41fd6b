/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/finding/names.h"
#include "record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the text ---- */

static const char *line_start(const struct scn_source *src, uint32_t line)
{
	const char *at = src->text, *end = src->text + src->len;

	for (uint32_t i = 1; i < line && at < end; i++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	return at;
}

uint32_t names_line(const struct names *names, uint32_t step)
{
	return names->steps[step]->pos.line;
}

struct scn_str names_statement(const struct names *names, uint32_t step)
{
	const struct scn_source *src = &names->s->source;
	const char *first = line_start(src, names_line(names, step)), *at = first,
		   *end = src->text + src->len;

	do {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	} while (at < end && (*at == ' ' || *at == '\t'));
	return (struct scn_str){first, (size_t)(at - first)};
}

/* ---- the tree ---- */

static void put_name(const struct scn_node *n, char out[NAME_ROOM])
{
	out[0] = '\0';
	if (!n || n->kind != SCN_NAME)
		return;
	if (n->first && n->first->kind == SCN_NUMBER)
		snprintf(out, NAME_ROOM, "%.*s[%llu]", SCN_STR(n->text),
			 (unsigned long long)n->first->number);
	else
		snprintf(out, NAME_ROOM, "%.*s", SCN_STR(n->text));
}

/* "ring+20": the ring. */
static const struct scn_node *base_of(const struct scn_node *n)
{
	while (n && n->kind == SCN_ADD)
		n = n->first;
	return n;
}

static const struct scn_node *arg(const struct scn_step *step, unsigned int n)
{
	const struct scn_node *a = step->args;

	while (a && n--)
		a = a->next;
	return a;
}

static const struct scn_node *field(const struct scn_node *structure, const char *name)
{
	const struct scn_node *f =
	    structure && structure->kind == SCN_STRUCT ? structure->first : NULL;

	while (f && !scn_str_is(f->text, name))
		f = f->next;
	return f ? f->first : NULL;
}

static uint64_t number(const struct scn_node *n, uint64_t otherwise)
{
	return n && n->kind == SCN_NUMBER ? n->number : otherwise;
}

static bool has_word(struct scn_str text, const char *word)
{
	return memmem(text.s, text.n, word, strlen(word)) != NULL;
}

static bool succeeds(const struct scn_step *step)
{
	return !step->alternatives || step->alternatives->expect == SCN_EXPECT_VALUE;
}

/* ---- who has what ---- */

static void add(struct names *names, const struct named *what)
{
	if (names->n == names->room || !what->name[0])
		return;
	names->all[names->n++] = *what;
}

/* NULL: it is not known by that name. */
static struct named *find(struct names *names, uint32_t process, const char *name,
			  enum name_kind first, enum name_kind last)
{
	for (uint32_t i = names->n; i-- > 0;) {
		struct named *h = &names->all[i];

		if (h->process == process && h->kind >= first && h->kind <= last &&
		    h->to == NAMES_NEVER && !strcmp(h->name, name))
			return h;
	}
	return NULL;
}

static void ends(struct named *h, uint32_t step)
{
	if (h)
		h->to = step;
}

static void end_all(struct names *names, uint32_t process, uint32_t step, bool files_too)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (names->all[i].process == process &&
		    (files_too || names->all[i].kind == NAME_PAGE) &&
		    names->all[i].to == NAMES_NEVER)
			names->all[i].to = step;
	if (files_too)
		names->ends[process] = step;
}

static void take_open(struct names *names, const struct scn_step *step, struct named h)
{
	struct scn_str path = arg(step, 0) ? arg(step, 0)->text : (struct scn_str){"", 0};

	put_name(step->bind, h.name);
	if (has_word(path, "gntalloc"))
		h.kind = NAME_GNTALLOC;
	else if (has_word(path, "gntdev"))
		h.kind = NAME_GNTDEV;
	else if (has_word(path, "evtchn"))
		h.kind = NAME_EVTCHN;
	else
		return;
	add(names, &h);
}

static void take_close(struct names *names, const struct scn_step *step, uint32_t at)
{
	char name[NAME_ROOM];

	put_name(arg(step, 0), name);
	ends(find(names, step->process, name, NAME_GNTALLOC, NAME_EVTCHN), at);
	for (uint32_t i = 0; i < names->n; i++) {
		struct named *h = &names->all[i];

		/* Mappings outlive their file. */
		if (h->process == step->process && h->to == NAMES_NEVER && h->kind != NAME_PAGE &&
		    h->kind != NAME_ARMED && !strcmp(h->of, name))
			h->to = at;
	}
}

static void take_mmap(struct names *names, const struct scn_step *step, struct named h)
{
	put_name(step->bind, h.name);
	put_name(arg(step, 4), h.of);
	h.kind = NAME_PAGE;
	if (h.of[0])
		add(names, &h);
}

static void take_arming(struct names *names, const struct scn_step *step, struct named h,
			uint32_t at)
{
	const struct scn_node *what = arg(step, 2), *action = field(what, "action");

	put_name(base_of(field(what, "index")), h.name);
	h.kind = NAME_ARMED;
	ends(find(names, h.process, h.name, NAME_ARMED, NAME_ARMED), at);
	if (action && !(action->kind == SCN_NUMBER && action->number == 0))
		add(names, &h);
}

static void take_ioctl(struct names *names, const struct scn_step *step, struct named h,
		       uint32_t at)
{
	const struct scn_node *which = arg(step, 1), *in = arg(step, 2);
	struct scn_str request = which ? which->text : (struct scn_str){"", 0};
	const struct scn_node *out = step->alternatives ? step->alternatives->out : NULL;
	char name[NAME_ROOM];

	put_name(arg(step, 0), h.of);
	h.count = number(field(in, "count"), 1);
	if (has_word(request, "_EVTCHN_BIND_")) {
		put_name(step->bind, h.name);
		h.kind = NAME_PORT;
		add(names, &h);
	} else if (scn_str_is(request, "IOCTL_EVTCHN_UNBIND")) {
		put_name(field(in, "port"), name);
		ends(find(names, h.process, name, NAME_PORT, NAME_PORT), at);
	} else if (has_word(request, "_ALLOC_GREF") || has_word(request, "GNTDEV_MAP_GRANT_REF")) {
		put_name(field(out, "index"), h.name);
		h.kind = has_word(request, "_ALLOC_GREF") ? NAME_GRANT : NAME_MAP;
		add(names, &h);
	} else if (has_word(request, "DEALLOC_GREF") || has_word(request, "UNMAP_GRANT_REF")) {
		put_name(base_of(field(in, "index")), name);
		ends(find(names, h.process, name, NAME_GRANT, NAME_MAP), at);
	} else if (has_word(request, "SET_UNMAP_NOTIFY")) {
		take_arming(names, step, h, at);
	}
}

static void take_fork(struct names *names, const struct scn_step *step, uint32_t at)
{
	uint32_t n = names->n;

	for (uint32_t i = 0; i < n; i++) {
		struct named h = names->all[i];

		if (h.process != step->process || h.to != NAMES_NEVER || h.kind == NAME_ARMED)
			continue;
		h.process = step->target_process;
		h.from = at;
		add(names, &h);
	}
}

static void take_sent(struct names *names, const struct scn_step *step, uint32_t at)
{
	const struct scn_node *fd = step->args;
	char name[NAME_ROOM];
	const struct named *sent;
	struct named h;

	while (fd && fd->next)
		fd = fd->next;
	put_name(fd, name);
	sent = find(names, step->process, name, NAME_GNTALLOC, NAME_EVTCHN);
	if (!sent)
		return;
	h = *sent;
	h.process = step->target_process;
	h.from = at;
	put_name(step->bind, h.name);
	add(names, &h);
}

static void take_call(struct names *names, const struct scn_step *step, uint32_t at)
{
	struct named h = {.process = step->process, .from = at, .to = NAMES_NEVER};
	char name[NAME_ROOM];

	if (!succeeds(step))
		return;
	switch (step->call) {
	case SCN_OPEN:
		take_open(names, step, h);
		break;
	case SCN_CLOSE:
		take_close(names, step, at);
		break;
	case SCN_MMAP:
		take_mmap(names, step, h);
		break;
	case SCN_MUNMAP:
		put_name(base_of(arg(step, 0)), name);
		ends(find(names, step->process, name, NAME_PAGE, NAME_PAGE), at);
		break;
	case SCN_IOCTL:
		take_ioctl(names, step, h, at);
		break;
	case SCN_FORK:
		take_fork(names, step, at);
		break;
	case SCN_SEND_FD:
		take_sent(names, step, at);
		break;
	case SCN_EXEC:
		end_all(names, step->process, at, false);
		break;
	case SCN_EXIT:
		end_all(names, step->process, at, true);
		break;
	case SCN_DUP:
	case SCN_MPROTECT:
	case SCN_MADVISE:
	case SCN_FUTEX:
	case SCN_FCNTL:
	case SCN_SIGIO:
	case SCN_PIN:
	case SCN_MREMAP:
	case SCN_LOAD:
	case SCN_STORE:
	case SCN_READ:
	case SCN_WRITE:
	case SCN_POLL:
	case SCN_N_CALLS:
		break;
	}
}

static void take(struct names *names, const struct scn_step *step, uint32_t at)
{
	if (step->kind == SCN_STEP_CALL)
		take_call(names, step, at);
	else if (step->kind == SCN_STEP_KILL)
		end_all(names, step->process, at, true);
	for (uint32_t i = 0; step->kind == SCN_STEP_DESTROY && i < names->s->n_processes; i++)
		if (names->domains[i] == step->domain && names->ends[i] == NAMES_NEVER)
			end_all(names, i, at, true);
}

/* ---- who dies ---- */

static bool is_ordered(const struct names *names, uint32_t step)
{
	return has_word(names_statement(names, step), "# " RECORD_ORDERED);
}

static bool dies_in(const struct names *names, uint32_t process)
{
	const struct scn_step *death = names->steps[names->death];

	return death->kind == SCN_STEP_DESTROY ? death->domain == names->domains[process]
					       : death->process == process;
}

static void find_victims(struct names *names, unsigned int domain)
{
	const struct scn_domain_decl *d;

	names->death = 0;
	while (names->death < names->n_steps && !is_ordered(names, names->death))
		names->death++;
	if (names->death == names->n_steps)
		names->death = NAMES_NEVER;
	for (uint32_t i = 0; i < names->s->n_processes; i++) {
		d = names->s->domains;
		for (uint32_t k = 0; d && k < names->domains[i]; k++)
			d = d->next;
		names->victims[i] =
		    names->death == NAMES_NEVER ? d && d->number == domain : dies_in(names, i);
	}
}

static uint32_t count_steps(const struct scn_scenario *s)
{
	uint32_t n = 0;

	for (const struct scn_step *step = s->steps; step; step = step->next)
		n++;
	return n;
}

static int allocate(struct names *names)
{
	uint32_t processes = names->s->n_processes + 1, i = 0;

	names->steps = calloc(names->n_steps + 1, sizeof(*names->steps));
	/* A step gives one name, but for forks, of which each child has all. */
	names->room = names->n_steps * 4 + 64;
	names->all = calloc(names->room, sizeof(*names->all));
	names->processes = calloc(processes, sizeof(*names->processes));
	names->domains = calloc(processes, sizeof(*names->domains));
	names->ends = calloc(processes, sizeof(*names->ends));
	names->victims = calloc(processes, sizeof(*names->victims));
	if (!names->steps || !names->all || !names->processes || !names->domains || !names->ends ||
	    !names->victims)
		return -ENOMEM;
	for (const struct scn_process_decl *p = names->s->processes; p; p = p->next, i++) {
		names->processes[i] = strndup(p->name.s, p->name.n);
		names->domains[i] = p->domain;
		names->ends[i] = NAMES_NEVER;
		if (!names->processes[i])
			return -ENOMEM;
	}
	return 0;
}

int names_read(struct names *names, const struct scn_scenario *s, unsigned int domain)
{
	uint32_t at = 0;
	int err;

	*names = (struct names){.s = s, .n_steps = count_steps(s)};
	err = allocate(names);
	if (err)
		return err;
	for (const struct scn_step *step = s->steps; step; step = step->next, at++) {
		names->steps[at] = step;
		take(names, step, at);
	}
	find_victims(names, domain);
	return 0;
}

void names_free(struct names *names)
{
	for (uint32_t i = 0; names->processes && i < names->s->n_processes; i++)
		free(names->processes[i]);
	free(names->processes);
	free(names->steps);
	free(names->all);
	free(names->domains);
	free(names->ends);
	free(names->victims);
	*names = (struct names){0};
}

bool named_at(const struct named *what, uint32_t step)
{
	return what->from < step && (what->to == NAMES_NEVER || what->to >= step);
}

const struct named *named_next(const struct names *names, const struct named *last,
			       enum name_kind kind, uint32_t process, uint32_t step)
{
	const struct named *end = names->all + names->n;

	for (last = last ? last + 1 : names->all; last < end; last++)
		if (last->kind == kind && last->process == process && named_at(last, step))
			return last;
	return NULL;
}
