/* SPDX-License-Identifier: MIT */
/* What stops a process: as it comes to have devices and their memory, filters are added that stop it at
 * calls with those numbers and addresses. All its other calls the kernel makes at once. */
#include "follower.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

/* As many descriptors have a filter each; then many have one. */
#define SINGLE 12u
#define GROUP  64u

static bool put(struct thread *t, uint64_t at, const struct sock_fprog *p, size_t bytes)
{
	const struct sock_fprog there = {.len = p->len,
					 .filter = (struct sock_filter *)(at + sizeof(there))};

	return lib_copy_out(at, &there, sizeof(there)) == 0 &&
	       lib_copy_out(at + sizeof(there), p->filter, bytes) == 0 && !t->gone;
}

static long set(struct thread *t, uint64_t flags, uint64_t at)
{
	const uint64_t args[6] = {SECCOMP_SET_MODE_FILTER, flags, at};
	long r = call_inject(t, SYS_seccomp, args);

	/* It has given up the right to, which it had at first. */
	if (r == -EACCES) {
		call_inject(t, SYS_prctl, (const uint64_t[6]){PR_SET_NO_NEW_PRIVS, 1});
		r = call_inject(t, SYS_seccomp, args);
	}
	return r;
}

/* For all threads; for this one alone if that is wanted, or others have filters of their own. */
static long install(struct thread *t, const struct sock_fprog *p, uint64_t flags)
{
	size_t bytes = p->len * sizeof(*p->filter), len = memory_whole(sizeof(*p) + bytes);
	long at = call_inject(t, SYS_mmap,
			      (const uint64_t[6]){0, len, PROT_READ | PROT_WRITE,
						  MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0});
	long r = -EFAULT;

	if (raw_is_error(at))
		return at;
	if (put(t, (uint64_t)at, p, bytes)) {
		r = set(t, flags, (uint64_t)at);
		if (r > 0)
			r = set(t, 0, (uint64_t)at);
	}
	call_inject(t, SYS_munmap, (const uint64_t[6]){(uint64_t)at, len});
	return r;
}

static void add(struct thread *t, int err, struct sock_fprog *p)
{
	long r = err;

	if (err == 0) {
		r = install(t, p, SECCOMP_FILTER_FLAG_TSYNC);
		free(p->filter);
	}
	if (r < 0 && r != -ESRCH)
		say_to(t, "process %d can't be stopped at calls on devices (%s): some go unseen",
		       (int)t->process->pid, strerror((int)-r));
}

static enum filter_waits waits_of(const struct thread *t)
{
	return t->space->watched ? FILTER_ALL_WAITS : FILTER_POLLS;
}

static bool reaches(const struct reach *r, uint32_t fd)
{
	for (unsigned int i = 0; i < r->n_fds; i++)
		if ((fd & r->fds[i].mask) == r->fds[i].first)
			return true;
	return r->everything;
}

void reach_fd(struct thread *t, int fd, const struct device *d)
{
	struct reach *r = &t->process->reach;
	bool polls = !r->polls && !r->everything &&
		     (d->device == WIRE_DEV_EVTCHN || d->device == WIRE_DEV_XENBUS);
	uint32_t mask = r->n_fds < SINGLE ? UINT32_MAX : ~(GROUP - 1);
	struct sock_fprog p;
	int err;

	if (reaches(r, (uint32_t)fd) && !polls)
		return;
	if (r->n_fds == REACH_MOST) {
		reach_everything(t);
		return;
	}
	err = filter_fds((uint32_t)fd & mask, mask, polls ? waits_of(t) : FILTER_NO_WAITS, &p);
	r->fds[r->n_fds].first = (uint32_t)fd & mask;
	r->fds[r->n_fds++].mask = mask;
	r->polls |= polls;
	add(t, err, &p);
}

static void reach_window(struct thread *t, uint64_t window)
{
	struct reach *r = &t->process->reach;
	struct sock_fprog p;

	for (unsigned int i = 0; i < r->n_windows; i++)
		if (r->windows[i] == window)
			return;
	if (r->everything)
		return;
	if (r->n_windows == REACH_MOST) {
		reach_everything(t);
		return;
	}
	r->windows[r->n_windows++] = window;
	add(t, filter_memory(window, ~(WINDOW - 1), &p), &p);
}

void reach_memory(struct thread *t, uint64_t addr, uint64_t len)
{
	uint64_t from = addr > LONG ? addr - LONG : 0;

	for (uint64_t w = from & ~(WINDOW - 1); w < addr + len; w += WINDOW)
		reach_window(t, w);
}

void reach_own(struct thread *t, int fd)
{
	struct sock_fprog p;

	if (!t->process->reach.everything)
		add(t, filter_own((uint32_t)fd, &p), &p);
}

void reach_everything(struct thread *t)
{
	struct reach *r = &t->process->reach;
	struct sock_fprog p;

	if (r->everything)
		return;
	r->everything = r->polls = true;
	add(t, filter_fds(0, 0, waits_of(t), &p), &p);
	add(t, filter_memory(0, 0, &p), &p);
}

long reach_strictly(struct thread *t)
{
	struct sock_fprog p;
	long r = filter_strict(&p);

	if (r < 0)
		return r;
	t->process->strict = true;
	r = install(t, &p, 0);
	free(p.filter);
	return r;
}
