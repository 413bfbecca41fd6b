/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lang/constants.h"
#include "lang/parse/parser.h"
#include "player/prepare.h"
#include "substrates/substrates.h"

uint32_t fuzz_first_processes(const struct fuzz_world *world)
{
	return world->n_domains == 1 ? 3 : 4;
}

char fuzz_process_name(uint32_t process)
{
	return (char)('A' + process);
}

int fuzz_model_begin(struct fuzz_model *m, const struct fuzz_world *world)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	struct scn_options options = {0};
	struct scn_setup setup = {.n_domains = world->n_domains,
				  .kernel = world->kernel,
				  .platform = world->platform,
				  .dmabufs = world->dmabufs};

	*m = (struct fuzz_model){.world = world};
	m->bound = calloc(FUZZ_MAX_OPS, sizeof(*m->bound));
	if (!m->bound || ops->open(&options, &m->self, &m->why) != SCN_OK)
		return -ENOMEM;
	for (uint32_t i = 0; i < world->n_domains; i++) {
		setup.domains[i].number = (uint16_t)i;
		setup.domains[i].has_guest = true;
		setup.domains[i].guest = world->guest[i];
	}
	if (ops->begin(m->self, &setup, &m->why) != SCN_OK)
		return -ENOMEM;
	for (uint32_t i = 0; i < fuzz_first_processes(world); i++) {
		m->domain_of[i] = i % world->n_domains;
		if (ops->spawn(m->self, i, m->domain_of[i], &m->why) != SCN_OK)
			return -ENOMEM;
		m->alive[i] = true;
	}
	return 0;
}

void fuzz_model_end(struct fuzz_model *m)
{
	if (m->self) {
		scn_substrate_model.end(m->self);
		scn_substrate_model.close(m->self);
	}
	free(m->bound);
	scn_buf_free(&m->why);
	*m = (struct fuzz_model){0};
}

/* One @reference, as a script's name or as the number it stands for. False: there is none. */
static bool put_reference(const struct fuzz_model *m, const char **text, bool names,
			  struct scn_buf *out)
{
	char kind = (*text)[1], *end;
	unsigned long id = strtoul(*text + 2, &end, 10);
	unsigned long item = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
	const struct fuzz_bound *b = &m->bound[id < FUZZ_MAX_OPS ? id : 0];

	*text = end;
	if (kind == 'x') {
		scn_buf_printf(out, "%llu", (unsigned long long)b->index);
		return b->has_index;
	}
	if (kind == 'r' && names)
		scn_buf_printf(out, "r%lu[%lu]", id, item);
	else if (kind == 'r' && item < b->n_refs)
		scn_buf_printf(out, "%u", b->refs[item]);
	else if (names)
		scn_buf_printf(out, "%c%lu", kind, id);
	else
		scn_buf_printf(out, "%lld", (long long)b->value);
	return kind == 'r' ? item < b->n_refs : b->kind == kind;
}

static bool put_text(const struct fuzz_model *m, const char *text, bool names, struct scn_buf *out)
{
	for (;;) {
		size_t n = strcspn(text, "@");

		scn_buf_add(out, text, n);
		text += n;
		if (!*text)
			return true;
		if (!put_reference(m, &text, names, out))
			return false;
	}
}

static uint64_t get(const struct scn_result *r, uint32_t at, uint32_t size)
{
	uint64_t value = 0;

	if (at + size <= r->data_len)
		memcpy(&value, r->data + at, size);
	return value;
}

static void put_import(struct fuzz_bound *b, bool second, const struct scn_result *r, uint32_t id,
		       struct scn_buf *out)
{
	uint64_t count = get(r, 4, 4);

	b->n_refs = count < FUZZ_MAX_REFS ? (uint32_t)count : FUZZ_MAX_REFS;
	for (uint32_t i = 0; i < b->n_refs; i++)
		b->refs[i] = (uint32_t)get(r, (second ? 20 : 16) + 4 * i, 4);
	scn_buf_str(out, " {");
	if (second)
		scn_buf_printf(out, "data_ofs=%llu, ", (unsigned long long)get(r, 16, 4));
	scn_buf_printf(out, "refs=r%u}", id);
}

