/* SPDX-License-Identifier: MIT */
/*
 * System calls that store for the program. A page is not opened for them: they may block, while others run. They
 * store to memory of ours in the program instead, and what is there when they end is stored at once, as one
 * store. Arguments are put back then: a call that a signal interrupts is begun again with the program's own.
 */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

/* How a call says where it stores. */
enum shape {
	BUFFER,  /* args[at], args[how_long] bytes; it returns how many */
	VECTOR,  /* args[at], args[how_long] of struct iovec */
	MESSAGE, /* args[at]: a struct msghdr */
	STRUCT,  /* args[at], how_long bytes; if it does not fail */
};

struct form {
	uint64_t nr;
	enum shape shape;
	unsigned int at, how_long;
};

static const struct form forms[] = {
    {SYS_read, BUFFER, 1, 2},
    {SYS_pread64, BUFFER, 1, 2},
    {SYS_recvfrom, BUFFER, 1, 2},
    {SYS_getrandom, BUFFER, 0, 1},
    {SYS_getdents64, BUFFER, 1, 2},
    {SYS_readlink, BUFFER, 1, 2},
    {SYS_readlinkat, BUFFER, 2, 3},
    {SYS_getcwd, BUFFER, 0, 1},
    {SYS_readv, VECTOR, 1, 2},
    {SYS_preadv, VECTOR, 1, 2},
    {SYS_preadv2, VECTOR, 1, 2},
    {SYS_process_vm_readv, VECTOR, 1, 2},
    {SYS_recvmsg, MESSAGE, 1, 0},
    {SYS_clock_gettime, STRUCT, 1, sizeof(struct timespec)},
    {SYS_gettimeofday, STRUCT, 0, sizeof(struct timeval)},
    {SYS_fstat, STRUCT, 1, sizeof(struct stat)},
    {SYS_stat, STRUCT, 1, sizeof(struct stat)},
    {SYS_lstat, STRUCT, 1, sizeof(struct stat)},
    {SYS_newfstatat, STRUCT, 2, sizeof(struct stat)},
    {SYS_uname, STRUCT, 0, sizeof(struct utsname)},
    {SYS_pipe, STRUCT, 0, 2 * sizeof(int)},
    {SYS_pipe2, STRUCT, 0, 2 * sizeof(int)},
    {SYS_socketpair, STRUCT, 3, 2 * sizeof(int)},
    {SYS_wait4, STRUCT, 1, sizeof(int)},
};

static const struct form *form_of(const struct thread *t)
{
	/* The preloaded library's way to store where the program pointed. */
	static const struct form to_itself = {SYS_process_vm_writev, VECTOR, 3, 4};
	static const struct form how_many = {SYS_ioctl, STRUCT, 2, sizeof(int)};

	if (t->call.nr == SYS_process_vm_writev && (pid_t)t->call.args[0] == t->pid)
		return &to_itself;
	if (t->call.nr == SYS_ioctl && t->call.args[1] == FIONREAD)
		return &how_many;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].nr == t->call.nr)
			return &forms[i];
	return NULL;
}

static bool is_shared(const struct thread *t, uint64_t at, uint64_t len)
{
	return len > 0 && at + len > at && space_first_writable(t->space, at, at + len) < at + len;
}

static uint64_t aligned(uint64_t n)
{
	return (n + 15) & ~15ull;
}

/* Memory of the program for so many bytes. False: the call has been told to fail first. */
static bool have_bounce(struct thread *t, uint64_t bytes)
{
	if (t->bounce_len >= bytes)
		return true;
	t->call.skipped = true;
	t->call.pieces = NULL;
	t->call.message = bytes;
	set_call(t, (uint64_t)-1, t->call.args);
	return false;
}

/* What the program has there may be part of what is wanted, and stays where nothing is stored. */
static void fill(const struct thread *t, const struct piece *p)
{
	unsigned char page[PAGE];

	for (uint64_t done = 0; done < p->len;) {
		uint64_t n = PAGE - (p->to + done) % PAGE;

		n = n < p->len - done ? n : p->len - done;
		if (!tracee_read(t->tid, p->to + done, page, n) ||
		    !tracee_write(t->tid, p->from + done, page, n))
			return;
		done += n;
	}
}

