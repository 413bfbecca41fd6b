/* SPDX-License-Identifier: MIT */
/* Address spaces. Rules: GEN-PIN-*, GEN-MODE, GA-MMAP-*, GD-MUNMAP-*, GD-INVALIDATE, GD-PROT-*, G*-MADVISE. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "reference.h"

#define BYTES_MOST 64u

static bool is_pv(const struct reference *r, const struct r_vma *v)
{
	return v->map != R_NOBODY && r->domain[r->file[v->file].domain].pv;
}

static int first_from(const struct reference *r, int mm, uint64_t addr, uint64_t end)
{
	int found = R_NOBODY;

	for (int i = 0; i < (int)R_ROWS; i++) {
		const struct r_vma *v = &r->vma[i];

		if (v->used && v->mm == mm && v->end > addr && v->start < end &&
		    (found == R_NOBODY || v->start < r->vma[found].start))
			found = i;
	}
	return found;
}

static struct r_own *own_page(struct reference *r, int mm, uint64_t page)
{
	for (unsigned int i = 0; i < R_ROWS; i++)
		if (r->own[i].used && r->own[i].mm == mm && r->own[i].addr == page)
			return &r->own[i];
	return NULL;
}

static void drop_own(struct reference *r, int mm, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_own *o = &r->own[i];

		if (!o->used || o->mm != mm || o->addr < start || o->addr >= end)
			continue;
		o->used = false;
		if (o->memory != R_NOBODY)
			r_page_give(r, o->memory);
	}
}

static void zap(struct reference *r, int mm, uint64_t page)
{
	int row;

	drop_own(r, mm, page, page + PAGE);
	row = R_ROW(r, own);
	r->own[row] = (struct r_own){true, mm, page, R_NOBODY};
}

static void piece_more(struct reference *r, const struct r_vma *v)
{
	if (v->run != R_NOBODY)
		r->run[v->run].pieces++;
	else if (v->map != R_NOBODY)
		r->map[v->map].pieces++;
}

static void piece_less(struct reference *r, const struct r_vma *v)
{
	if (v->run != R_NOBODY) {
		r_run_put(r, v->run);
	} else if (v->map != R_NOBODY) {
		r->map[v->map].pieces--;
		r_map_put(r, v->map);
	}
}

/* Cuts a mapping in two at an address inside it. */
static void split_at(struct reference *r, int row, uint64_t at)
{
	struct r_vma *v = &r->vma[row];
	int upper;

	if (at <= v->start || at >= v->end)
		return;
	upper = R_ROW(r, vma);
	r->vma[upper] = *v;
	r->vma[upper].start = at;
	r->vma[upper].first += (unsigned int)((at - v->start) / PAGE);
	r->vma[upper].page += (at - v->start) / PAGE;
	v->end = at;
	piece_more(r, v);
}

/* Cut so that no mapping crosses either end. */
static void split(struct reference *r, int mm, uint64_t start, uint64_t end)
{
	for (unsigned int side = 0; side < 2; side++) {
		uint64_t at = side ? end : start;
		int row = first_from(r, mm, at, at + 1);

		if (row != R_NOBODY)
			split_at(r, row, at);
	}
}

/* PV: what is done to a range ends the grants under it. */
static void invalidate(struct reference *r, const struct r_vma *v, uint64_t start, uint64_t end)
{
	if (!is_pv(r, v))
		return;
	if (start < v->start)
		start = v->start;
	if (end > v->end)
		end = v->end;
	r_map_unmap(r, v->map, v->first + (unsigned int)((start - v->start) / PAGE),
		    (unsigned int)((end - start) / PAGE));
}

void r_unmap_range(struct reference *r, int mm, uint64_t start, uint64_t end)
{
	int row;

	split(r, mm, start, end);
	/* First the pages of all go, then the mappings. */
	for (uint64_t at = start; (row = first_from(r, mm, at, end)) != R_NOBODY;
	     at = r->vma[row].end)
		invalidate(r, &r->vma[row], start, end);
	drop_own(r, mm, start, end);
	while ((row = first_from(r, mm, start, end)) != R_NOBODY) {
		struct r_vma gone = r->vma[row];

		r->vma[row].used = false;
		piece_less(r, &gone);
		if (r->n_unmapped < R_ROWS)
			r->unmapped[r->n_unmapped++] = gone.file;
	}
}

