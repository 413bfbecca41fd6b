/* SPDX-License-Identifier: MIT */
/* The CUSE front: character devices, three for each domain that wants them, in a directory of
 * /dev that is the domain's own. They are there while a program lives that asked for them, or has
 * one open; the kernel removes them when their sessions end, whatever ends them. */
#define _GNU_SOURCE
#include "cuse-internal.h"
#include "late/late.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct cuse_device *cuse_device_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* A process that asked for a domain's devices; fd: a pidfd. */
struct user {
	struct endpoint endpoint; /* first */
	uint16_t domid;
};

static void user_ready(struct broker *b, struct endpoint *e, uint32_t events);

static void user_destroy(struct endpoint *e)
{
	free(e);
}

static struct cuse_device *next_device(const struct broker *b, struct link *l, uint16_t domid)
{
	for (; l != &b->hosts; l = l->next) {
		struct fuse_host *h =
		    (struct fuse_host *)(void *)((char *)l - offsetof(struct fuse_host, of_broker));

		if (h->is_cuse && ((struct cuse_device *)h)->domid == domid)
			return (struct cuse_device *)h;
	}
	return NULL;
}

static struct cuse_device *first_device(const struct broker *b, uint16_t domid)
{
	return next_device(b, b->hosts.next, domid);
}

static bool is_used(const struct broker *b, uint16_t domid)
{
	for (struct link *l = b->endpoints.next; l != &b->endpoints; l = l->next) {
		const struct endpoint *e =
		    (struct endpoint *)(void *)((char *)l - offsetof(struct endpoint, link));

		if (e->ready == user_ready && ((const struct user *)e)->domid == domid)
			return true;
	}
	for (const struct cuse_device *d = first_device(b, domid); d;
	     d = next_device(b, d->host.of_broker.next, domid))
		if (d->host.files.next != &d->host.files)
			return true;
	return false;
}

static void end_if_unused(struct broker *b, uint16_t domid)
{
	struct cuse_device *d;

	if (is_used(b, domid))
		return;
	while ((d = first_device(b, domid)))
		fuse_host_end(&d->host);
}

static void user_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	uint16_t domid = ((struct user *)e)->domid;

	(void)events;
	broker_end_endpoint(b, e);
	end_if_unused(b, domid);
}

static int add_user(struct broker *b, uint16_t domid, uint32_t pid)
{
	struct user *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->domid = domid;
	u->endpoint = (struct endpoint){.ready = user_ready,
					.destroy = user_destroy,
					.fd = (int)syscall(SYS_pidfd_open, pid, 0),
					.kind = ENDPOINT_DEVICE};
	err = u->endpoint.fd < 0 ? -errno : broker_add_endpoint(b, &u->endpoint, EPOLLIN);
	if (err < 0) {
		if (u->endpoint.fd >= 0)
			close(u->endpoint.fd);
		free(u);
	}
	return err;
}

static void cuse_release(fuse_req_t req, struct fuse_file_info *fi)
{
	struct cuse_device *d = cuse_device_of(req);

	fuse_file_release(req, fi);
	end_if_unused(d->host.broker, d->domid);
}

static void cuse_open(fuse_req_t req, struct fuse_file_info *fi)
{
	struct cuse_device *d = cuse_device_of(req);
	struct gntsim_domain *dom = gntsim_domain_find(d->host.broker->machine, d->domid);

	if (dom)
		fuse_file_open(&d->host, req, dom, d->device, &front_cuse, fi);
	else
		fuse_reply_err(req, ENODEV);
}

static void cuse_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)offset;
	fuse_file_read(req, size, fi);
}

static void cuse_write(fuse_req_t req, const char *buf, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)offset;
	fuse_file_write(req, buf, size, fi);
}

static const struct cuse_lowlevel_ops operations = {
    .open = cuse_open,
    .read = cuse_read,
    .write = cuse_write,
    .release = cuse_release,
    .ioctl = cuse_ioctl,
    .poll = fuse_file_poll,
};

static int add_device(struct broker *b, uint16_t domid, enum wire_device device, const char *name)
{
	char line[96];
	const char *info[] = {line};
	struct cuse_info ci = {
	    .dev_info_argc = 1, .dev_info_argv = info, .flags = CUSE_UNRESTRICTED_IOCTL};
	char *argv[] = {(char[]){"gntsim"}, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct cuse_device *d;
	int fd = open("/dev/cuse", O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	d = calloc(1, sizeof(*d));
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	d->host.is_cuse = true;
	d->domid = domid;
	d->device = device;
	snprintf(line, sizeof(line), "DEVNAME=%s", name);
	d->host.session = cuse_lowlevel_new(&args, &ci, &operations, d);
	fuse_opt_free_args(&args);
	err = d->host.session ? fuse_host_start(&d->host, b, fd) : -ENOMEM;
	if (err < 0) {
		if (d->host.session)
			fuse_session_destroy(d->host.session);
		close(fd);
		free(d);
	}
	return err;
}

int cuse_make_devices(struct broker *b, uint16_t domid, uint32_t pid, char *folder, size_t room)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};
	int err;

	if (b->config.unassisted)
		return -EBUSY;
	if (!late_has_fuse())
		return -ELIBACC;
	snprintf(folder, room, "gntsim-%u-%u", (unsigned int)getpid(), domid);
	err = add_user(b, domid, pid);
	if (err < 0 || first_device(b, domid))
		return err;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]) && err == 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		err = add_device(b, domid, (enum wire_device)i, name);
	}
	return err;
}

const struct front front_cuse = {
    .name = "cuse",
    .open = fuse_front_open,
    .events = fuse_front_events,
    .written = fuse_xenbus_written,
    .reset = fuse_front_reset,
    .readers = fuse_front_readers,
    .end = fuse_front_end,
};
