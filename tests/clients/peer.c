/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PEER_MAX_ARG = 1 << 16,
	PEER_MAX = 16,
	PATIENCE_MS = 20000,
};

struct peer {
	int fd, pidfd;
	pid_t pid;
	bool child;  /* of this very process */
	bool doomed; /* to die in its next call */
	bool dead;
	unsigned spin; /* so many rounds of nothing later */
};

/* A call is this, then the argument's bytes. */
struct call {
	uint64_t fn; /* distance from the program's start: the same in every process of it */
	uint64_t size;
};

/* A reply is this, then the argument's bytes. */
struct reply {
	int64_t result;
};

extern const char __executable_start[];

static struct stage_domain domains[STAGE_MAX_DOMAINS];
static unsigned n_domains, home_domain;
static int stage_fd = -1;
static struct peer *peers[PEER_MAX];

/* The descriptor that came with the call being served, and the one to go with its reply. */
static int fd_in = -1, fd_out = -1;

static const struct stage_domain *domain_at(unsigned i)
{
	CHECK(i < n_domains, "the stage has %u domains", n_domains);
	return &domains[i];
}

const struct stage_domain *us(void)
{
	return domain_at(0);
}

const struct stage_domain *them(void)
{
	return domain_at(1);
}

const struct stage_domain *third(void)
{
	return domain_at(2);
}

const struct stage_domain *home(void)
{
	return domain_at(home_domain);
}

/* Sends one message of two parts and maybe a descriptor. */
static void send_message(int to, void *head, size_t head_size, const void *body, size_t size,
			 int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov[2] = {{head, head_size}, {(void *)(uintptr_t)body, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = size ? 2 : 1};

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	CHECK(sendmsg(to, &msg, MSG_NOSIGNAL) == (ssize_t)(head_size + size), "%s",
	      strerror(errno));
}

/* Receives one. Returns its length, 0 when the other end is gone; *fd is -1 or a descriptor. */
static size_t receive_message(int from, void *head, size_t head_size, void *body, size_t size,
			      int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[2] = {{head, head_size}, {body, size}};
	struct msghdr msg = {
	    .msg_iov = iov,
	    .msg_iovlen = size ? 2 : 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;
	struct cmsghdr *c;

	do
		n = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ECONNRESET)
		n = 0;
	CHECK(n >= 0, "%s", strerror(errno));
	CHECK(!(msg.msg_flags & MSG_TRUNC), "a message is too long");
	*fd = -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return (size_t)n;
}

static struct stage_reply ask_stage(enum stage_op op, unsigned domain, int *fd)
{
	struct stage_request request = {.op = (uint32_t)op, .domain = domain};
	struct stage_reply reply;
	int unwanted;

	send_message(stage_fd, &request, sizeof(request), NULL, 0, -1);
	CHECK(receive_message(stage_fd, &reply, sizeof(reply), NULL, 0, fd ? fd : &unwanted) ==
		  sizeof(reply),
	      "the stage is gone");
	CHECK(!reply.error, "the stage says %s", strerror(reply.error));
	return reply;
}

/* Meets a peer at the other end of a socket. */
static struct peer *new_peer(int fd, bool child)
{
	struct peer *p = malloc(sizeof(*p));
	struct reply hello;
	unsigned i = 0;

	CHECK(p, "no memory");
	*p = (struct peer){.fd = fd, .child = child};
	CHECK(receive_message(fd, &hello, sizeof(hello), NULL, 0, &p->pidfd) == sizeof(hello),
	      "a peer ended at once");
	p->pid = (pid_t)hello.result;
	while (i < PEER_MAX && peers[i])
		i++;
	CHECK(i < PEER_MAX, "more than %d peers", PEER_MAX);
	peers[i] = p;
	return p;
}

static void forget_peer(struct peer *p)
{
	for (unsigned i = 0; i < PEER_MAX; i++)
		if (peers[i] == p)
			peers[i] = NULL;
	if (p->fd >= 0)
		close(p->fd);
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p);
}

struct peer *peer_start(const struct stage_domain *domain)
{
	int fd;

	ask_stage(STAGE_PEER, (unsigned)(domain - domains), &fd);
	CHECK(fd >= 0, "the stage sent no socket");
	return new_peer(fd, false);
}

static long fork_here(void *arg)
{
	int sv[2];
	pid_t pid;

	(void)arg;
	CHECK_IS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	pid = fork();
	CHECK(pid >= 0, "%s", strerror(errno));
	if (!pid) {
		limit_time();
		close(sv[0]);
		for (unsigned i = 0; i < PEER_MAX; i++) {
			if (peers[i])
				close(peers[i]->fd);
			peers[i] = NULL;
		}
		peer_serve(sv[1]);
	}
	close(sv[1]);
	fd_out = sv[0];
	return pid;
}

struct peer *peer_fork(struct peer *parent)
{
	int fd;

	if (!parent) {
		fork_here(NULL);
		fd = fd_out;
		fd_out = -1;
	} else {
		struct call call = {.fn = (uintptr_t)fork_here - (uintptr_t)__executable_start};
		struct reply reply;

		send_message(parent->fd, &call, sizeof(call), NULL, 0, -1);
		CHECK(receive_message(parent->fd, &reply, sizeof(reply), NULL, 0, &fd) ==
			  sizeof(reply),
		      "the peer is gone");
	}
	return new_peer(fd, !parent);
}

