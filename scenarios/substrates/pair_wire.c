/* SPDX-License-Identifier: MIT */
#include "pair_wire.h"

#include "lang/source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESERVED  0x04 /* by the lab */
#define ESCAPE    0x10
#define FRAME_END 0x1e
#define SYSRQ     0x0f /* to a kernel's console the beginning of a command */
#define TWIST     0x40 /* what an escaped byte is changed by */

#define MAX_BYTES (1u << 25)

int scn_channel_open(struct scn_channel *c, struct scn_buf *why)
{
	const char *number = getenv("GNTSIM_LAB_CHANNEL");

	*c = (struct scn_channel){.fd = number && *number ? atoi(number) : -1};
	/* Descriptors are numbered as if there were none. */
	if (c->fd >= 0 && fcntl(c->fd, F_SETFD, FD_CLOEXEC) == 0) {
		signal(SIGPIPE, SIG_IGN); /* the other one may end */
		return scn_window_open(&c->window, c->fd, why);
	}
	scn_buf_str(why, "there is no second domain (ci/xen-lab has legs with two)");
	return -ENOTCONN;
}

void scn_channel_close(struct scn_channel *c)
{
	scn_window_close(&c->window);
}

/* Of a message's bytes; it goes last. A kernel may speak on a console, too. */
static uint8_t checksum(const struct scn_buf *b)
{
	uint8_t sum = 0x5a;

	for (size_t i = 0; i < b->len; i++)
		sum = (uint8_t)(sum * 31 + (uint8_t)b->data[i]);
	return sum;
}

static void escape(struct scn_buf *frame, uint8_t byte)
{
	uint8_t pair[2] = {ESCAPE, byte ^ TWIST};

	if (byte == RESERVED || byte == ESCAPE || byte == FRAME_END || byte == SYSRQ)
		scn_buf_add(frame, pair, 2);
	else
		scn_buf_add(frame, &byte, 1);
}

static int send_frame(const struct scn_channel *c, const struct scn_buf *message)
{
	scn_cleanup_buf struct scn_buf frame = {0};
	uint8_t end = FRAME_END;
	ssize_t n;

	for (size_t i = 0; i < message->len; i++)
		escape(&frame, (uint8_t)message->data[i]);
	escape(&frame, checksum(message));
	scn_buf_add(&frame, &end, 1);
	if (frame.failed)
		return -ENOMEM;
	for (size_t at = 0; at < frame.len; at += (size_t)n) {
		do
			n = write(c->fd, frame.data + at, frame.len - at);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return -EPIPE;
	}
	return 0;
}

/* Through the window goes the length, then the message. */
int scn_channel_send(const struct scn_channel *c, const struct scn_buf *message)
{
	uint32_t len = (uint32_t)message->len;
	int err;

	if (message->failed)
		return -ENOMEM;
	if (!c->window.memory)
		return send_frame(c, message);
	err = scn_window_write(&c->window, &len, sizeof(len));
	return err ? err : scn_window_write(&c->window, message->data, len);
}

/* The next byte of the channel, or a negative errno. */
static int next_byte(struct scn_channel *c)
{
	while (c->at == c->n) {
		ssize_t n = scn_read(c->fd, c->in, sizeof(c->in));

		if (n <= 0)
			return -EPIPE;
		c->at = 0;
		c->n = (size_t)n;
	}
	return (uint8_t)c->in[c->at++];
}

static int receive_frame(struct scn_channel *c, struct scn_buf *message)
{
	uint8_t sum, byte;
	int got;

	while ((got = next_byte(c)) >= 0 && got != FRAME_END) {
		if (got == ESCAPE) {
			got = next_byte(c);
			if (got < 0)
				return got;
			got ^= TWIST;
		}
		byte = (uint8_t)got;
		scn_buf_add(message, &byte, 1);
	}
	if (got < 0)
		return got;
	if (message->failed)
		return -ENOMEM;
	if (message->len == 0)
		return -EBADMSG;
	sum = (uint8_t)message->data[--message->len];
	message->data[message->len] = '\0';
	return sum == checksum(message) ? 0 : -EBADMSG;
}

