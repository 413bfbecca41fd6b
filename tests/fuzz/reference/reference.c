/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <errno.h>
#include <string.h>

int r_row(struct reference *r, void *table, size_t size, size_t n)
{
	/* "used" is the first member of each row. */
	for (size_t i = 0; i < n; i++) {
		bool used;

		memcpy(&used, (char *)table + i * size, sizeof(used));
		if (!used)
			return (int)i;
	}
	r->open_question = true;
	return 0;
}

void reference_begin(struct reference *r, const struct setup *setup)
{
	memset(r, 0, sizeof(*r));
	r->setup = *setup;
	for (unsigned int i = 0; i < N_DOMAINS; i++)
		r->domain_at[i] = R_NOBODY;
	for (unsigned int i = 0; i < N_FILES; i++)
		r->file_at[i] = R_NOBODY;
	for (unsigned int i = 0; i < N_MMS; i++)
		r->mm_at[i] = R_NOBODY;
	for (unsigned int i = 0; i < setup->n_domains; i++) {
		struct call c = {.op = CALL_DOMAIN_CREATE,
				 .self = (uint8_t)i,
				 .a = setup->guest[i] == GNTSIM_GUEST_PV};
		struct outcome out;

		r_domain_call(r, &c, &out);
	}
}

void r_hazard(struct reference *r, const char *name)
{
	for (unsigned int i = 0; i < r->n_hazards; i++)
		if (!strcmp(r->hazard[i], name))
			return;
	if (r->n_hazards == R_HAZARDS)
		r->open_question = true;
	else
		r->hazard[r->n_hazards++] = name;
}

bool reference_knows(enum call_op op)
{
	return op <= CALL_DMABUF_WAIT_END
		   ? op != CALL_NOTHING && op != CALL_BIND_STATIC && op != CALL_COPY
	       : op <= CALL_INTERRUPT ? op >= CALL_DOMAIN_CREATE
				      : op == CALL_QUERY;
}

void r_release_if_unused(struct reference *r, int file)
{
	struct r_file *f = &r->file[file];

	if (!f->used || f->open || f->dead)
		return;
	for (unsigned int i = 0; i < R_ROWS; i++)
		if (r->vma[i].used && r->vma[i].file == file)
			return;
	if (r_dmabuf_holds(r, file))
		return;
	if (f->device == GNTSIM_DEV_GNTALLOC)
		r_gntalloc_release(r, file);
	else if (f->device == GNTSIM_DEV_GNTDEV)
		r_gntdev_release(r, file);
	else if (f->device == GNTSIM_DEV_DMABUF)
		r_dmabuf_release(r, file);
	else
		r_evtchn_release(r, file);
	f->used = false;
}

static void open_file(struct reference *r, const struct call *c, struct outcome *out)
{
	int domain = r->domain_at[c->a % N_DOMAINS], *file = &r->file_at[c->self % N_FILES];
	unsigned int mode = c->c & 3; /* read-write, read-write, read-only, write-only */

	out->skipped = domain == R_NOBODY || *file != R_NOBODY;
	if (out->skipped)
		return;
	*file = R_ROW(r, file);
	r->file[*file] = (struct r_file){.used = true,
					 .open = true,
					 .domain = domain,
					 .device = (enum gntsim_device)(c->b % 3),
					 .readable = mode != 3,
					 .writable = mode != 2};
}

static void close_file(struct reference *r, const struct call *c, struct outcome *out)
{
	int *file = &r->file_at[c->self % N_FILES];

	out->skipped = *file == R_NOBODY;
	if (out->skipped)
		return;
	r->file[*file].open = false;
	if (r->file[*file].dead)
		r->file[*file].used = false;
	r_release_if_unused(r, *file);
	*file = R_NOBODY;
}

static enum gntsim_device device_of(enum call_op op, enum gntsim_device has)
{
	if (op == CALL_SET_NOTIFY)
		return has == GNTSIM_DEV_GNTDEV ? has : GNTSIM_DEV_GNTALLOC;
	if (op <= CALL_DEALLOC)
		return GNTSIM_DEV_GNTALLOC;
	return op <= CALL_GET_OFFSET || op >= CALL_DMABUF_EXPORT ? GNTSIM_DEV_GNTDEV
								 : GNTSIM_DEV_EVTCHN;
}

