/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/parse/parser_state.h"

void *record_more(void *array, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	char *p;

	if (n < *room)
		return array;
	p = reallocarray(array, more, size);
	if (!p)
		return NULL;
	memset(p + (size_t)n * size, 0, (size_t)(more - n) * size);
	*room = more;
	return p;
}

static void step_done(struct step *p)
{
	scn_buf_free(&p->text);
	scn_buf_free(&p->result);
	scn_buf_free(&p->more);
	scn_buf_free(&p->note);
}

void script_free(struct script *s)
{
	for (uint32_t i = 0; i < s->room_steps; i++)
		step_done(&s->steps[i]);
	free(s->steps);
	free(s->vars);
	free(s->processes);
	free(s->domains);
}

struct step *script_step(struct script *s, enum step_kind kind, uint32_t process)
{
	static struct step lost;
	struct step *p = record_more(s->steps, s->n_steps, &s->room_steps, sizeof(*s->steps));

	if (p) {
		s->steps = p;
	} else {
		s->failed = true;
		if (!s->n_steps)
			return &lost;
		s->n_steps--;
		step_done(&s->steps[s->n_steps]);
	}
	p = &s->steps[s->n_steps++];
	*p = (struct step){.kind = kind, .process = process, .child = NOBODY, .bind = NO_VAR};
	if (process < s->n_processes && (kind == STEP_CALL || kind == STEP_MEMORY))
		s->processes[process].substance = true;
	return p;
}

void script_replace(struct script *s, uint32_t first, uint32_t end, uint32_t from)
{
	uint32_t n = s->n_steps - from, gone = end - first, stay = from - end;
	struct step *put = reallocarray(NULL, n + 1, sizeof(*put));

	if (!put) {
		s->failed = true;
		return;
	}
	for (uint32_t i = first; i < end; i++)
		step_done(&s->steps[i]);
	memcpy(put, s->steps + from, n * sizeof(*put));
	/* Those that stay go to where they will be, whether that is forth or back. */
	memmove(s->steps + first + n, s->steps + end, stay * sizeof(*put));
	memcpy(s->steps + first, put, n * sizeof(*put));
	memset(s->steps + s->n_steps - gone, 0, gone * sizeof(*put));
	s->n_steps -= gone;
	free(put);
}

void script_move_to_end(struct script *s, uint32_t step)
{
	struct step moved = s->steps[step];

	memmove(s->steps + step, s->steps + step + 1, (s->n_steps - 1 - step) * sizeof(*s->steps));
	s->steps[s->n_steps - 1] = moved;
	for (uint32_t i = 0; i < s->n_processes; i++) {
		struct script_process *p = &s->processes[i];

		p->fork_step -= p->fork_step != UINT32_MAX && p->fork_step > step;
		if (moved.kind == STEP_EXIT && moved.process == i)
			p->end_step = s->n_steps;
		else
			p->end_step -= p->end_step != UINT32_MAX && p->end_step > step;
	}
}

uint32_t script_var(struct script *s, const char *base, uint32_t process)
{
	struct variable *vars = record_more(s->vars, s->n_vars, &s->room_vars, sizeof(*s->vars));

	if (!vars) {
		s->failed = true;
		return NO_VAR;
	}
	s->vars = vars;
	s->vars[s->n_vars] = (struct variable){.base = base, .process = process};
	return s->n_vars++;
}

uint32_t script_process(struct script *s, uint16_t domid, const char *program)
{
	struct script_process *p;
	const struct script_domain *d = script_domain(s, domid);

	p = record_more(s->processes, s->n_processes, &s->room_processes, sizeof(*s->processes));
	if (!d || !p) {
		s->failed = true;
		return NOBODY;
	}
	s->processes = p;
	p += s->n_processes;
	*p = (struct script_process){
	    .domid = domid, .fork_step = UINT32_MAX, .end_step = UINT32_MAX};
	snprintf(p->program, sizeof(p->program), "%s", program);
	return s->n_processes++;
}

struct script_domain *script_domain(struct script *s, uint16_t domid)
{
	struct script_domain *more;

	for (uint32_t i = 0; i < s->n_domains; i++)
		if (s->domains[i].domid == domid)
			return &s->domains[i];
	more = record_more(s->domains, s->n_domains, &s->room_domains, sizeof(*s->domains));
	if (!more) {
		s->failed = true;
		return NULL;
	}
	s->domains = more;
	s->domains[s->n_domains].domid = domid;
	return &s->domains[s->n_domains++];
}

/* References are control characters, which no text has. */
#define VAR     '\1'
#define PROCESS '\2'
#define DOMAIN  '\3'
#define END     '\4'

void put_var(struct scn_buf *b, uint32_t var)
{
	scn_buf_printf(b, "%c%u%c", VAR, var, END);
}

