/* SPDX-License-Identifier: MIT */
/* Whether a thread may store now: who started us is asked, and the thread stays stopped until he says so. */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

static void tell(const struct supervisor *s, const struct thread *t, bool gone)
{
	const struct stops_question q = {(uint32_t)t->pid, (uint32_t)t->tid, gone};

	while (send(s->ask, &q, sizeof(q), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

bool may_store(struct supervisor *s, struct thread *t, bool by_kernel)
{
	if (s->ask < 0)
		return true;
	if (t->may_store) {
		t->may_store = false;
		return true;
	}
	t->asks = by_kernel ? AT_KERNELS_STORE : AT_OWN_STORE;
	tell(s, t, false);
	return false;
}

void ask_no_more(struct supervisor *s, struct thread *t)
{
	if (t->asks != AT_NO_STORE)
		tell(s, t, true);
	t->asks = AT_NO_STORE;
	t->may_store = false;
}

static void answered(struct supervisor *s, uint32_t tid)
{
	struct thread *t = s->threads;
	bool by_kernel;

	while (t && t->tid != (pid_t)tid)
		t = t->next;
	/* It may have been killed meanwhile. */
	if (!t || t->asks == AT_NO_STORE)
		return;
	by_kernel = t->asks == AT_KERNELS_STORE;
	t->asks = AT_NO_STORE;
	t->may_store = true;
	if (by_kernel)
		redirect_end(s, t, t->result);
	else if (!store_at_fault(s, t))
		thread_resume(t, SIGSEGV);
}

void answers_come(struct supervisor *s)
{
	uint32_t tid;

	while (recv(s->ask, &tid, sizeof(tid), MSG_DONTWAIT) == sizeof(tid))
		answered(s, tid);
}
