/* SPDX-License-Identifier: MIT */
/* A store by an instruction: it faults, and is carried out by one step in which its pages may be written and
 * nobody else of the address space runs. */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as one instruction can store to (a scatter of 16 elements, each across a border). */
#define MOST_PAGES 32u

struct open_page {
	uint64_t addr;
	struct region region;
	uint64_t
	    load; /* it was kept from the program, and so far it only loads from there; else 0 */
	unsigned char before[PAGE];
};

struct store {
	struct open_page pages[MOST_PAGES];
	unsigned int n;
};

/* In a call a thread stores nothing by itself, and it stops at the end of it: to interrupt it would be felt. */
static void stop_others(struct supervisor *s, const struct thread *t)
{
	for (struct thread *o = s->threads; o; o = o->next)
		if (o != t && o->space == t->space && o->state == RUNS && !o->in_call && !o->dying)
			ptrace(PTRACE_INTERRUPT, o->tid, 0, 0);
	for (struct thread *o = s->threads; o; o = o->next) {
		if (o == t || o->space != t->space || o->state != RUNS || o->in_call || o->dying)
			continue;
		if (waitpid(o->tid, &o->status, __WALL) == o->tid) {
			o->queued = o->interrupted = true;
			o->state = STOPPED;
		}
	}
}

static bool is_in_call_of_another(const struct supervisor *s, const struct thread *t, uint64_t nr)
{
	const struct thread *o = s->threads;

	while (o && (o == t || o->space != t->space || !o->in_call || o->call.nr != nr))
		o = o->next;
	return o;
}

bool protect_page(struct supervisor *s, struct thread *t, uint64_t page, int prot)
{
	const uint64_t args[6] = {page, PAGE, (uint64_t)prot};
	int64_t result;

	if (!inject(s, t, SYS_mprotect, args, &result))
		return false;
	/* Another thread's call has taken it away; its end is still to be seen. */
	if (result == -ENOMEM && is_in_call_of_another(s, t, SYS_munmap))
		return true;
	if (result < 0)
		refuse(s, t, "its memory can't be protected (%s)", strerror((int)-result));
	return result == 0;
}

static bool open_page(struct supervisor *s, struct thread *t, struct store *o, uint64_t addr,
		      const struct region *r)
{
	uint64_t page = addr & ~(PAGE - 1);
	struct open_page *p = o->pages;

	while (p < o->pages + o->n && p->addr != page)
		p++;
	if (p < o->pages + o->n) {
		/* To load from it was not enough. */
		if (!p->load || !(r->prot & PROT_WRITE))
			return false;
		p->load = 0;
		return protect_page(s, t, page, r->prot);
	}
	if (o->n == MOST_PAGES)
		return false;
	p->addr = page;
	p->region = *r;
	p->load = watch_has(s, t->space, r, addr) ? addr : 0;
	memcpy(p->before, s->frames + r->offset + (page - r->start), PAGE);
	o->n++;
	return protect_page(s, t, page, p->load ? r->prot & ~PROT_WRITE : r->prot);
}

static const struct region *region_of_fault(const struct supervisor *s, const struct thread *t,
					    const siginfo_t *info)
{
	uint64_t addr = (uint64_t)(uintptr_t)info->si_addr;
	const struct region *r;

	if (info->si_signo != SIGSEGV || info->si_code != SEGV_ACCERR)
		return NULL;
	r = space_at(t->space, addr);
	return r && ((r->prot & PROT_WRITE) || watch_has(s, t->space, r, addr)) ? r : NULL;
}

/* What the one store changed: its first byte that is another, up to the last one. */
static void tell_page(struct supervisor *s, const struct thread *t, uint64_t number,
		      const struct open_page *p)
{
	const unsigned char *now = s->frames + p->region.offset + (p->addr - p->region.start);
	unsigned int from = 0, to = PAGE;

	while (from < PAGE && now[from] == p->before[from])
		from++;
	while (to > from && now[to - 1] == p->before[to - 1])
		to--;
	tell_store(s, t, number, p->addr + from % PAGE, &p->region, now + from % PAGE, to - from,
		   false);
}

