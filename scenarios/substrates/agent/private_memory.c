/* SPDX-License-Identifier: MIT */
#include "private_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"

struct scn_backing {
	unsigned int users;
	size_t size;
	struct scn_allowance *allowance;
	uint8_t bytes[];
};

bool scn_allowance_take(struct scn_allowance *a, uint64_t size)
{
	if (size > a->left) {
		a->exceeded = true;
		return false;
	}
	a->left -= size;
	return true;
}

void scn_allowance_give(struct scn_allowance *a, uint64_t size)
{
	a->left += size;
}

void *scn_allowance_alloc(struct scn_allowance *a, size_t size)
{
	void *p = a->heap ? scn_heap_alloc(a->heap, size) : malloc(size);

	a->refused |= !p;
	return p;
}

void scn_allowance_free(struct scn_allowance *a, void *p, size_t size)
{
	if (a->heap)
		scn_heap_free(a->heap, p, size);
	else
		free(p);
}

static struct scn_backing *new_backing(const struct scn_private_memory *m, uint64_t size)
{
	struct scn_backing *b;

	if (!scn_allowance_take(m->allowance, size))
		return NULL;
	b = m->allowance->heap ? scn_heap_alloc(m->allowance->heap, sizeof(*b) + (size_t)size)
			       : calloc(1, sizeof(*b) + (size_t)size);
	if (b && m->allowance->heap)
		memset(b, 0, sizeof(*b) + (size_t)size);
	if (b) {
		b->users = 1;
		b->size = (size_t)size;
		b->allowance = m->allowance;
	} else {
		m->allowance->refused = true;
		scn_allowance_give(m->allowance, size);
	}
	return b;
}

static void put_backing(struct scn_backing *b)
{
	if (--b->users > 0)
		return;
	scn_allowance_give(b->allowance, b->size);
	scn_allowance_free(b->allowance, b, sizeof(*b) + b->size);
}

static int reserve(struct scn_private_memory *m, uint32_t more)
{
	uint32_t room = m->room ? m->room : 4;
	struct scn_region *regions;

	while (room < m->n + more)
		room *= 2;
	if (room == m->room)
		return 0;
	regions = scn_allowance_alloc(m->allowance, room * sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	if (m->n > 0)
		memcpy(regions, m->regions, m->n * sizeof(*regions));
	scn_allowance_free(m->allowance, m->regions, m->room * sizeof(*regions));
	m->regions = regions;
	m->room = room;
	return 0;
}

/* Makes `at` a boundary between regions. There is room for one more. */
static void split(struct scn_private_memory *m, uint64_t at)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct scn_region *r = &m->regions[i];

		if (r->start < at && at < r->end) {
			struct scn_region upper = *r;

			upper.offset += at - r->start;
			upper.start = at;
			r->end = at;
			upper.backing->users++;
			m->regions[m->n++] = upper;
			return;
		}
	}
}

static int split_range(struct scn_private_memory *m, uint64_t start, uint64_t end)
{
	if (reserve(m, 2))
		return -ENOMEM;
	split(m, start);
	split(m, end);
	return 0;
}

int scn_private_unmap(struct scn_private_memory *m, uint64_t start, uint64_t end)
{
	if (!scn_private_overlaps(m, start, end))
		return 0;
	if (split_range(m, start, end))
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n;) {
		struct scn_region *r = &m->regions[i];

		if (r->start >= start && r->end <= end) {
			put_backing(r->backing);
			*r = m->regions[--m->n];
		} else {
			i++;
		}
	}
	return 0;
}

int scn_private_map(struct scn_private_memory *m, uint64_t start, uint64_t end, int prot,
		    bool shared)
{
	struct scn_backing *b;

	if (scn_private_unmap(m, start, end) || reserve(m, 1))
		return -ENOMEM;
	b = new_backing(m, end - start);
	if (!b)
		return -ENOMEM;
	m->regions[m->n++] = (struct scn_region){start, end, prot, shared, b, 0};
	return 0;
}

int scn_private_protect(struct scn_private_memory *m, uint64_t start, uint64_t end, int prot)
{
	if (!scn_private_overlaps(m, start, end))
		return 0;
	if (split_range(m, start, end))
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->regions[i].start >= start && m->regions[i].end <= end)
			m->regions[i].prot = prot;
	}
	return 0;
}

static int fork_region(const struct scn_region *from, struct scn_private_memory *out)
{
	struct scn_region r = *from;

	if (r.shared) {
		r.backing->users++;
	} else {
		r.backing = new_backing(out, r.end - r.start);
		if (!r.backing)
			return -ENOMEM;
		memcpy(r.backing->bytes, from->backing->bytes + from->offset,
		       (size_t)(r.end - r.start));
		r.offset = 0;
	}
	out->regions[out->n++] = r;
	return 0;
}

int scn_private_fork(const struct scn_private_memory *m, struct scn_private_memory *out)
{
	*out = (struct scn_private_memory){.allowance = m->allowance};
	if (reserve(out, m->n))
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		if (fork_region(&m->regions[i], out)) {
			scn_private_free(out);
			return -ENOMEM;
		}
	}
	return 0;
}

void scn_private_free(struct scn_private_memory *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		put_backing(m->regions[i].backing);
	if (m->regions)
		scn_allowance_free(m->allowance, m->regions, m->room * sizeof(*m->regions));
	*m = (struct scn_private_memory){.allowance = m->allowance};
}

bool scn_private_overlaps(const struct scn_private_memory *m, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->regions[i].start < end && start < m->regions[i].end)
			return true;
	}
	return false;
}

uint64_t scn_private_next(const struct scn_private_memory *m, uint64_t addr)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < m->n; i++) {
		if (m->regions[i].end > addr && m->regions[i].start < next)
			next = m->regions[i].start;
	}
	return next;
}

uint8_t *scn_private_at(const struct scn_private_memory *m, uint64_t addr, bool write, size_t *len)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct scn_region *r = &m->regions[i];

		if (addr < r->start || addr >= r->end)
			continue;
		*len = (size_t)(r->end - addr);
		if (!(r->prot & (write ? PROT_WRITE : PROT_READ)))
			return NULL;
		return r->backing->bytes + r->offset + (addr - r->start);
	}
	*len = 0;
	return NULL;
}
