/* SPDX-License-Identifier: MIT */
/*
 * The rules by which steps are left out that a real machine gives no one result for.
 *
 * deferred-grant: a grant that its granter has ended while somebody maps it is freed by a timer, in
 * a second or so; its reference may then be given to another page.
 *
 * foreign-port: each real domain counts its ports from where its kernel's own end, so that whether
 * another domain's port number is one of this domain's too is chance.
 *
 * reused-port: when a domain is destroyed, the ports of its console and its store in domain 0 are free,
 * and lower: what is bound next has one of theirs, not the number of an old port, and that of one which was bound
 * since and closed, which is left out when a sequence is written and not when it is made. (An event that was left of
 * one is read, but not stated by its number.)
 *
 * virq-dom-exc: where there are two domains, xenstored has that one of dom0's.
 *
 * pvh-maps-own-grant: Xen takes a PVH guest's page away from where its granter has it; not on Arm.
 */
#include <gntsim/inspect.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "substrates/model/model_process.h"

uint32_t fuzz_names_in(const char *text, struct fuzz_name out[FUZZ_MAX_REFS])
{
	uint32_t n = 0;

	while ((text = strstr(text, "@r")) && n < FUZZ_MAX_REFS) {
		char *end;

		out[n].id = (uint32_t)strtoul(text + 2, &end, 10);
		out[n++].item = *end == '.' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
		text = end;
	}
	return n;
}

struct grant_search {
	uint16_t domid;
	uint32_t ref;
	bool found, waits;
};

static bool visit_grant(void *ctx, const struct gntsim_grant_info *grant)
{
	struct grant_search *s = ctx;

	if (grant->granter != s->domid || grant->ref != s->ref)
		return true;
	s->found = true;
	s->waits = grant->deferred && grant->pins == 0;
	return false;
}

/* Has a later step been given the same reference? */
static bool is_taken(const struct fuzz_model *m, uint32_t id, uint32_t ref)
{
	for (uint32_t later = id + 1; later < FUZZ_MAX_OPS; later++) {
		const struct fuzz_bound *b = &m->bound[later];

		for (uint32_t i = 0; i < b->n_refs; i++) {
			if (b->refs[i] == ref && b->domain == m->bound[id].domain)
				return true;
		}
	}
	return false;
}

bool fuzz_model_has_ended(const struct fuzz_model *m, uint32_t id, uint32_t item)
{
	const struct fuzz_bound *b = &m->bound[id < FUZZ_MAX_OPS ? id : 0];
	struct grant_search s = {.domid = (uint16_t)b->domain};

	if (item >= b->n_refs)
		return false;
	s.ref = b->refs[item];
	gntsim_for_each_grant(scn_model_machine(m->self), visit_grant, &s);
	return !s.found || s.waits || is_taken(m, id, s.ref);
}

uint32_t fuzz_model_deferred(const struct fuzz_model *m)
{
	struct gntsim_totals t;

	gntsim_machine_totals(scn_model_machine(m->self), &t);
	return t.deferred;
}

static bool any_has_ended(const struct fuzz_model *m, const struct fuzz_name *names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (fuzz_model_has_ended(m, names[i].id, names[i].item))
			return true;
	}
	return false;
}

/* The newest map that the file has there. */
static const struct fuzz_bound *find_map(const struct fuzz_model *m, uint32_t file, uint64_t index)
{
	for (uint32_t id = FUZZ_MAX_OPS; id-- > 0;) {
		const struct fuzz_bound *b = &m->bound[id];

		if (b->n_mapped && b->file == file && b->index == index)
			return b;
	}
	return NULL;
}

static bool is_deferred_grant(const struct fuzz_model *m, const struct fuzz_op *op)
{
	struct fuzz_name names[FUZZ_MAX_REFS];
	const char *index = strstr(op->text, "@x");
	const struct fuzz_bound *map;
	unsigned long id;

	if (any_has_ended(m, names, fuzz_names_in(op->text, names)))
		return true;
	if (strncmp(op->text, "mmap(", 5) != 0 || !op->file || !index)
		return false;
	id = strtoul(index + 2, NULL, 10);
	map = find_map(m, op->file, m->bound[id < FUZZ_MAX_OPS ? id : 0].index);
	return map && any_has_ended(m, map->mapped, map->n_mapped);
}

