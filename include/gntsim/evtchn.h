/* SPDX-License-Identifier: MIT */
/**
 * @file evtchn.h
 * /dev/xen/evtchn: event channels for user space. Rules from Linux drivers/xen/evtchn.c.
 *
 * Every function returns -ENODEV for a file whose domain was destroyed and -EINVAL for a file
 * of another device.
 *
 *     struct gntsim_file *e0, *e1;
 *     gntsim_port got;
 *     gntsim_open(dom0, GNTSIM_DEV_EVTCHN, O_RDWR, &e0);
 *     gntsim_open(dom1, GNTSIM_DEV_EVTCHN, O_RDWR, &e1);
 *     int port0 = gntsim_evtchn_bind_unbound(e0, 1);
 *     int port1 = gntsim_evtchn_bind_interdomain(e1, 0, (gntsim_port)port0);
 *     gntsim_evtchn_notify(e1, (gntsim_port)port1);
 *     assert(gntsim_evtchn_read(e0, sizeof(got), &got) == sizeof(got) && got == (gntsim_port)port0);
 */
#ifndef GNTSIM_EVTCHN_H
#define GNTSIM_EVTCHN_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * IOCTL_EVTCHN_BIND_UNBOUND_PORT: a new port that @p remote_domid may bind to (not validated).
 * @return the port
 * @retval -EACCES the file is restricted
 * @retval -ENOSPC no free port
 * @retval -ENOMEM
 */
int gntsim_evtchn_bind_unbound(struct gntsim_file *file, uint32_t remote_domid);

/**
 * IOCTL_EVTCHN_BIND_INTERDOMAIN: binds a new port to another domain's unbound port, and sets the
 * new port pending at once.
 * @return the local port
 * @retval -EACCES the file is restricted to another domain
 * @retval -ESRCH no such domain
 * @retval -ENOSPC no free local port
 * @retval -EINVAL the remote port is not unbound for this domain
 * @retval -ENOMEM
 */
int gntsim_evtchn_bind_interdomain(struct gntsim_file *file, uint32_t remote_domid,
				   gntsim_port remote_port);

/**
 * IOCTL_EVTCHN_BIND_VIRQ (vcpu 0).
 * @return the port
 * @retval -EACCES restricted
 * @retval -EINVAL virq is 24 or more
 * @retval -EEXIST already bound in this domain, also by its kernel (domain.h, kernel_virqs)
 * @retval -ENOSPC, -ENOMEM
 */
int gntsim_evtchn_bind_virq(struct gntsim_file *file, uint32_t virq);

/**
 * IOCTL_EVTCHN_BIND_STATIC (Linux 6.5): binds a port number as it is, for a port that is there
 * before any program is; Xen is not asked, so any number that nobody has bound will do. No event of a
 * port that was made by another call comes to the file. Restriction does not matter.
 * @return 0
 * @retval -ENOSYS the domain's kernel does not know the call
 * @retval -EISCONN bound on this file already
 * @retval -EBUSY the kernel itself has the port (and a hazard: effects.h)
 * @retval -ENOMEM also: the number is 131072 or more
 */
int gntsim_evtchn_bind_static(struct gntsim_file *file, gntsim_port port);

/**
 * IOCTL_EVTCHN_UNBIND. An event that is queued in the ring stays there. The Xen port closes
 * unless an unmap notification holds it.
 * @retval -EINVAL port lies beyond the pages of the kernel's FIFO event array: 1024 ports each, as
 *         many as the highest port that was ever bound in the domain needed
 * @retval -ENOTCONN not bound on this file
 */
int gntsim_evtchn_unbind(struct gntsim_file *file, gntsim_port port);

/** IOCTL_EVTCHN_NOTIFY; of a number that BIND_STATIC bound and that is no port it does nothing. @retval -ENOTCONN the port is not bound on this file */
int gntsim_evtchn_notify(struct gntsim_file *file, gntsim_port port);

/** IOCTL_EVTCHN_RESET: empties the ring, clears its overflow. */
int gntsim_evtchn_reset(struct gntsim_file *file);

/**
 * IOCTL_EVTCHN_RESTRICT_DOMID: from now on only interdomain binds to @p domid.
 * @retval -EACCES already restricted
 * @retval -EINVAL domid is 0 or reserved
 */
int gntsim_evtchn_restrict(struct gntsim_file *file, uint16_t domid);

/**
 * read(): takes queued ports.
 * @param count room in @p ports, in bytes: rounded down to 4; at most 4096 are used
 * @return bytes stored; 0 if count is below 4
 * @retval -EBADF the file is open for writing only
 * @retval -EFBIG the ring overflowed (found before anything else is looked at)
 * @retval -EAGAIN the ring is empty; whether to block is the caller's business
 */
int gntsim_evtchn_read(struct gntsim_file *file, size_t count, gntsim_port *ports);

/** Looks at the ring without taking: like gntsim_evtchn_read() otherwise. */
int gntsim_evtchn_peek(struct gntsim_file *file, size_t count, gntsim_port *ports);

/**
 * write(): re-enables ports; unknown ones are ignored. A port that was sent to meanwhile
 * enters the ring at once.
 * @param count bytes at @p ports, rounded down to 4, at most 4096 used
 * @return the bytes used
 * @retval -EBADF the file is open for reading only
 */
int gntsim_evtchn_write(struct gntsim_file *file, size_t count, const gntsim_port *ports);

/** Entries the ring has room for in all: 0, or a power of two from 64 up, at least the bound ports. */
uint32_t gntsim_evtchn_ring_size(const struct gntsim_file *file);

/** poll(): POLLOUT, POLLIN when the ring has entries, POLLERR alone on overflow. */
short gntsim_evtchn_poll(const struct gntsim_file *file);

#ifdef __cplusplus
}
#endif
#endif