/* A file's release() comes when its process is done with the call; of several the last comes first. */
static void run_releases(struct reference *r)
{
	while (r->n_unmapped)
		r_release_if_unused(r, r->unmapped[--r->n_unmapped]);
}

static int map_file(struct reference *r, int mm, int file, const struct call *c)
{
	struct r_file *f = &r->file[file];
	int flags = call_map_flags(c->b), rc, row;
	uint64_t len = call_pages(c->b) * PAGE;
	struct r_vma v = {.used = true,
			  .mm = mm,
			  .file = file,
			  .start = call_addr(c->d),
			  .end = call_addr(c->d) + len,
			  .page = c->c,
			  .prot = call_prot(c->b),
			  .run = R_NOBODY,
			  .map = R_NOBODY,
			  .dmabuf = R_NOBODY};
	bool shared = flags == MAP_SHARED || flags == MAP_SHARED_VALIDATE;

	if (f->dead || r->mm[mm].dead) {
		/* Which of several errors is nobody's question. */
		r->open_question = true;
		return -ENODEV;
	}
	if (!len || v.start % PAGE || !flags)
		return -EINVAL;
	/* No program can do that. */
	if (f->domain != r->mm[mm].domain)
		return -EINVAL;
	if (shared && v.prot & PROT_WRITE && !f->writable)
		return -EACCES;
	if (!f->readable)
		return -EACCES;
	if (f->device == GNTSIM_DEV_EVTCHN)
		return -ENODEV;
	v.shared = shared && f->writable;
	v.may_write = !shared || f->writable;
	r_unmap_range(r, mm, v.start, v.end);
	rc = f->device == GNTSIM_DEV_GNTALLOC ? r_gntalloc_mmap(r, &v, file)
	     : f->device == GNTSIM_DEV_GNTDEV ? r_gntdev_mmap(r, &v, file)
					      : r_dmabuf_mmap(r, &v, file);
	if (rc)
		return rc;
	row = R_ROW(r, vma);
	r->vma[row] = v;
	return 0;
}

static int protect(struct reference *r, int mm, const struct call *c)
{
	uint64_t start = call_addr(c->d), end = start + call_pages(c->b) * PAGE, at = start;
	int prot = call_prot(c->b), row;

	if (start % PAGE)
		return -EINVAL;
	while (at < end && (row = first_from(r, mm, at, end)) != R_NOBODY) {
		struct r_vma *v = &r->vma[row];

		at = v->end < end ? v->end : end;
		if (v->prot == prot)
			continue;
		if (prot & PROT_WRITE && !v->may_write)
			return -EACCES;
		split_at(r, row, start);
		if (v->end <= start)
			row = first_from(r, mm, start, end);
		split_at(r, row, end);
		r->vma[row].prot = prot;
		invalidate(r, &r->vma[row], start, end);
	}
	return 0;
}

static void move(struct reference *r, int mm, uint64_t from, uint64_t len, uint64_t to)
{
	int row;

	split(r, mm, from, from + len);
	row = first_from(r, mm, from, from + len);
	invalidate(r, &r->vma[row], from, from + len);
	for (uint64_t page = 0; page < len; page += PAGE) {
		struct r_own *o = own_page(r, mm, from + page);

		if (o)
			o->addr = to + page;
	}
	r->vma[row].start = to;
	r->vma[row].end = to + len;
}

/* Whether the mapping can be moved as it is; of what it is to be afterwards nothing is done yet. */
static int may_move(struct reference *r, const struct r_vma *v, uint64_t from, uint64_t old_len,
		    uint64_t new_len, bool stays)
{
	if (!old_len && !v->shared)
		r->open_question = true;
	if (stays)
		return -EINVAL;
	return old_len > v->end - from || old_len != new_len ? -EFAULT : 0;
}

