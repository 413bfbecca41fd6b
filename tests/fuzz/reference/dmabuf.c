/* SPDX-License-Identifier: MIT */
/* Rules: GD-DMABUF-*. A descriptor's number is its file's place. */
#include <errno.h>

#include "reference.h"

static int of_file(const struct reference *r, int file)
{
	for (int i = 0; i < (int)R_ROWS; i++)
		if (r->dmabuf[i].used && r->dmabuf[i].file == file)
			return i;
	return R_NOBODY;
}

/* The last of this number that the gntdev file exported, and that lives. */
static int find_export(const struct reference *r, int file, uint32_t number)
{
	int found = R_NOBODY;

	for (int i = 0; i < (int)R_ROWS; i++) {
		const struct r_dmabuf *d = &r->dmabuf[i];

		if (d->used && d->exporter == file && d->number == number &&
		    (found == R_NOBODY || d->born > r->dmabuf[found].born))
			found = i;
	}
	return found;
}

static int find_import(const struct reference *r, int file, uint32_t number)
{
	int found = R_NOBODY;

	for (int i = 0; i < (int)R_ROWS; i++) {
		const struct r_import *m = &r->import[i];

		if (m->used && m->file == file && (number == UINT32_MAX || m->number == number) &&
		    (found == R_NOBODY || m->born > r->import[found].born))
			found = i;
	}
	return found;
}

bool r_dmabuf_holds(const struct reference *r, int file)
{
	for (unsigned int i = 0; i < R_ROWS; i++)
		if ((r->dmabuf[i].used && r->dmabuf[i].exporter == file) ||
		    (r->import[i].used && r->import[i].dmabuf == file))
			return true;
	return false;
}

int r_dmabuf_memory(const struct reference *r, int dmabuf, unsigned int page)
{
	const struct r_dmabuf *d = &r->dmabuf[dmabuf];

	return d->map == R_NOBODY ? d->memory[page] : r->map[d->map].pages[page].memory;
}

static int free_number(const struct reference *r)
{
	for (unsigned int i = 0; i < N_FILES; i++)
		if (r->file_at[i] == R_NOBODY)
			return (int)i;
	return -EMFILE;
}

static int open_dmabuf(struct reference *r, int domain, int *at)
{
	int row = R_ROW(r, dmabuf);

	*at = R_ROW(r, file);
	r->file[*at] = (struct r_file){.used = true,
				       .open = true,
				       .domain = domain,
				       .device = GNTSIM_DEV_DMABUF,
				       .readable = true,
				       .writable = true};
	r->dmabuf[row] = (struct r_dmabuf){
	    .used = true, .file = *at, .exporter = R_NOBODY, .map = R_NOBODY, .born = ++r->births};
	return row;
}

/* ---- exports ---- */

static void undo(struct reference *r, int map)
{
	r->map[map].listed = false;
	r_map_put(r, map);
}

static int export_refs(struct reference *r, int file, const struct call *c, uint32_t *fd)
{
	int domain = r->file[file].domain, number, map, row;
	uint32_t count = call_count(c->c);
	struct r_map *m;

	if (r->setup.dmabufs == GNTSIM_DMABUFS_LINUX && r->domain[domain].pv)
		return -EINVAL;
	if (c->d & DMABUF_BAD)
		return -EFAULT;
	if (!count || count > r->domain[domain].map_limit)
		return -EINVAL;
	/* Not so many references are in its memory. */
	if (count > N_WORDS)
		return -EFAULT;
	if ((call_dmabuf_flags(c->d) & 3) == 3)
		return -EINVAL;
	if (r->setup.dmabufs == GNTSIM_DMABUFS_LINUX && r->setup.arch == GNTSIM_ARCH_AMD64)
		return -EINVAL;
	/* What a first page has no room for is nobody's rule. */
	if (c->d & DMABUF_V2 && call_data_ofs(c->e) >= PAGE)
		r->open_question = true;
	map = R_ROW(r, map);
	m = &r->map[map];
	*m = (struct r_map){.file = file,
			    .count = count,
			    .page = r_map_place(r, file, count),
			    .has_flags = true,
			    .exported = true};
	for (uint32_t i = 0; i < count; i++) {
		m->pages[i].domid = (uint16_t)call_domid(c->a);
		m->pages[i].ref = call_ref((uint8_t)(c->b + i * (c->d & 3)));
	}
	m->used = m->listed = true;
	if (!r_map_pages(r, domain, m, 1)) {
		undo(r, map);
		return -EINVAL;
	}
	number = free_number(r);
	if (number < 0) {
		undo(r, map);
		return number;
	}
	row = open_dmabuf(r, domain, &r->file_at[number]);
	r->dmabuf[row].exporter = file;
	r->dmabuf[row].map = map;
	r->dmabuf[row].count = count;
	r->dmabuf[row].number = *fd = (uint32_t)number;
	r->dmabuf[row].data_ofs = c->d & DMABUF_V2 ? call_data_ofs(c->e) : 0;
	return c->d & DMABUF_READONLY ? -EFAULT : 0;
}

