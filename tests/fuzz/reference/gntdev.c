/* SPDX-License-Identifier: MIT */
/* Rules: GD-*. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "reference.h"

static int find(const struct reference *r, int file, uint64_t page, uint32_t count)
{
	for (int i = 0; i < (int)R_ROWS; i++)
		if (r->map[i].used && r->map[i].listed && r->map[i].file == file &&
		    r->map[i].page == page && (!count || r->map[i].count == count))
			return i;
	return R_NOBODY;
}

/* The first listed map of the file at this page or beyond. */
static int next_map(const struct reference *r, int file, uint64_t page)
{
	int found = R_NOBODY;

	for (int i = 0; i < (int)R_ROWS; i++) {
		const struct r_map *m = &r->map[i];

		if (m->used && m->listed && m->file == file && m->page >= page &&
		    (found == R_NOBODY || m->page < r->map[found].page))
			found = i;
	}
	return found;
}

/* First fit, but a hole must be strictly larger. */
uint64_t r_map_place(const struct reference *r, int file, uint32_t count)
{
	uint64_t at = 0;
	int map;

	while ((map = next_map(r, file, at)) != R_NOBODY && at + count >= r->map[map].page)
		at = r->map[map].page + r->map[map].count;
	return at;
}

static void map(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	uint32_t count = call_count(c->c);
	struct r_map *m;
	int row;

	if (count > N_WORDS) {
		out->skipped = true;
		return;
	}
	if (!count || count > r->domain[r->file[file].domain].map_limit) {
		out->value = -EINVAL;
		return;
	}
	row = R_ROW(r, map);
	m = &r->map[row];
	*m = (struct r_map){.file = file, .count = count, .page = r_map_place(r, file, count)};
	for (uint32_t i = 0; i < count; i++) {
		bool other = i && i + 1 == count && c->d & 4;

		m->pages[i].domid = (uint16_t)call_domid((uint8_t)(c->a + other));
		m->pages[i].ref = call_ref((uint8_t)(c->b + i * (c->d & 3)));
	}
	m->used = m->listed = true;
	put(out, m->page * PAGE);
}

static void clear_byte(struct reference *r, struct r_map *m, const struct r_map_page *p)
{
	bool pv = r->domain[r->file[m->file].domain].pv;
	bool arm = r->setup.arch == GNTSIM_ARCH_ARM64;

	if (!p->live && (pv || arm))
		r_hazard(r, pv ? "pv-clear-byte-after-failed-mmap"
			       : "arm-clear-byte-after-failed-mmap");
	else if (m->readonly && (pv || arm))
		r_hazard(r,
			 pv ? "pv-clear-byte-on-readonly-map" : "arm-store-to-a-read-only-grant");
	else if (p->live && !m->readonly)
		r->page[p->memory].bytes[m->offset % PAGE] = 0;
}

/* Ends what is mapped in a part of it. The byte goes with the part that it is in. */
void r_map_unmap(struct reference *r, int map, unsigned int from, unsigned int n)
{
	struct r_map *m = &r->map[map];
	int domain = r->file[m->file].domain;
	bool any = false;

	for (unsigned int i = 0; i < m->count; i++)
		any |= m->pages[i].live;
	if (!any)
		return;
	for (unsigned int i = from; i < from + n; i++) {
		struct r_map_page *p = &m->pages[i];

		if (p->dead)
			continue;
		p->dead = true;
		if (m->action & 1 && m->offset / PAGE == i) {
			clear_byte(r, m, p);
			m->action &= ~1u;
		}
	}
	/* All bytes are cleared before the first page is let go. */
	for (unsigned int i = from; i < from + n; i++) {
		struct r_map_page *p = &m->pages[i];

		if (!p->live)
			continue;
		p->live = false;
		for (unsigned int k = 0; k < m->pins; k++)
			r_unmap_one(r, domain, p, m->readonly);
	}
}

void r_map_put(struct reference *r, int map)
{
	struct r_map *m = &r->map[map];
	int domain = r->file[m->file].domain;

	if (m->listed || m->pieces)
		return;
	if (!r->domain[domain].pv || m->exported)
		r_map_unmap(r, map, 0, m->count);
	if (m->action & 2) {
		r_port_send(r, domain, m->port);
		r_port_put(r, domain, m->port);
	}
	m->used = false;
}

static void unmap(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	int row = find(r, file, c->c, call_count(c->b));

	if (row == R_NOBODY) {
		out->value = -ENOENT;
		return;
	}
	if (r->map[row].exported)
		r_hazard(r, "gntdev-unmap-of-a-dma-bufs-map");
	r->map[row].listed = false;
	r_map_put(r, row);
}