/* Linux 6.17 on: each mapping of the range by itself, with the holes between them. */
static int move_many(struct reference *r, int mm, uint64_t from, uint64_t len, uint64_t to)
{
	uint64_t end = from + len, at = from, last_end = from;
	int row, moved = -EFAULT;

	while (at < end && (row = first_from(r, mm, at, end)) != R_NOBODY) {
		const struct r_vma v = r->vma[row];
		uint64_t start = v.start > from ? v.start : from;
		uint64_t part = (v.end < end ? v.end : end) - start;

		if (moved && start != from)
			break;
		to += start - last_end;
		last_end = v.end;
		r_unmap_range(r, mm, to, to + part);
		move(r, mm, start, part, to);
		to += part;
		at = start + part;
		moved = 0;
	}
	return moved;
}

/* Linux 6.17 on: all that can be seen to be wrong is looked at before anything is done. */
static int remap_new(struct reference *r, int mm, const struct call *c)
{
	uint64_t from = call_addr(c->d), old_len = call_pages(c->b) * PAGE;
	uint64_t to = call_addr((uint8_t)c->e), new_len = call_pages(c->c) * PAGE;
	int flags = call_remap_flags(c->a), row;
	bool fixed = flags & MREMAP_FIXED, stays = flags & MREMAP_DONTUNMAP;

	if (from % PAGE || !new_len)
		return -EINVAL;
	if (fixed || stays) {
		if (to % PAGE || !(flags & MREMAP_MAYMOVE) || (stays && old_len != new_len) ||
		    (from + old_len > to && to + new_len > from))
			return -EINVAL;
	}
	if (fixed && !stays && old_len == new_len)
		return move_many(r, mm, from, old_len, to);
	row = first_from(r, mm, from, from + 1);
	if (row == R_NOBODY)
		return -EFAULT;
	if (fixed || stays || old_len < new_len) {
		/* What a shorter one leaves out may be anybody's. */
		uint64_t kept = old_len > new_len ? new_len : old_len;
		int rc = may_move(r, &r->vma[row], from, kept, new_len, stays);

		if (rc)
			return rc;
		r_unmap_range(r, mm, to, to + new_len);
	}
	if (old_len > new_len)
		r_unmap_range(r, mm, from + new_len, from + old_len);
	if (fixed)
		move(r, mm, from, new_len, to);
	return 0;
}