static void export(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	uint32_t fd = UINT32_MAX;

	out->value = export_refs(r, file, c, &fd);
	if (fd == UINT32_MAX)
		return;
	put(out, fd);
	put(out, !out->value);
}

static void tell(struct reference *r, int dmabuf)
{
	struct r_wait *last = NULL;

	for (unsigned int i = 0; i < N_WAITS; i++) {
		struct r_wait *w = &r->wait[i];

		if (!w->used || w->dmabuf != dmabuf)
			continue;
		w->dmabuf = R_NOBODY;
		if (!last || w->begun > last->begun)
			last = w;
	}
	if (last)
		last->told = true;
}

void r_dmabuf_release(struct reference *r, int file)
{
	int row = of_file(r, file);
	struct r_dmabuf *d = &r->dmabuf[row];

	d->used = false;
	tell(r, row);
	if (d->map == R_NOBODY) {
		for (unsigned int i = 0; i < d->count; i++)
			r_page_give(r, d->memory[i]);
		return;
	}
	undo(r, d->map);
	r_release_if_unused(r, d->exporter);
}

int r_dmabuf_mmap(struct reference *r, struct r_vma *v, int file)
{
	int row = of_file(r, file);
	const struct r_dmabuf *d = &r->dmabuf[row];

	if (d->map != R_NOBODY && r->setup.dmabufs != GNTSIM_DMABUFS_ALL)
		return -EINVAL;
	if (!v->shared || v->page + (v->end - v->start) / PAGE > d->count)
		return -EINVAL;
	v->dmabuf = row;
	v->first = (unsigned int)v->page;
	return 0;
}

/* ---- imports ---- */

static void end_import(struct reference *r, int import)
{
	struct r_import *m = &r->import[import];

	m->used = false;
	for (unsigned int i = 0; i < m->count; i++)
		r_grant_end(r, r->file[m->file].domain, m->grant[i]);
	r_release_if_unused(r, m->dmabuf);
}

void r_imports_end(struct reference *r, int file)
{
	int row;

	while ((row = find_import(r, file, UINT32_MAX)) != R_NOBODY)
		end_import(r, row);
}

static int import_refs(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	int domain = r->file[file].domain, row, dmabuf;
	uint32_t count = call_count(c->c), number = call_dmabuf(c->b);
	const struct r_dmabuf *d;
	struct r_import *m;

	if (c->d & DMABUF_BAD)
		return -EFAULT;
	if (!count || count > r->domain[domain].map_limit)
		return -EINVAL;
	if (number >= N_FILES || r->file_at[number] == R_NOBODY)
		return -EBADF;
	dmabuf = r->file_at[number];
	if (r->file[dmabuf].device != GNTSIM_DEV_DMABUF || r->file[dmabuf].dead ||
	    r->file[dmabuf].domain != domain)
		return -EINVAL;
	d = &r->dmabuf[of_file(r, dmabuf)];
	if ((d->data_ofs && !(c->d & DMABUF_V2)) || d->count != count)
		return -EINVAL;
	row = R_ROW(r, import);
	m = &r->import[row];
	*m = (struct r_import){.used = true,
			       .file = file,
			       .dmabuf = dmabuf,
			       .number = number,
			       .count = count,
			       .born = ++r->births};
	for (uint32_t i = 0; i < count; i++) {
		m->grant[i] = r_grant(r, domain, (uint16_t)call_domid(c->a),
				      r_dmabuf_memory(r, of_file(r, dmabuf), i), false);
		r->domain[domain].grants[m->grant[i]].of_import = true;
	}
	if (c->d & DMABUF_READONLY) {
		end_import(r, row);
		return -EFAULT;
	}
	for (uint32_t i = 0; i < count; i++)
		put(out, (uint64_t)m->grant[i] + 8);
	if (c->d & DMABUF_V2)
		put(out, d->data_ofs);
	return 0;
}

