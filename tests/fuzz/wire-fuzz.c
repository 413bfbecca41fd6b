/* SPDX-License-Identifier: MIT */
/*
 * The broker survives any bytes. Several connections send it messages that are garbage, cut short, or well
 * formed with fields from a small pool of good and bad values, one by one or several before it looks; the
 * machine must be consistent all the time, and at the end empty. What is done is read off a byte string, a
 * choice after the other: it is what a fuzzer varies. What was recorded of it is a scenario.
 */
#define _GNU_SOURCE
#include "broker/broker-internal.h"
#include "broker/store.h"
#include "choices.h"
#include "commands.h"
#include "fronts/fronts.h"
#include "fuzz.h"
#include "no-memory.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 6
#define DEVICES 32

static struct choices choices;

static uint32_t roll(uint32_t n)
{
	return choose(&choices, n);
}

static struct peer {
	int fd;
	int device[DEVICES]; /* descriptors the broker sent */
	unsigned int n_devices;
} peers[CLIENTS];

static uint64_t number(void)
{
	static const uint64_t pool[] = {0,          1,          2,          3,          4,
					8,          9,          10,         4095,       4096,
					8192,       12288,      65536,      0x7ff0,     0x7fff,
					0x10000000, 0x10001000, 0x10002000, UINT32_MAX, INT64_MAX,
					UINT64_MAX, 1ull << 44, 0x4505,     24,         64};

	return roll(8) ? pool[roll(sizeof(pool) / sizeof(pool[0]))] : roll(1u << 20);
}

static uint32_t command(void)
{
	return roll(10) ? commands[roll(N_COMMANDS)] : (uint32_t)number();
}

/* A body of the right size for its operation, most of the time, with numbers from the pool. */
static size_t body(unsigned char *p, enum wire_op op)
{
	size_t n = 0;

	switch ((int)op) { /* a front's own operations have no body here */
	case WIRE_HELLO:
		n = sizeof(struct wire_hello);
		break;
	case WIRE_OPEN:
		n = sizeof(struct wire_open);
		break;
	case WIRE_IOCTL: {
		struct wire_ioctl call = {
		    .file = roll(4), .cmd = command(), .arg = 4096, .n_regions = roll(20) ? 1 : 7};
		struct wire_region r = {.addr = roll(9) ? 4096 : number(),
					.len = roll(9) ? 64 : (uint32_t)number(),
					.flags = roll(4)};

		memcpy(p, &call, sizeof(call));
		memcpy(p + sizeof(call), &r, sizeof(r));
		n = sizeof(call) + sizeof(r);
		for (int i = 0; i < 16; i++, n += 4) {
			uint32_t word = (uint32_t)number();

			memcpy(p + n, &word, 4);
		}
		return n;
	}
	case WIRE_WRITE: {
		struct wire_write w = {.file = roll(4), .len = roll(5) ? 8 : (uint32_t)number()};

		memcpy(p, &w, sizeof(w));
		memset(p + sizeof(w), 1, 8);
		return sizeof(w) + 8;
	}
	case WIRE_MMAP: {
		struct wire_map m = {.file = roll(4),
				     .prot = (int)roll(8),
				     .flags = (int)roll(4),
				     .addr = 0x10000000 + roll(16) * 4096ull,
				     .len = roll(9) ? (1 + roll(3)) * 4096ull : number(),
				     .offset = roll(3) ? roll(4) * 4096ull : number()};

		memcpy(p, &m, sizeof(m));
		return sizeof(m);
	}
	case WIRE_MUNMAP:
	case WIRE_MPROTECT: {
		struct wire_range r = {.addr = 0x10000000 + roll(16) * 4096ull,
				       .len = roll(9) ? (1 + roll(3)) * 4096ull : number(),
				       .prot = (int)roll(8)};

		memcpy(p, &r, sizeof(r));
		return sizeof(r);
	}
	case WIRE_MREMAP: {
		struct wire_remap r = {.old_addr = 0x10000000 + roll(16) * 4096ull,
				       .old_len = (1 + roll(3)) * 4096ull,
				       .new_len = roll(4) * 4096ull,
				       .new_addr = 0x10000000 + roll(16) * 4096ull,
				       .flags = (int)roll(8)};

		memcpy(p, &r, sizeof(r));
		return sizeof(r);
	}
	case WIRE_ADVANCE:
	case WIRE_CLAIM:
		n = sizeof(uint64_t);
		break;
	case WIRE_SHOW:
	case WIRE_DESTROY:
		n = sizeof(uint32_t);
		break;
	case WIRE_LIMIT:
		n = sizeof(struct wire_limit);
		break;
	case WIRE_CREATE:
		n = sizeof(struct wire_create);
		break;
	case WIRE_ATTACH:
	case WIRE_MOUNT:
	case WIRE_CUSE:
	case WIRE_FORK:
	case WIRE_STATUS:
	case WIRE_OP_MAX:
		break;
	}
	for (size_t i = 0; i + 4 <= n; i += 4) {
		uint32_t word = roll(3) ? roll(4) : (uint32_t)number();

		memcpy(p + i, &word, 4);
	}
	/* A process that dies with its domain must not be this one. */
	if (op == WIRE_HELLO) {
		struct wire_hello h = {.domid = roll(5), .role = roll(8) ? 0 : roll(4)};

		memcpy(p, &h, sizeof(h));
	}
	return n;
}