static bool redirect_plain(struct thread *t, const struct form *f)
{
	struct call *c = &t->call;
	uint64_t len = f->shape == STRUCT ? f->how_long : c->args[f->how_long];
	uint64_t args[6];

	if (len > SSIZE_MAX || !is_shared(t, c->args[f->at], len))
		return true;
	if (!have_bounce(t, len))
		return false;
	c->pieces = calloc(1, sizeof(*c->pieces));
	if (!c->pieces)
		abort();
	c->n_pieces = 1;
	c->pieces[0] = (struct piece){.to = c->args[f->at], .from = t->bounce, .len = len};
	fill(t, &c->pieces[0]);
	c->redirected = true;
	c->all_or_nothing = f->shape == STRUCT;
	memcpy(args, c->args, sizeof(args));
	args[f->at] = t->bounce;
	set_call(t, c->nr, args);
	return true;
}

/* The vector at `at`: its shared parts go to memory of ours, of which the first bytes are the new vector. */
static bool redirect_vector(struct thread *t, uint64_t at, uint64_t n, bool *wanted)
{
	struct call *c = &t->call;
	uint64_t need = aligned(n * sizeof(struct iovec) + sizeof(struct msghdr)), from;
	struct iovec *v;

	*wanted = false;
	if (n == 0 || n > IOV_MAX)
		return true;
	v = calloc(n, sizeof(*v));
	if (!v)
		abort();
	if (!tracee_read(t->tid, at, v, n * sizeof(*v))) {
		free(v);
		return true;
	}
	from = need;
	for (uint64_t i = 0; i < n; i++) {
		if (!is_shared(t, (uint64_t)(uintptr_t)v[i].iov_base, v[i].iov_len))
			continue;
		*wanted = true;
		need += aligned(v[i].iov_len);
	}
	if (!*wanted || !have_bounce(t, need)) {
		free(v);
		return !*wanted;
	}
	c->pieces = calloc(n, sizeof(*c->pieces));
	if (!c->pieces)
		abort();
	c->n_pieces = (unsigned int)n;
	from += t->bounce;
	for (uint64_t i = 0; i < n; i++) {
		struct piece *p = &c->pieces[i];

		p->to = (uint64_t)(uintptr_t)v[i].iov_base;
		p->len = v[i].iov_len;
		if (!is_shared(t, p->to, p->len))
			continue;
		p->from = from;
		from += aligned(p->len);
		fill(t, p);
		v[i].iov_base = (void *)(uintptr_t)p->from;
	}
	tracee_write(t->tid, t->bounce + sizeof(struct msghdr), v, n * sizeof(*v));
	free(v);
	c->redirected = true;
	return true;
}

static bool redirect_message(struct thread *t, const struct form *f)
{
	struct call *c = &t->call;
	struct msghdr m = {0};
	uint64_t args[6];
	bool wanted;

	if (!tracee_read(t->tid, c->args[f->at], &m, sizeof(m)))
		return true;
	if (!redirect_vector(t, (uint64_t)(uintptr_t)m.msg_iov, m.msg_iovlen, &wanted))
		return false;
	if (!wanted)
		return true;
	c->message = c->args[f->at];
	c->message_at = t->bounce;
	m.msg_iov = (void *)(uintptr_t)(t->bounce + sizeof(m));
	tracee_write(t->tid, t->bounce, &m, sizeof(m));
	memcpy(args, c->args, sizeof(args));
	args[f->at] = t->bounce;
	set_call(t, c->nr, args);
	return true;
}