static int release(struct reference *r, int file, const struct call *c)
{
	int row = find_import(r, file, call_dmabuf(c->b));

	if (c->d & DMABUF_BAD)
		return -EFAULT;
	if (row == R_NOBODY)
		return -ENOENT;
	end_import(r, row);
	return 0;
}

/* ---- waits, and a driver's own ---- */

static int wait_released(const struct reference *r, int file, const struct call *c)
{
	if (c->d & DMABUF_BAD)
		return -EFAULT;
	return find_export(r, file, call_dmabuf(c->b)) == R_NOBODY ? -ENOENT : -ETIMEDOUT;
}

static void begin_wait(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	struct r_wait *w = &r->wait[c->a % N_WAITS];
	int row = find_export(r, file, call_dmabuf(c->b));

	if (row == R_NOBODY)
		out->value = -ENOENT;
	else
		*w = (struct r_wait){.used = true, .dmabuf = row, .begun = ++r->births};
}

void r_dmabuf_end_wait(struct reference *r, const struct call *c, struct outcome *out)
{
	struct r_wait *w = &r->wait[c->self % N_WAITS];

	out->skipped = !w->used;
	w->used = false;
}

void r_dmabuf_alloc(struct reference *r, const struct call *c, struct outcome *out)
{
	int domain = r->domain_at[c->a % N_DOMAINS], *at = &r->file_at[c->self % N_FILES], row;
	uint32_t count = call_count(c->c), left = r->setup.n_frames;

	out->skipped = domain == R_NOBODY || *at != R_NOBODY;
	if (out->skipped)
		return;
	for (unsigned int i = 0; i < r->setup.n_frames; i++)
		left -= r->page[i].used;
	if (r->setup.dmabufs == GNTSIM_DMABUFS_NONE || !count || count > left) {
		/* Of several errors any may come. */
		r->open_question =
		    r->setup.dmabufs == GNTSIM_DMABUFS_NONE && (!count || count > left);
		out->value = r->setup.dmabufs == GNTSIM_DMABUFS_NONE ? -ENOTTY
			     : !count                                ? -EINVAL
								     : -ENOMEM;
		return;
	}
	row = open_dmabuf(r, domain, at);
	r->dmabuf[row].count = count;
	for (uint32_t i = 0; i < count; i++)
		r->dmabuf[row].memory[i] = r_page_take(r, domain);
}

void r_dmabuf_call(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	if (c->op == CALL_DMABUF_WAIT_BEGIN) {
		begin_wait(r, file, c, out);
		return;
	}
	if (r->setup.dmabufs == GNTSIM_DMABUFS_NONE ||
	    (c->d & DMABUF_V2 && r->setup.dmabufs != GNTSIM_DMABUFS_ALL &&
	     (c->op == CALL_DMABUF_EXPORT || c->op == CALL_DMABUF_IMPORT))) {
		out->value = -ENOTTY;
		return;
	}
	switch ((int)c->op) {
	case CALL_DMABUF_EXPORT:
		export(r, file, c, out);
		break;
	case CALL_DMABUF_IMPORT:
		out->value = import_refs(r, file, c, out);
		break;
	case CALL_DMABUF_WAIT:
		out->value = wait_released(r, file, c);
		break;
	default:
		out->value = release(r, file, c);
		break;
	}
}
