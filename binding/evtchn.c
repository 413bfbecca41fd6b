/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"
#include "uapi.h"

#include <fcntl.h>
#include <gnttab/evtchn.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

int evtchn_try_open(struct evtchn **out)
{
	/* Non-blocking: another thread may take the event that poll() saw. */
	return device_open(KIND_EVTCHN, "/dev/xen/evtchn", O_NONBLOCK, (void **)out);
}

struct evtchn *evtchn_open(void)
{
	struct evtchn *e;

	return evtchn_try_open(&e) < 0 ? NULL : e;
}

int evtchn_close(struct evtchn *e)
{
	return device_close(e, KIND_EVTCHN);
}

/* An ioctl that returns a port, or 0. */
static int call(struct evtchn *e, unsigned long request, void *arg, uint32_t *port)
{
	DEVICE_AUTO_PUT struct device *d = device_get(e, KIND_EVTCHN);
	int result;

	if (!d)
		return fail(EBADF);
	result = ioctl(d->fd, request, arg);
	if (result < 0)
		return fail_errno();
	if (port)
		*port = (uint32_t)result;
	return 0;
}

int evtchn_bind_unbound(struct evtchn *e, uint16_t domid, uint32_t *port)
{
	struct ioctl_evtchn_bind_unbound_port u = {.remote_domain = domid};

	return port ? call(e, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &u, port) : fail(EFAULT);
}

int evtchn_bind_interdomain(struct evtchn *e, uint16_t domid, uint32_t remote_port, uint32_t *port)
{
	struct ioctl_evtchn_bind_interdomain u = {.remote_domain = domid,
						  .remote_port = remote_port};

	return port ? call(e, IOCTL_EVTCHN_BIND_INTERDOMAIN, &u, port) : fail(EFAULT);
}

int evtchn_unbind(struct evtchn *e, uint32_t port)
{
	struct ioctl_evtchn_unbind u = {.port = port};

	return call(e, IOCTL_EVTCHN_UNBIND, &u, NULL);
}

int evtchn_notify(struct evtchn *e, uint32_t port)
{
	struct ioctl_evtchn_notify u = {.port = port};

	return call(e, IOCTL_EVTCHN_NOTIFY, &u, NULL);
}

int evtchn_reset(struct evtchn *e)
{
	return call(e, IOCTL_EVTCHN_RESET, NULL, NULL);
}

static NOTHROW int enable(const struct device *d, uint32_t port)
{
	int cancellable = cancel_off(), status;

	status = write(d->fd, &port, sizeof(port)) < 0 ? fail_errno() : 0;
	cancel_again(cancellable);
	return status;
}

int evtchn_enable(struct evtchn *e, uint32_t port)
{
	DEVICE_AUTO_PUT struct device *d = device_get(e, KIND_EVTCHN);

	return d ? enable(d, port) : fail(EBADF);
}

int evtchn_fd(struct evtchn *e)
{
	DEVICE_AUTO_PUT struct device *d = device_get(e, KIND_EVTCHN);

	return d ? d->fd : fail(EBADF);
}

static NOTHROW int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static NOTHROW bool is_closed(const struct device *d)
{
	bool closed;

	handles_lock();
	closed = d->closed;
	handles_unlock();
	return closed;
}

/* 0: took one; -EAGAIN: there is none. */
static NOTHROW int take(const struct device *d, uint32_t *port)
{
	int cancellable = cancel_off(), status;
	ssize_t n = read(d->fd, port, sizeof(*port));

	if (n < 0)
		status = fail_errno();
	else if (n != (ssize_t)sizeof(*port))
		status = fail(EIO);
	else /* At once: an event that comes while the caller deals with this one is the next one. */
		status = enable(d, *port);
	cancel_again(cancellable);
	return status;
}

/* Woken: by evtchn_close(), or by that of a child of fork(), whose handle is not ours. Whether this
 * one is closed is asked after reading, as it is written after closing; and is told to the next. */
static NOTHROW bool drain(const struct device *d)
{
	int cancellable = cancel_off();
	uint64_t count = 1;
	bool closed;

	if (read(d->wake, &count, sizeof(count)) < 0) {
		/* Another thread was first. */
	}
	closed = is_closed(d);
	if (closed && write(d->wake, &count, sizeof(count)) < 0) {
		/* Full: then it is readable, which is what matters. */
	}
	cancel_again(cancellable);
	return closed;
}

int evtchn_wait(struct evtchn *e, int timeout_ms, uint32_t *port)
{
	DEVICE_AUTO_PUT struct device *d = NULL;
	struct pollfd polled[2];
	int64_t end = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	uint32_t taken;
	int left = timeout_ms < 0 ? -1 : timeout_ms, n, status;

	if (!port)
		return fail(EFAULT);
	d = device_get(e, KIND_EVTCHN);
	if (!d)
		return fail(EBADF);
	for (;;) {
		polled[0] = (struct pollfd){.fd = d->fd, .events = POLLIN};
		polled[1] = (struct pollfd){.fd = d->wake, .events = POLLIN};
		n = poll(polled, 2, left);
		if (n < 0)
			return fail_errno();
		if (is_closed(d))
			return fail(EBADF);
		if (polled[1].revents && drain(d))
			return fail(EBADF);
		if (polled[0].revents) {
			status = take(d, &taken);
			if (status != -EAGAIN) {
				if (!status)
					*port = taken;
				return status;
			}
		}
		if (timeout_ms >= 0) {
			int64_t rest = end - now_ms();

			left = rest > 0 ? (int)rest : 0;
			if (timeout_ms == 0 || rest <= 0)
				return fail(ETIMEDOUT);
		}
	}
}

int evtchn_with(int (*body)(struct evtchn *e, void *ctx), void *ctx)
{
	EVTCHN_AUTO_CLOSE struct evtchn *e = NULL;
	int status = evtchn_try_open(&e);

	return status < 0 ? status : body(e, ctx);
}
