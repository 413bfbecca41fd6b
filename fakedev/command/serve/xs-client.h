/* SPDX-License-Identifier: MIT */
/** @file xs-client.h A conversation with xenstored over its socket, request by request. */
#ifndef FAKEDEV_COMMAND_SERVE_XS_CLIENT_H
#define FAKEDEV_COMMAND_SERVE_XS_CLIENT_H

#include "xenbus/xs.h"

#include <stddef.h>

struct xs_client {
	int fd;
	uint32_t tx;                     /**< the transaction that requests belong to; 0: none */
	char answer[XS_PAYLOAD_MAX + 1]; /**< the last one's body, with a zero byte behind it */
};

/**
 * Connects to the socket at @p path; no request waits longer than @p patience seconds.
 * @retval -ENAMETOOLONG @retval -errno of socket(2) and connect(2)
 */
int xs_open(struct xs_client *c, const char *path, unsigned int patience);
void xs_close(struct xs_client *c);

/**
 * One request, whose body is written with a format in which '|' stands for a zero byte.
 * @return bytes of its answer
 * @retval -errno that xenstored gave it (-EINVAL for one that is not known here)
 * @retval -E2BIG the body is too long @retval -ETIMEDOUT @retval -EPIPE it has ended
 */
int xs_ask(struct xs_client *c, enum xs_type type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
