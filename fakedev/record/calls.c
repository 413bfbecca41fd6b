/* SPDX-License-Identifier: MIT */
/* Calls as steps, but for ioctls; and what becomes of processes and their descriptors. */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lang/constants.h"

static struct process *at(const struct recorder *r, uint32_t process)
{
	return &r->world.processes[process];
}

struct step *main_step(struct recorder *r, enum step_kind kind, uint32_t process)
{
	struct step *s =
	    script_step(&r->script, kind, process == NOBODY ? NOBODY : at(r, process)->script);

	r->main_step = r->script.n_steps - 1;
	return s;
}

void put_error(struct scn_buf *b, int64_t result)
{
	const char *name = scn_errno_name((int)-result);

	if (name)
		scn_buf_printf(b, "-1 %s", name);
	else
		scn_buf_str(b, "-1 _");
}

static const char *device_name(enum wire_device device)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};

	return device <= WIRE_DEV_EVTCHN ? names[device] : "privcmd";
}

void put_fd(const struct recorder *r, struct scn_buf *b, uint32_t file, uint32_t process)
{
	const struct holder *h = world_find_holder(&r->world, file, process);

	if (h)
		put_var(b, h->var);
	else
		scn_buf_str(b, "-1");
}

/* ---- processes ---- */

/* A child that has not said who it is calls nothing yet. */
static bool is_known(const struct process *p)
{
	return p->pid != PID_UNKNOWN;
}

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

static uint32_t process_of(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t process;

	if (p)
		return (uint32_t)(p - r->world.processes);
	process = new_process(r, c);
	/* Who has not joined has no library. */
	if (process != NOBODY) {
		at(r, process)->unassisted = true;
		r->script.processes[at(r, process)->script].ignored =
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

static void process_is_gone(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct process *p = at(r, process);

	r->script.processes[p->script].end_step = r->script.n_steps;
	drop_holders(r, process, true);
	drop_mappings(r, process);
	p->live = false;
	p->mm = NULL;
	pages_refresh(r, c, p);
}

/* Its exit, if that is known; a signal otherwise: to the devices both are the same. */
static void died(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct step *s = main_step(r, STEP_EXIT, process);

	if (c->status >= 0 && WIFEXITED(c->status)) {
		scn_buf_printf(&s->text, "exit(%d)", WEXITSTATUS(c->status));
	} else {
		scn_buf_str(&s->text, "kill -9 ");
		put_process(&s->text, at(r, process)->script);
		s->of_machine = true;
		if (c->status < 0)
			scn_buf_str(&s->note, "or its exit");
		else if (c->status > 0 && WTERMSIG(c->status) != 9)
			scn_buf_printf(&s->note, "signal %d", WTERMSIG(c->status));
	}
	process_is_gone(r, c, process);
}

/* A process has executed gntsim run, and is of another domain now: it is another one in the script. */
static uint32_t moved_to(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct script_process *sp = &r->script.processes[at(r, process)->script];

	if (at(r, process)->domid == c->domid)
		return process;
	if (sp->substance || sp->forked) {
		process_is_gone(r, c, process);
		return new_process(r, c);
	}
	at(r, process)->domid = c->domid;
	sp->domid = c->domid;
	return process;
}

static void joined(struct recorder *r, const struct trace_call *c)
{
	const struct process *known = world_find_process(&r->world, c->program.pid);
	struct script_domain *d = script_domain(&r->script, c->domid);
	uint32_t process = known ? (uint32_t)(known - r->world.processes) : NOBODY;
	struct script_process *sp;

	if (d)
		d->guest = c->guest;
	for (uint32_t i = 0; process == NOBODY && c->fork && i < r->world.n_processes; i++)
		if (at(r, i)->fork == c->fork)
			process = i;
	process = process == NOBODY ? new_process(r, c) : moved_to(r, c, process);
	if (process == NOBODY)
		return;
	at(r, process)->pid = c->program.pid;
	at(r, process)->mm = c->mm;
	at(r, process)->unassisted = false;
	sp = &r->script.processes[at(r, process)->script];
	/* The program that does something gives the name. */
	if (!sp->substance)
		memcpy(sp->program, c->program.name, sizeof(sp->program));
	sp->ignored |= is_left_out(r, c->program.pid);
	if (sp->forked && sp->fork_step < r->script.n_steps)
		r->script.steps[sp->fork_step].child = at(r, process)->script;
	pages_refresh(r, c, at(r, process));
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

static void forked(struct recorder *r, const struct trace_call *c, uint32_t parent)
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
	at(r, child)->pid = PID_UNKNOWN;
	at(r, child)->fork = c->fork;
	sp = &r->script.processes[at(r, child)->script];
	sp->ignored = r->script.processes[at(r, parent)->script].ignored;
	/* Who inherits nothing may as well have been there from the start. */
	if (!holds)
		return;
	inherit(r, parent, child);
	sp->forked = true;
	sp->fork_step = r->script.n_steps;
	s = main_step(r, STEP_FORK, parent);
	put_process(&s->text, at(r, child)->script);
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
	at(r, process)->mm = NULL;
	pages_refresh(r, c, at(r, process));
}

static void ended(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t process = p ? (uint32_t)(p - r->world.processes) : NOBODY;

	if (process == NOBODY)
		return;
	if (c->exiting)
		died(r, c, process);
	else
		executed(r, c, process);
}

/* ---- files ---- */

static uint32_t file_of(const struct recorder *r, const struct trace_call *c)
{
	const struct file *f = c->file ? world_find_file(&r->world, c->device, c->file) : NULL;

	return f ? (uint32_t)(f - r->world.files) : UINT32_MAX;
}

static void opened(struct recorder *r, const struct trace_call *c, uint32_t process)
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
		if (h->file == file && is_known(at(r, h->process)))
			return true;
	}
	for (uint32_t i = r->n_gone; i-- > 0;) {
		*out = r->gone[i];
		if (out->file == file)
			return true;
	}
	return false;
}

