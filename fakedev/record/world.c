/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdlib.h>

#define PAGE 4096u

void world_free(struct world *w)
{
	for (uint32_t i = 0; i < w->n_processes; i++)
		free(w->processes[i].pages);
	free(w->processes);
	free(w->files);
	free(w->holders);
	free(w->regions);
	free(w->grants);
	free(w->dmabufs);
	free(w->ports);
	free(w->mappings);
}

#define ADDS(one, many)                                                                            \
	struct one *world_##one(struct world *w)                                                   \
	{                                                                                          \
		struct one *more =                                                                 \
		    record_more(w->many, w->n_##many, &w->room_##many, sizeof(*w->many));          \
                                                                                                   \
		if (!more) {                                                                       \
			w->script->failed = true;                                                  \
			return NULL;                                                               \
		}                                                                                  \
		w->many = more;                                                                    \
		more += w->n_##many++;                                                             \
		*more = (struct one){0};                                                           \
		return more;                                                                       \
	}
ADDS(process, processes)
ADDS(file, files)
ADDS(holder, holders)
ADDS(region, regions)
ADDS(grant, grants)
ADDS(dmabuf, dmabufs)
ADDS(port, ports)
ADDS(mapping, mappings)

#define FINDS(one, many, condition)                                                                \
	for (uint32_t i = w->n_##many; i-- > 0;) {                                                 \
		struct one *p = &w->many[i];                                                       \
                                                                                                   \
		if (condition)                                                                     \
			return p;                                                                  \
	}                                                                                          \
	return NULL

struct process *world_find_process(const struct world *w, uint32_t pid)
{
	FINDS(process, processes, p->pid == pid && p->live);
}

struct file *world_find_file(const struct world *w, enum wire_device device, uint32_t number)
{
	FINDS(file, files, p->number == number && p->device == device);
}

struct holder *world_find_holder(const struct world *w, uint32_t file, uint32_t process)
{
	FINDS(holder, holders, p->file == file && p->process == process);
}

struct region *world_find_region(const struct world *w, uint32_t file, uint64_t index)
{
	FINDS(region, regions,
	      p->live && p->file == file && index >= p->index &&
		  index - p->index < (uint64_t)p->count * PAGE);
}

struct grant *world_find_grant(const struct world *w, uint16_t domid, uint32_t ref)
{
	FINDS(grant, grants, p->ref == ref && p->domid == domid);
}

struct dmabuf *world_find_dmabuf(const struct world *w, uint32_t file, uint32_t number, bool import)
{
	FINDS(dmabuf, dmabufs, p->file == file && p->number == number && p->import == import);
}

struct port *world_find_port(const struct world *w, uint16_t domid, uint32_t number)
{
	FINDS(port, ports, p->number == number && p->domid == domid);
}

struct mapping *world_find_mapping(const struct world *w, uint32_t process, uint64_t addr)
{
	FINDS(mapping, mappings,
	      p->process == process && p->left && addr >= p->start && addr - p->start < p->len);
}

static void put_number(struct scn_buf *b, uint64_t value)
{
	scn_buf_printf(b, value < 65536 ? "%llu" : "0x%llx", (unsigned long long)value);
}

static void put_sum(struct scn_buf *b, uint32_t var, uint64_t more)
{
	put_var(b, var);
	if (more)
		scn_buf_printf(b, "+%llu", (unsigned long long)more);
}

void put_index(const struct world *w, struct scn_buf *b, uint32_t file, uint64_t index)
{
	const struct region *r = world_find_region(w, file, index);

	if (r)
		put_sum(b, r->var, index - r->index);
	else
		put_number(b, index);
}

void put_ref(const struct world *w, struct scn_buf *b, uint16_t domid, uint32_t ref)
{
	const struct grant *g = world_find_grant(w, domid, ref);

	if (!g) {
		put_number(b, ref);
		return;
	}
	put_var(b, g->var);
	if (g->var < w->script->n_vars && w->script->vars[g->var].array)
		scn_buf_printf(b, "[%u]", g->element);
}

void put_port(const struct world *w, struct scn_buf *b, uint16_t domid, uint32_t number)
{
	const struct port *p = world_find_port(w, domid, number);

	if (p)
		put_var(b, p->var);
	else
		put_number(b, number);
}

void put_address(const struct world *w, struct scn_buf *b, uint32_t process, uint64_t addr)
{
	const struct mapping *m = world_find_mapping(w, process, addr);

	if (m)
		put_sum(b, m->var, addr - m->start);
	else if (addr == 0)
		scn_buf_str(b, "NULL");
	else
		scn_buf_str(b, "BAD");
}