/* An ioctl's number is not known to another device. */
static int not_its_own(enum call_op op, enum gntsim_device device)
{
	if (op < CALL_DMABUF_EXPORT || op == CALL_DMABUF_WAIT_BEGIN)
		return -EINVAL;
	return device == GNTSIM_DEV_EVTCHN ? -ENOSYS : -ENOTTY;
}

static void file_call(struct reference *r, const struct call *c, struct outcome *out)
{
	int file = r->file_at[c->self % N_FILES];
	const struct r_file *f = &r->file[file == R_NOBODY ? 0 : file];
	enum gntsim_device device = device_of(c->op, f->device);

	out->skipped = file == R_NOBODY;
	/* What poll says of a file that is dead, or another's, nobody has asked. */
	if (!out->skipped && c->op == CALL_POLL && (f->dead || f->device != device))
		r->open_question = true;
	if (out->skipped)
		return;
	if ((c->op == CALL_ALLOC && call_count(c->c) > 65537) ||
	    (c->op == CALL_MAP && call_count(c->c) > N_WORDS) ||
	    (c->op == CALL_GET_OFFSET && r->mm_at[c->a % N_MMS] == R_NOBODY) ||
	    (c->op == CALL_DMABUF_WAIT_BEGIN && r->wait[c->a % N_WAITS].used))
		out->skipped = true;
	else if (f->dead || f->device != device)
		out->value = f->device != device ? not_its_own(c->op, f->device) : -ENODEV;
	else if (c->op >= CALL_DMABUF_EXPORT)
		r_dmabuf_call(r, file, c, out);
	else if (device == GNTSIM_DEV_GNTALLOC)
		r_gntalloc_call(r, file, c, out);
	else if (device == GNTSIM_DEV_GNTDEV)
		r_gntdev_call(r, file, c, out);
	else
		r_evtchn_call(r, file, c, out);
	/* Both at once: which error comes first is nobody's question. */
	if (!out->skipped && f->dead && f->device != device)
		r->open_question = true;
}

void reference_call(struct reference *r, const struct call *c, struct outcome *out)
{
	out->skipped = false;
	out->value = 0;
	out->n = 0;
	r->n_hazards = 0;
	if (c->op == CALL_QUERY)
		r_query(r, c, out);
	else if (c->op == CALL_DMABUF_ALLOC)
		r_dmabuf_alloc(r, c, out);
	else if (c->op == CALL_DMABUF_WAIT_END)
		r_dmabuf_end_wait(r, c, out);
	else if (c->op >= CALL_DMABUF_EXPORT && c->op <= CALL_DMABUF_WAIT_BEGIN)
		file_call(r, c, out);
	else if (c->op >= CALL_ADVANCE)
		r_domain_call(r, c, out);
	else if (c->op >= CALL_MMAP || (c->op >= CALL_MM_CREATE && c->op <= CALL_MM_END))
		r_memory_call(r, c, out);
	else if (c->op == CALL_OPEN)
		open_file(r, c, out);
	else if (c->op == CALL_CLOSE)
		close_file(r, c, out);
	else
		file_call(r, c, out);
}

void reference_totals(const struct reference *r, struct gntsim_totals *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < R_ROWS; i++) {
		out->files += r->file[i].used;
		out->mms += r->mm[i].used;
		out->vmas += r->vma[i].used;
		out->gntdev_maps += r->map[i].used;
	}
	for (unsigned int i = 0; i < N_FRAMES; i++)
		out->frames += r->page[i].used;
	for (unsigned int i = 0; i < R_DOMAINS; i++) {
		const struct r_domain *d = &r->domain[i];

		if (!d->used)
			continue;
		out->zombies += d->dying;
		out->domains += !d->dying;
		out->deferred += d->dying ? 0 : d->n_deferred;
		for (unsigned int k = 0; k < R_GRANTS; k++) {
			out->grants += d->grants[k].used;
			out->maptrack += d->grants[k].readers + d->grants[k].writers;
		}
		for (unsigned int k = 0; k < R_PORTS; k++)
			out->ports += d->ports[k].state != R_FREE;
	}
}
