/* SPDX-License-Identifier: MIT */
/* The CUSE front: character devices, three for each domain that wants them, in a directory of
 * /dev that is the domain's own. The kernel removes them when their sessions end. Its ioctl is
 * unrestricted: asked for, the kernel fetches and stores the caller's memory (cuse-ioctl.c). */
#define _GNU_SOURCE
#include "cuse-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cuse_device *cuse_device_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
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
    .release = fuse_file_release,
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

int broker_cuse(struct broker *b, uint16_t domid, char *folder, size_t room)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn"};
	int err = 0;

	if (b->config.unassisted)
		return -EBUSY;
	snprintf(folder, room, "gntsim-%u-%u", (unsigned int)getpid(), domid);
	for (struct link *l = b->hosts.next; l != &b->hosts; l = l->next) {
		const struct fuse_host *h =
		    (struct fuse_host *)(void *)((char *)l - offsetof(struct fuse_host, of_broker));

		if (h->is_cuse && ((const struct cuse_device *)h)->domid == domid)
			return 0;
	}
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
    .reset = fuse_front_reset,
    .end = fuse_front_end,
};
