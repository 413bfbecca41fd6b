/* SPDX-License-Identifier: MIT */
/*
 * An event that waits is read by readv() and by io_uring as by read(), from the first read of a file on;
 * at an offset, by splice() and by sendfile() it is not, and stays.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* One request at a time. */
static struct {
	int fd;
	char *sq, *cq;
	struct io_uring_params p;
	struct io_uring_sqe *sqe;
} ring;

static void *map_ring(size_t len, off_t what)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, what);

	CHECK(p != MAP_FAILED, "mmap of the ring");
	return p;
}

static bool ring_start(void)
{
	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &ring.p);
	if (ring.fd < 0)
		return false;
	ring.sq = map_ring(ring.p.sq_off.array + ring.p.sq_entries * sizeof(unsigned),
			   IORING_OFF_SQ_RING);
	ring.cq = map_ring(ring.p.cq_off.cqes + ring.p.cq_entries * sizeof(struct io_uring_cqe),
			   IORING_OFF_CQ_RING);
	ring.sqe = map_ring(ring.p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	return true;
}

static unsigned *at(char *base, unsigned offset)
{
	return (unsigned *)(void *)(base + offset);
}

static int ring_read(int opcode, int fd, void *addr, unsigned len)
{
	unsigned *tail = at(ring.sq, ring.p.sq_off.tail), *head = at(ring.cq, ring.p.cq_off.head);
	unsigned mask = *at(ring.sq, ring.p.sq_off.ring_mask), slot = *tail & mask;
	const struct io_uring_cqe *cqe;

	ring.sqe[slot] = (struct io_uring_sqe){
	    .opcode = (uint8_t)opcode, .fd = fd, .addr = (uint64_t)(uintptr_t)addr, .len = len};
	at(ring.sq, ring.p.sq_off.array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	CHECK_IS(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	cqe = (const struct io_uring_cqe *)(void *)(ring.cq + ring.p.cq_off.cqes);
	cqe += *head & *at(ring.cq, ring.p.cq_off.ring_mask);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

static long by_ring(int fd, uint32_t *port)
{
	return ring_read(IORING_OP_READ, fd, port, sizeof(*port));
}

static long by_ring_vector(int fd, uint32_t *port)
{
	struct iovec v = {port, sizeof(*port)};

	return ring_read(IORING_OP_READV, fd, &v, 1);
}

static long by_vector(int fd, uint32_t *port)
{
	struct iovec v = {port, sizeof(*port)};

	return readv(fd, &v, 1);
}

/* The first read of a file. */
static void first(const char *what, long (*how)(int, uint32_t *))
{
	int fd = device_open(HERE, "evtchn"), port, other;
	uint32_t got = 0;

	check_note("%s", what);
	port = evtchn_bind_unbound(HERE, fd, us()->id);
	other = evtchn_bind_interdomain(HERE, fd, us()->id, (uint32_t)port);
	CHECK(other > 0, "bind: %d", other);
	CHECK_IS(how(fd, &got), 4);
	CHECK_IS(got, other);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void nothing_else(void)
{
	int fd = device_open(HERE, "evtchn"), grants = device_open(HERE, "gntalloc"), pipes[2],
	    port;
	struct iovec v = {&port, sizeof(port)};
	uint32_t got;

	check_note("others");
	CHECK_IS(pipe2(pipes, O_CLOEXEC), 0);
	port = evtchn_bind_unbound(HERE, fd, us()->id);
	CHECK(evtchn_bind_interdomain(HERE, fd, us()->id, (uint32_t)port) > 0, "bind");
	CHECK_IS(preadv(fd, &v, 1, 0), -1);
	CHECK_IS(errno, ESPIPE);
	CHECK_IS(splice(fd, NULL, pipes[1], NULL, 4, 0), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(splice(grants, NULL, pipes[1], NULL, 4, 0), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(sendfile(pipes[1], fd, NULL, 4), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(call_read(HERE, fd, &got, sizeof(got)), 4);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_close(HERE, grants), 0);
}

void test(void)
{
	first("readv", by_vector);
	nothing_else();
	if (!ring_start())
		skip("no io_uring: %s", strerror(errno));
	first("io_uring READ", by_ring);
	first("io_uring READV", by_ring_vector);
}
