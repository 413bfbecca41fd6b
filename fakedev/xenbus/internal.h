/* SPDX-License-Identifier: MIT */
/** @file internal.h What xenbus's files share. */
#ifndef FAKEDEV_XENBUS_INTERNAL_H
#define FAKEDEV_XENBUS_INTERNAL_H

#include "xenbus.h"
#include "xs.h"

/** A singly linked queue. */
struct queue {
	struct item *first, **last;
};
/** A message: one to xenstored, or bytes for a program. */
struct item {
	struct item *next;
	size_t done, len; /**< of the message: bytes sent, or read */
	/* of a request */
	struct xenbus_file *file; /**< NULL: nobody wants its answer */
	uint32_t number;          /**< request id on the ring */
	uint32_t caller_id;       /**< the program's */
	uint32_t type;
	struct watch *watch;  /**< that is set, or taken off */
	struct xs_msg caller; /**< then: the program's message */
	unsigned char bytes[];
};

struct watch {
	struct watch *next;
	struct xenbus_file *file;
	uint32_t token; /**< on the ring; the program's own follows the path */
	const char *own_token;
	char path[];
};

/** A transaction of a file. id 0: xenstored has not answered yet. */
struct transaction {
	struct transaction *next;
	uint32_t id;
};

struct xenbus {
	struct xs_ring *ring;
	struct xenbus_ops ops;
	void *ctx;
	bool dead;
	uint32_t last_number, last_token;
	struct queue out;     /**< not sent yet, or not all of it */
	struct queue waiting; /**< sent, not answered */
	struct watch *watches;
	struct xenbus_file *files;
	/* what comes */
	struct xs_msg head;
	size_t head_done, body_done;
	unsigned char body[XS_PAYLOAD_MAX + 1];
};

struct xenbus_file {
	struct xenbus_file *next;
	struct xenbus *bus; /**< NULL: it is gone */
	struct xenbus_file_ops ops;
	void *ctx;
	bool as_socket, closed, writing;
	unsigned int n_waiting; /**< its requests that are not answered */
	struct transaction *transactions;
	struct queue replies;
	size_t used;    /**< bytes of message[] */
	long watch_len; /**< what the write that sets a watch will return */
	unsigned char message[sizeof(struct xs_msg) + XS_PAYLOAD_MAX];
};

void queue_init(struct queue *q);
void queue_add(struct queue *q, struct item *i);
struct item *queue_take(struct queue *q);

/** A request with its body . NULL: no memory. */
struct item *request_new(const struct xs_msg *head, const void *body, size_t len);
/** The one that sets a watch, or takes it off. NULL: no memory. */
struct item *request_watch(enum xs_type type, const struct watch *w);
/** Gives it a number and sends it, now or when there is room. */
void request_send(struct xenbus *x, struct item *i);
/** The answer to a request came, in x->head and x->body; frees the request. */
void request_answered(struct xenbus *x, struct item *i);
/** No answer will come; frees the request. */
void request_lost(struct item *i);
/** A watch has fired: x->body. */
void watch_fired(struct xenbus *x);
void file_unlink(struct xenbus_file *f);
/** Its transactions are forgotten. */
void file_forget_transactions(struct xenbus_file *f);

#endif