void put_process(struct scn_buf *b, uint32_t process)
{
	scn_buf_printf(b, "%c%u%c", PROCESS, process, END);
}

void put_domain(struct scn_buf *b, uint16_t domid)
{
	scn_buf_printf(b, "%c%u%c", DOMAIN, domid, END);
}

/* ---- what is left out ---- */

/* Whether, while the child lived, nothing ended of which it may have had a part. */
static bool nothing_ended_meanwhile(const struct script *s, const struct script_process *child)
{
	for (uint32_t i = child->fork_step + 1; i < child->end_step && i < s->n_steps; i++) {
		const struct step *p = &s->steps[i];

		if (!p->left_out && (p->kind == STEP_MEMORY || p->kind == STEP_CLOSE ||
				     p->kind == STEP_EXEC || p->kind == STEP_EXIT))
			return false;
	}
	return true;
}

static void leave_out_process(struct script *s, uint32_t process)
{
	for (uint32_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].process == process || s->steps[i].child == process)
			s->steps[i].left_out = true;
	s->processes[process].ignored = true;
}

/* Who did nothing, and forks of whom nothing was heard. */
static void leave_out_idle(struct script *s)
{
	for (uint32_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].kind == STEP_FORK && s->steps[i].child == NOBODY)
			s->steps[i].left_out = true;
	/* A child comes after its parent, who may be needed for it. */
	for (uint32_t i = s->n_processes; i-- > 0;) {
		struct script_process *p = &s->processes[i];

		if (p->ignored || (!p->substance && (!p->forked || nothing_ended_meanwhile(s, p))))
			leave_out_process(s, i);
		else if (p->forked && p->fork_step < s->n_steps &&
			 s->steps[p->fork_step].process != NOBODY)
			s->processes[s->steps[p->fork_step].process].substance = true;
	}
}

/* ---- names ---- */

static bool is_reserved(const char *name)
{
	return scn_is_reserved((struct scn_str){name, strlen(name)}) || !strncmp(name, "dom", 3);
}

/* As the language has names: small letters, digits, _. */
static void clean_name(const char *program, char *out, size_t room)
{
	size_t n = 0;

	for (const char *c = program; *c && n + 1 < room; c++) {
		if (*c >= 'A' && *c <= 'Z')
			out[n++] = (char)(*c - 'A' + 'a');
		else if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9' && n))
			out[n++] = *c;
		else if (n && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = '\0';
	if (!n || is_reserved(out))
		snprintf(out, room, "process");
}

/* Others of that name before it, or anywhere: in its domain, and in others. */
struct namesakes {
	uint32_t before, here, elsewhere;
};

static struct namesakes count_namesakes(const struct script *s, uint32_t process, const char *name)
{
	struct namesakes n = {0};

	for (uint32_t i = 0; i < s->n_processes; i++) {
		const struct script_process *p = &s->processes[i];
		char other[16];

		clean_name(p->program, other, sizeof(other));
		if (i == process || p->ignored || strcmp(name, other))
			continue;
		n.before += i < process;
		if (p->domid == s->processes[process].domid)
			n.here++;
		else
			n.elsewhere++;
	}
	return n;
}

static void name_processes(struct script *s)
{
	for (uint32_t i = 0; i < s->n_processes; i++) {
		struct script_process *p = &s->processes[i];
		struct namesakes same;
		char name[16];

		if (p->ignored)
			continue;
		clean_name(p->program, name, sizeof(name));
		same = count_namesakes(s, i, name);
		if (same.elsewhere && !same.here)
			snprintf(p->name, sizeof(p->name), "%s_dom%u", name, p->domid);
		else if (same.before)
			snprintf(p->name, sizeof(p->name), "%s_%u", name, same.before + 1);
		else
			snprintf(p->name, sizeof(p->name), "%s", name);
	}
}

static void count_in(struct script *s, const struct scn_buf *b)
{
	const char *at = scn_buf_text(b);

	while ((at = strchr(at, VAR))) {
		unsigned long var = strtoul(at + 1, NULL, 10);

		if (var < s->n_vars)
			s->vars[var].uses++;
		at++;
	}
}

static void count_uses(struct script *s)
{
	for (uint32_t i = 0; i < s->n_steps; i++) {
		if (s->steps[i].left_out)
			continue;
		count_in(s, &s->steps[i].text);
		count_in(s, &s->steps[i].result);
		count_in(s, &s->steps[i].more);
	}
}

/* More names than a script may have: then they are elements. */
#define MOST_NAMES 800u

struct named {
	const struct variable *v;
	uint32_t count;
};

static bool of_several_processes(const struct script *s, const struct variable *v)
{
	for (uint32_t i = 0; i < s->n_vars; i++)
		if (s->vars[i].uses && s->vars[i].process != v->process &&
		    !strcmp(s->vars[i].base, v->base))
			return true;
	return false;
}

static bool is_taken(const struct script *s, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (s->vars[i].uses && !strcmp(s->vars[i].name, name))
			return true;
	for (uint32_t i = 0; i < s->n_processes; i++)
		if (!strcmp(s->processes[i].name, name))
			return true;
	return false;
}

static void name_variables(struct script *s)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < s->n_vars; i++)
		used += s->vars[i].uses > 0;
	for (uint32_t i = 0; i < s->n_vars; i++) {
		struct variable *v = &s->vars[i];
		char base[40];

		if (!v->uses)
			continue;
		if (used > MOST_NAMES && !v->array) {
			/* Elements are numbered through, whoever has them. */
			uint32_t n = 0;

			for (uint32_t k = i; k-- > 0 && !n;)
				if (s->vars[k].uses && !s->vars[k].array &&
				    !strcmp(s->vars[k].base, v->base))
					n = (uint32_t)strtoul(strchr(s->vars[k].name, '[') + 1,
							      NULL, 10) +
					    1;
			snprintf(v->name, sizeof(v->name), "%s[%u]", v->base, n);
			continue;
		}
		if (v->process < s->n_processes && of_several_processes(s, v))
			snprintf(base, sizeof(base), "%.22s_%s", s->processes[v->process].name,
				 v->base);
		else
			snprintf(base, sizeof(base), "%s", v->base);
		snprintf(v->name, sizeof(v->name), "%s", base);
		for (uint32_t n = 2; is_taken(s, i, v->name); n++)
			snprintf(v->name, sizeof(v->name), "%s%u", base, n);
	}
}