static void connect_peer(struct peer *p, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(p->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror("wire-fuzz: connect");
		exit(1);
	}
}

static void close_peer(struct peer *p)
{
	while (p->n_devices)
		close(p->device[--p->n_devices]);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void send_garbage(const struct peer *p)
{
	unsigned char bytes[256];
	size_t n = 0;

	for (uint32_t left = roll(sizeof(bytes)); left > 0; left--)
		bytes[n++] = (unsigned char)roll(256);
	if (roll(2) && n >= 8) { /* a good start */
		struct wire_msg m = {.magic = WIRE_MAGIC, .version = WIRE_VERSION};

		memcpy(bytes, &m, 6);
	}
	send(p->fd, bytes, n, MSG_NOSIGNAL);
}

/* A payload in a file that is too short, is not a memfd, or is right. */
static void send_memfd(const struct peer *p)
{
	struct wire_msg m = {.magic = WIRE_MAGIC,
			     .version = WIRE_VERSION,
			     .op = (uint16_t)(1 + roll(WIRE_OP_MAX - 1)),
			     .flags = WIRE_F_MEMFD,
			     .payload = roll(2) ? 200000 : (uint32_t)number()};
	struct iovec iov = {&m, sizeof(m)};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int fd =
	    roll(4) ? memfd_create("fuzz", MFD_CLOEXEC) : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (roll(2) && ftruncate(fd, 200000) < 0 && errno != EINVAL)
		perror("ftruncate");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(p->fd, &h, MSG_NOSIGNAL);
	close(fd);
}

static void send_message(struct peer *p)
{
	unsigned char bytes[512];
	enum wire_op op = (enum wire_op)(1 + roll(WIRE_OP_MAX - 1));
	size_t n;
	int fd = -1, n_fds = 0;

	if (roll(3) == 0)
		op = WIRE_IOCTL;
	n = body(bytes, op);
	if (op == WIRE_DESTROY && roll(8))
		op = WIRE_IOCTL; /* not too many deaths */
	if (roll(40) == 0)
		n = n ? n - 1 : 1;
	if (op == WIRE_ATTACH || roll(60) == 0) {
		fd = p->n_devices && roll(4) ? p->device[roll(p->n_devices)] : p->fd;
		n_fds = 1;
	}
	wire_send(p->fd, (uint16_t)op, 0, bytes, n, &fd, n_fds);
}

/* Takes replies, keeping some of the descriptors that came. */
static void receive(struct peer *p)
{
	static unsigned char buffer[WIRE_BUFFER];
	struct wire_in in;
	int err;

	while ((err = wire_recv(p->fd, MSG_DONTWAIT, buffer, &in)) == 0) {
		for (int i = 0; i < in.n_fds; i++)
			if ((in.msg.op == WIRE_OPEN || in.msg.op == WIRE_FORK) &&
			    p->n_devices < DEVICES)
				p->device[p->n_devices++] = wire_in_take_fd(&in, i);
		wire_in_done(&in);
	}
	if (err == -EPIPE) {
		/* A rule was broken: the broker hung up. */
		close(p->fd);
		p->fd = -1;
	}
}

static void use_device(struct peer *p)
{
	uint32_t port = roll(6);
	char sink[64];

	if (!p->n_devices)
		return;
	if (roll(3) == 0) {
		unsigned int i = roll(p->n_devices);

		close(p->device[i]);
		p->device[i] = p->device[--p->n_devices];
	} else if (roll(2)) {
		send(p->device[roll(p->n_devices)], &port, 1 + roll(4),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	} else {
		recv(p->device[roll(p->n_devices)], sink, sizeof(sink), MSG_DONTWAIT);
	}
}

static void verify(struct broker *b, const char *when)
{
	const char *wrong = gntsim_machine_check(b->machine);

	if (!wrong)
		return;
	fprintf(stderr, "wire-fuzz: %s: %s\n", when, wrong);
	abort();
}

static void act(struct peer *p, const char *path)
{
	struct wire_hello h = {.domid = roll(4)};

	if (p->fd < 0) {
		close_peer(p);
		connect_peer(p, path);
		if (roll(10))
			wire_send(p->fd, WIRE_HELLO, 0, &h, sizeof(h), NULL, 0);
	} else if (roll(150) == 1) {
		close_peer(p);
	} else if (roll(60) == 1) {
		send_garbage(p);
	} else if (roll(60) == 1) {
		send_memfd(p);
	} else if (roll(6) == 1) {
		use_device(p);
	} else {
		send_message(p);
	}
}

static void serve(struct broker *b)
{
	while (broker_serve(b, 0) > 0)
		;
	for (int i = 0; i < CLIENTS; i++)
		if (peers[i].fd >= 0)
			receive(&peers[i]);
}

static void check_empty(struct broker *b)
{
	struct gntsim_totals t;

	/* Each domain's pages and ports for xenstored are no program's. */
	store_free(b);
	/* Deferred pages, ten a second. */
	gntsim_machine_advance(b->machine, 3600ull * 1000000000u);
	verify(b, "at the end");
	gntsim_machine_totals(b->machine, &t);
	if (!t.files && !t.mms && !t.vmas && !t.frames && !t.grants && !t.gntdev_maps &&
	    !t.maptrack && !t.zombies)
		return;
	fprintf(stderr,
		"wire-fuzz: left: files %u, mms %u, vmas %u, frames %u, grants %u, maps %u, "
		"maptrack %u, zombies %u\n",
		t.files, t.mms, t.vmas, t.frames, t.grants, t.gntdev_maps, t.maptrack, t.zombies);
	abort();
}

static void ignore(const char *hazard)
{
	(void)hazard;
}

/* A folder of one's own for the socket, made at the first input. */
static const char *socket_path(void)
{
	static char path[64];
	char dir[] = "/tmp/wire-fuzz-XXXXXX";

	if (!*path && mkdtemp(dir))
		snprintf(path, sizeof(path), "%s/s", dir);
	return path;
}

static void end(void)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "%s", socket_path());
	*strrchr(dir, '/') = 0;
	rmdir(dir);
}