static int receive_from_window(const struct scn_window *w, struct scn_buf *message)
{
	uint32_t len;
	int err = scn_window_read(w, &len, sizeof(len));

	if (err)
		return err;
	if (len > MAX_BYTES)
		return -EBADMSG;
	scn_buf_zeros(message, len);
	return message->failed ? -ENOMEM : scn_window_read(w, message->data, len);
}

int scn_channel_receive(struct scn_channel *c, struct scn_buf *message)
{
	scn_buf_clear(message);
	return c->window.memory ? receive_from_window(&c->window, message)
				: receive_frame(c, message);
}

void scn_put_number(struct scn_buf *b, uint64_t n)
{
	do {
		uint8_t byte = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));

		scn_buf_add(b, &byte, 1);
		n >>= 7;
	} while (n);
}

uint64_t scn_take_number(struct scn_parcel *p)
{
	uint64_t n = 0;

	for (unsigned int shift = 0; p->at < p->end && shift < 64; shift += 7) {
		uint8_t byte = (uint8_t)*p->at++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
	p->bad = true;
	return 0;
}

static void put_signed(struct scn_buf *b, int64_t n)
{
	scn_put_number(b, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static int64_t take_signed(struct scn_parcel *p)
{
	uint64_t n = scn_take_number(p);

	return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

static size_t run_of_zeros(const uint8_t *from, const uint8_t *end)
{
	const uint8_t *at = from;

	while (at < end && *at == 0)
		at++;
	return (size_t)(at - from);
}

/* Up to where two zeros lie side by side. */
static size_t run_of_others(const uint8_t *from, const uint8_t *end)
{
	const uint8_t *at = from;

	while (at < end && (*at || (at + 1 < end && at[1])))
		at++;
	return (size_t)(at - from);
}

/* The length plus one, 0 for NULL; then in turn: how many zeros, how many others, these. */
void scn_put_bytes(struct scn_buf *b, const void *data, size_t len)
{
	const uint8_t *at = data, *end = at + (at ? len : 0);

	scn_put_number(b, at ? (uint64_t)len + 1 : 0);
	while (at < end) {
		size_t zeros = run_of_zeros(at, end), others = run_of_others(at + zeros, end);

		scn_put_number(b, zeros);
		scn_put_number(b, others);
		at += zeros;
		scn_buf_add(b, at, others);
		at += others;
	}
}

static bool unpack(struct scn_parcel *p, uint8_t *out, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint64_t zeros = scn_take_number(p), others = scn_take_number(p);

		if (p->bad || zeros > len - at || others > len - at - zeros ||
		    others > (size_t)(p->end - p->at) || zeros + others == 0)
			return false;
		memcpy(out + at + zeros, p->at, others);
		p->at += others;
		at += zeros + others;
	}
	return true;
}

uint8_t *scn_take_bytes(struct scn_parcel *p, uint32_t *len)
{
	uint64_t n = scn_take_number(p);
	uint8_t *bytes;

	*len = 0;
	if (n == 0)
		return NULL;
	if (n - 1 > MAX_BYTES) {
		p->bad = true;
		return NULL;
	}
	*len = (uint32_t)(n - 1);
	bytes = calloc(1, *len + 1u);
	if (bytes && unpack(p, bytes, *len))
		return bytes;
	p->bad = true;
	*len = 0;
	free(bytes);
	return NULL;
}

enum { HAS_MEMORY = 1, USE_ADDRESS = 2, EXPECT_NOTHING = 4 };

static bool has_peer(enum scn_call_kind kind)
{
	return kind == SCN_FORK || kind == SCN_SEND_FD || kind == SCN_FCNTL;
}

void scn_put_call(struct scn_buf *b, const struct scn_call *call)
{
	bool memory = call->path || call->image || call->n_relocs;
	unsigned int n_args = 6;

	while (n_args > 0 && call->arg[n_args - 1] == 0)
		n_args--;
	scn_put_number(b, call->kind);
	scn_put_number(b, (memory ? HAS_MEMORY : 0u) | (call->use_address ? USE_ADDRESS : 0u) |
			      (call->expect_nothing ? EXPECT_NOTHING : 0u));
	scn_put_number(b, n_args);
	for (unsigned int i = 0; i < n_args; i++)
		scn_put_number(b, call->arg[i]);
	if (call->kind == SCN_POLL || call->kind == SCN_SIGIO)
		put_signed(b, call->expect_events);
	if (has_peer(call->kind))
		scn_put_number(b, call->peer);
	if (!memory)
		return;
	scn_put_bytes(b, call->path, call->path ? strlen(call->path) : 0);
	scn_put_bytes(b, call->image, call->image_len);
	scn_put_number(b, call->place);
	scn_put_number(b, call->reach);
	scn_put_number(b, call->n_relocs);
	for (uint32_t i = 0; i < call->n_relocs; i++) {
		scn_put_number(b, call->relocs[i].at);
		scn_put_number(b, call->relocs[i].target);
	}
}

static void take_relocs(struct scn_parcel *p, struct scn_call *out)
{
	uint64_t n = scn_take_number(p);
	struct scn_reloc *relocs;

	if (n == 0)
		return;
	relocs = n <= MAX_BYTES / sizeof(*relocs) ? calloc(n, sizeof(*relocs)) : NULL;
	if (!relocs) {
		p->bad = true;
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		relocs[i].at = (uint32_t)scn_take_number(p);
		relocs[i].target = (uint32_t)scn_take_number(p);
		/* An address is written there, whatever the script. */
		if ((uint64_t)relocs[i].at + 8 > out->image_len)
			p->bad = true;
	}
	out->relocs = relocs;
	out->n_relocs = (uint32_t)n;
}

void scn_take_call(struct scn_parcel *p, struct scn_call *out)
{
	uint64_t kind = scn_take_number(p), flags = scn_take_number(p), n = scn_take_number(p);
	uint32_t path_len;

	*out = (struct scn_call){.kind = (enum scn_call_kind)kind, .expect_events = -1};
	if (kind >= SCN_N_CALLS || n > 6) {
		p->bad = true;
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		out->arg[i] = scn_take_number(p);
	if (kind == SCN_POLL || kind == SCN_SIGIO)
		out->expect_events = (int)take_signed(p);
	if (has_peer((enum scn_call_kind)kind))
		out->peer = (uint32_t)scn_take_number(p);
	out->use_address = flags & USE_ADDRESS;
	out->expect_nothing = flags & EXPECT_NOTHING;
	if (!(flags & HAS_MEMORY))
		return;
	out->path = (const char *)scn_take_bytes(p, &path_len);
	out->image = scn_take_bytes(p, &out->image_len);
	out->place = (enum scn_place)scn_take_number(p);
	out->reach = (uint32_t)scn_take_number(p);
	take_relocs(p, out);
}

static void free_const(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = {p};

	free(u.out);
}

void scn_call_free(struct scn_call *call)
{
	free_const(call->path);
	free_const(call->image);
	free_const(call->relocs);
	*call = (struct scn_call){0};
}

void scn_put_result(struct scn_buf *b, const struct scn_result *result)
{
	scn_put_number(b, result->kind);
	put_signed(b, result->value);
	scn_put_number(b, (uint64_t)result->signal);
	scn_put_bytes(b, result->data, result->data_len);
}

void scn_take_result(struct scn_parcel *p, struct scn_result *out)
{
	out->kind = (enum scn_result_kind)scn_take_number(p);
	out->value = take_signed(p);
	out->signal = (int)scn_take_number(p);
	out->data = scn_take_bytes(p, &out->data_len);
}
