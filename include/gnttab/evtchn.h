/* SPDX-License-Identifier: MIT */
/**
 * @file evtchn.h
 * Event channels (/dev/xen/evtchn): a bit that one domain sets and another waits for. types.h
 * says how failures, handles and threads are dealt with.
 *
 * One side makes a port with evtchn_bind_unbound() and tells the other its number, which binds to
 * it with evtchn_bind_interdomain(). From then on either notifies and waits.
 *
 *     EVTCHN_AUTO_CLOSE struct evtchn *e = evtchn_open();
 *     uint32_t port, got;
 *     if (!e || evtchn_bind_unbound(e, domid, &port) < 0)
 *             return perror("evtchn"), 1;
 *     printf("port %" PRIu32 "\n", port);
 *     while (evtchn_wait(e, 100, &got) == 0)
 *             printf("an event on port %" PRIu32 "\n", got);
 */
#ifndef GNTTAB_EVTCHN_H
#define GNTTAB_EVTCHN_H

#include <gnttab/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An interface to event channels: a set of ports, and the events that arrived on them. */
struct evtchn;

/**
 * Opens an interface.
 * @return a handle, to be closed with evtchn_close(); NULL with errno as gnttab_open(), for
 *   /dev/xen/evtchn
 */
struct evtchn *evtchn_open(void);
/** evtchn_open() with a status. */
int evtchn_try_open(struct evtchn **out);

/**
 * Closes the interface and its ports, but for those that an unmap notification still needs. The
 * other side is not told. A thread in evtchn_wait() is woken.
 * @return 0; -EBADF: closed already
 */
int evtchn_close(struct evtchn *e);

/**
 * Makes a port that @p domid may bind to.
 * @param domid 0x7FF0 is this domain itself
 * @param[out] port
 * @return 0; -EBADF: e is closed; -ENOSPC: no port is free; -ENOMEM
 */
int evtchn_bind_unbound(struct evtchn *e, uint16_t domid, uint32_t *port);

/**
 * Binds to a port that another domain made for this one. This side gets one event at once, so that
 * nothing is lost that was sent before.
 * @param[out] port the local one
 * @return 0; -EBADF: e is closed; -ESRCH: no such domain; -EINVAL: not a port made for this
 *   domain, or bound already; -ENOSPC: no port is free; -ENOMEM
 */
int evtchn_bind_interdomain(struct evtchn *e, uint16_t domid, uint32_t remote_port, uint32_t *port);

/**
 * Gives a port up. An event of it that has arrived may still be returned by evtchn_wait().
 * @return 0; -EBADF: e is closed; -ENOTCONN, -EINVAL: not a port of this interface
 */
int evtchn_unbind(struct evtchn *e, uint32_t port);

/**
 * Sends an event to the other side. Events that were not waited for yet are one. If nobody is bound
 * there it is lost, which is a success.
 * @return 0; -EBADF: e is closed; -ENOTCONN: not a port of this interface
 */
int evtchn_notify(struct evtchn *e, uint32_t port);

/**
 * Waits for an event and takes it. The port can have another at once. Of this library's functions the
 * only one in which a thread is cancelled, and only before it takes an event.
 * @param timeout_ms in milliseconds; 0: do not wait; negative: for ever
 * @param[out] port the port it arrived on
 * @return 0; -ETIMEDOUT; -EINTR: a signal was caught; -EBADF: e is closed, or was while waiting;
 *   -EFBIG: events were lost (64 ports and more were bound and given up without waiting):
 *   evtchn_reset() is needed
 */
int evtchn_wait(struct evtchn *e, int timeout_ms, uint32_t *port);

/**
 * Forgets the events that arrived, and the loss of any. Ports whose event is forgotten have no
 * other until evtchn_enable().
 * @return 0; -EBADF
 */
int evtchn_reset(struct evtchn *e);

/** Lets a port have events again, after evtchn_reset(). @return 0; -EBADF. A port that is not this
 * interface's is ignored. */
int evtchn_enable(struct evtchn *e, uint32_t port);

/**
 * A descriptor for poll(): POLLIN when evtchn_wait() would not wait, POLLERR when it would say
 * -EFBIG. It is the interface's own: not to be closed, read or written, and gone with it.
 * @return 0 or more; -EBADF
 */
int evtchn_fd(struct evtchn *e);

/**
 * Opens an interface, calls body with it and closes it on every way out, as gnttab_with().
 * @return what body returned; a negated errno as evtchn_open()'s if body was not called
 */
int evtchn_with(int (*body)(struct evtchn *e, void *ctx), void *ctx);

/** For the macro below. */
static inline void evtchn_close_variable(struct evtchn **e)
{
	int saved = errno;

	if (*e)
		(void)evtchn_close(*e);
	errno = saved;
}

/** As GNTTAB_AUTO_CLOSE, for a struct evtchn *. */
#define EVTCHN_AUTO_CLOSE __attribute__((cleanup(evtchn_close_variable)))

#ifdef __cplusplus
}
#endif
#endif
