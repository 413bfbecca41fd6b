/* SPDX-License-Identifier: MIT */
/* What the kernel stores to shared pages for a thread that ends: the words of robust futexes that it holds
 * (futex(2), get_robust_list(2)), and the one at which others wait for its end (set_tid_address(2)). It can't,
 * where we keep the pages; nobody has executed these stores, and they are not counted. */
#define _GNU_SOURCE
#include "supervisor.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As far as the kernel goes. */
#define MOST_LINKS 2048u

/* The word in the page frames, if it is one that is kept from the kernel. */
static uint32_t *word_at(struct supervisor *s, const struct thread *t, uint64_t addr)
{
	const struct region *r = addr % 4 ? NULL : space_at(t->space, addr);

	return r && (r->prot & PROT_WRITE)
		   ? (uint32_t *)(void *)(s->frames + r->offset + (addr - r->start))
		   : NULL;
}

static void wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void owner_died(struct supervisor *s, const struct thread *t, uint64_t addr)
{
	uint32_t *word = word_at(s, t, addr);
	uint32_t old = word ? __atomic_load_n(word, __ATOMIC_SEQ_CST) : 0;

	if (!word)
		return;
	do {
		if ((old & FUTEX_TID_MASK) != (uint32_t)t->tid)
			return;
	} while (!__atomic_compare_exchange_n(word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
					      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	if (old & FUTEX_WAITERS)
		wake(word);
}

static void end_robust_list(struct supervisor *s, const struct thread *t)
{
	struct robust_list_head *at = NULL, head = {0};
	size_t size;
	uint64_t entry, pending;

	if (syscall(SYS_get_robust_list, t->tid, &at, &size) < 0 || !at ||
	    !tracee_read(t->tid, (uint64_t)(uintptr_t)at, &head, sizeof(head)))
		return;
	entry = (uint64_t)(uintptr_t)head.list.next;
	/* The lowest bit says that it is of priority inheritance. */
	pending = (uint64_t)(uintptr_t)head.list_op_pending & ~1ull;
	for (unsigned int i = 0; i < MOST_LINKS && (entry & ~1ull) != (uint64_t)(uintptr_t)at;
	     i++) {
		uint64_t word = (entry & ~1ull) + (uint64_t)head.futex_offset, next = 0;
		bool known = tracee_read(t->tid, entry & ~1ull, &next, sizeof(next));

		if ((entry & ~1ull) != pending)
			owner_died(s, t, word);
		if (!known)
			break;
		entry = next;
	}
	if (pending)
		owner_died(s, t, pending + (uint64_t)head.futex_offset);
}

void last_stores(struct supervisor *s, const struct thread *t)
{
	uint32_t *word = t->clear_tid && t->space->refs > 1 ? word_at(s, t, t->clear_tid) : NULL;

	if (!t->space->n)
		return;
	end_robust_list(s, t);
	if (!word)
		return;
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
	wake(word);
}
