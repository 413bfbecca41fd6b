/* SPDX-License-Identifier: MIT */
/**
 * @file xenbus.h
 * A domain's way to its xenstored: what the kernel does in it, between the page that it shares with
 * xenstored and the programs that have /dev/xen/xenbus open (Linux 6.1 drivers/xen/xenbus/
 * xenbus_comms.c, xenbus_xs.c, xenbus_dev_frontend.c). The ring carries the requests of all; request
 * ids and watch tokens are the kernel's own on it, and each program's again when the answer is given.
 */
#ifndef FAKEDEV_XENBUS_H
#define FAKEDEV_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xenbus;
struct xenbus_file;
struct xs_ring;

/** What the domain's kernel needs of its surroundings. */
struct xenbus_ops {
	/** Sends an event to xenstored. */
	void (*kick)(void *ctx);
};

/**
 * @param ring the shared page, which lives until xenbus_free()
 * @param ops copied
 * @retval -ENOMEM
 */
int xenbus_new(struct xs_ring *ring, const struct xenbus_ops *ops, void *ctx, struct xenbus **out);
/** The domain's end. Its files are dead, as after xenbus_died(). */
void xenbus_free(struct xenbus *x);
/** An event came from xenstored: takes what it has answered, sends what waits for room. */
void xenbus_event(struct xenbus *x);
/** Nobody serves the ring any more. Who waits for an answer gets -EIO, and so does who comes later. */
void xenbus_died(struct xenbus *x);
/** Another xenstored serves it now: the ring begins anew, watches are set again (xs_resume()), and of
 * transactions none is left. */
void xenbus_revive(struct xenbus *x);

/** Who uses a file: a descriptor of /dev/xen/xenbus, or a connection as xenstored's own socket takes. */
struct xenbus_file_ops {
	/** There is something to read, or the file has died. */
	void (*readable)(void *ctx);
	/** The result of a xenbus_write() that was -EINPROGRESS. */
	void (*written)(void *ctx, long result);
};

/**
 * @param x NULL: dead from the beginning
 * @param as_socket it speaks as with xenstored's socket: a watch that can't be is an XS_ERROR
 * @retval -ENOMEM
 */
int xenbus_open(struct xenbus *x, const struct xenbus_file_ops *ops, void *ctx, bool as_socket,
		struct xenbus_file **out);
/** The last descriptor is gone. Its transactions are aborted, its watches taken off. */
void xenbus_close(struct xenbus_file *f);

/**
 * write(2): a message, or a part of one.
 * @return @p len
 * @retval -EINPROGRESS a watch is set or taken off; written() tells
 * @retval -EBUSY another one is just being set or taken off (the driver would wait)
 * @retval -EINVAL with what came before it is longer than the buffer (4096); -E2BIG a message that can't
 *         fit; either forgets what came before
 * @retval -EIO xenstored has ended
 * @retval -ENOMEM
 */
long xenbus_write(struct xenbus_file *f, const void *bytes, size_t len);

/**
 * The same of a stream, message by message. It takes no more while a watch is set: the rest is to be
 * offered again when written() has told.
 * @return bytes used, or -E2BIG, -EIO, -ENOMEM: the stream is to end
 */
long xenbus_feed(struct xenbus_file *f, const void *bytes, size_t len);
/** Whether xenbus_feed() would take something. */
bool xenbus_takes(const struct xenbus_file *f);

/** Takes what can be read. @return bytes; 0: nothing; -EIO: nothing, and it has died */
long xenbus_read(struct xenbus_file *f, void *out, size_t len);
/** The same without taking it; @p out is valid until the next call. */
size_t xenbus_peek(const struct xenbus_file *f, const void **out);
void xenbus_skip(struct xenbus_file *f, size_t n);
bool xenbus_is_readable(const struct xenbus_file *f);
bool xenbus_is_dead(const struct xenbus_file *f);

#endif
