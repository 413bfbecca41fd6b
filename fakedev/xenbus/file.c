/* SPDX-License-Identifier: MIT */
/* An open /dev/xen/xenbus: Linux's xenbus_dev_frontend.c. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the driver's buffer takes, the head included. */
#define BUFFER_SIZE 4096u

int xenbus_open(struct xenbus *x, const struct xenbus_file_ops *ops, void *ctx, bool as_socket,
		struct xenbus_file **out)
{
	struct xenbus_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->bus = x;
	f->ops = *ops;
	f->ctx = ctx;
	f->as_socket = as_socket;
	queue_init(&f->replies);
	if (x) {
		f->next = x->files;
		x->files = f;
	}
	*out = f;
	return 0;
}

bool xenbus_is_dead(const struct xenbus_file *f)
{
	return !f->bus || f->bus->dead;
}

void file_unlink(struct xenbus_file *f)
{
	struct xenbus_file **at = f->bus ? &f->bus->files : NULL;

	while (at && *at && *at != f)
		at = &(*at)->next;
	if (at && *at)
		*at = f->next;
}

void file_forget_transactions(struct xenbus_file *f)
{
	while (f->transactions) {
		struct transaction *t = f->transactions;

		f->transactions = t->next;
		free(t);
	}
}

static void free_file(struct xenbus_file *f)
{
	struct item *i;

	file_unlink(f);
	while ((i = queue_take(&f->replies)))
		free(i);
	file_forget_transactions(f);
	free(f);
}

/* A request of the kernel's own, whose answer nobody waits for. */
static void send_own(struct xenbus *x, enum xs_type type, uint32_t tx, const void *body, size_t len)
{
	const struct xs_msg head = {.type = type, .tx_id = tx, .len = (uint32_t)len};
	struct item *i = request_new(&head, body, len);

	if (i)
		request_send(x, i);
}

static void send_unwatch(struct xenbus *x, const struct watch *w)
{
	struct item *i = request_watch(XS_UNWATCH, w);

	if (i)
		request_send(x, i);
}

/* All is answered that it asked, and nobody has it any more. */
static void finish(struct xenbus_file *f)
{
	struct xenbus *x = f->bus;

	if (x && !x->dead) {
		for (const struct transaction *t = f->transactions; t; t = t->next)
			if (t->id)
				send_own(x, XS_TRANSACTION_END, t->id, "F", 2);
		for (struct watch **at = &x->watches; *at;) {
			struct watch *w = *at;

			if (w->file != f) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			send_unwatch(x, w);
			free(w);
		}
	}
	free_file(f);
}

void xenbus_close(struct xenbus_file *f)
{
	f->closed = true;
	if (f->n_waiting == 0)
		finish(f);
}

/* Bytes for the program. */
static bool give(struct xenbus_file *f, const struct xs_msg *head, const void *body)
{
	struct item *i = malloc(sizeof(*i) + sizeof(*head) + head->len);

	if (!i)
		return false;
	i->done = 0;
	i->len = sizeof(*head) + head->len;
	memcpy(i->bytes, head, sizeof(*head));
	memcpy(i->bytes + sizeof(*head), body, head->len);
	queue_add(&f->replies, i);
	return true;
}

static void tell_readable(struct xenbus_file *f)
{
	if (!f->closed)
		f->ops.readable(f->ctx);
}

/* An answer of the driver's own. */
static long answer(struct xenbus_file *f, const struct xs_msg *to, enum xs_type type,
		   const char *text)
{
	struct xs_msg head = *to;

	head.type = type;
	head.len = (uint32_t)strlen(text) + 1;
	if (!give(f, &head, text))
		return -ENOMEM;
	tell_readable(f);
	return 0;
}

static struct transaction **find_transaction(struct xenbus_file *f, uint32_t id)
{
	struct transaction **at = &f->transactions;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void drop_transaction(struct xenbus_file *f, uint32_t id)
{
	struct transaction **at = find_transaction(f, id), *t = *at;

	if (!t)
		return;
	*at = t->next;
	free(t);
}

static long send_transaction(struct xenbus_file *f, const struct xs_msg *head, const char *body)
{
	struct transaction *t = NULL;
	struct item *i;

	if (head->type == XS_TRANSACTION_START) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return -ENOMEM;
	} else if (head->tx_id != 0 && !*find_transaction(f, head->tx_id)) {
		return answer(f, head, XS_ERROR, "ENOENT");
	} else if (head->type == XS_TRANSACTION_END &&
		   !(head->len == 2 && (memcmp(body, "T", 2) == 0 || memcmp(body, "F", 2) == 0))) {
		return answer(f, head, XS_ERROR, "EINVAL");
	}
	i = request_new(head, body, head->len);
	if (!i) {
		free(t);
		return -ENOMEM;
	}
	if (t) {
		t->next = f->transactions;
		f->transactions = t;
	}
	i->file = f;
	i->caller_id = head->req_id;
	f->n_waiting++;
	request_send(f->bus, i);
	return 0;
}