/* A process uses a file that it has not opened: it was sent the descriptor. */
static void have_file(struct recorder *r, uint32_t process, uint32_t file)
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
			 at(r, process)->script);
	h = world_holder(&r->world);
	if (!h)
		return;
	*h = (struct holder){file, process, var};
	s = insert_step(r, from.before, at(r, from.process)->script);
	s->bind = var;
	scn_buf_str(&s->text, "send_fd(");
	put_process(&s->text, at(r, process)->script);
	scn_buf_str(&s->text, ", ");
	put_var(&s->text, from.var);
	scn_buf_str(&s->text, ")");
	r->script.processes[at(r, process)->script].substance = true;
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
static void closed(struct recorder *r, const struct trace_call *c)
{
	const struct process *p = world_find_process(&r->world, c->program.pid);
	uint32_t last = p ? (uint32_t)(p - r->world.processes) : NOBODY;
	uint32_t file = file_of(r, c), left = 0, var = NO_VAR;

	if (file == UINT32_MAX)
		return;
	/* A process without the library: its death shows by its files. */
	if (c->exiting && last != NOBODY)
		died(r, c, last);
	for (uint32_t i = 0; i < r->world.n_holders; i++) {
		struct holder h = r->world.holders[i];

		if (h.file != file) {
			r->world.holders[left++] = h;
			continue;
		}
		if (h.process == last)
			var = h.var;
		else if (at(r, h.process)->live && is_known(at(r, h.process)))
			close_in(r, h.process, h.var);
	}
	r->world.n_holders = left;
	if (var != NO_VAR && last != NOBODY && at(r, last)->live)
		close_in(r, last, var);
}

/* ---- memory ---- */

static void put_place(struct recorder *r, uint32_t process, uint64_t addr, uint64_t len,
		      struct scn_buf *b)
{
	struct mapping *m;
	struct step *s;
	uint32_t var;

	m = world_find_mapping(&r->world, process, addr);
	if (!m || len > m->len - (addr - m->start)) {
		var = script_var(&r->script, "room", at(r, process)->script);
		m = world_mapping(&r->world);
		if (m)
			*m = (struct mapping){process, var, addr, len, len, true, UINT32_MAX};
		s = script_step(&r->script, STEP_CALL, at(r, process)->script);
		s->bind = var;
		scn_buf_printf(&s->text,
			       "mmap(NULL, %llu, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
			       (unsigned long long)len);
	}
	put_address(&r->world, b, process, addr);
}

