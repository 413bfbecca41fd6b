/* SPDX-License-Identifier: MIT */
/*
 * A device descriptor sent over a socket to another process of the domain works there as it did,
 * also when its sender is gone, and lives while it is on its way.
 */
#include "check.h"
#include "device.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer *peer;

static void gntalloc_from_the_dead(void)
{
	struct peer *sender = peer_start(us());
	struct shared_page page = share_page(sender, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr + 3);
	uint64_t index;
	long addr;
	int fd;

	CHECK_IS(gntalloc_notify(sender, page.fd, page.index + 3, 3, w.port), 0);
	CHECK_IS(store_byte(sender, page.addr, 's'), 0);
	fd = peer_take_fd(sender, page.fd);
	peer_kill(sender);
	watch_still(&w);
	addr = device_mmap(HERE, fd, page.index, 1, PROT_READ | PROT_WRITE);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(load_byte(HERE, addr), 's');
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, &index, NULL), 0);
	CHECK_IS(index, PAGE);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	watch_still(&w);
	CHECK_IS(call_close(HERE, fd), 0);
	watch_over(&w);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

static void gntdev_of_the_living(void)
{
	struct peer *sender = peer_start(us());
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 3);
	struct ioctl_gntdev_grant_ref grant = {them()->id, page.ref};
	int theirs = device_open(sender, "gntdev"), fd;
	long addr;

	/* One maps the reference, the other the memory. */
	CHECK_IS(gntdev_map(sender, theirs, 1, &grant, NULL), 0);
	CHECK_IS(gntdev_notify(sender, theirs, 3, 3, w.port), 0);
	fd = peer_take_fd(sender, theirs);
	addr = device_mmap(HERE, fd, 0, 1, PROT_READ | PROT_WRITE);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(load_byte(HERE, addr + 3), 1);
	CHECK_IS(gntdev_unmap(sender, theirs, 0, 1), 0);
	watch_still(&w);
	peer_stop(sender);
	watch_still(&w);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void evtchn_to_another(void)
{
	struct peer *receiver = peer_start(us());
	struct channel c = connect_channel(HERE, us(), peer, them());
	int fd = peer_give_fd(receiver, c.fd[0]);

	CHECK_IS(call_close(HERE, c.fd[0]), 0);
	CHECK_IS(evtchn_notify(receiver, fd, c.port[0]), 0);
	CHECK_IS(evtchn_take(peer, c.fd[1]), c.port[1]);
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	CHECK_IS(evtchn_take(receiver, fd), c.port[0]);
	peer_stop(receiver);
	evtchn_quiet(peer, c.fd[1]);
}

/* Nobody has it open; it is in a socket's buffer. */
static void on_its_way(void)
{
	struct shared_page page = share_page(HERE, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr);
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int sv[2], fd;
	long addr;

	CHECK_IS(gntalloc_notify(HERE, page.fd, page.index, 3, w.port), 0);
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	memcpy(CMSG_DATA(&control.head), &page.fd, sizeof(int));
	CHECK_IS(sendmsg(sv[0], &msg, 0), 1);
	CHECK_IS(call_close(HERE, page.fd), 0);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	watch_still(&w);
	CHECK_IS(recvmsg(sv[1], &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	addr = device_mmap(HERE, fd, page.index, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);

	/* Sent and never received: released with the socket. */
	CHECK_IS(sendmsg(sv[0], &msg, 0), 1);
	CHECK_IS(call_close(HERE, fd), 0);
	watch_still(&w);
	CHECK_IS(close(sv[0]), 0);
	watch_still(&w);
	CHECK_IS(close(sv[1]), 0);
	watch_over(&w);
}

static void killed_with_it(void)
{
	struct peer *sender = peer_start(us());
	struct shared_page page = share_page(sender, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, PROT_READ | PROT_WRITE);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr);
	struct peer *receiver = peer_start(us());
	int fd;

	CHECK_IS(gntalloc_notify(sender, page.fd, page.index, 3, w.port), 0);
	fd = peer_take_fd(sender, page.fd);
	peer_give_fd(receiver, fd);
	CHECK_IS(call_close(HERE, fd), 0);
	peer_kill(sender);
	watch_still(&w);
	peer_kill(receiver);
	watch_over(&w);
}

void test(void)
{
	peer = peer_start(them());
	gntalloc_from_the_dead();
	gntdev_of_the_living();
	evtchn_to_another();
	on_its_way();
	killed_with_it();
}
