/* SPDX-License-Identifier: MIT */
#include "footprint.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/layout.h"
#include "substrates/model/model_state.h"

#define PAGE ((uint64_t)GNTSIM_PAGE_SIZE)

enum object {
	FRAME,   /* a page's bytes */
	FRAMES,  /* how many are free */
	TABLE,   /* a domain's free references, and what gntalloc counts */
	ENTRY,   /* one of its grant table's */
	HANDLES, /* a domain's free map handles */
	OPEN,    /* an open file description */
	RING,    /* an evtchn file's events */
	PORTS,   /* a domain's free ports */
	PORT,    /* one of them */
};

static bool touches_meet(const struct touch *a, const struct touch *b)
{
	return a->object == b->object && (a->write || b->write) && a->low < b->high &&
	       b->low < a->high;
}

bool footprints_meet(const struct footprint *a, const struct footprint *b)
{
	if (a->everything || b->everything)
		return true;
	for (uint32_t i = 0; i < a->n; i++) {
		for (uint32_t k = 0; k < b->n; k++) {
			if (touches_meet(&a->touches[i], &b->touches[k]))
				return true;
		}
	}
	return false;
}

static bool same_touch(const struct touch *a, const struct touch *b)
{
	return a->object == b->object && a->low == b->low && a->high == b->high &&
	       a->write == b->write;
}

static void add(struct footprint *f, uint64_t object, uint32_t low, uint32_t high, bool write)
{
	const struct touch t = {object, low, high, write};

	for (uint32_t i = 0; i < f->n; i++) {
		if (same_touch(&f->touches[i], &t))
			return;
	}
	if (f->n == MAX_TOUCHES)
		f->everything = true;
	else
		f->touches[f->n++] = t;
}

static void touch(struct recorder *r, enum object kind, uint16_t domid, uint64_t which, bool write)
{
	add(r->into, (uint64_t)kind << 60 | (uint64_t)domid << 44 | which, 0, 1, write);
}

static void touch_file(struct recorder *r, enum object kind, const struct gntsim_file *file,
		       bool write)
{
	add(r->into, (uint64_t)kind << 60 | (uintptr_t)file, 0, 1, write);
}

static void touch_bytes(struct recorder *r, gntsim_frame frame, uint64_t at, uint64_t len,
			bool write)
{
	add(r->into, (uint64_t)FRAME << 60 | frame, (uint32_t)(at % PAGE),
	    (uint32_t)(at % PAGE + len), write);
}

/* An access; where there is no page of a device it is nobody else's affair. */
static void touch_memory(struct recorder *r, uint64_t addr, uint64_t len, bool write)
{
	while (len > 0) {
		uint64_t n = PAGE - addr % PAGE < len ? PAGE - addr % PAGE : len;
		struct gntsim_page page;

		if (gntsim_mm_page(r->mm, addr, &page) == 0) {
			if (page.frame != GNTSIM_NO_FRAME)
				touch_bytes(r, page.frame, addr, n, write);
			/* The copy that a store makes is a new frame. */
			if (page.copies && write)
				r->into->everything = true;
		}
		addr += n;
		len -= n;
	}
}

static uint16_t domid_of(const struct gntsim_file *file)
{
	struct gntsim_domain *dom = gntsim_file_domain(file);

	return dom ? gntsim_domain_id(dom) : UINT16_MAX;
}

static void touch_port(struct recorder *r, uint16_t domid, gntsim_port port, bool write)
{
	touch(r, PORT, domid, port, write);
}

struct ports_of {
	struct recorder *r;
	const struct gntsim_file *file;
};

/* It may stay open, for a notification's sake. */
static bool touch_if_bound(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	const struct ports_of *of = ctx;
	struct gntsim_port_info info;

	if (!gntsim_port_describe(dom, port, &info) && info.file == of->file)
		touch_port(of->r, gntsim_domain_id(dom), port, true);
	return true;
}