/* What an ioctl filled in: remembered, and written for the script. */
static void put_filled(struct fuzz_model *m, const struct fuzz_op *op, const struct scn_call *call,
		       const struct scn_result *r, struct scn_buf *out)
{
	struct fuzz_bound *b = &m->bound[op->id];
	const char *text = op->text;
	bool done = r->value >= 0;

	if (!r->data || strstr(text, "bytes("))
		return;
	if (done && strstr(text, "_ALLOC_GREF") && !strstr(text, "DEALLOC")) {
		uint64_t count = get(r, 4, 4);

		b->domain = m->domain_of[op->process];
		b->has_index = true;
		b->index = get(r, 8, 8);
		b->n_refs = count < FUZZ_MAX_REFS ? (uint32_t)count : FUZZ_MAX_REFS;
		for (uint32_t i = 0; i < b->n_refs; i++)
			b->refs[i] = (uint32_t)get(r, 16 + 4 * i, 4);
		scn_buf_printf(out, " {index=%llu", (unsigned long long)b->index);
		if (b->n_refs)
			scn_buf_printf(out, ", gref_ids=r%u", op->id);
		scn_buf_str(out, "}");
	} else if (done && strstr(text, "_MAP_GRANT_REF") && !strstr(text, "UNMAP")) {
		b->has_index = true;
		b->index = get(r, 8, 8);
		b->file = op->file;
		b->n_mapped = fuzz_names_in(op->text, b->mapped);
		scn_buf_printf(out, " {index=%llu}", (unsigned long long)b->index);
	} else if (done && strstr(text, "_EXP_FROM_REFS")) {
		b->kind = 'f';
		b->value = (int64_t)get(r, strstr(text, "_V2") ? 12 : 8, 4);
		b->domain = m->domain_of[op->process];
		scn_buf_printf(out, " {fd=f%u}", op->id);
	} else if (done && strstr(text, "_IMP_TO_REFS")) {
		put_import(b, strstr(text, "_V2"), r, op->id, out);
		b->domain = m->domain_of[op->process];
	} else if (done && strstr(text, "GET_OFFSET")) {
		scn_buf_printf(out, " {offset=%llu, count=%llu}", (unsigned long long)get(r, 8, 8),
			       (unsigned long long)get(r, 16, 4));
	} else if (strstr(text, "GRANT_COPY") && call->n_relocs == 1 &&
		   call->place == SCN_PLACE_PLAIN) {
		uint32_t at = call->relocs[0].target;

		scn_buf_str(out, " {segments=[");
		for (uint64_t i = 0; i < get(r, 0, 4) && at + 24 <= r->data_len; i++, at += 24)
			scn_buf_printf(out, "%s{status=%d}", i ? ", " : "",
				       (int16_t)get(r, at + 20, 2));
		scn_buf_str(out, "]}");
	}
}

/* The last of the steps before one that was given a port of that number; 0: none was. */
static uint32_t find_port(const struct fuzz_model *m, uint32_t domain, int64_t port,
			  uint32_t before)
{
	while (--before > 0) {
		const struct fuzz_bound *b = &m->bound[before];

		if (b->kind == 'p' && b->domain == domain && b->value == port)
			break;
	}
	return before;
}

static void put_ports(const struct fuzz_model *m, uint32_t domain, const struct scn_result *r,
		      struct scn_buf *out)
{
	/* rules.c, reused-port: what was bound since has the number of an old one here, and maybe not there. */
	uint32_t since = m->world->real && m->destroyed[1] ? m->destroyed_by : FUZZ_MAX_OPS;

	scn_buf_str(out, " [");
	for (uint32_t at = 0; at + 4 <= r->data_len; at += 4) {
		int64_t port = (int64_t)get(r, at, 4);
		uint32_t id = find_port(m, domain, port, FUZZ_MAX_OPS);

		scn_buf_str(out, at ? ", " : "");
		if (id > since && find_port(m, domain, port, id))
			scn_buf_str(out, "_");
		else if (id)
			scn_buf_printf(out, "p%u", id);
		else
			scn_buf_printf(out, "%lld", (long long)port);
	}
	scn_buf_str(out, "]");
}

/* A port of a call that is made by its number, on a file that took a closed one's place: each machine numbers it
 * by itself. */
static bool is_port_of_its_own(const struct fuzz_op *op, const struct scn_call *call,
			       const struct scn_result *r)
{
	const char *number = strchr(op->text, ',');

	return call->kind == SCN_IOCTL && r->kind == SCN_RETURNED && r->value > 0 && number &&
	       !strncmp(number, ", 0x", 4);
}

