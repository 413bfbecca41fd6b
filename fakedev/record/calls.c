/* SPDX-License-Identifier: MIT */
/* Calls as steps, but for ioctls, and for those that open and close. */
#define _GNU_SOURCE
#include "broker/deaths.h"
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/constants.h"

struct step *main_step(struct recorder *r, enum step_kind kind, uint32_t process)
{
	struct step *s = script_step(&r->script, kind,
				     process == NOBODY ? NOBODY : process_at(r, process)->script);

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

void put_fd(const struct recorder *r, struct scn_buf *b, uint32_t file, uint32_t process)
{
	const struct holder *h = world_find_holder(&r->world, file, process);

	if (h)
		put_var(b, h->var);
	else
		scn_buf_str(b, "-1");
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
		var = script_var(&r->script, "room", process_at(r, process)->script);
		m = world_mapping(&r->world);
		if (m)
			*m = (struct mapping){process, var, addr, len, len, true, UINT32_MAX};
		s = script_step(&r->script, STEP_CALL, process_at(r, process)->script);
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
	/* Told to it (--fail): no signal came. */
	if (result == -EINTR && r->world.files[file].device == WIRE_DEV_GNTDEV)
		scn_buf_str(&script_step(&r->script, STEP_MACHINE, NOBODY)->text, "fail mmap 1");
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

/* As the end of a program at its point. */
static bool is_ordered(const struct recorder *r, uint16_t domid)
{
	for (unsigned int i = 0; r->deaths && i < r->deaths->n; i++)
		if (r->deaths->programs[i].reached && r->deaths->programs[i].domid == domid &&
		    r->deaths->programs[i].end == DEATH_BY_DESTROY)
			return true;
	return false;
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
	if (is_ordered(r, c->peer))
		scn_buf_str(&s->note, RECORD_ORDERED);
	for (uint32_t i = 0; i < r->world.n_processes; i++)
		if (process_at(r, i)->live && process_at(r, i)->domid == c->peer)
			record_process_gone(r, c, i);
}

static void call_of_process(struct recorder *r, const struct trace_call *c)
{
	uint32_t process = record_process_of(r, c), file = record_file_of(r, c);

	if (process == NOBODY)
		return;
	if (c->device == WIRE_DEV_PRIVCMD &&
	    (c->kind == TRACE_OPEN || c->kind == TRACE_IOCTL || c->kind == TRACE_MMAP)) {
		not_expressed(r, process, "/dev/xen/privcmd");
		return;
	}
	if (c->kind != TRACE_OPEN)
		record_sent(r, process, file);
	switch (c->kind) {
	case TRACE_OPEN:
		record_opened(r, c, process);
		break;
	case TRACE_FORK:
		record_forked(r, c, process);
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
		pages_refresh(r, c, process_at(r, process));
}

void record_call(struct recorder *r, const struct trace_call *c)
{
	switch (c->kind) {
	case TRACE_JOIN:
		record_joined(r, c);
		break;
	case TRACE_END:
		record_ended(r, c);
		break;
	case TRACE_CLOSE:
		record_closed(r, c);
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
