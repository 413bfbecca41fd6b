/* SPDX-License-Identifier: MIT */
/* What each address space has mapped of the page frames, as its program wants it. */
#define _GNU_SOURCE
#include "supervisor.h"
#include "wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct space *space_new(pid_t pid, const struct space *copy)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->refs = 1;
	s->pid = pid;
	if (!copy)
		return s;
	s->syscall_at = copy->syscall_at;
	s->confined = copy->confined;
	s->kept = copy->kept;
	s->read_by_calls = copy->read_by_calls;
	for (unsigned int i = 0; i < copy->n; i++)
		if (!space_add(s, copy->regions[i]))
			abort();
	return s;
}

void space_release(struct space *s)
{
	if (!s || --s->refs > 0)
		return;
	free(s->regions);
	free(s);
}

struct handlers *handlers_new(const struct handlers *copy)
{
	struct handlers *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	if (copy)
		*h = *copy;
	h->refs = 1;
	return h;
}

void handlers_release(struct handlers *h)
{
	if (h && --h->refs == 0)
		free(h);
}

bool space_add(struct space *s, struct region r)
{
	if (r.start >= r.end)
		return true;
	if (s->n == s->room) {
		unsigned int room = s->room ? 2 * s->room : 16;
		struct region *more = reallocarray(s->regions, room, sizeof(*more));

		if (!more)
			return false;
		s->regions = more;
		s->room = room;
	}
	s->regions[s->n++] = r;
	return true;
}

/* The part of a region between two addresses. */
static struct region part(const struct region *r, uint64_t start, uint64_t end)
{
	struct region p = *r;

	p.start = start > r->start ? start : r->start;
	p.end = end < r->end ? end : r->end;
	p.offset += p.start - r->start;
	return p;
}

bool space_remove(struct space *s, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < s->n;) {
		struct region old = s->regions[i];

		if (old.end <= start || old.start >= end) {
			i++;
			continue;
		}
		s->regions[i] = s->regions[--s->n];
		if ((old.start < start && !space_add(s, part(&old, old.start, start))) ||
		    (old.end > end && !space_add(s, part(&old, end, old.end))))
			return false;
	}
	return true;
}

const struct region *space_at(const struct space *s, uint64_t addr)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->regions[i].start <= addr && addr < s->regions[i].end)
			return &s->regions[i];
	return NULL;
}

uint64_t space_first_writable(const struct space *s, uint64_t addr, uint64_t end)
{
	uint64_t first = end;

	for (unsigned int i = 0; i < s->n; i++) {
		const struct region *r = &s->regions[i];
		uint64_t from = r->start > addr ? r->start : addr;

		if ((r->prot & PROT_WRITE) && from < r->end && from < first)
			first = from;
	}
	return first;
}

void space_protect(struct space *s, uint64_t start, uint64_t end, int prot)
{
	struct space old = *s;

	s->regions = NULL;
	s->n = s->room = 0;
	for (unsigned int i = 0; i < old.n; i++) {
		struct region in = part(&old.regions[i], start, end);

		if (in.start >= in.end) {
			if (!space_add(s, old.regions[i]))
				abort();
			continue;
		}
		in.prot = prot;
		if (!space_add(s, part(&old.regions[i], old.regions[i].start, start)) ||
		    !space_add(s, in) ||
		    !space_add(s, part(&old.regions[i], end, old.regions[i].end)))
			abort();
	}
	free(old.regions);
}

/* For stores of our own, and to see what others' changed. */
static bool map_frames(struct supervisor *s, const char *path, const struct stat *st)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return false;
	s->frames = p;
	s->n_frames_bytes = (uint64_t)st->st_size;
	s->device = st->st_dev;
	s->inode = st->st_ino;
	return true;
}

bool space_is_frames(struct supervisor *s, const struct thread *t, int fd)
{
	static const char name[] = "/memfd:" WIRE_FRAMES_NAME;
	char path[64], target[sizeof(name)];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, fd);
	if (fd < 0 || stat(path, &st) < 0)
		return false;
	if (s->frames)
		return st.st_dev == s->device && st.st_ino == s->inode;
	if (readlink(path, target, sizeof(target)) < (ssize_t)sizeof(name) - 1 ||
	    memcmp(target, name, sizeof(name) - 1))
		return false;
	if (!map_frames(s, path, &st))
		refuse(s, t, "the page frames can't be mapped");
	return s->frames;
}
