/* SPDX-License-Identifier: MIT */
/* Where a program has device memory: sorted, disjoint ranges in memory of our own. It only says
 * when the broker must be asked; what is mapped, and until when, the broker knows. */
#include "calls.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

static struct ranges *table_of_ours(void)
{
	struct ranges *t = lib_ranges();

	if (!t->range) {
		t->range = t->first;
		t->room = RANGES_FIRST;
	}
	return t;
}

bool ranges_any(void)
{
	return atomic_load_explicit(&lib_ranges()->n, memory_order_relaxed) > 0;
}

/* The first range that ends above addr. */
static size_t above(uint64_t addr)
{
	struct ranges *t = table_of_ours();
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->range[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool ranges_first(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end)
{
	struct ranges *t = table_of_ours();
	size_t i = above(addr);

	if (i == t->n || t->range[i].start >= addr + len)
		return false;
	*start = t->range[i].start > addr ? t->range[i].start : addr;
	*end = t->range[i].end < addr + len ? t->range[i].end : addr + len;
	return true;
}

bool ranges_overlap(uint64_t addr, uint64_t len)
{
	uint64_t start, end;

	return ranges_first(addr, len, &start, &end);
}

static int make_room(void)
{
	struct ranges *t = table_of_ours();
	size_t room = t->room * 2;
	long p;

	if (t->n + 1 < t->room)
		return 0;
	p = raw_mmap(0, room * sizeof(struct range), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p))
		return -ENOMEM;
	memcpy((void *)p, t->range, t->n * sizeof(struct range));
	if (t->range != t->first)
		raw_munmap(t->range, t->room * sizeof(struct range));
	t->range = (struct range *)p;
	t->room = room;
	return 0;
}

static void insert(size_t i, struct range r)
{
	struct ranges *t = table_of_ours();

	memmove(&t->range[i + 1], &t->range[i], (t->n - i) * sizeof(struct range));
	t->range[i] = r;
	t->n++;
}

int ranges_add(uint64_t addr, uint64_t len, bool dontfork)
{
	ranges_remove(addr, len);
	if (make_room() < 0)
		return -ENOMEM;
	insert(above(addr), (struct range){addr, addr + len, dontfork});
	return 0;
}

void ranges_remove(uint64_t addr, uint64_t len)
{
	struct ranges *t = table_of_ours();
	uint64_t end = addr + len;
	size_t i = above(addr), last;

	if (i == t->n)
		return;
	if (t->range[i].start < addr) {
		struct range tail = t->range[i];

		if (tail.end > end) {
			/* Without room for two the range stays: asking once too often is harmless. */
			if (make_room() < 0)
				return;
			t->range[i].end = addr;
			tail.start = end;
			insert(i + 1, tail);
			return;
		}
		t->range[i].end = addr;
		i++;
	}
	for (last = i; last < t->n && t->range[last].end <= end; last++)
		;
	memmove(&t->range[i], &t->range[last], (t->n - last) * sizeof(struct range));
	t->n -= last - i;
	if (i < t->n && t->range[i].start < end)
		t->range[i].start = end;
}

void ranges_forked(void)
{
	struct ranges *t = table_of_ours();
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!t->range[i].dontfork)
			t->range[kept++] = t->range[i];
	t->n = kept;
}