/* Who has bound the same number loses it. */
static bool touch_if_static(void *ctx, const struct gntsim_file *file, gntsim_port port)
{
	const struct ports_of *of = ctx;

	if (file == of->file)
		touch_port(of->r, domid_of(file), port, true);
	return true;
}

/* A descriptor goes; the last one takes the file along. `all`: so do all others of the process. */
static void touch_close(struct recorder *r, const struct scn_model_process *p, uint64_t fd,
			bool all)
{
	struct ports_of of = {.r = r};
	bool last;

	of.file = scn_model_process_file(p, fd, &last);
	if (!of.file) {
		/* A page that the kernel uses may be let go. */
		r->into->everything |= fd < p->n_fds && p->fds[fd].file;
		return;
	}
	touch_file(r, OPEN, of.file, true);
	if (!last && !all)
		return;
	gntsim_for_each_port(r->machine, touch_if_bound, &of);
	gntsim_for_each_static_port(r->machine, touch_if_static, &of);
}

/* Mappings that may go or change; what comes of it in Xen is observed. gntalloc goes through the list of the domain's
 * pages. */
static void touch_mappings(struct recorder *r, uint64_t start, uint64_t end)
{
	struct gntsim_vma vma;

	for (uint64_t at = start; gntsim_mm_find_vma(r->mm, at, &vma) && vma.start < end;
	     at = vma.end) {
		touch_file(r, OPEN, vma.file, false);
		if (gntsim_file_device(vma.file) == GNTSIM_DEV_GNTALLOC)
			touch(r, TABLE, domid_of(vma.file), 0, false);
	}
}

static void touch_notification(struct recorder *r, const struct gntsim_file *file,
			       const struct scn_call *call)
{
	uint32_t action, port;

	memcpy(&action, call->image + 8, sizeof(action));
	memcpy(&port, call->image + 12, sizeof(port));
	if (action & 2)
		touch_port(r, domid_of(file), port, true);
}

/* Also of another driver's ioctl, which may have more. */
static void touch_evtchn(struct recorder *r, const struct gntsim_file *file, const char *name,
			 const struct scn_call *call)
{
	uint16_t domid = domid_of(file);
	uint32_t word[2] = {0};

	memcpy(word, call->image, call->image_len < sizeof(word) ? call->image_len : sizeof(word));
	if (!strcmp(name, "IOCTL_EVTCHN_NOTIFY")) {
		touch_file(r, OPEN, file, false);
		touch_port(r, domid, word[0], false);
		return;
	}
	touch_file(r, OPEN, file, true);
	touch(r, PORTS, domid, 0, true);
	if (!strcmp(name, "IOCTL_EVTCHN_UNBIND") || !strcmp(name, "IOCTL_EVTCHN_BIND_STATIC"))
		touch_port(r, domid, word[0], true);
	else if (!strcmp(name, "IOCTL_EVTCHN_BIND_INTERDOMAIN"))
		touch_port(r, (uint16_t)word[0], word[1], false);
}

static void touch_ioctl(struct recorder *r, const struct gntsim_file *file,
			const struct scn_call *call)
{
	const struct scn_ioctl *known = scn_ioctl_by_number(call->arg[1]);

	if (known && !known->layout) {
		/* IOCTL_EVTCHN_RESET alone has no argument. */
		touch_file(r, RING, file, true);
	} else if (!known || call->place != SCN_PLACE_PLAIN ||
		   call->image_len < known->layout->size || strstr(known->name, "GRANT_COPY") ||
		   strstr(known->name, "DMABUF")) {
		r->into->everything = true;
	} else if (gntsim_file_device(file) == GNTSIM_DEV_EVTCHN) {
		touch_evtchn(r, file, known->name, call);
	} else {
		touch_file(r, OPEN, file, true);
		if (strstr(known->name, "SET_UNMAP_NOTIFY"))
			touch_notification(r, file, call);
		else if (gntsim_file_device(file) == GNTSIM_DEV_GNTALLOC)
			touch(r, TABLE, domid_of(file), 0, true);
	}
}

