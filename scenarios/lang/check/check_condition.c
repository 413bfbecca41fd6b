/* SPDX-License-Identifier: MIT */
/* Conditions: what an alternative or a scenario holds for. */
#include "check_state.h"

static void check_guest_condition(struct scn_checker *c, struct scn_condition *cond)
{
	uint32_t varying = 0;

	if (cond->domain_name.n) {
		if (!scn_check_domain(c, cond->domain_name, cond->pos, &cond->domain))
			return;
		if (!c->domains[cond->domain]->pv && !c->domains[cond->domain]->pvh)
			scn_check_error(
			    c, cond->pos,
			    "expected a domain with a stated guest: write \"domain %.*s "
			    "pv|pvh\"",
			    SCN_STR(cond->domain_name));
		return;
	}
	for (uint32_t i = 0; i < c->s->n_domains; i++) {
		if (c->domains[i]->pv && c->domains[i]->pvh) {
			varying++;
			cond->domain = i;
		}
	}
	if (varying != 1)
		scn_check_error(
		    c, cond->pos, "expected a domain before '%s': %s domain of this file is pv|pvh",
		    cond->guest == SCN_PV ? "pv" : "pvh", varying ? "more than one" : "no");
}

static void check_life_condition(struct scn_checker *c, struct scn_condition *cond)
{
	for (uint32_t i = 0; i < c->s->n_processes; i++) {
		if (!scn_str_same(c->processes[i].decl->name, cond->process_name))
			continue;
		cond->process = i;
		if (c->block)
			scn_check_error(
			    c, cond->pos,
			    "expected a guest or a kernel in a parallel, found '%.*s %s': "
			    "who lives is asked after it",
			    SCN_STR(cond->process_name), cond->lives ? "lives" : "died");
		return;
	}
	scn_check_error(c, cond->pos, "expected a process before '%s', found '%.*s'",
			cond->lives ? "lives" : "died", SCN_STR(cond->process_name));
}

void scn_check_condition(struct scn_checker *c, struct scn_condition *cond)
{
	for (; cond; cond = cond->next) {
		if (cond->kind == SCN_IF_GUEST)
			check_guest_condition(c, cond);
		else if (cond->kind == SCN_IF_LIFE)
			check_life_condition(c, cond);
	}
}
