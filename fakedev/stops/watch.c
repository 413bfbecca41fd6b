/* SPDX-License-Identifier: MIT */
/*
 * What is loaded of a ring after a death: the indexes that the victim left, and then the ring's bytes. Its pages are kept
 * from those that are left, so that each access of theirs faults; a load is carried out by one step, as a store is.
 *
 * A system call would not fault but fail. If a program hands shared memory to one, it is kept from it no more, and what
 * it loads from then on is not known.
 */
#define _GNU_SOURCE
#include "supervisor.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static unsigned int rings_left(const struct supervisor *s)
{
	unsigned int all = 0;

	for (unsigned int i = 0; i < DEATH_RINGS; i++)
		all |= (unsigned int)atomic_load(&s->board->rings[i].left) << i;
	return all;
}

/* Of these rings. */
static bool is_of_ring(const struct supervisor *s, unsigned int rings, uint64_t page)
{
	for (unsigned int i = 0; i < DEATH_RINGS; i++)
		if ((rings >> i & 1) &&
		    (s->board->rings[i].indexes == page || s->board->rings[i].data == page))
			return true;
	return false;
}

static uint64_t page_in_file(const struct region *r, uint64_t addr)
{
	return (r->offset + (addr - r->start)) & ~(PAGE - 1);
}

bool watch_has(const struct supervisor *s, const struct space *space, const struct region *r,
	       uint64_t addr)
{
	return (r->prot & PROT_READ) && is_of_ring(s, space->kept, page_in_file(r, addr));
}

int watch_protection(const struct supervisor *s, const struct space *space, const struct region *r,
		     uint64_t addr)
{
	return watch_has(s, space, r, addr) ? PROT_NONE : r->prot & ~PROT_WRITE;
}

/* Each page of these rings, wherever it is mapped. */
static bool protect_pages(struct supervisor *s, struct thread *t, unsigned int rings)
{
	for (unsigned int i = 0; i < t->space->n; i++) {
		const struct region *r = &t->space->regions[i];

		for (uint64_t addr = r->start; addr < r->end; addr += PAGE)
			if (is_of_ring(s, rings, page_in_file(r, addr)) &&
			    !protect_page(s, t, addr, watch_protection(s, t->space, r, addr)))
				return false;
	}
	return true;
}

bool watch_begins(struct supervisor *s, struct thread *t)
{
	struct space *space = t->space;
	unsigned int kept = space->read_by_calls ? 0 : rings_left(s), before = space->kept;
	uint64_t mask;

	/* The victim may live on, stopped. */
	if (kept == before || s->config->programs[t->program].end_at)
		return true;
	mask = block_signals(t);
	space->kept = kept;
	if (!protect_pages(s, t, kept ^ before))
		return false;
	unblock_signals(t, mask);
	return true;
}

static bool is_index(uint64_t offset, uint32_t index)
{
	return offset >= index && offset < index + sizeof(uint32_t);
}

static uint32_t index_at(const struct supervisor *s, const struct watched_ring *w, uint32_t offset)
{
	uint32_t index;

	memcpy(&index, s->frames + w->indexes + offset, sizeof(index));
	return index;
}

void watch_load(struct supervisor *s, struct thread *t, const struct region *r, uint64_t addr)
{
	uint64_t at = r->offset + (addr - r->start);

	for (unsigned int i = 0; i < DEATH_RINGS; i++) {
		struct watched_ring *w = &s->board->rings[i];
		struct loaded *l = &t->loaded[i];
		uint64_t from = at - w->data - w->ring.data;

		if (!(t->space->kept >> i & 1))
			continue;
		if (is_index(at - w->indexes, w->ring.producer) ||
		    is_index(at - w->indexes, w->ring.consumer)) {
			l->producer = index_at(s, w, w->ring.producer);
			l->consumer = index_at(s, w, w->ring.consumer);
			l->no_ring = !death_ring_holds(&w->ring, l->producer, l->consumer);
		} else if (l->no_ring && at - w->data < PAGE &&
			   (from < w->ring.size || from == l->producer || from == l->consumer)) {
			atomic_store(&w->misread, true);
		}
	}
}

/* ---- system calls ---- */

static bool vector_is_shared(const struct thread *t, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n && i < IOV_MAX; i++) {
		struct iovec v;

		if (!tracee_read(t->tid, at + i * sizeof(v), &v, sizeof(v)))
			return false;
		if (space_at(t->space, (uint64_t)(uintptr_t)v.iov_base))
			return true;
	}
	return false;
}

static bool message_is_shared(const struct thread *t, uint64_t at)
{
	struct msghdr m;

	return tracee_read(t->tid, at, &m, sizeof(m)) &&
	       vector_is_shared(t, (uint64_t)(uintptr_t)m.msg_iov, m.msg_iovlen);
}

static bool reads_shared(const struct thread *t)
{
	const struct call *c = &t->call;

	switch (c->nr) {
	/* What is mapped they change, and read nothing of it. */
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_madvise:
	case SYS_mremap:
		return false;
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_vmsplice:
		return vector_is_shared(t, c->args[1], c->args[2]);
	case SYS_process_vm_readv:
	case SYS_process_vm_writev:
		return vector_is_shared(t, c->args[1], c->args[2]) ||
		       vector_is_shared(t, c->args[3], c->args[4]);
	case SYS_sendmsg:
	case SYS_recvmsg:
		return message_is_shared(t, c->args[1]);
	case SYS_sendmmsg:
		return true;
	default:
		break;
	}
	for (unsigned int i = 0; i < 6; i++)
		if (space_at(t->space, c->args[i]))
			return true;
	return false;
}

bool watch_ends_for_call(const struct thread *t)
{
	if (!t->space->kept || !reads_shared(t))
		return false;
	t->space->read_by_calls = true;
	return true;
}
