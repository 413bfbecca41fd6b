/* SPDX-License-Identifier: MIT */
/* Device files: opened, sent to others, closed. */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lang/constants.h"

static const char *device_name(enum wire_device device)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};

	return device <= WIRE_DEV_EVTCHN   ? names[device]
	       : device == WIRE_DEV_DMABUF ? "dmabuf"
					   : "privcmd";
}

uint32_t record_file_of(const struct recorder *r, const struct trace_call *c)
{
	const struct file *f = c->file ? world_find_file(&r->world, c->device, c->file) : NULL;

	return f ? (uint32_t)(f - r->world.files) : UINT32_MAX;
}

void record_opened(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct holder *h;
	struct step *s;
	struct file *f;

	if (c->result == -EMFILE || c->result == -ENFILE) {
		not_expressed(r, process, "an open() that found no descriptor left");
		return;
	}
	s = main_step(r, STEP_CALL, process);
	scn_buf_printf(&s->text, "open(\"/dev/xen/%s\", ", device_name(c->device));
	scn_print_flags(&s->text, SCN_FLAGS_OPEN,
			(uint64_t)c->flags & (O_ACCMODE | O_NONBLOCK | O_CLOEXEC));
	scn_buf_str(&s->text, ")");
	if (c->result < 0) {
		put_error(&s->result, c->result);
		return;
	}
	s->bind = script_var(&r->script, device_name(c->device), s->process);
	f = world_file(&r->world);
	h = f ? world_holder(&r->world) : NULL;
	if (!h)
		return;
	*f = (struct file){c->device, c->file, c->flags & O_NONBLOCK, c->flags & O_CLOEXEC};
	*h = (struct holder){r->world.n_files - 1, process, s->bind};
}

/* A step before another one. */
static struct step *insert_step(struct recorder *r, uint32_t before, uint32_t process)
{
	struct step *s = script_step(&r->script, STEP_CALL, process);
	uint32_t last = r->script.n_steps - 1;

	if (before >= last)
		return s;
	for (uint32_t i = 0; i < r->script.n_processes; i++) {
		struct script_process *p = &r->script.processes[i];

		p->fork_step += p->fork_step != UINT32_MAX && p->fork_step >= before;
		p->end_step += p->end_step != UINT32_MAX && p->end_step >= before;
	}
	for (uint32_t i = 0; i < r->n_gone; i++)
		r->gone[i].before += r->gone[i].before >= before;
	memmove(&r->script.steps[before + 1], &r->script.steps[before],
		(last - before) * sizeof(*s));
	r->script.steps[before] =
	    (struct step){.kind = STEP_CALL, .process = process, .child = NOBODY, .bind = NO_VAR};
	return &r->script.steps[before];
}

/* Who can have sent a descriptor of the file: somebody who has one, or had one. */
static bool find_sender(const struct recorder *r, uint32_t file, struct gone *out)
{
	for (uint32_t i = 0; i < r->world.n_holders; i++) {
		const struct holder *h = &r->world.holders[i];

		*out = (struct gone){file, h->process, h->var, r->script.n_steps};
		if (h->file == file && process_is_known(process_at(r, h->process)))
			return true;
	}
	for (uint32_t i = r->n_gone; i-- > 0;) {
		*out = r->gone[i];
		if (out->file == file)
			return true;
	}
	return false;
}

void record_sent(struct recorder *r, uint32_t process, uint32_t file)
{
	struct gone from;
	struct holder *h;
	struct step *s;
	uint32_t var;

	if (file == UINT32_MAX || world_find_holder(&r->world, file, process))
		return;
	if (!find_sender(r, file, &from)) {
		not_expressed(r, process, "where a descriptor came from");
		return;
	}
	var = script_var(&r->script, device_name(r->world.files[file].device),
			 process_at(r, process)->script);
	h = world_holder(&r->world);
	if (!h)
		return;
	*h = (struct holder){file, process, var};
	s = insert_step(r, from.before, process_at(r, from.process)->script);
	s->bind = var;
	scn_buf_str(&s->text, "send_fd(");
	put_process(&s->text, process_at(r, process)->script);
	scn_buf_str(&s->text, ", ");
	put_var(&s->text, from.var);
	scn_buf_str(&s->text, ")");
	r->script.processes[process_at(r, process)->script].substance = true;
}

static void close_in(struct recorder *r, uint32_t process, uint32_t var)
{
	struct step *s = main_step(r, STEP_CLOSE, process);

	scn_buf_str(&s->text, "close(");
	put_var(&s->text, var);
	scn_buf_str(&s->text, ")");
}

/* The last descriptor of a file is gone: each of those who had one has closed it by now; only of the last
 * is it known when. */
void record_closed(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t last = p ? (uint32_t)(p - r->world.processes) : NOBODY;
	uint32_t file = record_file_of(r, c), left = 0, var = NO_VAR;

	record_death_shows(r, c);
	if (file == UINT32_MAX)
		return;
	/* A process without the library: its death shows by its files. */
	if (c->exiting && last != NOBODY)
		record_died(r, c, last);
	for (uint32_t i = 0; i < r->world.n_holders; i++) {
		struct holder h = r->world.holders[i];

		if (h.file != file) {
			r->world.holders[left++] = h;
			continue;
		}
		if (h.process == last)
			var = h.var;
		else if (process_at(r, h.process)->live &&
			 process_is_known(process_at(r, h.process)))
			close_in(r, h.process, h.var);
	}
	r->world.n_holders = left;
	if (var != NO_VAR && last != NOBODY && process_at(r, last)->live)
		close_in(r, last, var);
}