/* Is this so of a port that the call names? `id`: of the step that gave it. */
typedef bool port_test(const struct fuzz_model *m, const struct fuzz_op *op, unsigned long id);

static bool any_port(const struct fuzz_model *m, const struct fuzz_op *op, port_test *is)
{
	for (const char *at = op->text; (at = strstr(at, "@p")); at += 2) {
		unsigned long id = strtoul(at + 2, NULL, 10);

		if (id < FUZZ_MAX_OPS && is(m, op, id))
			return true;
	}
	return false;
}

static bool is_of_another_domain(const struct fuzz_model *m, const struct fuzz_op *op,
				 unsigned long id)
{
	return m->bound[id].domain != m->domain_of[op->process];
}

static bool is_foreign_port(const struct fuzz_model *m, const struct fuzz_op *op)
{
	return !strstr(op->text, "BIND_INTERDOMAIN") && any_port(m, op, is_of_another_domain);
}

/* Has a later step been given the same port? */
static bool is_given_again(const struct fuzz_model *m, const struct fuzz_op *op, unsigned long id)
{
	(void)op;
	for (unsigned long later = id + 1; later < FUZZ_MAX_OPS; later++) {
		const struct fuzz_bound *b = &m->bound[later];

		if (b->kind == 'p' && b->value == m->bound[id].value &&
		    b->domain == m->bound[id].domain)
			return true;
	}
	return false;
}

/* Is it closed, and has one been bound since, and since the domain's end? */
static bool may_be_given_again(const struct fuzz_model *m, const struct fuzz_op *op,
			       unsigned long id)
{
	const struct fuzz_bound *b = &m->bound[id];
	struct gntsim_port_info info;

	(void)op;
	if (b->kind != 'p' || b->domain != 0 ||
	    (!gntsim_port_describe(gntsim_domain_find(scn_model_machine(m->self), 0),
				   (gntsim_port)b->value, &info) &&
	     info.status.state != GNTSIM_PORT_FREE))
		return false;
	for (unsigned long later = id + 1; later < FUZZ_MAX_OPS; later++) {
		if (later > m->destroyed_by && m->bound[later].kind == 'p' &&
		    m->bound[later].domain == 0)
			return true;
	}
	return false;
}

static bool is_reused_port(const struct fuzz_model *m, const struct fuzz_op *op)
{
	return m->destroyed[1] && (any_port(m, op, is_given_again) ||
				   (m->writes && any_port(m, op, may_be_given_again)));
}

static bool is_own_grant(const struct fuzz_model *m, const struct fuzz_op *op)
{
	uint32_t own = m->domain_of[op->process];
	char name[24];

	snprintf(name, sizeof(name), "domid=dom%u,", own);
	return m->world->guest[own] == SCN_PVH && !m->world->keeps_own &&
	       strstr(op->text, "IOCTL_GNTDEV_MAP_GRANT_REF") && strstr(op->text, name);
}

static bool is_dom_exc(const struct fuzz_model *m, const struct fuzz_op *op)
{
	return m->world->n_domains > 1 && m->domain_of[op->process] == 0 &&
	       strstr(op->text, "IOCTL_EVTCHN_BIND_VIRQ, {virq=3}");
}

const char *fuzz_rule_against(const struct fuzz_model *m, const struct fuzz_op *op)
{
	if (!m->world->real || op->kind != FUZZ_CALL)
		return NULL;
	if (is_deferred_grant(m, op))
		return "deferred-grant";
	if (is_foreign_port(m, op))
		return "foreign-port";
	if (is_reused_port(m, op))
		return "reused-port";
	if (is_dom_exc(m, op))
		return "virq-dom-exc";
	return is_own_grant(m, op) ? "pvh-maps-own-grant" : NULL;
}
