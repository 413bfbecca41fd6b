/* SPDX-License-Identifier: MIT */
/*
 * What goes between the players in two domains: messages over a window, or else over a byte channel that
 * is slow (a console) and reserves the byte 0x04. So they are small: numbers have no more bytes than
 * they need, runs of zeros are counted.
 */
#ifndef SCN_PAIR_WIRE_H
#define SCN_PAIR_WIRE_H

#include "lang/call.h"
#include "lang/text.h"
#include "pair_window.h"

/* The first byte of a request. Every one has a reply: enum scn_status, why, and what is said. */
enum scn_pair_request {
	SCN_PAIR_SPAWN = 1, /* process */
	SCN_PAIR_CALL,      /* process, call; the reply: a result */
	SCN_PAIR_KILL,      /* process */
	SCN_PAIR_LIMIT,     /* enum gntsim_limit, value */
	SCN_PAIR_END,       /* of the scenario: no process is left, the limits are as they were */
	SCN_PAIR_QUIT,
};

struct scn_channel {
	int fd;
	struct scn_window window; /* if there is one, nothing goes over fd */
	char in[1024];            /* read, and not taken yet */
	size_t at, n;
};

/*
 * The channel of this guest: GNTSIM_LAB_CHANNEL, and GNTSIM_LAB_WINDOW if there is one. Returns 0,
 * -ENOTCONN if there is none, or another negative errno; says why.
 */
int scn_channel_open(struct scn_channel *c, struct scn_buf *why);
/* Lets go of what it has of the other domain. */
void scn_channel_close(struct scn_channel *c);
/* Both return 0 or a negative errno: -EPIPE if the other end is gone, -EBADMSG if what came is no
 * message. */
int scn_channel_send(const struct scn_channel *c, const struct scn_buf *message);
int scn_channel_receive(struct scn_channel *c, struct scn_buf *message);

/* What is left of a message. */
struct scn_parcel {
	const char *at, *end;
	bool bad; /* it ended too early */
};

void scn_put_number(struct scn_buf *b, uint64_t n);
void scn_put_bytes(struct scn_buf *b, const void *data, size_t len);
uint64_t scn_take_number(struct scn_parcel *p);
/* Allocates; a zero byte follows. NULL if there was none, or memory, or sense in it. */
uint8_t *scn_take_bytes(struct scn_parcel *p, uint32_t *len);

void scn_put_call(struct scn_buf *b, const struct scn_call *call);
/* What `out` points to is the caller's to free: scn_call_free(). */
void scn_take_call(struct scn_parcel *p, struct scn_call *out);
void scn_call_free(struct scn_call *call);
void scn_put_result(struct scn_buf *b, const struct scn_result *result);
void scn_take_result(struct scn_parcel *p, struct scn_result *out);

#endif