/* False: there is nothing to state. */
static bool put_value(struct fuzz_model *m, const struct fuzz_op *op, const struct scn_call *call,
		      const struct scn_result *r, struct scn_buf *out)
{
	if (call->kind == SCN_EXIT || call->kind == SCN_EXEC || m->bound[op->id].kind ||
	    is_port_of_its_own(op, call, r))
		return false;
	scn_buf_str(out, " = ");
	if (r->kind == SCN_FAULTED) {
		scn_buf_str(out, scn_signal_name(r->signal));
	} else if (r->kind == SCN_BLOCKED) {
		scn_buf_str(out, "blocks");
	} else if (r->value < 0) {
		const char *name = scn_errno_name((int)-r->value);

		if (name)
			scn_buf_printf(out, "-1 %s", name);
		else
			scn_buf_str(out, "-1 _");
	} else if (call->kind == SCN_LOAD) {
		for (uint32_t i = 0; i < r->data_len; i++)
			scn_buf_printf(out, "%s%u", i ? " " : "", r->data[i]);
	} else if (call->kind == SCN_POLL) {
		scn_print_flags(out, SCN_FLAGS_POLL, (uint64_t)r->value);
	} else {
		scn_buf_printf(out, r->value < 65536 ? "%lld" : "0x%llx", (long long)r->value);
	}
	if (call->kind == SCN_READ && r->kind == SCN_RETURNED && r->value >= 0)
		put_ports(m, m->domain_of[op->process], r, out);
	if (call->kind == SCN_IOCTL)
		put_filled(m, op, call, r, out);
	return true;
}

/* Does the step return something that later ones name? */
static char names_what(const struct fuzz_op *op, const struct scn_call *call)
{
	if (call->kind == SCN_OPEN || call->kind == SCN_DUP || call->kind == SCN_SEND_FD)
		return 'f';
	return call->kind == SCN_IOCTL && strstr(op->text, "_EVTCHN_BIND_") &&
		       !strstr(op->text, "_BIND_STATIC")
		   ? 'p'
		   : 0;
}

static bool is_allowed(const struct fuzz_world *world, const char *hazard)
{
	for (uint32_t i = 0; i < world->n_allowed; i++) {
		if (!strcmp(world->allowed[i], hazard))
			return true;
	}
	return false;
}

/* `before`: what stands between the call and the word. */
static enum fuzz_played look_for_hazard(struct fuzz_model *m, const char *before,
					struct scn_buf *line)
{
	const char *hazard = scn_substrate_model.hazard(m->self);

	if (!hazard || (m->world->keeps_own && !strcmp(hazard, "pvh-maps-own-grant")))
		return FUZZ_PLAYED;
	strncpy(m->hazard, hazard, sizeof(m->hazard) - 1);
	if (!is_allowed(m->world, hazard))
		return FUZZ_HAZARD;
	scn_buf_printf(line, "%s \"%s\"", before, hazard);
	return FUZZ_PLAYED;
}

static void free_result(struct scn_result *r)
{
	scn_result_free(r);
}

static enum fuzz_played play_step(struct fuzz_model *m, const struct fuzz_op *op,
				  struct scn_context *cx, const struct scn_step *step,
				  struct scn_buf *line, int64_t *value)
{
	scn_cleanup_prepared struct scn_prepared ready = {0};
	__attribute__((cleanup(free_result))) struct scn_result r = {0};
	struct fuzz_bound *b = &m->bound[op->id];
	bool has_result;
	char kind;

	if (!scn_prepare(cx, step, NULL, &ready)) {
		scn_buf_str(&m->why, cx->wrong);
		return FUZZ_ERROR;
	}
	if (step->target.n > 0 && !m->alive[ready.call.peer])
		return FUZZ_DROPPED;
	if (scn_substrate_model.call(m->self, op->process, &ready.call, &r, &m->why) != SCN_OK)
		return FUZZ_ERROR;
	kind = names_what(op, &ready.call);
	*value = r.kind == SCN_RETURNED ? r.value : -EFAULT;
	if (kind && r.value >= 0)
		*b = (struct fuzz_bound){
		    .kind = kind, .value = r.value, .domain = m->domain_of[op->process]};
	if (ready.call.kind == SCN_EXIT)
		m->alive[op->process] = false;
	scn_buf_printf(line, "%c: ", fuzz_process_name(op->process));
	if (b->kind)
		scn_buf_printf(line, "%c%u = ", kind, op->id);
	put_text(m, op->text, true, line);
	has_result = put_value(m, op, &ready.call, &r, line);
	return look_for_hazard(m, has_result ? " hazard" : " = _ hazard", line);
}

static enum fuzz_played play_text(struct fuzz_model *m, const struct fuzz_op *op,
				  struct scn_buf *line, int64_t *value)
{
	scn_cleanup_buf struct scn_buf text = {0};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct scn_context cx = {.domid = {0, 1}};
	struct scn_source src = {.name = "step"};
	enum fuzz_played played;