static void touch_write(struct recorder *r, const struct gntsim_file *file,
			const struct scn_call *call)
{
	uint32_t port;

	if (!call->image) {
		r->into->everything = true;
		return;
	}
	touch_file(r, OPEN, file, false);
	for (uint32_t at = 0; at + sizeof(port) <= call->image_len; at += sizeof(port)) {
		memcpy(&port, call->image + at, sizeof(port));
		touch_port(r, domid_of(file), port, true);
	}
}

static void touch_file_call(struct recorder *r, const struct gntsim_file *file,
			    const struct scn_call *call)
{
	if (call->kind == SCN_IOCTL) {
		touch_ioctl(r, file, call);
	} else if (call->kind == SCN_WRITE) {
		touch_write(r, file, call);
	} else if (call->kind == SCN_READ || call->kind == SCN_POLL) {
		touch_file(r, RING, file, call->kind == SCN_READ);
		r->into->everything |= call->kind == SCN_READ && call->use_address;
	} else {
		/* dup() */
		touch_file(r, OPEN, file, false);
	}
}

static bool changes_totals(enum scn_call_kind kind, uint64_t number)
{
	const struct scn_ioctl *known = kind == SCN_IOCTL ? scn_ioctl_by_number(number) : NULL;

	if (known && !strcmp(known->name, "IOCTL_EVTCHN_NOTIFY"))
		return false;
	return kind != SCN_LOAD && kind != SCN_STORE && kind != SCN_READ && kind != SCN_WRITE &&
	       kind != SCN_POLL;
}

static void touch_end(struct recorder *r, const struct scn_model_process *p)
{
	touch_mappings(r, 0, UINT64_MAX);
	for (uint32_t fd = 0; fd < p->n_fds; fd++)
		touch_close(r, p, fd, true);
}

static void start(struct recorder *r, const struct scn_model_process *p)
{
	struct gntsim_totals totals;

	gntsim_machine_totals(r->machine, &totals);
	r->frames = totals.frames;
	r->mm = p->mm;
	r->into->everything |= r->alloc_fails_soon;
}

void recorder_before(void *ctx, uint32_t process, const struct scn_call *call)
{
	struct recorder *r = ctx;
	const struct scn_model_process *p = scn_model_process(r->model, process);
	const struct gntsim_file *file;
	bool last;

	start(r, p);
	r->into->counts |= changes_totals(call->kind, call->arg[1]);
	switch (call->kind) {
	case SCN_LOAD:
		touch_memory(r, call->arg[0], call->arg[1], false);
		break;
	case SCN_STORE:
		touch_memory(r, call->arg[0], call->image_len, true);
		break;
	case SCN_CLOSE:
		touch_close(r, p, call->arg[0], false);
		break;
	case SCN_MUNMAP:
		touch_mappings(r, call->arg[0], call->arg[0] + call->arg[1]);
		break;
	case SCN_MMAP:
		/* MAP_FIXED, and what is like it */
		if (call->arg[3] & ~(uint64_t)(MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS))
			touch_mappings(r, 0, UINT64_MAX);
		file = scn_model_process_file(p, call->arg[4], &last);
		if (file)
			touch_file(r, OPEN, file, true);
		break;
	case SCN_EXIT:
		touch_end(r, p);
		break;
	case SCN_OPEN:
		break;
	case SCN_DUP:
	case SCN_IOCTL:
	case SCN_READ:
	case SCN_WRITE:
	case SCN_POLL:
		file = scn_model_process_file(p, call->arg[0], &last);
		if (file)
			touch_file_call(r, file, call);
		break;
	case SCN_MPROTECT:
	case SCN_MADVISE:
	case SCN_FUTEX:
	case SCN_FCNTL:
	case SCN_SIGIO:
	case SCN_PIN:
	case SCN_MREMAP:
	case SCN_FORK:
	case SCN_EXEC:
	case SCN_SEND_FD:
	case SCN_N_CALLS:
		r->into->everything = true;
		break;
	}
}