static int remap(struct reference *r, int mm, const struct call *c)
{
	uint64_t from = call_addr(c->d), old_len = call_pages(c->b) * PAGE;
	uint64_t to = call_addr((uint8_t)c->e), new_len = call_pages(c->c) * PAGE;
	int flags = call_remap_flags(c->a), row, rc;
	bool fixed = flags & MREMAP_FIXED, stays = flags & MREMAP_DONTUNMAP, late;

	if (fixed && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (stays && old_len != new_len)
		return -EINVAL;
	if (from % PAGE || !new_len)
		return -EINVAL;
	/* Before Linux 5.16 what is to go somewhere else is looked for when its place is empty. */
	late = (fixed || stays) && r->domain[r->mm[mm].domain].kernel <= GNTSIM_KERNEL_5_10;
	if (late && !fixed && (to % PAGE || (from + old_len > to && to + new_len > from)))
		return -EINVAL;
	if (!late && first_from(r, mm, from, from + 1) == R_NOBODY)
		return -EFAULT;
	if (fixed) {
		if (to % PAGE)
			return -EINVAL;
		if (from + old_len > to && to + new_len > from)
			return -EINVAL;
		r_unmap_range(r, mm, to, to + new_len);
		if (old_len > new_len) {
			r_unmap_range(r, mm, from + new_len, from + old_len);
			old_len = new_len;
		}
	} else if (!stays) {
		if (old_len > new_len)
			r_unmap_range(r, mm, from + new_len, from + old_len);
		if (old_len >= new_len)
			return 0;
	}
	row = first_from(r, mm, from, from + 1);
	if (row == R_NOBODY)
		return -EFAULT;
	rc = may_move(r, &r->vma[row], from, old_len, new_len, stays);
	if (!rc)
		move(r, mm, from, old_len, to);
	return rc;
}

static int advise(struct reference *r, int mm, const struct call *c)
{
	uint64_t start = call_addr(c->d), end = start + call_pages(c->b) * PAGE;
	int advice = call_advice(c->c), row;

	if (start % PAGE)
		return -EINVAL;
	if (advice == MADV_REMOVE || advice != MADV_DONTNEED) {
		/* Of a range without a mapping nothing is said. */
		if (start == end || first_from(r, mm, start, end) == R_NOBODY)
			r->open_question = true;
		return advice == MADV_REMOVE ? -ENODEV : -EINVAL;
	}
	if (start == end)
		return 0;
	for (uint64_t at = start; (row = first_from(r, mm, at, end)) != R_NOBODY;
	     at = r->vma[row].end) {
		const struct r_vma *v = &r->vma[row];

		invalidate(r, v, start, end);
		for (uint64_t page = v->start; page < v->end; page += PAGE)
			if (page >= start && page < end)
				zap(r, mm, page);
	}
	return 0;
}

/* A byte of memory, or why there is none. */
static enum gntsim_access access(struct reference *r, int mm, uint64_t addr, bool write,
				 uint8_t **byte)
{
	uint64_t page = addr & ~(PAGE - 1);
	int row = r->mm[mm].dead ? R_NOBODY : first_from(r, mm, addr, addr + 1);
	static uint8_t nowhere;
	const struct r_own *own;
	const struct r_vma *v;
	int memory;
	unsigned int n;
	bool readonly = false, gone;

	if (row == R_NOBODY)
		return GNTSIM_ACCESS_SEGV;
	v = &r->vma[row];
	n = v->first + (unsigned int)((page - v->start) / PAGE);
	own = own_page(r, mm, page);
	if (v->run != R_NOBODY) {
		memory = r->gref[r->run[v->run].gref[n]].memory;
		gone = own;
	} else if (v->dmabuf != R_NOBODY) {
		memory = r_dmabuf_memory(r, v->dmabuf, n);
		gone = own;
	} else {
		memory = r->map[v->map].pages[n].memory;
		readonly = r->map[v->map].readonly;
		gone = !r->map[v->map].pages[n].live || (own && own->memory == R_NOBODY);
		if (own && own->memory != R_NOBODY) {
			memory = own->memory;
			readonly = false;
		}
	}
	if (write && !(v->prot & PROT_WRITE))
		return GNTSIM_ACCESS_SEGV;
	/* Xen wrote the page table, whatever the protection. */
	if (!v->prot && (gone || !is_pv(r, v)))
		return GNTSIM_ACCESS_SEGV;
	if (gone)
		return GNTSIM_ACCESS_BUS;
	*byte = &r->page[memory].bytes[addr % PAGE];
	if (!write || !readonly)
		return GNTSIM_ACCESS_OK;
	if (v->shared) {
		/* Such a store changes nothing; on arm64 it does not end either. */
		if (r->setup.arch == GNTSIM_ARCH_ARM64)
			r_hazard(r, "arm-store-to-a-read-only-grant");
		nowhere = 0;
		*byte = &nowhere;
		return GNTSIM_ACCESS_OK;
	}
	n = (unsigned int)R_ROW(r, own);
	row = r_page_take(r, r->mm[mm].domain);
	if (row == R_NOBODY)
		return GNTSIM_ACCESS_BUS;
	memcpy(r->page[row].bytes, r->page[memory].bytes, GNTSIM_PAGE_SIZE);
	r->own[n] = (struct r_own){true, mm, page, row};
	*byte = &r->page[row].bytes[addr % PAGE];
	return GNTSIM_ACCESS_OK;
}

static void use(struct reference *r, int mm, const struct call *c, struct outcome *out)
{
	uint64_t at = call_addr(c->d) + (c->e & (PAGE - 1));
	uint8_t *byte = NULL;

	for (unsigned int i = 0; i < c->c % (BYTES_MOST + 1); i++) {
		out->value = access(r, mm, at + i, c->op == CALL_STORE, &byte);
		if (out->value) {
			out->n = 0;
			return;
		}
		if (c->op == CALL_STORE)
			*byte = (uint8_t)(c->b + i);
		else
			put(out, *byte);
	}
}

static void fork_mm(struct reference *r, const struct call *c, struct outcome *out)
{
	int parent = r->mm_at[c->self % N_MMS], *child = &r->mm_at[c->a % N_MMS];

	out->skipped = parent == R_NOBODY || *child != R_NOBODY;
	if (out->skipped)
		return;
	if (r->mm[parent].dead) {
		r->open_question = true;
		return;
	}
	*child = R_ROW(r, mm);
	r->mm[*child] = (struct r_mm){true, false, r->mm[parent].domain};
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_vma v = r->vma[i];

		if (!v.used || v.mm != parent || v.dontcopy)
			continue;
		v.mm = *child;
		r->vma[R_ROW(r, vma)] = v;
		piece_more(r, &v);
	}
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_own o = r->own[i];
		int page = R_NOBODY;

		if (!o.used || o.mm != parent ||
		    first_from(r, *child, o.addr, o.addr + 1) == R_NOBODY)
			continue;
		if (o.memory != R_NOBODY) {
			page = r_page_take(r, r->mm[parent].domain);
			if (page == R_NOBODY) {
				r->open_question = true;
				return;
			}
			memcpy(r->page[page].bytes, r->page[o.memory].bytes, GNTSIM_PAGE_SIZE);
		}
		r->own[R_ROW(r, own)] = (struct r_own){true, *child, o.addr, page};
	}
}