	scn_buf_str(&text, "domain dom0\ndomain dom1\nprocess A");
	for (uint32_t i = 1; i < FUZZ_MAX_PROCESSES; i++)
		scn_buf_printf(&text, ",%c", fuzz_process_name(i));
	scn_buf_printf(&text, " in dom0\n%c: ", fuzz_process_name(op->process));
	if (!put_text(m, op->text, false, &text))
		return FUZZ_DROPPED;
	scn_buf_str(&text, "\n");
	src.text = scn_buf_text(&text);
	src.len = text.len;
	if (text.failed || scn_parse(&src, &s, &errors) || scn_vars_init(&cx.vars, s.n_slots)) {
		scn_buf_str(&m->why, errors.count ? scn_buf_text(&errors.text) : "out of memory");
		return FUZZ_ERROR;
	}
	played = play_step(m, op, &cx, s.steps, line, value);
	scn_vars_free(&cx.vars);
	return played;
}

static enum fuzz_played play_fork(struct fuzz_model *m, const struct fuzz_op *op,
				  struct scn_buf *line)
{
	struct scn_call call = {.kind = SCN_FORK, .peer = op->peer};
	struct scn_result r = {0};

	if (scn_substrate_model.call(m->self, op->process, &call, &r, &m->why) != SCN_OK || r.value)
		return FUZZ_ERROR;
	m->alive[op->peer] = true;
	m->domain_of[op->peer] = m->domain_of[op->process];
	scn_buf_printf(line, "%c: %c = fork()", fuzz_process_name(op->process),
		       fuzz_process_name(op->peer));
	return look_for_hazard(m, " = _ hazard", line);
}

static enum fuzz_played play_destroy(struct fuzz_model *m, const struct fuzz_op *op,
				     struct scn_buf *line)
{
	uint32_t domain = op->peer;

	if (domain >= m->world->n_domains || m->destroyed[domain])
		return FUZZ_DROPPED;
	if (scn_substrate_model.destroy(m->self, domain, &m->why) != SCN_OK)
		return FUZZ_ERROR;
	m->destroyed[domain] = true;
	m->destroyed_by = op->id;
	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES; i++)
		m->alive[i] &= m->domain_of[i] != domain;
	scn_buf_printf(line, "destroy dom%u", domain);
	return look_for_hazard(m, " = crash", line);
}

/* A step of nobody's. */
static enum fuzz_played play_machine_step(struct fuzz_model *m, const struct fuzz_op *op,
					  struct scn_buf *line)
{
	enum scn_status status;

	if (op->kind == FUZZ_DESTROY)
		return play_destroy(m, op, line);
	if (op->kind == FUZZ_LIMIT && m->destroyed[op->peer])
		return FUZZ_DROPPED;
	if (op->kind == FUZZ_ADVANCE) {
		scn_buf_printf(line, "advance %us", op->value);
		status =
		    scn_substrate_model.advance(m->self, op->value * UINT64_C(1000000000), &m->why);
	} else {
		scn_buf_printf(line, "set dom%u gntalloc_limit=%u", op->peer, op->value);
		status = scn_substrate_model.set_limit(m->self, op->peer, GNTSIM_LIMIT_GNTALLOC,
						       op->value, &m->why);
	}
	return status == SCN_OK ? FUZZ_PLAYED : FUZZ_ERROR;
}

enum fuzz_played fuzz_model_play(struct fuzz_model *m, const struct fuzz_op *op,
				 struct scn_buf *line, int64_t *value)
{
	*value = 0;
	if (op->kind > FUZZ_KILL)
		return play_machine_step(m, op, line);
	if (!m->alive[op->process] || fuzz_rule_against(m, op))
		return FUZZ_DROPPED;
	if (op->kind == FUZZ_FORK)
		return play_fork(m, op, line);
	if (op->kind == FUZZ_CALL)
		return play_text(m, op, line, value);
	scn_substrate_model.kill(m->self, op->process, &m->why);
	m->alive[op->process] = false;
	scn_buf_printf(line, "kill -9 %c", fuzz_process_name(op->process));
	/* Of a kill a script can only say that it ends everything. */
	return look_for_hazard(m, " = crash", line);
}

enum fuzz_played fuzz_model_finish(struct fuzz_model *m)
{
	const char *hazard;

	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES; i++) {
		if (m->alive[i])
			scn_substrate_model.kill(m->self, i, &m->why);
		m->alive[i] = false;
	}
	hazard = scn_substrate_model.hazard(m->self);
	if (hazard)
		return FUZZ_HAZARD;
	return scn_substrate_model.check(m->self, &m->why) ? FUZZ_PLAYED : FUZZ_UNSOUND;
}