/* What is mapped there now is another's. */
static void unmapped(struct recorder *r, uint32_t process, uint64_t addr, uint64_t len)
{
	for (uint32_t i = r->world.n_mappings; i-- > 0;) {
		struct mapping *m = &r->world.mappings[i];
		uint64_t from = addr > m->start ? addr : m->start;
		uint64_t to = addr + len < m->start + m->len ? addr + len : m->start + m->len;

		if (m->process == process && m->left && from < to)
			m->left -= to - from < m->left ? to - from : m->left;
	}
}

static const char *mapping_name(const struct recorder *r, uint32_t file, const struct region *g)
{
	bool own = r->world.files[file].device == WIRE_DEV_GNTALLOC;

	if (g && g->notified)
		return own ? "ring" : "mapped_ring";
	return own ? "page" : "mapped_page";
}

void record_mapping(struct recorder *r, uint32_t process, uint32_t file, uint64_t addr,
		    uint64_t len, int prot, int flags, uint64_t offset, int64_t result)
{
	const struct region *g = world_find_region(&r->world, file, offset);
	scn_cleanup_buf struct scn_buf place = {0};
	bool fixed = flags & MAP_FIXED && addr && world_find_mapping(&r->world, process, addr);
	struct mapping *m;
	struct step *s;

	if (fixed)
		put_place(r, process, addr, len, &place);
	s = main_step(r, STEP_CALL, process);
	scn_buf_printf(&s->text, "mmap(%s, %llu, ", fixed ? scn_buf_text(&place) : "NULL",
		       (unsigned long long)len);
	scn_print_flags(&s->text, SCN_FLAGS_PROT, (uint64_t)prot);
	scn_buf_str(&s->text, ", ");
	scn_print_flags(&s->text, SCN_FLAGS_MAP,
			(uint64_t)(flags & (MAP_TYPE | (fixed ? MAP_FIXED : 0))));
	scn_buf_str(&s->text, ", ");
	put_fd(r, &s->text, file, process);
	scn_buf_str(&s->text, ", ");
	put_index(&r->world, &s->text, file, offset);
	scn_buf_str(&s->text, ")");
	if (result < 0) {
		put_error(&s->result, result);
		return;
	}
	s->bind = script_var(&r->script, mapping_name(r, file, g), s->process);
	if (addr)
		unmapped(r, process, addr, len);
	m = world_mapping(&r->world);
	if (m)
		*m = (struct mapping){process,
				      s->bind,
				      addr,
				      len,
				      len,
				      false,
				      g ? (uint32_t)(g - r->world.regions) : UINT32_MAX};
}

/* munmap, mprotect, madvise, for each mapping that the range touches: they are neighbours by chance. */
static void changed_range(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	uint64_t end = c->addr + c->len;
	bool any = false;

	for (uint32_t i = 0; i < r->world.n_mappings; i++) {
		const struct mapping *m = &r->world.mappings[i];
		uint64_t from = c->addr > m->start ? c->addr : m->start;
		uint64_t to = end < m->start + m->len ? end : m->start + m->len;
		struct step *s;

		if (m->process != process || !m->left || from >= to)
			continue;
		any = true;
		s = main_step(r, STEP_MEMORY, process);
		scn_buf_str(&s->text, c->kind == TRACE_MUNMAP     ? "munmap("
				      : c->kind == TRACE_MPROTECT ? "mprotect("
								  : "madvise(");
		put_address(&r->world, &s->text, process, from);
		scn_buf_printf(&s->text, ", %llu", (unsigned long long)(to - from));
		if (c->kind == TRACE_MPROTECT) {
			scn_buf_str(&s->text, ", ");
			scn_print_flags(&s->text, SCN_FLAGS_PROT, (uint64_t)c->prot);
		} else if (c->kind == TRACE_MADVISE) {
			scn_buf_printf(&s->text, ", %d", c->prot);
		}
		scn_buf_str(&s->text, ")");
		if (c->result < 0)
			put_error(&s->result, c->result);
	}
	if (c->kind == TRACE_MUNMAP && c->result >= 0)
		unmapped(r, process, c->addr, c->len);
	if (any && r->n_seen && c->kind == TRACE_MUNMAP)
		r->script.needs_munmap = true;
}

