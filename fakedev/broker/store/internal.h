/* SPDX-License-Identifier: MIT */
/** @file internal.h What the store's files share. */
#ifndef FAKEDEV_BROKER_STORE_INTERNAL_H
#define FAKEDEV_BROKER_STORE_INTERNAL_H

#include "broker/store.h"

struct store_domain {
	struct store_domain *next, **at; /* of all; what leads here */
	struct store *store;
	uint16_t domid;
	struct xenbus *bus;
	gntsim_port port, console_port; /* the latter is not domain 0's, nor are these: */
	gntsim_frame page, console;
	uint64_t settled; /* when so many answers have come */
	bool unheard;     /* when it came there was no xenstored any more */
	struct endpoint *listener;
	struct endpoint *terminal; /* who has its console; NULL: nobody */
	char dir[96];              /* of its socket; empty: none */
};

struct store {
	struct broker *broker;
	struct store_domain *domains; /* newest first */
	struct store_domain *by_id[GNTSIM_DOMID_FIRST_RESERVED];
	int kva_fd;
	void *kva;          /* domain 0's page */
	bool died, listens; /* the latter: in domain 0 too, for xenstored has no socket */
	int error;
	/* the toolstack in domain 0 */
	struct xenbus_file *toolstack;
	uint64_t asked, answered;
	struct link waiting; /* clients, until answers have come */
};

struct store_domain *store_find(const struct store *s, uint16_t domid);

/** The console's port is pending, or the domain goes. */
void store_console_event(struct store_domain *d);
void store_console_end(struct store_domain *d);

/** The toolstack's part: a domain's nodes are made, or removed. */
int store_toolstack_start(struct store *s, const struct store_domain *dom0);
void store_toolstack_end(struct store *s);
void store_toolstack_make(struct store *s, struct store_domain *d);
void store_toolstack_unmake(struct store *s, const struct store_domain *d);
/** Answers who waits for what has come; all, if xenstored has died. */
void store_toolstack_answer(struct store *s);

#endif