/* ---- the text ---- */

static void expand(struct script *s, const struct scn_buf *from, struct scn_buf *out)
{
	const char *at = scn_buf_text(from), *end = at + from->len;

	while (at < end) {
		unsigned long n;

		if (*at != VAR && *at != PROCESS && *at != DOMAIN) {
			scn_buf_add(out, at++, 1);
			continue;
		}
		n = strtoul(at + 1, NULL, 10);
		if (*at == VAR && n < s->n_vars) {
			scn_buf_str(out, s->vars[n].name);
		} else if (*at == PROCESS && n < s->n_processes) {
			scn_buf_str(out, s->processes[n].name);
		} else {
			struct script_domain *d = NULL;

			for (uint32_t i = 0; i < s->n_domains; i++)
				if (s->domains[i].domid == n)
					d = &s->domains[i];
			/* A domain that there never was is a number: to declare it would make it. */
			scn_buf_printf(out, d ? "dom%lu" : "%lu", n);
			if (d)
				d->used = true;
		}
		at = strchr(at, END);
		at = at ? at + 1 : end;
	}
}

static void put_outs(struct script *s, const struct step *p, struct scn_buf *out)
{
	bool first = true;

	for (uint32_t i = 0; i < p->n_outs; i++) {
		const struct step_out *o = &p->outs[i];

		if (o->var < s->n_vars && !s->vars[o->var].uses)
			continue;
		scn_buf_printf(out, first ? "%s{%s=" : "%s, %s=",
			       first && !p->result.len ? " = 0 "
			       : first                 ? " "
						       : "",
			       o->field);
		if (o->var >= s->n_vars)
			scn_buf_printf(out, "%llu", (unsigned long long)o->wanted);
		else
			scn_buf_printf(out, o->list ? "[%s]" : "%s", s->vars[o->var].name);
		first = false;
	}
	if (!first)
		scn_buf_str(out, "}");
}

/* A long line goes on in the next one, where there is a blank outside of a string. */
#define WIDTH 100u

static void put_wrapped(struct scn_buf *out, const char *line, size_t n)
{
	size_t width = WIDTH;

	while (n > width) {
		size_t cut = 0, i, any = 0;
		bool quoted = false;

		for (i = 0; i < n && (i < width || !(cut || any)); i++) {
			if (line[i] == '\\' && quoted)
				i++;
			else if (line[i] == '"')
				quoted = !quoted;
			else if (line[i] == ' ' && !quoted && i > 12)
				any = i;
			/* Best before a result, or between arguments. */
			if (any == i && i && (line[i - 1] == ',' || line[i + 1] == '='))
				cut = i;
		}
		if (!cut || cut > width)
			cut = any && (any <= width || !cut) ? any : cut;
		if (!cut)
			break;
		scn_buf_add(out, line, cut);
		scn_buf_str(out, "\n        ");
		line += cut + 1;
		n -= cut + 1;
		width = WIDTH - 8;
	}
	scn_buf_add(out, line, n);
}

