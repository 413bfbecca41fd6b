/* SPDX-License-Identifier: MIT */
/* Where the kernel lets nobody reach into a program (a container without CAP_SYS_PTRACE: pidfd_getfd(2) and
 * process_vm_readv(2) are refused there, ptrace(2) is not), the program brings what is asked for: it is made
 * to send it over a socket of ours, as it may send whatever is its own. */
#include "follower.h"
#include "tracee/tracee.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a packet surely takes. */
#define PACKET 32768u

/* In the program's memory. */
struct message {
	struct msghdr head;
	struct iovec piece;
	char byte;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
};

void channel_forget(struct process *p)
{
	if (p->channel.ours >= 0)
		close(p->channel.ours);
	p->channel = (struct channel){-1, -1};
}

void channel_inherit(struct process *child, const struct process *parent)
{
	child->channel = (struct channel){parent->channel.theirs, -1};
	if (parent->channel.ours >= 0)
		child->channel.ours = fcntl(parent->channel.ours, F_DUPFD_CLOEXEC, 0);
	if (child->channel.ours < 0)
		child->channel.theirs = -1;
}

int channel_open(struct thread *t)
{
	struct channel *c = &t->process->channel;
	int ends[2], number;

	if (!t->standing)
		return -EPERM;
	if (c->theirs >= 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	number = call_give_high(t, ends[1]);
	close(ends[1]);
	if (number < 0) {
		close(ends[0]);
		return number;
	}
	*c = (struct channel){number, ends[0]};
	reach_own(t, number);
	return 0;
}

/* ---- memory ---- */

static long transfer(struct thread *t, uint64_t nr, uint64_t addr, size_t n)
{
	return call_inject(t, nr,
			   (const uint64_t[6]){(uint64_t)t->process->channel.theirs, addr, n,
					       MSG_DONTWAIT | MSG_NOSIGNAL});
}

bool channel_read(struct thread *t, uint64_t addr, void *to, size_t n)
{
	unsigned char *at = to;

	if (channel_open(t) < 0)
		return false;
	for (size_t done = 0, some; done < n; done += some) {
		some = n - done < PACKET ? n - done : PACKET;
		if (transfer(t, SYS_sendto, addr + done, some) != (long)some ||
		    recv(t->process->channel.ours, at + done, some, MSG_DONTWAIT) != (ssize_t)some)
			return false;
	}
	return true;
}

bool channel_write(struct thread *t, uint64_t addr, const void *from, size_t n)
{
	const unsigned char *at = from;

	if (channel_open(t) < 0)
		return false;
	for (size_t done = 0, some; done < n; done += some) {
		some = n - done < PACKET ? n - done : PACKET;
		if (send(t->process->channel.ours, at + done, some, MSG_DONTWAIT | MSG_NOSIGNAL) !=
			(ssize_t)some ||
		    transfer(t, SYS_recvfrom, addr + done, some) != (long)some)
			return false;
	}
	return true;
}

/* ---- descriptors ---- */

static bool put(struct thread *t, uint64_t at, const void *what, size_t n)
{
	return tracee_write(t->tid, at, what, n) || channel_write(t, at, what, n);
}

static bool put_message(struct thread *t, uint64_t at, int fd)
{
	struct message m = {
	    .head = {.msg_iov = (struct iovec *)(at + offsetof(struct message, piece)),
		     .msg_iovlen = 1,
		     .msg_control = (void *)(at + offsetof(struct message, control)),
		     .msg_controllen = sizeof(m.control.bytes)},
	    .piece = {(void *)(at + offsetof(struct message, byte)), 1},
	    .control.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};

	memcpy(CMSG_DATA(&m.control.head), &fd, sizeof(fd));
	return put(t, at, &m, sizeof(m));
}

uint64_t channel_page(struct thread *t)
{
	struct space *s = t->space;
	long at;

	if (s->page)
		return s->page;
	at = call_inject(t, SYS_mmap,
			 (const uint64_t[6]){0, CHANNEL_PAGE, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0});
	s->page = raw_is_error(at) ? 0 : (uint64_t)at;
	return s->page;
}

/* Another page, if the program has taken it away. */
static bool prepare(struct thread *t, int fd)
{
	if (t->space->page && put_message(t, t->space->page, fd))
		return true;
	t->space->page = 0;
	return channel_page(t) && put_message(t, t->space->page, fd);
}

static int take(int from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *c;
	int fd;

	if (recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EMFILE;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int channel_fd(struct thread *t, int fd)
{
	long r;

	if (!t->space || channel_open(t) < 0 || !prepare(t, fd))
		return -EPERM;
	r = call_inject(t, SYS_sendmsg,
			(const uint64_t[6]){(uint64_t)t->process->channel.theirs, t->space->page,
					    MSG_DONTWAIT | MSG_NOSIGNAL});
	return r < 0 ? (int)r : take(t->process->channel.ours);
}