/* The kernel takes its handler from a signal that it has to send, but that is blocked or ignored. */
static void restore_handler(struct supervisor *s, struct thread *t, int signal,
			    const unsigned char *action)
{
	struct {
		unsigned char action[SIGACTION_BYTES];
	} kept;
	uint64_t at = (stack_of(t) - 512) & ~15ull;
	const uint64_t args[6] = {(uint64_t)signal, at, 0, 8};
	unsigned char there[SIGACTION_BYTES];
	int64_t result;

	memcpy(kept.action, action, SIGACTION_BYTES);
	if (!tracee_read(t->tid, at, there, sizeof(there)) ||
	    !tracee_write(t->tid, at, &kept, sizeof(kept)) ||
	    !inject(s, t, SYS_rt_sigaction, args, &result) || result < 0)
		return;
	tracee_write(t->tid, at, there, sizeof(there));
}

static void restore_handlers(struct supervisor *s, struct thread *t)
{
	struct handlers *h = t->handlers;

	if (h->segv.set && (h->segv.ignored || t->segv_blocked))
		restore_handler(s, t, SIGSEGV, h->segv.action);
	if (h->trap.set && h->trap.ignored)
		restore_handler(s, t, SIGTRAP, h->trap.action);
}

static bool close_pages(struct supervisor *s, struct thread *t, const struct store *o)
{
	for (unsigned int i = 0; i < o->n; i++)
		if (!protect_page(
			s, t, o->pages[i].addr,
			watch_protection(s, t->space, &o->pages[i].region, o->pages[i].addr)))
			return false;
	return true;
}

/* The instruction faults for another reason: the program is to see that, at the same place. */
static void fault_again(struct thread *t, siginfo_t *info)
{
	int status;

	syscall(SYS_tgkill, t->pid, t->tid, info->si_signo);
	if (ptrace(PTRACE_CONT, t->tid, 0, 0) < 0 || waitpid(t->tid, &status, __WALL) != t->tid)
		return;
	if (WIFSTOPPED(status) && !(status >> 16) && WSTOPSIG(status) == info->si_signo) {
		ptrace(PTRACE_SETSIGINFO, t->tid, 0, info);
		thread_resume(t, info->si_signo);
		return;
	}
	t->queued = true;
	t->status = status;
}

/* Opens pages until the step is through. @return as step() */
static int carry_out(struct supervisor *s, struct thread *t, struct store *o, siginfo_t *info)
{
	for (;;) {
		const struct region *r = region_of_fault(s, t, info);
		int how;

		if (!r)
			return 1;
		if (!open_page(s, t, o, (uint64_t)(uintptr_t)info->si_addr, r))
			return t->queued || atomic_load(&s->board->refused) ? -1 : 1;
		how = step(s, t, info);
		if (how <= 0)
			return how;
	}
}

/* What the step did. @return the store's number; 0: it was none */
static uint64_t tell_step(struct supervisor *s, struct thread *t, const struct store *o)
{
	uint64_t number = 0;

	for (unsigned int i = 0; i < o->n; i++) {
		const struct open_page *p = &o->pages[i];

		if (p->load) {
			watch_load(s, t, &p->region, p->load);
			continue;
		}
		if (!number)
			number = count_store(s, t);
		tell_page(s, t, number, p);
	}
	return number;
}

bool store_at_fault(struct supervisor *s, struct thread *t)
{
	static struct store
	    o; /* of the only thread here, and more than a small stack has room for */
	const struct region *r;
	uint64_t mask, number = 0;
	siginfo_t info;
	int how;

	if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) < 0 ||
	    !(r = region_of_fault(s, t, &info)) ||
	    instruction_of(t) == (uint64_t)(uintptr_t)info.si_addr)
		return false;
	/* What may be a load takes no turn. */
	if (!watch_has(s, t->space, r, (uint64_t)(uintptr_t)info.si_addr) &&
	    !may_store(s, t, false))
		return true;
	stop_others(s, t);
	mask = block_signals(t);
	pthread_mutex_lock(&s->board->lock);
	o.n = 0;
	how = carry_out(s, t, &o, &info);
	if (how == 0)
		number = tell_step(s, t, &o);
	pthread_mutex_unlock(&s->board->lock);
	if (how < 0 || !close_pages(s, t, &o))
		return true;
	restore_handlers(s, t);
	unblock_signals(t, mask | (t->segv_blocked ? 1ull << (SIGSEGV - 1) : 0));
	if (number && end_if_reached(s, t, number))
		return true;
	if (how > 0)
		fault_again(t, &info);
	else
		thread_resume(t, 0);
	return true;
}
