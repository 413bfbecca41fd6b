/* SPDX-License-Identifier: MIT */
/**
 * @file xs.h
 * The protocol of xenstored and its shared page (Xen's public/io/xs_wire.h, which need not be
 * installed; tests/store/abi.c compares).
 */
#ifndef FAKEDEV_XENBUS_XS_H
#define FAKEDEV_XENBUS_XS_H

#include <stdarg.h>
#include <stdint.h>

enum xs_type {
	XS_CONTROL,
	XS_DIRECTORY,
	XS_READ,
	XS_GET_PERMS,
	XS_WATCH,
	XS_UNWATCH,
	XS_TRANSACTION_START,
	XS_TRANSACTION_END,
	XS_INTRODUCE,
	XS_RELEASE,
	XS_GET_DOMAIN_PATH,
	XS_WRITE,
	XS_MKDIR,
	XS_RM,
	XS_SET_PERMS,
	XS_WATCH_EVENT,
	XS_ERROR,
};

struct xs_msg {
	uint32_t type;
	uint32_t req_id;
	uint32_t tx_id;
	uint32_t len; /**< bytes that follow */
};
/** The longest body. */
#define XS_PAYLOAD_MAX 4096u

/** A message with its body. */
struct xs_text {
	struct xs_msg head;
	char body[XS_PAYLOAD_MAX];
};
/** Writes one, of no transaction, whose body is given by a format in which '|' stands for a zero byte.
 * @return its bytes @retval -E2BIG */
int xs_compose(struct xs_text *m, enum xs_type type, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/** The errno that an XS_ERROR's body names, negative; -EINVAL for one that is unknown, as in Linux. */
int xs_error_of(const char *name);

#define XS_RING_SIZE 1024u
struct xs_ring {
	char req[XS_RING_SIZE]; /**< to xenstored */
	char rsp[XS_RING_SIZE]; /**< answers and watch events */
	uint32_t req_cons, req_prod;
	uint32_t rsp_cons, rsp_prod;
	uint32_t server_features, connection, error;
};

#endif