static void create_mm(struct reference *r, const struct call *c, struct outcome *out)
{
	int domain = r->domain_at[c->a % N_DOMAINS], *mm = &r->mm_at[c->self % N_MMS];

	out->skipped = domain == R_NOBODY || *mm != R_NOBODY;
	if (out->skipped)
		return;
	*mm = R_ROW(r, mm);
	r->mm[*mm] = (struct r_mm){true, false, domain};
}

void r_memory_call(struct reference *r, const struct call *c, struct outcome *out)
{
	int *mm = &r->mm_at[c->self % N_MMS], file;
	uint64_t addr = call_addr(c->d);

	if (c->op == CALL_MM_CREATE) {
		create_mm(r, c, out);
		return;
	}
	if (c->op == CALL_MM_FORK) {
		fork_mm(r, c, out);
		return;
	}
	out->skipped = *mm == R_NOBODY;
	if (out->skipped)
		return;
	if (r->mm[*mm].dead && c->op != CALL_MM_END && c->op != CALL_LOAD && c->op != CALL_STORE)
		r->open_question = true;
	switch ((int)c->op) {
	case CALL_MM_END:
		if (!r->mm[*mm].dead)
			r_unmap_range(r, *mm, 0, UINT64_MAX);
		r->mm[*mm].used = false;
		*mm = R_NOBODY;
		break;
	case CALL_MMAP:
		file = r->file_at[c->a % N_FILES];
		out->skipped = file == R_NOBODY;
		if (file != R_NOBODY)
			out->value = map_file(r, *mm, file, c);
		break;
	case CALL_MUNMAP:
		if (addr % PAGE || c->b == 255)
			out->value = -EINVAL;
		else
			r_unmap_range(r, *mm, addr, addr + call_pages(c->b) * PAGE);
		break;
	case CALL_MPROTECT:
		out->value = protect(r, *mm, c);
		break;
	case CALL_MREMAP:
		/* The kernels that there are profiles of: 6.12, then 6.18. */
		out->value = r->domain[r->mm[*mm].domain].kernel >= GNTSIM_KERNEL_6_18
				 ? remap_new(r, *mm, c)
				 : remap(r, *mm, c);
		break;
	case CALL_MADVISE:
		out->value = advise(r, *mm, c);
		break;
	default:
		use(r, *mm, c, out);
		break;
	}
	run_releases(r);
}
