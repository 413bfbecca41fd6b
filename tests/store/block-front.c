/* SPDX-License-Identifier: MIT */
/*
 * block-front: a block frontend without a kernel (Xen's public/io/blkif.h, as Linux's xen-blkfront): grants a ring and
 * data pages, says so in the store, waits for the backend, writes MIBS to the disk, reads all of it again, and
 * compares. Prints "same"; with stay it then waits to be killed.
 * usage: block-front DEVICE MIBS [stay]   in the frontend's domain; DEVICE is its number
 *        block-front pattern MIBS         what the disk has then
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE      4096u
#define SEGMENTS  8u
#define IN_FLIGHT 4u
#define N_PAGES   (1u + SEGMENTS * IN_FLIGHT) /* the ring is the first */
#define N_SLOTS   32u
#define READ      0
#define WRITE     1

/* As a 64-bit guest lays them out. */
struct request {
	uint8_t operation, n_segments;
	uint16_t handle;
	uint32_t pad;
	uint64_t id, sector;
	struct {
		uint32_t ref;
		uint8_t first, last;
		uint16_t pad;
	} segment[11];
};
struct response {
	uint64_t id;
	uint8_t operation, pad;
	int16_t status;
	uint32_t pad2;
};
struct ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	unsigned char pad[48];
	union {
		struct request request;
		struct response response;
	} slot[N_SLOTS];
};

static struct ring *ring;
static unsigned char *data;
static uint32_t refs[N_PAGES];
static uint32_t produced, consumed;
static int evtchn;
static uint32_t port;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "block-front: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pattern(unsigned char *page, uint64_t number)
{
	uint64_t x = number * 0x9E3779B97F4A7C15u + 1;

	for (size_t i = 0; i < PAGE; i += sizeof(x)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(page + i, &x, sizeof(x));
	}
}

static void grant_pages(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref head;
		uint32_t more[N_PAGES];
	} alloc = {.head = {.domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = N_PAGES}};
	int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	unsigned char *p;

	need(fd >= 0, "gntalloc");
	need(ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "alloc");
	memcpy(refs, alloc.head.gref_ids, sizeof(refs));
	p = mmap(NULL, N_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 (off_t)alloc.head.index);
	need(p != MAP_FAILED, "mmap");
	ring = (struct ring *)(void *)p;
	data = p + PAGE;
	memset(p, 0, PAGE);
	ring->req_event = ring->rsp_event = 1;
}

static void open_port(void)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};

	evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	need(evtchn >= 0, "evtchn");
	port = (uint32_t)ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	need((int)port > 0, "port");
}

static int state_of(const char *device)
{
	char command[160];
	int state = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "xenstore-read \"$(xenstore-read device/vbd/%s/backend)/state\" 2>/dev/null",
		 device);
	f = popen(command, "re");
	need(f != NULL, "popen");
	if (fscanf(f, "%d", &state) != 1)
		state = 0;
	pclose(f);
	return state;
}

static void connect_to(const char *device)
{
	char command[400];

	snprintf(command, sizeof(command),
		 "cd=device/vbd/%s; xenstore-write $cd/ring-ref %u $cd/event-channel %u "
		 "$cd/protocol x86_64-abi $cd/state 3",
		 device, refs[0], port);
	need(system(command) == 0, "xenstore-write");
	for (int i = 0; state_of(device) != 4; i++)
		need(i < 600, "the backend does not connect");
	snprintf(command, sizeof(command), "xenstore-write device/vbd/%s/state 4", device);
	need(system(command) == 0, "xenstore-write");
}

static void ask(int operation, uint32_t number, uint32_t at)
{
	struct request *r = &ring->slot[produced % N_SLOTS].request;

	*r = (struct request){.operation = (uint8_t)operation,
			      .n_segments = SEGMENTS,
			      .id = at,
			      .sector = (uint64_t)number * (PAGE / 512)};
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		r->segment[i].ref = refs[1 + at * SEGMENTS + i];
		r->segment[i].last = PAGE / 512 - 1;
	}
	__atomic_store_n(&ring->req_prod, ++produced, __ATOMIC_RELEASE);
}

static void await(void)
{
	struct ioctl_evtchn_notify notify = {.port = port};
	struct pollfd p = {.fd = evtchn, .events = POLLIN};
	uint32_t event;

	__atomic_store_n(&ring->rsp_event, produced, __ATOMIC_SEQ_CST);
	need(ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &notify) == 0, "notify");
	while (__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) != produced) {
		need(poll(&p, 1, 60000) == 1, "the backend does not answer");
		need(read(evtchn, &event, sizeof(event)) == sizeof(event), "read");
		need(write(evtchn, &event, sizeof(event)) == sizeof(event), "unmask");
	}
	for (; consumed != produced; consumed++) {
		const struct response *r = &ring->slot[consumed % N_SLOTS].response;

		errno = EIO;
		need(r->status == 0, "a request failed");
	}
}

/* All pages of the disk, some at a time. */
static void go_over(int operation, uint32_t n)
{
	static unsigned char page[PAGE];

	for (uint32_t at = 0; at < n; at += SEGMENTS * IN_FLIGHT) {
		for (uint32_t i = 0; i < SEGMENTS * IN_FLIGHT; i++) {
			if (operation == WRITE)
				pattern(data + (size_t)i * PAGE, at + i);
			else
				memset(data + (size_t)i * PAGE, 0, PAGE);
		}
		for (uint32_t i = 0; i < IN_FLIGHT; i++)
			ask(operation, at + i * SEGMENTS, i);
		await();
		for (uint32_t i = 0; operation == READ && i < SEGMENTS * IN_FLIGHT; i++) {
			pattern(page, at + i);
			errno = 0;
			need(memcmp(page, data + (size_t)i * PAGE, PAGE) == 0, "other bytes");
		}
	}
}

int main(int argc, char **argv)
{
	static unsigned char page[PAGE];
	uint32_t n = argc > 2 ? (uint32_t)atoi(argv[2]) * (1u << 20) / PAGE : 0;

	if (n == 0)
		return 2;
	if (strcmp(argv[1], "pattern") == 0) {
		for (uint32_t i = 0; i < n; i++) {
			pattern(page, i);
			need(fwrite(page, PAGE, 1, stdout) == 1, "stdout");
		}
		return 0;
	}
	grant_pages();
	open_port();
	connect_to(argv[1]);
	go_over(WRITE, n);
	go_over(READ, n);
	printf("same\n");
	fflush(stdout);
	while (argc > 3)
		pause();
	return 0;
}
