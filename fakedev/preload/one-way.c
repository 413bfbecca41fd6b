/* SPDX-License-Identifier: MIT */
/* What xenstored says of its event channels without waiting for an answer (lib_settings.one_way): ports to
 * enable again, and events to send. It reads and writes a message in pieces, and sends an event at each: they
 * are kept until it is about to wait, or asks the machine something, and go in one message then. A real
 * xenstored might be as slow. */
#include "library.h"
#include "uapi.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#define MOST 64u

static struct {
	atomic_flag taken;
	_Atomic unsigned int n; /* that are kept */
	int fd;
	struct device device;
	uint32_t ports[MOST];
} kept = {.taken = ATOMIC_FLAG_INIT};

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&kept.taken, memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&kept.taken, memory_order_release);
}

/* Where its socket is full each is a call that waits. */
static void one_by_one(void)
{
	for (unsigned int i = 0; i < kept.n; i++) {
		uint32_t port = kept.ports[i] & ~WIRE_PORT_NOTIFY;

		if (kept.ports[i] & WIRE_PORT_NOTIFY)
			device_ioctl(kept.fd, &kept.device, IOCTL_EVTCHN_NOTIFY, (uintptr_t)&port);
		else
			device_write(&kept.device, &port, sizeof(port));
	}
}

static void send_kept(void)
{
	long bytes = (long)(kept.n * sizeof(kept.ports[0]));

	if (raw_syscall(SYS_sendto, kept.fd, (long)kept.ports, bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
			0, 0) != bytes)
		one_by_one();
	kept.n = 0;
}

static void keep(int fd, const struct device *d, uint32_t port)
{
	lock();
	if (kept.n == MOST || (kept.n && kept.fd != fd))
		send_kept();
	kept.fd = fd;
	kept.device = *d;
	for (unsigned int i = 0; i < kept.n; i++)
		if (kept.ports[i] == port)
			port = 0;
	if (port)
		kept.ports[kept.n++] = port;
	unlock();
}

static bool may_keep(const struct device *d)
{
	return lib_settings.one_way && d->device == WIRE_DEV_EVTCHN && d->is_socket &&
	       !lib_traced() && !lib_watched();
}

bool lib_one_way_device(int fd, struct device *d)
{
	bool same = false;

	if (!atomic_load_explicit(&kept.n, memory_order_relaxed))
		return false;
	lock();
	if (kept.n && kept.fd == fd) {
		*d = kept.device;
		same = true;
	}
	unlock();
	return same;
}

/* A pointer of xenstored's, which is good. */
static uint32_t port_at(const void *from)
{
	uint32_t port;

	memcpy(&port, from, sizeof(port));
	return port;
}

bool lib_one_way_notify(int fd, const struct device *d, unsigned long cmd, const void *arg)
{
	uint32_t port = cmd == IOCTL_EVTCHN_NOTIFY && may_keep(d) ? port_at(arg) : 0;

	if (!port)
		return false;
	keep(fd, d, port | WIRE_PORT_NOTIFY);
	return true;
}

bool lib_one_way_enable(int fd, const struct device *d, const void *buf, size_t count)
{
	uint32_t port = count == sizeof(port) && may_keep(d) ? port_at(buf) : 0;

	if (!port || (port & WIRE_PORT_NOTIFY))
		return false;
	keep(fd, d, port);
	return true;
}

void lib_one_way_end(void)
{
	if (!atomic_load_explicit(&kept.n, memory_order_relaxed))
		return;
	lock();
	if (kept.n)
		send_kept();
	unlock();
}