static void get_offset(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	int mm = r->mm_at[c->a % N_MMS], found = R_NOBODY;
	uint64_t addr = call_addr(c->d) + (c->e & (PAGE - 1));

	out->skipped = mm == R_NOBODY;
	if (out->skipped)
		return;
	for (int i = 0; i < (int)R_ROWS; i++) {
		const struct r_vma *v = &r->vma[i];

		if (v->used && v->mm == mm && v->end > addr &&
		    (found == R_NOBODY || v->start < r->vma[found].start))
			found = i;
	}
	if (r->mm[mm].dead || r->mm[mm].domain != r->file[file].domain) {
		r->open_question = true;
	} else if (found == R_NOBODY || r->vma[found].map == R_NOBODY) {
		out->value = -EINVAL;
	} else {
		put(out, r->map[r->vma[found].map].page * PAGE);
		put(out, r->map[r->vma[found].map].count);
	}
}

static void set_notify(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	int domain = r->file[file].domain, row = R_NOBODY;
	uint64_t index = c->c * PAGE + (c->e & (PAGE - 1));
	unsigned int drop = c->d & 2;
	gntsim_port port = call_port(c->b), old;
	struct r_map *m;

	if (c->d & 4 || (c->d & 2 && !r_port_get(r, domain, port))) {
		out->value = -EINVAL;
		return;
	}
	old = port;
	for (int i = 0; i < (int)R_ROWS; i++) {
		m = &r->map[i];
		if (m->used && m->listed && m->file == file && index / PAGE >= m->page &&
		    index / PAGE < m->page + m->count)
			row = i;
	}
	if (row == R_NOBODY) {
		out->value = -ENOENT;
	} else if (c->d & 1 && r->map[row].has_flags && r->map[row].readonly) {
		out->value = -EINVAL;
	} else {
		m = &r->map[row];
		drop = m->action & 2;
		old = m->port;
		m->action = c->d & 3;
		m->offset = index - m->page * PAGE;
		m->port = port;
	}
	if (drop)
		r_port_put(r, domain, old);
}

/* All pages are tried. */
bool r_map_pages(struct reference *r, int domain, struct r_map *m, unsigned int pins)
{
	bool pv = r->domain[domain].pv, ok = true;

	m->pins = pins;
	for (unsigned int i = 0; i < m->count; i++) {
		struct r_map_page *p = &m->pages[i];

		p->live = r_map_one(r, domain, p, m->readonly);
		for (unsigned int k = 1; p->live && k < pins; k++)
			if (!r_map_one(r, domain, p, m->readonly))
				r->open_question = true;
		/* A PVH kernel loses the page that it maps of its own. */
		if (p->live && !pv && r->setup.arch == GNTSIM_ARCH_AMD64 && p->granter == domain)
			r_hazard(r, "pvh-maps-own-grant");
		ok &= p->live;
	}
	return ok;
}

int r_gntdev_mmap(struct reference *r, struct r_vma *v, int file)
{
	int domain = r->file[file].domain;
	bool writable = v->prot & PROT_WRITE, pv = r->domain[domain].pv;
	int row = find(r, file, v->page, (uint32_t)((v->end - v->start) / PAGE));
	struct r_map *m;

	if (writable && !v->shared)
		return -EINVAL;
	if (row == R_NOBODY || r->map[row].in_use)
		return -EINVAL;
	m = &r->map[row];
	m->in_use = true;
	if (m->exported) {
		/* Where Xen would have to write a page table too no rule says what comes of it. */
		r->open_question |= pv;
		m->pieces = 1;
		v->map = row;
		return 0;
	}
	m->has_flags = true;
	m->readonly = !writable;
	if (pv && r->interrupt && --r->interrupt == 0)
		return -EINTR;
	if (!r_map_pages(r, domain, m, pv ? 2 : 1)) {
		if (pv)
			r_map_unmap(r, row, 0, m->count);
		return -EINVAL;
	}
	m->pieces = 1;
	v->map = row;
	v->dontcopy = pv;
	/* A fix of 6.12 and 7.3. */
	if (!v->shared && (r->domain[domain].kernel == GNTSIM_KERNEL_6_12 ||
			   r->domain[domain].kernel == GNTSIM_KERNEL_7_3))
		v->may_write = false;
	return 0;
}

void r_gntdev_release(struct reference *r, int file)
{
	int row;

	while ((row = next_map(r, file, 0)) != R_NOBODY) {
		r->map[row].listed = false;
		r_map_put(r, row);
	}
	r_imports_end(r, file);
}

void r_gntdev_call(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	switch ((int)c->op) {
	case CALL_MAP:
		map(r, file, c, out);
		break;
	case CALL_UNMAP:
		unmap(r, file, c, out);
		break;
	case CALL_GET_OFFSET:
		get_offset(r, file, c, out);
		break;
	default:
		set_notify(r, file, c, out);
		break;
	}
}