void peer_begin(struct peer *p, peer_fn *fn, const void *arg, size_t size)
{
	struct call call = {
	    .fn = (uintptr_t)fn - (uintptr_t)__executable_start,
	    .size = size,
	};

	CHECK(size <= PEER_MAX_ARG, "an argument of %zu bytes", size);
	send_message(p->fd, &call, sizeof(call), arg, size, -1);
}

long peer_end(struct peer *p, void *arg, size_t size)
{
	struct reply reply;
	int unwanted;

	CHECK(receive_message(p->fd, &reply, sizeof(reply), arg, size, &unwanted) ==
		  sizeof(reply) + size,
	      "the peer is gone");
	return (long)reply.result;
}

static void kill_process(struct peer *p)
{
	if (p->dead)
		return;
	CHECK_IS(kill(p->pid, SIGKILL), 0);
}

long peer_try(struct peer *p, peer_fn *fn, void *arg, size_t size)
{
	struct reply reply;
	int unwanted;

	peer_begin(p, fn, arg, size);
	if (receive_message(p->fd, &reply, sizeof(reply), arg, size, &unwanted))
		return (long)reply.result;
	p->dead = true;
	return -ESRCH;
}

long peer_call(struct peer *p, peer_fn *fn, void *arg, size_t size)
{
	if (!p)
		return fn(arg);
	if (p->dead)
		return -ESRCH;
	peer_begin(p, fn, arg, size);
	if (p->doomed) {
		for (volatile unsigned i = 0; i < p->spin; i++)
			;
		kill_process(p);
		p->dead = true;
		return -ESRCH;
	}
	return peer_end(p, arg, size);
}

static long take_fd(void *arg)
{
	(void)arg;
	return fd_in;
}

static long give_fd(void *arg)
{
	fd_out = dup(*(int *)arg);
	return fd_out < 0 ? -errno : 0;
}

int peer_give_fd(struct peer *p, int fd)
{
	struct call call = {.fn = (uintptr_t)take_fd - (uintptr_t)__executable_start};

	send_message(p->fd, &call, sizeof(call), NULL, 0, fd);
	return (int)peer_end(p, NULL, 0);
}

int peer_take_fd(struct peer *p, int fd)
{
	struct reply reply;
	int taken;

	peer_begin(p, give_fd, &fd, sizeof(fd));
	CHECK(receive_message(p->fd, &reply, sizeof(reply), &fd, sizeof(fd), &taken) != 0,
	      "the peer is gone");
	CHECK_IS(reply.result, 0);
	return taken;
}

void peer_serve(int fd)
{
	static _Alignas(16) char arg[PEER_MAX_ARG];
	const char *role = getenv(STAGE_ENV_ROLE);
	/* A child of the test itself needs none, and Valgrind does not know the call. */
	int self = role && !strcmp(role, "peer") ? (int)syscall(SYS_pidfd_open, getpid(), 0) : -1;
	struct reply hello = {getpid()};

	send_message(fd, &hello, sizeof(hello), NULL, 0, self);
	if (self >= 0)
		close(self);

	for (;;) {
		struct call call;
		struct reply reply;

		if (!receive_message(fd, &call, sizeof(call), arg, sizeof(arg), &fd_in))
			exit(0);
		fd_out = -1;
		reply.result = ((peer_fn *)((uintptr_t)__executable_start + call.fn))(arg);
		send_message(fd, &reply, sizeof(reply), arg, call.size, fd_out);
		if (fd_out >= 0)
			close(fd_out);
	}
}

void peer_doom(struct peer *p, unsigned spin)
{
	p->doomed = true;
	p->spin = spin;
}

void peer_wait(struct peer *p)
{
	struct pollfd gone = {.fd = p->pidfd, .events = POLLIN};
	int n;

	if (p->child) {
		CHECK_IS(waitpid(p->pid, NULL, 0), p->pid);
	} else {
		do
			n = poll(&gone, 1, PATIENCE_MS);
		while (n < 0 && errno == EINTR);
		CHECK(n == 1, "process %d does not end", p->pid);
	}
	forget_peer(p);
}

void peer_kill(struct peer *p)
{
	kill_process(p);
	peer_wait(p);
}

void peer_stop(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
	peer_wait(p);
}

void peers_finish(void)
{
	for (unsigned i = 0; i < PEER_MAX; i++)
		if (peers[i])
			peer_stop(peers[i]);
}

struct stage_totals machine_totals(void)
{
	return ask_stage(STAGE_TOTALS, 0, NULL).totals;
}

void machine_await(const char *name, size_t offset, uint64_t value)
{
	uint64_t now = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		struct stage_totals t = machine_totals();

		memcpy(&now, (const char *)&t + offset, sizeof(now));
		if (now == value)
			return;
		poll(NULL, 0, 1);
	}
	CHECK(now == value, "there are %ju %s, not %ju", (uintmax_t)now, name, (uintmax_t)value);
}

void machine_kill(void)
{
	ask_stage(STAGE_KILL_BROKER, 0, NULL);
}

pid_t machine_process(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", getenv("GNTSIM_SOCKET"));
	CHECK_IS(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_IS(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	close(fd);
	return peer.pid;
}

bool machine_shares_no_page(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return getenv("GNTSIM_NATIVE") || !preload || !strstr(preload, "gntsim-preload");
}

int stage_socket(void)
{
	return stage_fd;
}

static int env_number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : -1;
}

void peer_init(void)
{
	const char *list = getenv(STAGE_ENV_DOMAINS);

	if (!list)
		return;
	n_domains = stage_parse_domains(list, domains);
	home_domain = (unsigned)env_number(STAGE_ENV_HOME);
	stage_fd = env_number(STAGE_ENV_SOCKET);
}
