/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked list: a ring through its head. */
#ifndef GS_LIST_H
#define GS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
	struct list *prev, *next;
};

/* The object that holds a link (or tree node) as its member. */
#define container_of(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Before @p at: at the tail, if that is the head. */
static inline void list_add_before(struct list *at, struct list *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

static inline void list_add_tail(struct list *head, struct list *l)
{
	list_add_before(head, l);
}

/* Leaves the link empty, so that removing it again does no harm. */
static inline void list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#endif
