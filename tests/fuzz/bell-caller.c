/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bell-caller.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Of each sleep in a futex. */
#define SLEEP_MS 100

void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	_exit(1);
}

static int request(struct caller *c, enum wire_op op, const void *payload, size_t len,
		   struct wire_in *in)
{
	int err = wire_send(c->fd, (uint16_t)op, 0, payload, len, NULL, 0);

	return err < 0 ? err : wire_recv(c->fd, 0, c->buffer, in);
}

void caller_begin(struct caller *c, const char *socket_path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct wire_hello h = {.domid = 0};
	struct wire_open o = {.device = WIRE_DEV_EVTCHN, .flags = 2};
	struct wire_in in;
	int page;
	void *p;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need(connect(c->fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	need(request(c, WIRE_HELLO, &h, sizeof(h), &in) == 0 && in.msg.result == 0, "HELLO");
	need(request(c, WIRE_OPEN, &o, sizeof(o), &in) == 0 && in.n_fds == 1, "OPEN");
	c->device = wire_in_take_fd(&in, 0);
	need(request(c, WIRE_BELL, NULL, 0, &in) == 0 && in.n_fds == 2, "no doorbell");
	page = wire_in_take_fd(&in, 0);
	c->rings = wire_in_take_fd(&in, 1);
	need(ftruncate(page, 0) < 0 && errno == EPERM, "the page can be taken away");
	p = mmap(NULL, sizeof(*c->page), PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
	need(p != MAP_FAILED, "mmap");
	close(page);
	c->page = p;
	c->asked = 0;
}

void caller_end(struct caller *c)
{
	close(c->fd);
	close(c->device);
	close(c->rings);
}

static void ring(struct caller *c)
{
	const uint64_t one = 1;

	if (atomic_load(&c->page->looks))
		c->unrung++;
	else
		need(write(c->rings, &one, sizeof(one)) == sizeof(one), "ring");
}

size_t caller_compose(unsigned char *out, uint32_t cmd, const void *arg, size_t len)
{
	struct {
		struct wire_msg msg;
		struct wire_ioctl call;
		struct wire_region region;
		unsigned char bytes[64];
	} m = {
	    .msg = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .op = WIRE_IOCTL},
	    .call = {.cmd = cmd, .arg = 4096, .n_regions = 1},
	    .region = {.addr = 4096, .len = (uint32_t)len, .flags = WIRE_R_DATA},
	};
	size_t n = offsetof(__typeof__(m), bytes) + ((len + 7) & ~(size_t)7);

	memcpy(m.bytes, arg, len);
	m.msg.payload = (uint32_t)(n - sizeof(m.msg));
	memcpy(out, &m, n);
	return n;
}

void caller_ask(struct caller *c, uint32_t cmd, const void *arg, size_t len)
{
	struct wire_bell *b = c->page;

	atomic_store(&b->request, (uint32_t)caller_compose(b->requested, cmd, arg, len));
	atomic_store(&b->asked, ++c->asked);
	atomic_thread_fence(memory_order_seq_cst);
	ring(c);
}

bool caller_is_answered(const struct caller *c)
{
	return atomic_load(&c->page->answered) == c->asked;
}

int64_t caller_take(struct caller *c)
{
	const struct wire_bell *b = c->page;
	struct wire_in in;
	uint32_t n = atomic_load(&b->reply);

	need(n > 0 && n <= sizeof(b->replied) && wire_take(b->replied, n, &in) == 0 &&
		 in.msg.op == WIRE_IOCTL,
	     "an answer that is none");
	return in.msg.result;
}

int64_t caller_call(struct caller *c, uint32_t cmd, const void *arg, size_t len)
{
	const struct timespec pause = {.tv_nsec = SLEEP_MS * 1000000};
	struct wire_bell *b = c->page;

	caller_ask(c, cmd, arg, len);
	for (int i = 0; i < 500 && !caller_is_answered(c); i++)
		wire_bell_pause();
	atomic_store(&b->sleeps, 1);
	while (!caller_is_answered(c)) {
		need(!atomic_load(&b->ended), "who keeps to the rules is hung up on");
		syscall(SYS_futex, &b->answered, FUTEX_WAIT, c->asked - 1, &pause, NULL, 0);
	}
	atomic_store(&b->sleeps, 0);
	return caller_take(c);
}
