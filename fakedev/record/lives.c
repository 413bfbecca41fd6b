/* SPDX-License-Identifier: MIT */
/* What becomes of processes: they join, fork, execute programs, go to other domains, die. */
#define _GNU_SOURCE
#include "broker/deaths.h"
#include "recorder.h"

#include <string.h>
#include <sys/wait.h>

static bool is_left_out(const struct recorder *r, uint32_t pid)
{
	for (uint32_t i = 0; i < r->n_left_out; i++)
		if (r->left_out[i] == pid)
			return true;
	return false;
}

static uint32_t new_process(struct recorder *r, const struct trace_call *c)
{
	uint32_t script = script_process(&r->script, c->domid, c->program.name);
	struct process *p = script == NOBODY ? NULL : world_process(&r->world);

	if (!p)
		return NOBODY;
	*p = (struct process){
	    .pid = c->program.pid, .script = script, .domid = c->domid, .live = true};
	return r->world.n_processes - 1;
}

uint32_t record_process_of(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t process;

	if (p)
		return (uint32_t)(p - r->world.processes);
	process = new_process(r, c);
	/* Who has not joined has no library. */
	if (process != NOBODY) {
		process_at(r, process)->unassisted = true;
		r->script.processes[process_at(r, process)->script].ignored =
		    is_left_out(r, c->program.pid);
	}
	return process;
}

/* Somebody to whom it was sent may use the file later. */
static void remember_gone(struct recorder *r, const struct holder *h)
{
	struct gone *more = record_more(r->gone, r->n_gone, &r->room_gone, sizeof(*r->gone));

	if (!more) {
		r->script.failed = true;
		return;
	}
	r->gone = more;
	/* The step by which it goes is the last one. */
	r->gone[r->n_gone++] =
	    (struct gone){h->file, h->process, h->var,
			  r->main_step < r->script.n_steps ? r->main_step : r->script.n_steps};
}

static void drop_holders(struct recorder *r, uint32_t process, bool all)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < r->world.n_holders; i++) {
		struct holder h = r->world.holders[i];

		if (h.process != process || (!all && !r->world.files[h.file].close_on_exec))
			r->world.holders[left++] = h;
		else
			remember_gone(r, &h);
	}
	r->world.n_holders = left;
}

static bool drop_mappings(struct recorder *r, uint32_t process)
{
	bool any = false;

	for (uint32_t i = 0; i < r->world.n_mappings; i++) {
		struct mapping *m = &r->world.mappings[i];

		any |= m->process == process && m->left;
		if (m->process == process)
			m->left = 0;
	}
	return any;
}

static bool holds_something(const struct recorder *r, uint32_t process)
{
	for (uint32_t i = 0; i < r->world.n_holders; i++)
		if (r->world.holders[i].process == process)
			return true;
	for (uint32_t i = 0; i < r->world.n_mappings; i++)
		if (r->world.mappings[i].process == process && r->world.mappings[i].left)
			return true;
	return false;
}

void record_process_gone(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct process *p = process_at(r, process);

	r->script.processes[p->script].end_step = r->script.n_steps;
	drop_holders(r, process, true);
	drop_mappings(r, process);
	p->live = false;
	p->mm = NULL;
	pages_refresh(r, c, p);
}

/* At its point. */
static bool is_ordered(const struct recorder *r, const struct trace_call *c)
{
	for (unsigned int i = 0; r->deaths && i < r->deaths->n; i++)
		if (r->deaths->programs[i].reached &&
		    r->deaths->programs[i].victim == c->program.pid)
			return true;
	return false;
}

/* Its exit, if that is known; a signal otherwise: to the devices both are the same. */
void record_died(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct step *s = main_step(r, STEP_EXIT, process);

	if (c->status >= 0 && WIFEXITED(c->status)) {
		scn_buf_printf(&s->text, "exit(%d)", WEXITSTATUS(c->status));
	} else {
		scn_buf_str(&s->text, "kill -9 ");
		put_process(&s->text, process_at(r, process)->script);
		s->of_machine = true;
		if (c->status < 0 && !is_ordered(r, c))
			scn_buf_str(&s->note, "or its exit");
		else if (c->status > 0 && WTERMSIG(c->status) != 9)
			scn_buf_printf(&s->note, "signal %d", WTERMSIG(c->status));
	}
	if (is_ordered(r, c)) {
		scn_buf_clear(&s->note);
		scn_buf_str(&s->note, RECORD_ORDERED);
	}
	record_process_gone(r, c, process);
	r->script.processes[process_at(r, process)->script].unnoticed = !r->notified;
}

/* The kernel ends an address space first, then file by file; others go on meanwhile. In the script a death is one
 * step: where it notifies the others, so that what they did before is before it. */
