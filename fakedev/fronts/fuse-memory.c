/* SPDX-License-Identifier: MIT */
/* Which page of the tree's one page cache is which frame. */
#define _GNU_SOURCE
#include "fuse-memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE GNTSIM_PAGE_SIZE

int memory_new(const struct broker *b, struct fuse_session *s, struct fuse_memory **out)
{
	struct fuse_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->session = s;
	m->arena = (struct arena *)(uintptr_t)&b->arena;
	m->slots_size = b->arena.size / PAGE * sizeof(*m->slots);
	m->slots = mmap(NULL, m->slots_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->slots == MAP_FAILED) {
		free(m);
		return -ENOMEM;
	}
	pthread_mutex_init(&m->lock, NULL);
	for (unsigned int i = 0; i < WINDOW_BUCKETS; i++)
		link_init(&m->windows[i]);
	m->next = 1; /* no slot is 0 */
	*out = m;
	return 0;
}

static struct window *window_of(struct link *l)
{
	return (struct window *)(void *)((char *)l - offsetof(struct window, link));
}

static void window_free(struct window *w)
{
	link_del(&w->link);
	free(w->frames);
	free(w);
}

void memory_free(struct fuse_memory *m)
{
	if (!m)
		return;
	for (unsigned int i = 0; i < WINDOW_BUCKETS; i++)
		while (m->windows[i].next != &m->windows[i])
			window_free(window_of(m->windows[i].next));
	munmap(m->slots, m->slots_size);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct window *find(struct fuse_memory *m, uint64_t slot)
{
	uint64_t number = slot >> WINDOW_SHIFT;
	struct link *head = &m->windows[number % WINDOW_BUCKETS];

	for (struct link *l = head->next; l != head; l = l->next)
		if (window_of(l)->number == number)
			return window_of(l);
	return NULL;
}

struct window *window_open(struct fuse_memory *m)
{
	struct window *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->open = true;
	w->number = m->next++;
	pthread_mutex_lock(&m->lock);
	link_add(&m->windows[w->number % WINDOW_BUCKETS], &w->link);
	pthread_mutex_unlock(&m->lock);
	return w;
}

/* Nobody can reach its pages any more. What is dirty comes back once more and is dropped. */
static void end_if_unused(struct fuse_memory *m, struct window *w)
{
	uint64_t base = window_base(w), len = (uint64_t)w->n * PAGE;

	if (w->open || w->maps)
		return;
	pthread_mutex_lock(&m->lock);
	for (uint32_t i = 0; i < w->n; i++)
		if (w->frames[i] != GNTSIM_NO_FRAME && m->slots[w->frames[i]] == base + i * PAGE)
			m->slots[w->frames[i]] = 0;
	window_free(w);
	pthread_mutex_unlock(&m->lock);
	if (len)
		fuse_lowlevel_notify_inval_inode(m->session, PAGES_INO, (off_t)base, (off_t)len);
}

void window_close(struct fuse_memory *m, struct window *w)
{
	w->open = false;
	end_if_unused(m, w);
}

struct window *window_map(struct fuse_memory *m, uint64_t slot)
{
	struct window *w = find(m, slot);

	if (w)
		w->maps++;
	return w;
}

void window_unmap(struct fuse_memory *m, struct window *w)
{
	w->maps--;
	end_if_unused(m, w);
}

static int make_room(struct fuse_memory *m, struct window *w, uint64_t page)
{
	uint32_t room = w->room ? w->room : 64, *frames;
	int err = 0;

	if (page >= 1ull << (WINDOW_SHIFT - GNTSIM_PAGE_SHIFT))
		return -ENOSPC;
	while (page >= room)
		room *= 2;
	if (room == w->room)
		return 0;
	pthread_mutex_lock(&m->lock);
	frames = reallocarray(w->frames, room, sizeof(*frames));
	if (frames) {
		w->frames = frames;
		w->room = room;
	} else {
		err = -ENOMEM;
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

int window_set(struct fuse_memory *m, struct window *w, uint64_t index, gntsim_frame frame)
{
	uint64_t page = index / PAGE;
	int err = make_room(m, w, page);

	if (err < 0)
		return err;
	pthread_mutex_lock(&m->lock);
	while (w->n <= page)
		w->frames[w->n++] = GNTSIM_NO_FRAME;
	w->frames[page] = frame;
	m->slots[frame] = window_base(w) + index;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

uint64_t memory_slot(const struct fuse_memory *m, gntsim_frame frame)
{
	uint64_t slot = frame < m->slots_size / sizeof(*m->slots) ? m->slots[frame] : 0;

	return slot ? slot : UINT64_MAX;
}

void memory_cleared(const struct fuse_memory *m, uint64_t slot)
{
	char zero = 0;
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(1);

	v.buf[0].mem = &zero;
	fuse_lowlevel_notify_store(m->session, PAGES_INO, (off_t)slot, &v, 0);
}

void memory_collect(const struct fuse_memory *m, uint64_t slot, uint64_t len)
{
	fuse_lowlevel_notify_inval_inode(m->session, PAGES_INO, (off_t)slot, (off_t)len);
}

/* The bytes of an offset, NULL if there is no page (locked). */
static unsigned char *bytes(struct fuse_memory *m, uint64_t slot)
{
	const struct window *w = find(m, slot);
	uint64_t page = (slot & ((1ull << WINDOW_SHIFT) - 1)) / PAGE;
	uint32_t frame = w && page < w->n ? w->frames[page] : GNTSIM_NO_FRAME;

	/* The frame of a destroyed domain may have a new owner. */
	if (frame == GNTSIM_NO_FRAME || m->slots[frame] != slot - slot % PAGE)
		return NULL;
	return (unsigned char *)m->arena->memory + (uint64_t)frame * PAGE + slot % PAGE;
}

void memory_show(struct fuse_memory *m, uint64_t slot, uint32_t len)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(len);
	unsigned char copy[PAGE];
	const unsigned char *p;

	pthread_mutex_lock(&m->lock);
	p = bytes(m, slot);
	if (p)
		memcpy(copy, p, len);
	pthread_mutex_unlock(&m->lock);
	v.buf[0].mem = copy;
	if (p)
		fuse_lowlevel_notify_store(m->session, PAGES_INO, (off_t)slot, &v, 0);
}

void memory_read(struct fuse_memory *m, fuse_req_t req, uint64_t offset, size_t size)
{
	char *copy = malloc(size);
	size_t done = 0;

	pthread_mutex_lock(&m->lock);
	while (copy && done < size) {
		const unsigned char *p = bytes(m, offset + done);
		size_t n = PAGE - (offset + done) % PAGE;

		if (!p)
			break;
		if (n > size - done)
			n = size - done;
		memcpy(copy + done, p, n);
		done += n;
	}
	pthread_mutex_unlock(&m->lock);
	/* A short answer would read as zeros: there is no page. The error is read()'s, of a driver that
	 * has none; who maps gets SIGBUS. */
	if (done == size)
		fuse_reply_buf(req, copy, size);
	else
		fuse_reply_err(req, copy ? EINVAL : ENOMEM);
	free(copy);
}

/* Of pages that are gone nothing is kept: a late write-back is no error. */
void memory_write(struct fuse_memory *m, fuse_req_t req, uint64_t offset, const void *buf,
		  size_t size)
{
	pthread_mutex_lock(&m->lock);
	for (size_t done = 0, n; done < size; done += n) {
		unsigned char *p = bytes(m, offset + done);

		n = PAGE - (offset + done) % PAGE;
		if (n > size - done)
			n = size - done;
		if (p)
			memcpy(p, (const char *)buf + done, n);
	}
	pthread_mutex_unlock(&m->lock);
	fuse_reply_write(req, size);
}
