/* SPDX-License-Identifier: MIT */
/**
 * @file xs.h
 * The protocol of xenstored and its shared page (Xen's public/io/xs_wire.h, which need not be
 * installed; tests/store/abi.c compares).
 */
#ifndef FAKEDEV_XENBUS_XS_H
#define FAKEDEV_XENBUS_XS_H

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

#define XS_RING_SIZE 1024u
struct xs_ring {
	char req[XS_RING_SIZE]; /**< to xenstored */
	char rsp[XS_RING_SIZE]; /**< answers and watch events */
	uint32_t req_cons, req_prod;
	uint32_t rsp_cons, rsp_prod;
	uint32_t server_features, connection, error;
};

#endif
