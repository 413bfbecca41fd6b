/* SPDX-License-Identifier: MIT */
/* The doorbell (wire_bell.h), from a program's side. All that is here happens inside lib_enter(): one
 * request at a time, no signal in between. */
#include "connection.h"

#include "wire_bell.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

/* Who calls less often than this is not worth a page. */
#define CALLS_BEFORE 4
/* Some tens of microseconds, where a pause is one: times that others may run, and looks between two. */
#define TURNS 32
#define LOOKS 32
/* How long somebody sleeps without a look at whether the machine is still there. */
#define SLEEP_NS 100000000

#define NOT_BY_BELL 1

/* What else there is no way for. */
static bool may_ring(void)
{
	return lib_may(SYS_futex) && lib_may(SYS_recvmsg) && lib_may(SYS_rt_sigprocmask) &&
	       lib_may(SYS_getcpu);
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *t)
{
	return raw_syscall(SYS_futex, (long)word, op, (long)value, (long)t, 0, 0);
}

static void get_bell(void)
{
	struct wire_bell *shared;
	struct lib_room room;
	struct wire_in in;
	int page = -1, rings = -1;

	lib_room_begin(&room);
	if (lib_call(WIRE_BELL, NULL, 0, NULL, 0, &in) == 0) {
		page = wire_in_take_fd(&in, 0);
		rings = wire_in_take_fd(&in, 1);
	}
	wire_in_done(&in);
	lib.bell.wanted = true;
	if (rings >= 0)
		rings = lib_settle(rings);
	lib_room_end(&room);
	shared = page >= 0 && rings >= 0 ? lib_map_alone(LIB_PAGE_BELL, page) : NULL;
	if (page >= 0)
		raw_close(page);
	if (shared && lib_forbidden(SYS_futex, futex(&shared->answered, FUTEX_WAKE, 1, NULL))) {
		raw_munmap(shared, sizeof(*shared));
		shared = NULL;
	}
	lib.bell.rings = shared ? rings : -1;
	lib.bell.asked = 0;
	atomic_store(&lib.bell.page, shared);
	if (!shared && rings >= 0)
		raw_close(rings);
}

void lib_bell_forget(void)
{
	lib.bell = (struct lib_bell){.rings = -1};
}

/* Who has been told something that is not answered has not heard it yet: what is asked in the socket
 * comes after it. */
static bool can_ring(enum wire_op op, size_t len)
{
	if ((op != WIRE_IOCTL && op != WIRE_WRITE) || lib_settings.no_bell || lib.told ||
	    lib.broken || lib.fd < 0 || atomic_load(&lib.nested) || !may_ring() ||
	    len > WIRE_BELL_REQUEST - sizeof(struct wire_msg))
		return false;
	/* A child of a fork that went unseen must be told from its parent. One that has its parent's memory and not
	 * its descriptors would leave it a bell that it can't ring. */
	if (!lib.bell.wanted && lib.same && lib_may(SYS_madvise) &&
	    ++lib.bell.calls > CALLS_BEFORE && lib_own_pid() == lib.pid)
		get_bell();
	return lib.bell.page && !atomic_load(&lib.bell.page->ended);
}

static bool is_answered(const struct wire_bell *page)
{
	return atomic_load_explicit(&page->answered, memory_order_acquire) == lib.bell.asked;
}

/* Looks while the broker does. Where both are on one processor one look is enough: nothing changes until the other
 * has run. @return whether the word is another than @p old */
static bool look(struct wire_bell *page, const _Atomic uint32_t *word, uint32_t old)
{
	for (int turn = 0; turn < TURNS && atomic_load(&page->looks); turn++) {
		bool is_here = atomic_load_explicit(&page->looker, memory_order_relaxed) ==
			       (uint32_t)sched_getcpu();

		for (int i = 0; i < (is_here ? 1 : LOOKS); i++) {
			if (atomic_load_explicit(word, memory_order_acquire) != old)
				return true;
			wire_bell_pause();
		}
		/* Somebody may wait for this very processor. */
		if (lib_may(SYS_sched_yield))
			lib_forbidden(SYS_sched_yield,
				      raw_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0));
	}
	return false;
}

static void ring(void)
{
	const uint64_t one = 1;

	raw_write(lib.bell.rings, &one, sizeof(one));
}

/* @return 0, -EPIPE, or NOT_BY_BELL: it was not and will not be done */
static int await(struct wire_bell *page)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};

	if (look(page, &page->answered, lib.bell.asked - 1))
		return 0;
	atomic_store(&page->sleeps, 1);
	while (!is_answered(page)) {
		long r;

		if (atomic_load(&page->ended) && !is_answered(page))
			return lib_is_connected() ? -EPIPE : NOT_BY_BELL;
		r = futex(&page->answered, FUTEX_WAIT, lib.bell.asked - 1, &pause);
		if (r != -ETIMEDOUT)
			continue;
		if (lib_is_over(lib.fd) && !is_answered(page))
			return -EPIPE;
		/* It may be busy; or the program has written over `looks`. */
		if (lib_is_connected())
			ring();
	}
	atomic_store_explicit(&page->sleeps, 0, memory_order_relaxed);
	return 0;
}