void record_death_shows(struct recorder *r, const struct trace_call *c)
{
	uint32_t process = NOBODY, step = r->script.n_steps;
	const struct step *s;

	for (uint32_t i = r->world.n_processes; r->notified && i-- > 0 && process == NOBODY;)
		if (!process_at(r, i)->live && process_at(r, i)->pid == c->program.pid)
			process = process_at(r, i)->script;
	if (process == NOBODY || !r->script.processes[process].unnoticed)
		return;
	r->script.processes[process].unnoticed = false;
	do {
		if (step == 0)
			return;
		s = &r->script.steps[--step];
	} while (s->kind != STEP_EXIT || s->process != process);
	script_move_to_end(&r->script, step);
	for (uint32_t i = 0; i < r->n_gone; i++) {
		if (r->gone[i].before == step)
			r->gone[i].before = r->script.n_steps - 1;
		else
			r->gone[i].before -= r->gone[i].before > step;
	}
	r->last_store.len = 0;
	r->main_step = r->script.n_steps - 1;
}

/* A process has executed gntsim run, and is of another domain now: it is another one in the script. */
static uint32_t moved_to(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct script_process *sp = &r->script.processes[process_at(r, process)->script];

	if (process_at(r, process)->domid == c->domid)
		return process;
	if (sp->substance || sp->forked) {
		record_process_gone(r, c, process);
		return new_process(r, c);
	}
	process_at(r, process)->domid = c->domid;
	sp->domid = c->domid;
	return process;
}

void record_joined(struct recorder *r, const struct trace_call *c)
{
	const struct process *known = world_find_process(&r->world, c->program.pid);
	struct script_domain *d = script_domain(&r->script, c->domid);
	uint32_t process = known ? (uint32_t)(known - r->world.processes) : NOBODY;
	struct script_process *sp;

	if (d)
		d->guest = c->guest;
	for (uint32_t i = 0; process == NOBODY && c->fork && i < r->world.n_processes; i++)
		if (process_at(r, i)->fork == c->fork)
			process = i;
	process = process == NOBODY ? new_process(r, c) : moved_to(r, c, process);
	if (process == NOBODY)
		return;
	process_at(r, process)->pid = c->program.pid;
	process_at(r, process)->mm = c->mm;
	process_at(r, process)->unassisted = false;
	sp = &r->script.processes[process_at(r, process)->script];
	/* The program that does something gives the name. */
	if (!sp->substance)
		memcpy(sp->program, c->program.name, sizeof(sp->program));
	sp->ignored |= is_left_out(r, c->program.pid);
	if (sp->forked && sp->fork_step < r->script.n_steps)
		r->script.steps[sp->fork_step].child = process_at(r, process)->script;
	pages_refresh(r, c, process_at(r, process));
}

static void inherit(struct recorder *r, uint32_t parent, uint32_t child)
{
	uint32_t n = r->world.n_holders;

	for (uint32_t i = 0; i < n; i++) {
		struct holder h = r->world.holders[i];
		struct holder *own = h.process == parent ? world_holder(&r->world) : NULL;

		if (own)
			*own = (struct holder){h.file, child, h.var};
	}
	n = r->world.n_mappings;
	for (uint32_t i = 0; i < n; i++) {
		struct mapping m = r->world.mappings[i];
		struct mapping *own =
		    m.process == parent && m.left ? world_mapping(&r->world) : NULL;

		m.process = child;
		if (own)
			*own = m;
	}
}

void record_forked(struct recorder *r, const struct trace_call *c, uint32_t parent)
{
	bool holds = holds_something(r, parent);
	struct script_process *sp;
	uint32_t child;
	struct step *s;

	if (c->result < 0)
		return;
	child = new_process(r, c);
	if (child == NOBODY)
		return;
	process_at(r, child)->pid = PID_UNKNOWN;
	process_at(r, child)->fork = c->fork;
	sp = &r->script.processes[process_at(r, child)->script];
	sp->ignored = r->script.processes[process_at(r, parent)->script].ignored;
	/* Who inherits nothing may as well have been there from the start. */
	if (!holds)
		return;
	inherit(r, parent, child);
	sp->forked = true;
	sp->fork_step = r->script.n_steps;
	s = main_step(r, STEP_FORK, parent);
	put_process(&s->text, process_at(r, child)->script);
	scn_buf_str(&s->text, " = fork()");
}

static void executed(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct step *s;

	if (holds_something(r, process)) {
		s = main_step(r, STEP_EXEC, process);
		scn_buf_str(&s->text, "exec()");
	}
	drop_holders(r, process, false);
	drop_mappings(r, process);
	process_at(r, process)->mm = NULL;
	pages_refresh(r, c, process_at(r, process));
}

void record_ended(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t process = p ? (uint32_t)(p - r->world.processes) : NOBODY;

	if (process == NOBODY)
		return;
	if (c->exiting)
		record_died(r, c, process);
	else
		executed(r, c, process);
}
