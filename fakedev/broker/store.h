/* SPDX-License-Identifier: MIT */
/**
 * @file store.h
 * The machine's xenstore: xenstored is a program in domain 0, and every domain has a page and a port
 * shared with it, made as a toolstack makes them (references 0 and 1, ports 1 and 2: libxl's order).
 * The broker is the kernel of each domain (xenbus/xenbus.h), and in domain 0 the toolstack too.
 */
#ifndef FAKEDEV_BROKER_STORE_H
#define FAKEDEV_BROKER_STORE_H

#include "broker-internal.h"
#include "xenbus/xenbus.h"

/** Makes domain 0's page and port, and all of every domain that is there; programs find the xenstored
 * that is then started in @p rundir; NULL: by its user, who knows where. @param listens for domain 0 too, in
 * its place @retval -errno */
int store_start(struct broker *b, const char *rundir, bool listens);
/** xenstored has ended. */
void store_died(struct broker *b);
bool store_has_died(const struct broker *b);
/** Another one has opened the page of the one that died. */
void store_revive(struct broker *b);
void store_free(struct broker *b);

/** Domain 0's port and page, which xenstored opens; -1, 0: there are none. */
int store_kva(const struct broker *b);
uint32_t store_port(const struct broker *b);

/** A domain has come: its page, its port, its nodes. Nothing without a store. @retval -errno */
int store_domain_came(struct broker *b, struct gntsim_domain *dom);
/** It is about to be destroyed. */
void store_domain_goes(struct broker *b, uint16_t domid);
/** GNTSIM_EFFECT_KERNEL_EVENT. */
void store_event(struct broker *b, struct gntsim_domain *dom);

/** Whether xenstored has answered all that was said to it of a domain. @retval -EIO it has ended
 * @retval -ENOTCONN it had before the domain came */
int store_settled(const struct broker *b, uint16_t domid);
/** WIRE_INTRODUCE's answer, when it has. */
void store_await(struct client *c, uint16_t domid);

/** A domain's bus. @retval -ENOENT there is no store */
int store_open(struct broker *b, uint16_t domid, const struct xenbus_file_ops *ops, void *ctx,
	       bool as_socket, struct xenbus_file **out);

/** Listens at @p path for who speaks with a domain's xenstored as with xenstored's own socket. */
int store_listen(struct broker *b, uint16_t domid, const char *path, struct endpoint **out);

/** An open /dev/xen/xenbus. */
int store_file_open(struct device_file *f);
/**
 * A domain's console from within: a stream of what is said there and heard.
 * @param[out] client_fd its end; the caller's
 * @retval -ENOENT no such domain, domain 0, or no store @retval -EBUSY another has it
 */
int store_console_open(struct broker *b, uint16_t domid, int *client_fd);

/** The client is gone, and its answer. */
void store_file_forget(struct client *c);

#endif