/* The broker sometimes gets no memory, where the environment says so: choices, as they are kept, are none of it. */
static void serve_without_memory(struct broker *b, unsigned long round)
{
	fails_in = round % 11 ? 0 : 1 + (unsigned int)(round / 11 % 7);
	serve(b);
	fails_in = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool is_short = getenv("WIRE_MEMORY_FAILS");
	static bool begun;
	struct broker_config config = {.fronts = &fakedev_fronts,
				       .socket_path = socket_path(),
				       .virtual_time = true,
				       .on_hazard = ignore};
	struct broker *b;
	struct failure f;

	if (!begun)
		atexit(end);
	begun = true;
	choices = (struct choices){data, size};
	if (broker_new(&config, &b, &f) < 0) {
		fprintf(stderr, "wire-fuzz: %s\n", f.text);
		abort();
	}
	for (int i = 0; i < CLIENTS; i++)
		peers[i].fd = -1;
	for (unsigned long round = 0; choices.n; round++) {
		act(&peers[roll(CLIENTS)], config.socket_path);
		/* Sometimes several come before the broker looks. */
		if (roll(4))
			serve_without_memory(b, is_short ? round : 1);
		if (round % 64 == 0)
			verify(b, "in the run");
	}
	for (int i = 0; i < CLIENTS; i++)
		close_peer(&peers[i]);
	while (broker_serve(b, 0) > 0)
		;
	check_empty(b);
	broker_free(b);
	return 0;
}
