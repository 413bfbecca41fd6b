/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_state.h"
#include "lang/bounds.h"
#include "lang/totals.h"

static void check_size(struct scn_checker *c, const struct scn_setting *s, bool later)
{
	unsigned int least = later ? 0 : 1;
	uint64_t max = scn_limit_max(s->limit), value;

	if (!scn_constant_value(s->value, &value)) {
		/* A later one is looked at when it is set. */
		if (!later)
			scn_check_error(c, s->value->pos, "expected a number for %.*s",
					SCN_STR(s->name));
	} else if (value < least || value > max) {
		scn_check_error(c, s->value->pos, "expected %.*s from %u to %llu, found %llu",
				SCN_STR(s->name), least, (unsigned long long)max,
				(unsigned long long)value);
	}
}

static void check_settings(struct scn_checker *c, struct scn_setting *settings, bool of_machine,
			   bool later)
{
	for (struct scn_setting *s = settings; s; s = s->next) {
		const struct gntsim_limit_info *limit = gntsim_limit(s->limit);
		unsigned int before = c->errors->count;

		scn_check_input(c, s->value);
		c->s->needs |= 1ull << scn_limit_capability(s->limit);
		if (limit->of_machine != of_machine)
			scn_check_error(c, s->pos, "expected %s, found '%.*s'",
					of_machine ? "frames" : "a limit of a domain",
					SCN_STR(s->name));
		else if (later && !limit->later)
			scn_check_error(c, s->pos,
					"expected a module's parameter (gntalloc_limit, "
					"gntdev_limit, free_per_iteration), "
					"found '%.*s': it can "
					"only be set where the domain is declared",
					SCN_STR(s->name));
		else if (c->errors->count == before)
			check_size(c, s, later);
	}
}

static void check_varying(struct scn_checker *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->s->n_domains; i++) {
		n += c->domains[i]->pv && c->domains[i]->pvh;
		if (n == SCN_MAX_VARYING + 1 && c->domains[i]->pv && c->domains[i]->pvh)
			scn_check_error(c, c->domains[i]->pos,
					"expected at most %u domains that are pv|pvh: the file is "
					"played once for each mix",
					SCN_MAX_VARYING);
	}
}

static void check_domains(struct scn_checker *c)
{
	uint32_t n = 0;

	c->s->n_domains = 0; /* as many as are known by now: a limit's value is looked up in them */
	for (struct scn_domain_decl *d = c->s->domains; d; d = d->next) {
		if (n == SCN_MAX_DOMAINS) {
			scn_check_error(c, d->pos, "expected at most %u domains", SCN_MAX_DOMAINS);
			break;
		}
		for (uint32_t i = 0; i < n; i++) {
			if (c->domains[i]->number == d->number)
				scn_check_error(c, d->pos,
						"expected a new domain, found '%.*s' again",
						SCN_STR(d->name));
		}
		c->domains[n++] = d;
		c->s->n_domains = n;
		check_settings(c, d->settings, false, false);
	}
	check_varying(c);
	if (n > 2)
		c->s->needs |= SCN_CAP(THIRD_DOMAIN);
	check_settings(c, c->s->machine, true, false);
}

static void check_processes(struct scn_checker *c)
{
	uint32_t n = 0;

	for (struct scn_process_decl *d = c->s->processes; d; d = d->next) {
		if (n == SCN_MAX_PROCESSES) {
			scn_check_error(c, d->pos, "expected at most %u processes",
					SCN_MAX_PROCESSES);
			d->next = NULL;
			break;
		}
		for (uint32_t i = 0; i < n; i++) {
			if (scn_str_same(c->processes[i].decl->name, d->name))
				scn_check_error(c, d->pos,
						"expected a new process, found '%.*s' again",
						SCN_STR(d->name));
		}
		scn_check_domain(c, d->domain_name, d->pos, &d->domain);
		c->processes[n++].decl = d;
	}
	c->s->n_processes = n;
}