bool redirect_begin(struct supervisor *s, struct thread *t)
{
	const struct form *f = form_of(t);
	struct call *c = &t->call;
	uint64_t args[6];
	bool wanted;

	(void)s;
	if (!f)
		return true;
	if (f->shape == MESSAGE)
		return redirect_message(t, f);
	if (f->shape != VECTOR)
		return redirect_plain(t, f);
	if (!redirect_vector(t, c->args[f->at], c->args[f->how_long], &wanted))
		return false;
	if (wanted) {
		memcpy(args, c->args, sizeof(args));
		args[f->at] = t->bounce + sizeof(struct msghdr);
		set_call(t, c->nr, args);
	}
	return true;
}

/* ---- the end ---- */

/* What was stored to memory of ours goes to where it was meant for. */
static void store_bytes(struct supervisor *s, const struct thread *t, const struct piece *p,
			uint64_t len, uint64_t *number)
{
	unsigned char bytes[PAGE];

	for (uint64_t done = 0; done < len;) {
		uint64_t to = p->to + done, n = PAGE - to % PAGE;
		const struct region *r = space_at(t->space, to);
		unsigned char *frame;

		n = n < len - done ? n : len - done;
		if (!tracee_read(t->tid, p->from + done, bytes, n))
			return;
		done += n;
		if (!r || !(r->prot & PROT_WRITE)) {
			tracee_write(t->tid, to, bytes, n);
			continue;
		}
		if (!*number)
			*number = count_store(s, t);
		frame = s->frames + r->offset + (to - r->start);
		memcpy(frame, bytes, n);
		tell_store(s, t, *number, to, r, frame, n, true);
	}
}

/* @return the store's number; 0: there was none */
static uint64_t store_all(struct supervisor *s, const struct thread *t, uint64_t left)
{
	const struct call *c = &t->call;
	uint64_t number = 0;

	for (unsigned int i = 0; i < c->n_pieces && left > 0; i++) {
		uint64_t n = c->pieces[i].len < left ? c->pieces[i].len : left;

		if (c->pieces[i].from)
			store_bytes(s, t, &c->pieces[i], n, &number);
		left -= n;
	}
	return number;
}

/* What recvmsg says beside the bytes. */
static void end_message(const struct thread *t)
{
	struct msghdr m = {0}, theirs = {0};

	if (!tracee_read(t->tid, t->call.message_at, &m, sizeof(m)) ||
	    !tracee_read(t->tid, t->call.message, &theirs, sizeof(theirs)))
		return;
	theirs.msg_namelen = m.msg_namelen;
	theirs.msg_controllen = m.msg_controllen;
	theirs.msg_flags = m.msg_flags;
	tracee_write(t->tid, t->call.message, &theirs, sizeof(theirs));
}

static void make_bounce(struct supervisor *s, struct thread *t)
{
	uint64_t bytes = (t->call.message + PAGE - 1) & ~(PAGE - 1), mask = block_signals(t);
	const uint64_t args[6] = {
	    0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
	int64_t at;

	if (!inject(s, t, SYS_mmap, args, &at))
		return;
	unblock_signals(t, mask);
	if (at < 0 && at >= -4095) {
		refuse(s, t, "it has no memory for what a system call stores");
		return;
	}
	t->bounce = (uint64_t)at;
	t->bounce_len = bytes;
}

void redirect_end(struct supervisor *s, struct thread *t, int64_t result)
{
	struct call *c = &t->call;
	uint64_t number = 0, bytes = 0;

	if (c->skipped) {
		if (c->message)
			make_bounce(s, t);
		call_again(t, c->nr);
		*c = (struct call){0};
		if (!t->queued)
			thread_resume(t, 0);
		return;
	}
	if (result >= 0)
		bytes = c->all_or_nothing ? UINT64_MAX : (uint64_t)result;
	if (bytes > 0 && !may_store(s, t, true)) {
		t->result = result;
		return;
	}
	set_call(t, c->nr, c->args);
	if (result >= 0 && c->message)
		end_message(t);
	if (bytes > 0) {
		pthread_mutex_lock(&s->board->lock);
		number = store_all(s, t, bytes);
		pthread_mutex_unlock(&s->board->lock);
	}
	free(c->pieces);
	*c = (struct call){0};
	if (!number || !end_if_reached(s, t, number))
		thread_resume(t, 0);
}
