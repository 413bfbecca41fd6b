/* SPDX-License-Identifier: MIT */
/* The socket front: a device descriptor is one end of a stream pair. The kernel keeps what was
 * sent and not yet read, so reading, blocking, O_NONBLOCK, EINTR, poll and several readers are the
 * kernel's business; see wire.h for what the bytes mean. */
#define _GNU_SOURCE
#include "socket.h"
#include "broker/ports.h"
#include "broker/store.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_BYTES sizeof(uint32_t)

/* What one unread message of one port costs in the sender's queue, as the kernel counts it. */
static uint32_t measure_unit(void)
{
	const uint32_t port = 0;
	int pair[2], one = 0, two = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	if (send(pair[0], &port, sizeof(port), MSG_NOSIGNAL) == (ssize_t)sizeof(port) &&
	    ioctl(pair[0], SIOCOUTQ, &one) == 0 &&
	    send(pair[0], &port, sizeof(port), MSG_NOSIGNAL) == (ssize_t)sizeof(port) &&
	    ioctl(pair[0], SIOCOUTQ, &two) == 0 && two <= one)
		two = one;
	close(pair[0]);
	close(pair[1]);
	return two > one ? (uint32_t)(two - one) : 0;
}

/* Ports that were sent and not yet read. 0 if this kernel does not tell. */
static uint32_t unread(const struct device_file *f)
{
	int bytes = 0;

	if (f->broker->socket_unit == 0 || ioctl(f->endpoint.fd, SIOCOUTQ, &bytes) < 0 || bytes < 0)
		return 0;
	return (uint32_t)bytes / f->broker->socket_unit;
}

static void arm(struct device_file *f)
{
	bool takes = !f->xenbus || xenbus_takes(f->xenbus);
	struct epoll_event ev = {.events = EPOLLRDHUP | (takes ? (uint32_t)EPOLLIN : 0u) |
					   (f->n_queue ? (uint32_t)EPOLLOUT : 0u),
				 .data.ptr = &f->endpoint};

	epoll_ctl(f->broker->epoll, EPOLL_CTL_MOD, f->endpoint.fd, &ev);
}

/* Where a filter forbids it no event would ever come: who waits for one is told. */
static bool send_bytes(const struct device_file *f, const void *p, size_t n)
{
	ssize_t sent = send(f->endpoint.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS))
		shutdown(f->endpoint.fd, SHUT_RDWR);
	return sent == (ssize_t)n;
}

static void flush(struct device_file *f)
{
	uint32_t done = 0;

	while (done < f->n_queue && send_bytes(f, &f->queue[done], PORT_BYTES))
		done++;
	if (done == 0)
		return;
	f->unread_most += done;
	f->n_queue -= done;
	memmove(f->queue, f->queue + done, f->n_queue * sizeof(*f->queue));
	if (f->n_queue == 0)
		arm(f);
}

static bool enqueue(struct device_file *f, uint32_t port)
{
	if (f->n_queue == 0 && send_bytes(f, &port, PORT_BYTES)) {
		ports_sent(f);
		f->unread_most++;
		return true;
	}
	if (f->n_queue == f->queue_room) {
		uint32_t room = f->queue_room ? f->queue_room * 2 : 64;
		uint32_t *queue = reallocarray(f->queue, room, sizeof(*queue));

		if (!queue)
			return false;
		f->queue = queue;
		f->queue_room = room;
	}
	f->queue[f->n_queue++] = port;
	if (f->n_queue == 1)
		arm(f);
	return true;
}

/* The kernel is asked only where it may matter. */
static bool is_full(struct device_file *f, uint32_t room)
{
	if (f->unread_most + f->n_queue < room)
		return false;
	f->unread_most = unread(f);
	return f->unread_most + f->n_queue >= room;
}

static void overflow(struct device_file *f)
{
	static const unsigned char odd;

	if (f->overflowed)
		return;
	f->overflowed = true;
	ports_overflowed(f);
	send_bytes(f, &odd, 1);
}