/* Path and token are strings, one behind the other. */
static const char *token_in(const char *body, size_t len)
{
	const char *end = memchr(body, 0, len);

	return end && memchr(end + 1, 0, len - (size_t)(end + 1 - body)) ? end + 1 : NULL;
}

static struct watch *watch_new(struct xenbus_file *f, const char *path, const char *token)
{
	size_t n = strlen(path) + 1, m = strlen(token) + 1;
	struct watch *w = malloc(sizeof(*w) + n + m);

	if (!w)
		return NULL;
	w->file = f;
	w->token = ++f->bus->last_token;
	memcpy(w->path, path, n);
	memcpy(w->path + n, token, m);
	w->own_token = w->path + n;
	w->next = f->bus->watches;
	f->bus->watches = w;
	return w;
}

static struct watch *find_watch(const struct xenbus_file *f, const char *path, const char *token)
{
	for (struct watch *w = f->bus->watches; w; w = w->next)
		if (w->file == f && strcmp(w->path, path) == 0 && strcmp(w->own_token, token) == 0)
			return w;
	return NULL;
}

static void unlink_watch(struct xenbus *x, const struct watch *w)
{
	struct watch **at = &x->watches;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

static long send_watch(struct xenbus_file *f, const struct xs_msg *head, const char *body)
{
	const char *token = token_in(body, head->len);
	struct watch *w;
	struct item *i;

	if (f->writing)
		return -EBUSY;
	if (!token)
		return answer(f, head, XS_ERROR, "EINVAL");
	w = head->type == XS_WATCH ? watch_new(f, body, token) : find_watch(f, body, token);
	/* One that is not there is taken off as well as one that is; xenstored's own socket says no. */
	if (!w && head->type == XS_UNWATCH)
		return f->as_socket ? answer(f, head, XS_ERROR, "ENOENT")
				    : answer(f, head, XS_UNWATCH, "OK");
	i = w ? request_watch((enum xs_type)head->type, w) : NULL;
	if (!i) {
		if (w && head->type == XS_WATCH) {
			unlink_watch(f->bus, w);
			free(w);
		}
		return -ENOMEM;
	}
	/* From here on it fires no more. */
	if (head->type == XS_UNWATCH)
		unlink_watch(f->bus, w);
	i->file = f;
	i->watch = w;
	i->caller = *head;
	f->n_waiting++;
	f->writing = true;
	request_send(f->bus, i);
	return -EINPROGRESS;
}

static long send_message(struct xenbus_file *f)
{
	struct xs_msg head;
	const char *body = (const char *)f->message + sizeof(head);

	memcpy(&head, f->message, sizeof(head));
	f->used = 0;
	return head.type == XS_WATCH || head.type == XS_UNWATCH ? send_watch(f, &head, body)
								: send_transaction(f, &head, body);
}

long xenbus_write(struct xenbus_file *f, const void *bytes, size_t len)
{
	struct xs_msg head;
	long err;

	if (len == 0)
		return 0;
	if (xenbus_is_dead(f))
		return -EIO;
	if (len > BUFFER_SIZE - f->used) {
		f->used = 0;
		return -EINVAL;
	}
	memcpy(f->message + f->used, bytes, len);
	f->used += len;
	if (f->used < sizeof(head))
		return (long)len;
	memcpy(&head, f->message, sizeof(head));
	if (head.len > BUFFER_SIZE - sizeof(head)) {
		f->used = 0;
		return -E2BIG;
	}
	if (f->used < sizeof(head) + head.len)
		return (long)len;
	f->watch_len = (long)len;
	err = send_message(f);
	return err < 0 ? err : (long)len;
}

bool xenbus_takes(const struct xenbus_file *f)
{
	return !f->writing;
}

long xenbus_feed(struct xenbus_file *f, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t used = 0;

	while (used < len && !f->writing) {
		struct xs_msg head = {.len = 0};
		size_t want = sizeof(head), n;
		long err = 0;

		if (xenbus_is_dead(f))
			return -EIO;
		if (f->used >= sizeof(head)) {
			memcpy(&head, f->message, sizeof(head));
			want += head.len;
		}
		n = want - f->used < len - used ? want - f->used : len - used;
		memcpy(f->message + f->used, from + used, n);
		f->used += n;
		used += n;
		if (f->used < sizeof(head))
			break;
		memcpy(&head, f->message, sizeof(head));
		if (head.len > XS_PAYLOAD_MAX) {
			f->used = 0;
			return -E2BIG;
		}
		if (f->used == sizeof(head) + head.len)
			err = send_message(f);
		if (err < 0 && err != -EINPROGRESS)
			return err;
	}
	return (long)used;
}

bool xenbus_is_readable(const struct xenbus_file *f)
{
	return f->replies.first != NULL;
}

size_t xenbus_peek(const struct xenbus_file *f, const void **out)
{
	const struct item *i = f->replies.first;

	if (!i)
		return 0;
	*out = i->bytes + i->done;
	return i->len - i->done;
}

void xenbus_skip(struct xenbus_file *f, size_t n)
{
	f->replies.first->done += n;
	if (f->replies.first->done == f->replies.first->len)
		free(queue_take(&f->replies));
}

long xenbus_read(struct xenbus_file *f, void *out, size_t len)
{
	const void *bytes;
	size_t done = 0, n;

	while (done < len && (n = xenbus_peek(f, &bytes)) > 0) {
		if (n > len - done)
			n = len - done;
		memcpy((unsigned char *)out + done, bytes, n);
		xenbus_skip(f, n);
		done += n;
	}
	return done == 0 && len > 0 && xenbus_is_dead(f) ? -EIO : (long)done;
}

/* ---- what comes back ---- */

/* A watch was set, or was not; or taken off. */
static void watch_answered(struct xenbus *x, struct item *i)
{
	struct xenbus_file *f = i->file;
	bool failed = i->type == XS_WATCH && (x->dead || x->head.type == XS_ERROR);
	int err = failed ? (x->dead ? -EIO : xs_error_of((const char *)x->body)) : 0;

	f->writing = false;
	if (failed)
		unlink_watch(x, i->watch);
	if (failed || i->type == XS_UNWATCH)
		free(i->watch);
	if (f->closed)
		return;
	if (failed && f->as_socket)
		answer(f, &i->caller, XS_ERROR, x->dead ? "EIO" : (const char *)x->body);
	else if (!failed)
		answer(f, &i->caller, (enum xs_type)i->type, "OK");
	f->ops.written(f->ctx, failed && !f->as_socket ? err : f->watch_len);
}

static void transaction_answered(const struct xenbus *x, const struct item *i)
{
	struct transaction *t;

	if (i->type == XS_TRANSACTION_END)
		drop_transaction(i->file, ((const struct xs_msg *)(const void *)i->bytes)->tx_id);
	if (i->type != XS_TRANSACTION_START)
		return;
	t = *find_transaction(i->file, 0);
	if (t && x->head.type != XS_ERROR)
		t->id = (uint32_t)strtoul((const char *)x->body, NULL, 10);
	if (t && t->id == 0)
		drop_transaction(i->file, 0);
}

static void done_with(struct item *i)
{
	struct xenbus_file *f = i->file;

	free(i);
	if (f && --f->n_waiting == 0 && f->closed)
		finish(f);
}

void request_answered(struct xenbus *x, struct item *i)
{
	struct xs_msg head = x->head;

	if (i->watch) {
		watch_answered(x, i);
	} else if (i->file) {
		transaction_answered(x, i);
		head.req_id = i->caller_id;
		if (!i->file->closed && give(i->file, &head, x->body))
			i->file->ops.readable(i->file->ctx);
	}
	done_with(i);
}

void request_lost(struct item *i)
{
	if (i->watch)
		watch_answered(i->file->bus, i);
	done_with(i);
}

void watch_fired(struct xenbus *x)
{
	const char *path = (const char *)x->body, *token = token_in(path, x->head.len);
	struct xs_msg head = {.type = XS_WATCH_EVENT};
	unsigned long number;
	char text[2 * XS_PAYLOAD_MAX];
	size_t n, m;

	if (!token)
		return;
	number = strtoul(token, NULL, 16);
	for (struct watch *w = x->watches; w; w = w->next) {
		if (w->token != number)
			continue;
		n = strlen(path) + 1;
		m = strlen(w->own_token) + 1;
		memcpy(text, path, n);
		memcpy(text + n, w->own_token, m);
		head.len = (uint32_t)(n + m);
		if (!w->file->closed && give(w->file, &head, text))
			w->file->ops.readable(w->file->ctx);
		return;
	}
}