static void put_step(struct script *s, const struct step *p, struct scn_buf *out)
{
	scn_cleanup_buf struct scn_buf line = {0};

	if (p->kind == STEP_NOTE) {
		scn_buf_str(out, "# ");
		expand(s, &p->text, out);
		scn_buf_str(out, "\n");
		return;
	}
	if (p->process < s->n_processes && !p->of_machine)
		scn_buf_printf(&line, "%s: ", s->processes[p->process].name);
	if (p->bind < s->n_vars && s->vars[p->bind].uses)
		scn_buf_printf(&line, "%s = ", s->vars[p->bind].name);
	expand(s, &p->text, &line);
	if (p->result.len) {
		scn_buf_str(&line, " = ");
		expand(s, &p->result, &line);
	}
	if (p->more.len) {
		scn_buf_str(&line, p->result.len ? " " : " = 0 ");
		expand(s, &p->more, &line);
	}
	put_outs(s, p, &line);
	if (p->hazard[0] && p->of_machine)
		scn_buf_printf(&line, " = crash \"%s\"", p->hazard);
	else if (p->hazard[0])
		scn_buf_printf(&line, "%s hazard \"%s\"",
			       strstr(scn_buf_text(&line), ") = ") ? "" : " = _", p->hazard);
	put_wrapped(out, scn_buf_text(&line), line.len);
	if (p->note.len) {
		scn_buf_str(out, "    # ");
		expand(s, &p->note, out);
	}
	scn_buf_str(out, "\n");
}

static int by_domid(const void *a, const void *b)
{
	const struct script_domain *x = a, *y = b;

	return x->domid - y->domid;
}

/* As Xen has it, where nobody says. */
static uint32_t guest_of(const struct script_domain *d)
{
	return d->guest ? d->guest : d->domid == 0 ? 1 : 2;
}

static void put_domains(const struct script *s, struct scn_buf *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_domains; i++)
		n += s->domains[i].used || s->domains[i].has_processes;
	if (n > 1)
		scn_buf_str(out, "needs distinct_domains\n");
	if (s->needs_munmap)
		scn_buf_str(out, "needs munmap\n");
	if (s->dmabufs)
		scn_buf_str(out, s->dmabufs == GNTSIM_DMABUFS_LINUX ? "needs dmabuf\n"
								    : "needs dmabuf_all\n");
	if (s->kernel != GNTSIM_KERNEL_DEFAULT)
		scn_buf_printf(out, "kernel == %s\n", gntsim_kernel_name(s->kernel));
	for (int k = 0; k < GNTSIM_N_LIMITS; k++)
		if (s->limits[k] && gntsim_limit((enum gntsim_limit)k)->of_machine)
			scn_buf_printf(out, "machine %s=%u\n",
				       gntsim_limit((enum gntsim_limit)k)->name, s->limits[k]);
	for (uint32_t i = 0; i < s->n_domains; i++) {
		const struct script_domain *d = &s->domains[i];

		if (!d->used && !d->has_processes)
			continue;
		scn_buf_printf(out, "domain dom%u%s", d->domid,
			       !d->maps           ? ""
			       : guest_of(d) == 1 ? " pv"
						  : " pvh");
		for (int k = 0; k < GNTSIM_N_LIMITS; k++) {
			const struct gntsim_limit_info *limit = gntsim_limit((enum gntsim_limit)k);
			uint32_t value = d->limits[k] ? d->limits[k] : s->limits[k];

			if (value && !limit->of_machine)
				scn_buf_printf(out, " %s=%u", limit->name, value);
		}
		scn_buf_str(out, "\n");
	}
}

void script_write(struct script *s, const char *head, struct scn_buf *out)
{
	scn_cleanup_buf struct scn_buf body = {0};

	leave_out_idle(s);
	for (uint32_t i = 0; i < s->n_vars; i++)
		s->vars[i].uses = 0;
	count_uses(s);
	name_processes(s);
	name_variables(s);
	for (uint32_t i = 0; i < s->n_steps; i++)
		if (!s->steps[i].left_out)
			put_step(s, &s->steps[i], &body);
	for (uint32_t i = 0; i < s->n_processes; i++)
		if (!s->processes[i].ignored)
			for (uint32_t k = 0; k < s->n_domains; k++)
				if (s->domains[k].domid == s->processes[i].domid)
					s->domains[k].has_processes = true;
	if (s->n_domains)
		qsort(s->domains, s->n_domains, sizeof(*s->domains), by_domid);
	scn_buf_str(out, head);
	scn_buf_str(out, "\n");
	put_domains(s, out);
	for (uint32_t i = 0; i < s->n_processes; i++)
		if (!s->processes[i].ignored && !s->processes[i].forked)
			scn_buf_printf(out, "process %s in dom%u\n", s->processes[i].name,
				       s->processes[i].domid);
	scn_buf_str(out, "\n");
	scn_buf_add(out, scn_buf_text(&body), body.len);
	if (out->failed)
		s->failed = true;
}