static void check_expect(struct scn_checker *c, struct scn_node *totals)
{
	for (struct scn_node *field = totals->first; field; field = field->next) {
		if (scn_total_find(field->text) < 0)
			scn_check_error(
			    c, field->pos,
			    "expected one of the machine's totals (grants, deferred, ports, "
			    "…), found '%.*s'",
			    SCN_STR(field->text));
		scn_check_output(c, field->first);
	}
	c->s->needs |= SCN_CAP(INSPECT);
}

static void check_destroy(struct scn_checker *c, const struct scn_step *step)
{
	c->s->needs |= SCN_CAP(DESTROY_DOMAIN);
	for (uint32_t i = 0; i < c->s->n_processes && !step->condition; i++) {
		if (scn_str_same(c->processes[i].decl->domain_name, step->domain_name) &&
		    !c->processes[i].ended) {
			c->processes[i].ended = step->pos.line;
			c->s->needs |= SCN_CAP(DESTROY_KILLS);
		}
	}
}

static void check_machine_step(struct scn_checker *c, struct scn_step *step)
{
	if (step->domain_name.n)
		scn_check_domain(c, step->domain_name, step->pos, &step->domain);
	switch (step->kind) {
	case SCN_STEP_KILL:
		if (scn_check_process(c, step->process_name, step->pos, &step->process) &&
		    !step->condition)
			c->processes[step->process].ended = step->pos.line;
		scn_check_alternatives(c, step);
		break;
	case SCN_STEP_ADVANCE:
		c->s->needs |= SCN_CAP(ADVANCE);
		break;
	case SCN_STEP_DESTROY:
		check_destroy(c, step);
		break;
	case SCN_STEP_SET:
		check_settings(c, step->settings, false, true);
		break;
	case SCN_STEP_FAIL:
		c->s->needs |= step->mmap ? SCN_CAP(FAIL_MMAP) : SCN_CAP(FAIL_ALLOCATION);
		scn_check_input(c, step->value);
		break;
	case SCN_STEP_RAISE:
		c->s->needs |= SCN_CAP(RAISE_VIRQ);
		scn_check_input(c, step->value);
		break;
	case SCN_STEP_EXPECT:
		check_expect(c, step->value);
		break;
	case SCN_STEP_CALL:
	case SCN_STEP_PARALLEL:
	case SCN_STEP_ALWAYS:
		break;
	}
}

void scn_check_step(struct scn_checker *c, struct scn_step *step)
{
	if (step->condition)
		scn_check_condition(c, step->condition);
	if (step->loop) {
		scn_check_range(c, step->loop->first);
		scn_check_variable(c, step->loop);
		if (step->kind == SCN_STEP_CALL &&
		    (step->call == SCN_FORK || step->call == SCN_EXIT))
			scn_check_error(c, step->pos,
					"expected a step that can be repeated, found %s",
					scn_call_name(step->call));
	}
	if (step->kind == SCN_STEP_CALL)
		scn_check_call(c, step);
	else if (step->kind == SCN_STEP_PARALLEL || step->kind == SCN_STEP_ALWAYS)
		scn_check_block(c, step);
	else
		check_machine_step(c, step);
}

static void free_names(struct scn_name **names)
{
	free(*names);
}

int scn_check(struct scn_scenario *s, struct scn_errors *errors)
{
	unsigned int before = errors->count;
	__attribute__((cleanup(free_names))) struct scn_name *names =
	    calloc(SCN_MAX_NAMES, sizeof(*names));
	struct scn_checker c = {.s = s, .errors = errors, .names = names};

	if (!names)
		return -ENOMEM;
	check_domains(&c);
	check_processes(&c);
	for (struct scn_step *step = s->steps; step; step = step->next)
		scn_check_step(&c, step);
	s->n_slots = c.n_names;
	if (c.out_of_memory)
		return -ENOMEM;
	if (errors->count != before)
		return -EINVAL;
	scn_check_needs(s);
	return 0;
}