static int ask(struct wire_bell *page, size_t len, struct wire_in *in)
{
	uint32_t n;
	int err;

	atomic_store_explicit(&page->request, (uint32_t)len, memory_order_relaxed);
	atomic_store_explicit(&page->asker, (uint32_t)sched_getcpu(), memory_order_relaxed);
	/* It is asked before it is looked whether somebody looks (wire_bell.h). */
	atomic_store(&page->asked, ++lib.bell.asked);
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load(&page->looks))
		ring();
	err = await(page);
	if (err != 0)
		return err;
	n = atomic_load_explicit(&page->reply, memory_order_relaxed);
	if (n == 0)
		return wire_recv(lib.fd, 0, lib.buffer, in);
	return n > sizeof(page->replied) ? -EPROTO : wire_take(page->replied, n, in);
}

static void put_head(struct wire_bell *page, enum wire_op op, size_t len)
{
	const struct wire_msg msg = {.magic = WIRE_MAGIC,
				     .version = WIRE_VERSION,
				     .op = (uint16_t)op,
				     .payload = (uint32_t)len};

	memcpy(page->requested, &msg, sizeof(msg));
}

bool lib_bell_call(enum wire_op op, const struct iovec *pieces, int n, int of_program,
		   struct wire_in *in, int *err)
{
	struct wire_bell *page;
	size_t len = 0, at = sizeof(struct wire_msg);

	for (int i = 0; i < n; i++)
		len += pieces[i].iov_len;
	if (!can_ring(op, len))
		return false;
	page = lib.bell.page;
	/* Somebody may have closed the connection, and what rings with it. */
	if (!atomic_load(&page->looks) && !lib_is_connected())
		return false;
	put_head(page, op, len);
	for (int i = 0; i < n; at += pieces[i].iov_len, i++) {
		const struct iovec *p = &pieces[i];

		if (i != of_program) {
			memcpy(page->requested + at, p->iov_base, p->iov_len);
		} else if (lib_copy_in(page->requested + at, (uint64_t)(uintptr_t)p->iov_base,
				       p->iov_len) < 0) {
			*err = -EFAULT;
			return true;
		}
	}
	*err = ask(page, at, in);
	return *err != NOT_BY_BELL;
}

struct wire_bell *lib_shared(void)
{
	return atomic_load_explicit(&lib.bell.page, memory_order_acquire);
}

bool lib_unmask(const struct device *d, const void *buf)
{
	uint32_t port, word, fired;

	if (!d->shared || d->device != WIRE_DEV_EVTCHN || lib.broken ||
	    device_usable(d, O_RDONLY, sizeof(port)) != sizeof(port) ||
	    lib_copy_in(&port, (uint64_t)(uintptr_t)buf, sizeof(port)) < 0 ||
	    !wire_port_word(d->id, port, &word))
		return false;
	fired = word | WIRE_PORT_FIRED;
	return atomic_compare_exchange_strong(wire_port_at(d->shared, word), &fired,
					      word | WIRE_PORT_UNMASKED) &&
	       !atomic_load(&d->shared->ended);
}

bool lib_may_overflow(const struct device *d)
{
	return !d->shared || atomic_load(&d->shared->overflowed) || atomic_load(&d->shared->ended);
}

/* Who reads events, and looks for them: hints. */
static struct {
	_Atomic int reads;      /* the descriptor of which some were read last, and one more */
	_Atomic uint32_t taken; /* events had come by then */
	_Atomic uint32_t vain;  /* looks in a row */
	_Atomic uint32_t skip;  /* as many waits without a look */
} hints;

/* Who has looked in vain so often looks but once in as many waits. */
#define MOST_VAIN 6

void lib_reads_events(int fd, const struct device *d)
{
	if (!d->shared)
		return;
	atomic_store_explicit(&hints.taken, atomic_load(&d->shared->events), memory_order_relaxed);
	atomic_store_explicit(&hints.reads, fd + 1, memory_order_relaxed);
}

int lib_looks_out(void)
{
	struct wire_bell *page = lib_shared();
	int fd = atomic_load_explicit(&hints.reads, memory_order_relaxed) - 1;
	uint32_t skip = atomic_load_explicit(&hints.skip, memory_order_relaxed);

	if (fd < 0 || !page || !atomic_load_explicit(&page->looks, memory_order_relaxed) ||
	    !lib_same_process() || lib_watched() || !lib_may(SYS_rt_sigprocmask) ||
	    !lib_may(SYS_pselect6) || !lib_may(SYS_ppoll) ||
	    atomic_load_explicit(&page->events, memory_order_relaxed) !=
		atomic_load_explicit(&hints.taken, memory_order_relaxed))
		return -1;
	if (skip)
		atomic_store_explicit(&hints.skip, skip - 1, memory_order_relaxed);
	return skip ? -1 : fd;
}

void lib_look_out(void)
{
	struct wire_bell *page = lib_shared();
	uint32_t vain = atomic_load_explicit(&hints.vain, memory_order_relaxed);

	if (!page || !lib_same_process())
		return;
	atomic_store_explicit(&page->waits, 1, memory_order_relaxed);
	if (look(page, &page->events, atomic_load_explicit(&hints.taken, memory_order_relaxed)))
		vain = 0;
	else if (vain < MOST_VAIN)
		vain++;
	atomic_store_explicit(&page->waits, 0, memory_order_relaxed);
	atomic_store_explicit(&hints.vain, vain, memory_order_relaxed);
	atomic_store_explicit(&hints.skip, vain ? (1u << vain) - 1 : 0, memory_order_relaxed);
}
