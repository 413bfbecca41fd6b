/* SPDX-License-Identifier: MIT */
/* Where this process has device memory: sorted, disjoint ranges in memory of our own. It only says
 * when the broker must be asked; what is mapped, and until when, the broker knows. */
#include "library.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

struct range {
	uint64_t start, end;
	bool dontfork;
};

/* Enough for most: memory that appears in a program's gaps would change what it finds there. */
#define FIRST_ROOM 256

static struct range first[FIRST_ROOM];
static struct {
	struct range *range;
	size_t room;
	_Atomic size_t n;
} table = {.range = first, .room = FIRST_ROOM};

bool ranges_any(void)
{
	return atomic_load_explicit(&table.n, memory_order_relaxed) > 0;
}

/* The first range that ends above addr. */
static size_t above(uint64_t addr)
{
	size_t low = 0, high = table.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (table.range[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool ranges_first(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end)
{
	size_t i = above(addr);

	if (i == table.n || table.range[i].start >= addr + len)
		return false;
	*start = table.range[i].start > addr ? table.range[i].start : addr;
	*end = table.range[i].end < addr + len ? table.range[i].end : addr + len;
	return true;
}

bool ranges_overlap(uint64_t addr, uint64_t len)
{
	uint64_t start, end;

	return ranges_first(addr, len, &start, &end);
}

static int make_room(void)
{
	size_t room = table.room * 2;
	long p;

	if (table.n + 1 < table.room)
		return 0;
	p = raw_mmap(0, room * sizeof(struct range), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p))
		return -ENOMEM;
	memcpy((void *)p, table.range, table.n * sizeof(struct range));
	if (table.range != first)
		raw_munmap(table.range, table.room * sizeof(struct range));
	table.range = (struct range *)p;
	table.room = room;
	return 0;
}

static void insert(size_t i, struct range r)
{
	memmove(&table.range[i + 1], &table.range[i], (table.n - i) * sizeof(struct range));
	table.range[i] = r;
	table.n++;
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
	uint64_t end = addr + len;
	size_t i = above(addr), last;

	if (i == table.n)
		return;
	if (table.range[i].start < addr) {
		struct range tail = table.range[i];

		if (tail.end > end) {
			/* Without room for two the range stays: asking once too often is harmless. */
			if (make_room() < 0)
				return;
			table.range[i].end = addr;
			tail.start = end;
			insert(i + 1, tail);
			return;
		}
		table.range[i].end = addr;
		i++;
	}
	for (last = i; last < table.n && table.range[last].end <= end; last++)
		;
	memmove(&table.range[i], &table.range[last], (table.n - last) * sizeof(struct range));
	table.n -= last - i;
	if (i < table.n && table.range[i].start < end)
		table.range[i].start = end;
}

void ranges_forked(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < table.n; i++)
		if (!table.range[i].dontfork)
			table.range[kept++] = table.range[i];
	table.n = kept;
}