static void moved(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	const struct mapping *old = world_find_mapping(&r->world, process, c->addr);
	scn_cleanup_buf struct scn_buf place = {0};
	struct mapping from, *m;
	struct step *s;

	if (!old)
		return;
	from = *old;
	if (c->flags & MREMAP_FIXED)
		put_place(r, process, c->new_addr, c->new_len, &place);
	s = main_step(r, STEP_MEMORY, process);
	scn_buf_str(&s->text, "mremap(");
	put_address(&r->world, &s->text, process, c->addr);
	scn_buf_printf(&s->text, ", %llu, %llu, ", (unsigned long long)c->len,
		       (unsigned long long)c->new_len);
	scn_print_flags(&s->text, SCN_FLAGS_MREMAP, (uint64_t)c->flags);
	if (place.len)
		scn_buf_printf(&s->text, ", %s", scn_buf_text(&place));
	scn_buf_str(&s->text, ")");
	if (c->result < 0) {
		put_error(&s->result, c->result);
		return;
	}
	if (!(c->flags & MREMAP_DONTUNMAP))
		unmapped(r, process, c->addr, c->len);
	unmapped(r, process, c->new_addr, c->new_len);
	s->bind = script_var(&r->script,
			     from.var < r->script.n_vars ? r->script.vars[from.var].base : "page",
			     s->process);
	m = world_mapping(&r->world);
	if (m)
		*m = (struct mapping){process,    s->bind, c->new_addr, c->new_len,
				      c->new_len, false,   from.region};
}

/* ---- events ---- */

static void put_ports(struct recorder *r, struct scn_buf *b, const struct trace_call *c, uint32_t n)
{
	scn_buf_str(b, "[");
	for (uint32_t i = 0; i < n; i++) {
		scn_buf_str(b, i ? ", " : "");
		put_port(&r->world, b, c->domid, c->ports[i]);
	}
	scn_buf_str(b, "]");
}

static bool same_text(const struct scn_buf *a, const struct scn_buf *b)
{
	return !strcmp(scn_buf_text(a), scn_buf_text(b));
}

static void read_events(struct recorder *r, const struct trace_call *c, uint32_t process,
			uint32_t file)
{
	struct step *s, *last;

	/* A signal has come, or the machine has ended: that is none of the device's. */
	if (c->result == -EINTR || c->result == -EIO)
		return;
	s = main_step(r, STEP_CALL, process);
	scn_buf_str(&s->text, "read(");
	put_fd(r, &s->text, file, process);
	scn_buf_printf(&s->text, c->result == -EFAULT ? ", BAD, %llu)" : ", %llu)",
		       (unsigned long long)c->len);
	if (c->result == -EAGAIN && file != UINT32_MAX && !r->world.files[file].nonblocking) {
		scn_buf_str(&s->result, "blocks");
	} else if (c->result < 0) {
		put_error(&s->result, c->result);
	} else {
		scn_buf_printf(&s->result, "%lld", (long long)c->result);
		put_ports(r, &s->more, c, c->n_ports);
	}
	/* Once more for nothing says nothing more. */
	last = r->script.n_steps > 1 ? s - 1 : NULL;
	if (c->result == -EAGAIN && last && last->process == s->process &&
	    same_text(&last->text, &s->text) && same_text(&last->result, &s->result))
		s->left_out = true;
	if (c->result > 0)
		pages_look(r, process);
}

static void wrote_events(struct recorder *r, const struct trace_call *c, uint32_t process,
			 uint32_t file)
{
	struct step *s = main_step(r, STEP_CALL, process);

	scn_buf_str(&s->text, "write(");
	put_fd(r, &s->text, file, process);
	scn_buf_str(&s->text, ", ");
	put_ports(r, &s->text, c, c->n_ports);
	if (c->len != c->n_ports * 4u)
		scn_buf_printf(&s->text, ", %llu", (unsigned long long)c->len);
	scn_buf_str(&s->text, ")");
	if (c->result < 0)
		put_error(&s->result, c->result);
	else
		scn_buf_printf(&s->result, "%lld", (long long)c->result);
}

