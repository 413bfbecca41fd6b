/* SPDX-License-Identifier: MIT */
/* Chunks in a list. Who gives appends to the last one, who takes follows; what they share are how much
 * of a chunk is filled, and which one follows it. A chunk that is done with goes back to the giver: with a
 * taker who keeps up it is the same few, which stay in the processor's cache. */
#include "spool.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK (1u << 16)
#define PIECE 8u
/* Chunks that are kept for the next burst: new memory costs the giver more than what it puts there. */
#define MOST_FREE 64u

struct chunk {
	struct chunk *_Atomic next;
	_Atomic size_t filled;
	size_t room;
	alignas(PIECE) unsigned char bytes[];
};

/* Before each piece. */
struct head {
	alignas(PIECE) size_t size; /* with this */
};

struct spool {
	size_t most;
	_Atomic size_t held;        /* bytes of chunks in the list */
	struct chunk *_Atomic done; /* the taker is through with them */
	_Atomic uint64_t given, taken;
	struct chunk *last, *free; /* the giver's */
	uint32_t n_free;
	size_t reserved;
	alignas(64) struct chunk *first; /* the taker's */
	size_t at;
};

static size_t padded(size_t len)
{
	return (len + PIECE - 1) & ~(size_t)(PIECE - 1);
}

/* All memory is the giver's to ask for and to give back: the taker, whom anybody may keep from running,
 * would hold the allocator's locks meanwhile. */
static struct chunk *any_chunk(struct spool *s, size_t need)
{
	size_t room = need > CHUNK ? need : CHUNK;
	struct chunk *c;

	if (room == CHUNK && s->free) {
		c = s->free;
		s->free = atomic_load_explicit(&c->next, memory_order_relaxed);
		s->n_free--;
		return c;
	}
	c = malloc(sizeof(*c) + room);
	if (c)
		c->room = room;
	return c;
}

static void collect(struct spool *s)
{
	struct chunk *c, *next;

	for (c = atomic_exchange(&s->done, NULL); c; c = next) {
		next = atomic_load_explicit(&c->next, memory_order_relaxed);
		if (c->room != CHUNK || s->n_free == MOST_FREE) {
			free(c);
			continue;
		}
		atomic_store_explicit(&c->next, s->free, memory_order_relaxed);
		s->free = c;
		s->n_free++;
	}
}

static struct chunk *new_chunk(struct spool *s, size_t need)
{
	struct chunk *c;

	collect(s);
	c = any_chunk(s, need);
	if (!c)
		return NULL;
	atomic_init(&c->next, NULL);
	atomic_init(&c->filled, 0);
	atomic_fetch_add(&s->held, c->room);
	return c;
}

static void done_with(struct spool *s, struct chunk *c)
{
	struct chunk *top = atomic_load(&s->done);

	atomic_fetch_sub(&s->held, c->room);
	do {
		atomic_store_explicit(&c->next, top, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&s->done, &top, c));
}

static void free_all(struct chunk *c)
{
	struct chunk *next;

	for (; c; c = next) {
		next = atomic_load_explicit(&c->next, memory_order_relaxed);
		free(c);
	}
}

struct spool *spool_new(size_t most)
{
	struct spool *s = aligned_alloc(alignof(struct spool), sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct spool){.most = most};
	s->first = s->last = new_chunk(s, 0);
	if (!s->first) {
		free(s);
		return NULL;
	}
	return s;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	free_all(s->first);
	free_all(s->free);
	free_all(atomic_load(&s->done));
	free(s);
}

void *spool_reserve(struct spool *s, size_t len)
{
	size_t need = sizeof(struct head) + padded(len);
	struct chunk *c = s->last;
	size_t filled = atomic_load_explicit(&c->filled, memory_order_relaxed);
	struct head *head;

	if (need > c->room - filled) {
		if (atomic_load(&s->held) + (need > CHUNK ? need : CHUNK) > s->most &&
		    !spool_is_empty(s))
			return NULL;
		c = new_chunk(s, need);
		if (!c)
			return NULL;
		atomic_store_explicit(&s->last->next, c, memory_order_release);
		s->last = c;
		filled = 0;
	}
	head = (struct head *)(void *)(c->bytes + filled);
	head->size = need;
	s->reserved = need;
	return head + 1;
}

void spool_give(struct spool *s)
{
	struct chunk *c = s->last;
	size_t filled = atomic_load_explicit(&c->filled, memory_order_relaxed);

	atomic_store_explicit(&c->filled, filled + s->reserved, memory_order_release);
	atomic_store_explicit(&s->given, atomic_load_explicit(&s->given, memory_order_relaxed) + 1,
			      memory_order_release);
}

static struct head *next_head(struct spool *s)
{
	for (;;) {
		struct chunk *c = s->first;
		/* Once another chunk follows, this one is filled no further. */
		struct chunk *next = atomic_load_explicit(&c->next, memory_order_acquire);

		if (s->at < atomic_load_explicit(&c->filled, memory_order_acquire))
			return (struct head *)(void *)(c->bytes + s->at);
		if (!next)
			return NULL;
		s->first = next;
		s->at = 0;
		done_with(s, c);
	}
}

void *spool_next(struct spool *s)
{
	struct head *head = next_head(s);

	return head ? head + 1 : NULL;
}

void spool_taken(struct spool *s)
{
	/* Where spool_next() found it. */
	const struct head *head = (const void *)(s->first->bytes + s->at);

	s->at += head->size;
	atomic_store_explicit(&s->taken, atomic_load_explicit(&s->taken, memory_order_relaxed) + 1,
			      memory_order_release);
}

bool spool_is_empty(const struct spool *s)
{
	/* In this order: it may say no too long, but never yes too early. */
	uint64_t taken = atomic_load_explicit(&s->taken, memory_order_acquire);

	return atomic_load_explicit(&s->given, memory_order_acquire) == taken;
}

uint64_t spool_given(const struct spool *s)
{
	return atomic_load_explicit(&s->given, memory_order_relaxed);
}

size_t spool_held(const struct spool *s)
{
	return atomic_load_explicit(&s->held, memory_order_relaxed);
}