/* xenbus: what was answered goes into the socket, as far as there is room. */
static void send_replies(struct device_file *f)
{
	bool waited = f->n_queue > 0;
	const void *bytes;
	size_t n;

	f->n_queue = 0;
	while (f->n_queue == 0 && (n = xenbus_peek(f->xenbus, &bytes)) > 0) {
		ssize_t sent = send(f->endpoint.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			xenbus_skip(f->xenbus, (size_t)sent);
		else
			f->n_queue = 1;
	}
	if (waited != (f->n_queue > 0))
		arm(f);
	if (xenbus_is_dead(f->xenbus))
		shutdown(f->endpoint.fd, SHUT_WR);
}

/* The driver's ring lies half in the model, half in the socket: the model's part is emptied here
 * at once, so whether the ring is full is decided here too. */
static void socket_events(struct device_file *f)
{
	uint32_t ports[64];
	int n;

	if (f->xenbus) {
		send_replies(f);
		return;
	}
	while ((n = gntsim_evtchn_peek(f->file, sizeof(ports), ports)) > 0) {
		uint32_t room = gntsim_evtchn_ring_size(f->file);

		gntsim_evtchn_read(f->file, (size_t)n, ports);
		for (int i = 0; i < n / (int)PORT_BYTES; i++) {
			ports_fires(f, ports[i]);
			if (is_full(f, room) || !enqueue(f, ports[i]))
				overflow(f);
		}
	}
	if (n == -EFBIG)
		overflow(f);
}

static uint32_t socket_reset(struct device_file *f)
{
	uint32_t bytes = unread(f) * (uint32_t)PORT_BYTES + (f->overflowed ? 1 : 0);

	/* The odd byte counts as a message of its own. */
	if (f->overflowed && f->broker->socket_unit)
		bytes -= (uint32_t)PORT_BYTES;
	if (f->n_queue) {
		f->n_queue = 0;
		arm(f);
	}
	f->overflowed = false;
	return bytes;
}

/* What was written past us, or needs no answer. */
static void take_ports(const struct device_file *f, size_t n, const uint32_t *ports)
{
	for (size_t i = 0; i < n; i++) {
		if (ports[i] & WIRE_PORT_NOTIFY)
			gntsim_evtchn_notify(f->file, ports[i] & ~WIRE_PORT_NOTIFY);
		else
			gntsim_evtchn_write(f->file, PORT_BYTES, &ports[i]);
	}
}

/* Messages for xenstored: no more than it takes while a watch is set. Of one that makes no sense nobody is told. */
static void take_messages(struct device_file *f)
{
	char bytes[4096];
	ssize_t n = recv(f->endpoint.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
	long used;

	if (n == 0 || !xenbus_takes(f->xenbus) || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		device_end(f);
	} else if (n > 0) {
		used = xenbus_feed(f->xenbus, bytes, (size_t)n);
		if (recv(f->endpoint.fd, bytes, (size_t)(used < 0 ? n : used), MSG_DONTWAIT) < 0)
			return;
		if (!xenbus_takes(f->xenbus))
			arm(f);
		broker_effects(f->broker);
	}
}

static void socket_written(struct device_file *f, long result)
{
	(void)result;
	arm(f);
}

static void socket_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct device_file *f = (struct device_file *)e;
	uint32_t ports[1024];
	ssize_t n;

	(void)b;
	if (events & EPOLLOUT && f->xenbus)
		send_replies(f);
	else if (events & EPOLLOUT)
		flush(f);
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return;
	if (f->xenbus) {
		take_messages(f);
	} else {
		/* What a raw write() sent: ports to re-enable. */
		n = recv(e->fd, ports, sizeof(ports), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			device_end(f);
		} else if (n > 0 && f->device == WIRE_DEV_EVTCHN) {
			take_ports(f, (size_t)n / PORT_BYTES, ports);
			broker_effects(f->broker);
		} else if (n > 0 && f->device == WIRE_DEV_PARAMETER) {
			device_write_parameter(f, (const char *)ports, (size_t)n);
		}
	}
}

/* Room for many unread events; beyond it they wait in the broker, and one read() returns fewer. */
static void widen(int fd)
{
	const int wish = 4 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wish, sizeof(wish)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wish, sizeof(wish));
}

static int socket_open(struct device_file *f, int *client_fd)
{
	static const unsigned char readable;
	struct broker *b = f->broker;
	socklen_t len = sizeof(f->cookie);
	struct stat st;
	int pair[2], err;

	if (b->socket_unit == 0)
		b->socket_unit = measure_unit();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	f->endpoint.fd = pair[0];
	if (f->device == WIRE_DEV_EVTCHN || f->xenbus)
		widen(pair[0]);
	f->endpoint.ready = socket_ready;
	f->inode = fstat(pair[1], &st) == 0 ? st.st_ino : 0;
	if (getsockopt(pair[1], SOL_SOCKET, SO_COOKIE, &f->cookie, &len) < 0) {
		err = -errno;
	} else {
		/* A file without a poll method is always readable. */
		if (f->text) {
			send_bytes(f, f->text, strlen(f->text));
			shutdown(pair[0], SHUT_WR);
		} else if (f->device != WIRE_DEV_EVTCHN && !f->xenbus) {
			send_bytes(f, &readable, 1);
		}
		err = broker_add_endpoint(b, &f->endpoint, EPOLLIN | EPOLLRDHUP);
	}
	if (err < 0) {
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	*client_fd = pair[1];
	return 0;
}

const struct front front_socket = {
    .name = "socket",
    .open = socket_open,
    .events = socket_events,
    .written = socket_written,
    .reset = socket_reset,
};