/* ---- the machine ---- */

static void advanced(struct recorder *r, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
	uint32_t i = 0;
	struct step *s;

	while (i < 3 && ns % units[i].ns)
		i++;
	s = main_step(r, STEP_MACHINE, NOBODY);
	s->of_machine = true;
	scn_buf_printf(&s->text, "advance %llu%s", (unsigned long long)(ns / units[i].ns),
		       units[i].name);
}

/* A timer has run out, which gives grants up: as much time as had passed by then, in whole milliseconds. */
static void time_passed(struct recorder *r, const struct trace_call *c)
{
	uint64_t ns = c->now - r->time, ms = 1000000;

	if (!r->grants_seen || c->now <= r->time)
		return;
	advanced(r, (ns + ms - 1) / ms * ms);
	r->time = c->now;
}

static void destroyed(struct recorder *r, const struct trace_call *c)
{
	struct step *s;

	if (c->result < 0)
		return;
	s = main_step(r, STEP_MACHINE, NOBODY);
	s->of_machine = true;
	scn_buf_str(&s->text, "destroy ");
	put_domain(&s->text, c->peer);
	for (uint32_t i = 0; i < r->world.n_processes; i++)
		if (at(r, i)->live && at(r, i)->domid == c->peer)
			process_is_gone(r, c, i);
}

static void call_of_process(struct recorder *r, const struct trace_call *c)
{
	uint32_t process = process_of(r, c), file = file_of(r, c);

	if (process == NOBODY)
		return;
	if (c->device == WIRE_DEV_PRIVCMD &&
	    (c->kind == TRACE_OPEN || c->kind == TRACE_IOCTL || c->kind == TRACE_MMAP)) {
		not_expressed(r, process, "/dev/xen/privcmd");
		return;
	}
	if (c->kind != TRACE_OPEN)
		have_file(r, process, file);
	switch (c->kind) {
	case TRACE_OPEN:
		opened(r, c, process);
		break;
	case TRACE_FORK:
		forked(r, c, process);
		break;
	case TRACE_IOCTL:
		record_ioctl(r, c, process, file);
		break;
	case TRACE_READ:
		read_events(r, c, process, file);
		break;
	case TRACE_WRITE:
		wrote_events(r, c, process, file);
		break;
	case TRACE_MMAP:
		record_mapping(r, process, file, c->addr, c->len, c->prot, c->flags, c->offset,
			       c->result);
		break;
	case TRACE_MUNMAP:
	case TRACE_MPROTECT:
	case TRACE_MADVISE:
		changed_range(r, c, process);
		break;
	case TRACE_MREMAP:
		moved(r, c, process);
		break;
	case TRACE_ATTACH:
	case TRACE_JOIN:
	case TRACE_CLOSE:
	case TRACE_END:
	case TRACE_ADVANCE:
	case TRACE_DESTROY:
	case TRACE_TIME:
		break;
	}
	if (c->kind == TRACE_MMAP || c->kind == TRACE_MUNMAP || c->kind == TRACE_MPROTECT ||
	    c->kind == TRACE_MADVISE || c->kind == TRACE_MREMAP)
		pages_refresh(r, c, at(r, process));
}

void record_call(struct recorder *r, const struct trace_call *c)
{
	switch (c->kind) {
	case TRACE_JOIN:
		joined(r, c);
		break;
	case TRACE_END:
		ended(r, c);
		break;
	case TRACE_CLOSE:
		closed(r, c);
		break;
	case TRACE_ADVANCE:
		advanced(r, c->len);
		r->time = c->now;
		break;
	case TRACE_TIME:
		time_passed(r, c);
		break;
	case TRACE_DESTROY:
		destroyed(r, c);
		break;
	case TRACE_FORK:
	case TRACE_OPEN:
	case TRACE_ATTACH:
	case TRACE_IOCTL:
	case TRACE_READ:
	case TRACE_WRITE:
	case TRACE_MMAP:
	case TRACE_MUNMAP:
	case TRACE_MPROTECT:
	case TRACE_MADVISE:
	case TRACE_MREMAP:
		call_of_process(r, c);
		break;
	}
}