/* How many frames are free matters to who can run out of them. */
static void touch_frames(struct recorder *r, bool failed)
{
	struct gntsim_totals totals;

	gntsim_machine_totals(r->machine, &totals);
	if (totals.frames == r->frames && !failed)
		return;
	touch(r, FRAMES, 0, 0,
	      failed || r->frames > r->setup->frames / 2 || totals.frames > r->setup->frames / 2);
}

void recorder_after(void *ctx, uint32_t process, const struct scn_call *call,
		    const struct scn_result *result)
{
	(void)process;
	(void)call;
	touch_frames(ctx, result->kind == SCN_RETURNED && result->value == -ENOMEM);
}

void recorder_killed(struct recorder *r)
{
	touch_frames(r, false);
}

void recorder_kill(struct recorder *r, uint32_t process)
{
	const struct scn_model_process *p = scn_model_process(r->model, process);

	start(r, p);
	touch_end(r, p);
}

static bool limits_handles(const struct recorder *r, uint16_t domid)
{
	uint32_t i = 0;

	while (r->setup->domains[i].number != domid)
		i++;
	return r->setup->domains[i].limits[GNTSIM_LIMIT_MAPTRACK_FRAMES] != 0;
}

static void observe_grant(struct recorder *r, const struct gntsim_observation *o)
{
	touch(r, ENTRY, o->domid, o->ref, true);
	if ((o->entry.flags & GNTSIM_GTF_TYPE_MASK) == GNTSIM_GTF_INVALID)
		touch(r, TABLE, o->domid, 0, true);
}

static void observe(void *ctx, const struct gntsim_observation *o)
{
	struct recorder *r = ctx;

	if (!r->into)
		return;
	switch (o->kind) {
	case GNTSIM_SAW_GRANT:
		observe_grant(r, o);
		break;
	case GNTSIM_SAW_DEFERRED:
		touch(r, ENTRY, o->domid, o->ref, true);
		touch(r, TABLE, o->domid, 0, true);
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
	case GNTSIM_SAW_HANDLE_FREED:
		if (limits_handles(r, o->domid))
			touch(r, HANDLES, o->domid, 0, true);
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		touch(r, ENTRY, o->peer, o->ref, true);
		if (limits_handles(r, o->domid))
			touch(r, HANDLES, o->domid, 0, false);
		break;
	case GNTSIM_SAW_PORT:
		touch_port(r, o->domid, o->port, true);
		if (o->port_status.state == GNTSIM_PORT_FREE)
			touch(r, PORTS, o->domid, 0, true);
		break;
	case GNTSIM_SAW_EVENT:
		touch_file(r, RING, o->file, true);
		touch_port(r, o->domid, o->port, true);
		break;
	case GNTSIM_SAW_PENDING:
		touch_port(r, o->domid, o->port, true);
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		r->into->everything |= o->replaced;
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		touch_bytes(r, o->frame, o->offset, 1, true);
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		touch_port(r, o->domid, o->port, false);
		break;
	case GNTSIM_SAW_DESTROY:
		r->into->everything = true;
		break;
	case GNTSIM_SAW_REVOKED: /* its own pages */
	case GNTSIM_SAW_MAP_FREED:
	case GNTSIM_SAW_RELEASE:
	case GNTSIM_SAW_MM_END:
	case GNTSIM_SAW_DOMAIN:
	case GNTSIM_SAW_BURIED: /* nobody could reach it any more */
		break;
	}
}

void recorder_begin(struct recorder *r, void *model, const struct scn_setup *setup)
{
	r->model = model;
	r->setup = setup;
	r->machine = scn_model_machine(model);
	gntsim_machine_observe(r->machine, observe, r);
}
