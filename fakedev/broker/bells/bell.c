/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bell.h"

#include "patience.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A program may put anything there, but not take it away from us: sealed. */
static int make_page(struct wire_bell **page)
{
	int fd = memfd_create("gntsim-bell", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;
	void *p;

	if (fd < 0)
		return -errno;
	p = ftruncate(fd, sizeof(**page)) < 0 ||
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0
		? MAP_FAILED
		: mmap(NULL, sizeof(**page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	*page = p;
	return fd;
}

int bell_make(struct bell *b, int *fd)
{
	*b = (struct bell){.rings = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			   .pause_ns = PATIENCE_FIRST_NS};
	if (b->rings < 0)
		return -errno;
	*fd = make_page(&b->page);
	if (*fd < 0) {
		close(b->rings);
		return *fd;
	}
	atomic_init(&b->page->looker, WIRE_BELL_NOWHERE);
	atomic_init(&b->page->asker, WIRE_BELL_NOWHERE);
	return 0;
}

static void wake(const struct bell *b)
{
	syscall(SYS_futex, &b->page->answered, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void bell_say_ended(const struct bell *b)
{
	atomic_store(&b->page->ended, 1);
}

void bell_end(struct bell *b)
{
	bell_say_ended(b);
	wake(b);
	munmap(b->page, sizeof(*b->page));
	b->page = NULL;
}

bool bell_is_elsewhere(const struct bell *b, int here)
{
	uint32_t asker = atomic_load_explicit(&b->page->asker, memory_order_relaxed);

	return asker != (uint32_t)here && asker != WIRE_BELL_NOWHERE;
}

bool bell_asks(const struct bell *b)
{
	return !b->taken &&
	       atomic_load_explicit(&b->page->asked, memory_order_acquire) != b->answered;
}

int bell_take(struct bell *b, void *buffer, struct wire_in *in)
{
	uint32_t n;

	if (!bell_asks(b))
		return -EAGAIN;
	n = atomic_load_explicit(&b->page->request, memory_order_relaxed);
	if (n > sizeof(b->page->requested))
		return -EPROTO;
	if (b->said_ns)
		patience_learn(&b->pause_ns, patience_now() - b->said_ns);
	memcpy(buffer, b->page->requested, n);
	/* It may be answered later, and rung for again until then. */
	b->taken = true;
	return wire_take(buffer, n, in);
}

static void answered(struct bell *b, size_t reply)
{
	atomic_store_explicit(&b->page->reply, (uint32_t)reply, memory_order_relaxed);
	/* One more, whatever the page says was asked. */
	b->taken = false;
	atomic_store(&b->page->answered, ++b->answered);
	if (atomic_load(&b->page->sleeps))
		wake(b);
	b->said_ns = patience_now();
}

bool bell_answer(struct bell *b, uint16_t op, int64_t result, const void *payload, size_t len)
{
	const struct wire_msg msg = {.magic = WIRE_MAGIC,
				     .version = WIRE_VERSION,
				     .op = op,
				     .payload = (uint32_t)len,
				     .result = result};

	if (len > sizeof(b->page->replied) - sizeof(msg))
		return false;
	memcpy(b->page->replied, &msg, sizeof(msg));
	if (len)
		memcpy(b->page->replied + sizeof(msg), payload, len);
	answered(b, sizeof(msg) + len);
	return true;
}

void bell_answer_sent(struct bell *b)
{
	answered(b, 0);
}

void bell_look(const struct bell *b)
{
	atomic_store_explicit(&b->page->looker, (uint32_t)sched_getcpu(), memory_order_relaxed);
	atomic_store(&b->page->looks, 1);
}

void bell_look_away(const struct bell *b)
{
	/* Before the next look at what was asked, as the program asks before it looks here. */
	atomic_store(&b->page->looks, 0);
	atomic_thread_fence(memory_order_seq_cst);
}

static bool is_unmasked(uint32_t word)
{
	return (word & WIRE_PORT_SAYS) == WIRE_PORT_UNMASKED;
}

uint32_t bell_port_fires(const struct bell *b, uint32_t file, uint32_t port)
{
	uint32_t word, before;

	if (!wire_port_word(file, port, &word))
		return 0;
	before = atomic_exchange(wire_port_at(b->page, word), word | WIRE_PORT_FIRED);
	return is_unmasked(before) && (before & ~WIRE_PORT_SAYS) != word ? before : 0;
}

bool bell_port_take(const struct bell *b, uint32_t file, uint32_t port)
{
	_Atomic uint32_t *at;
	uint32_t word, before;

	if (!wire_port_word(file, port, &word))
		return false;
	at = wire_port_at(b->page, word);
	if ((atomic_load(at) & ~WIRE_PORT_SAYS) != word)
		return false;
	before = atomic_exchange(at, 0);
	return is_unmasked(before) && (before & ~WIRE_PORT_SAYS) == word;
}

uint32_t bell_word_take(const struct bell *b, uint32_t i, bool any)
{
	_Atomic uint32_t *at = &b->page->ports[i];

	return any || is_unmasked(atomic_load(at)) ? atomic_exchange(at, 0) : 0;
}

void bell_event(const struct bell *b)
{
	atomic_fetch_add_explicit(&b->page->events, 1, memory_order_release);
}

bool bell_waits(const struct bell *b)
{
	return atomic_load_explicit(&b->page->waits, memory_order_relaxed);
}

void bell_overflowed(const struct bell *b)
{
	atomic_store(&b->page->overflowed, 1);
}
