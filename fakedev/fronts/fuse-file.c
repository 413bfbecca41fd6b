/* SPDX-License-Identifier: MIT */
/* An open device file whose calls arrive as requests of the kernel. */
#define _GNU_SOURCE
#include "broker/show/show.h"
#include "fuse-memory.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The driver moves at most a page a call. */
#define MOST_PORTS 1024u

/* How long the kernel may take to tell in which call a thread is. */
#define LOOK_MS 1000u

/* A read() that waits for an event. */
struct reader {
	struct link link;
	fuse_req_t req;
	const struct fuse_file *file;
	size_t size;
	uint64_t number; /* which of its program's calls it is, if these are counted */
};

/* Whether the call is not to be made: its program ends here, or it fails. */
static int dies_before(struct broker *b, fuse_req_t req, const struct device_file *f,
		       struct trace_call *call)
{
	if (call->kind == TRACE_OPEN && call->device == WIRE_DEV_XENBUS)
		return 0;
	return b->config.deaths ? deaths_file_before(b, (uint32_t)fuse_req_ctx(req)->pid, f, call)
				: 0;
}

int fuse_front_open(struct device_file *f, int *client_fd)
{
	struct fuse_file *ff = calloc(1, sizeof(*ff));

	if (!ff)
		return -ENOMEM;
	/* Who knows the cookie was told it through the file itself. (Early in a host's life there is
	 * no better randomness, and the broker may not wait.) */
	if (getrandom(&f->cookie, sizeof(f->cookie), GRND_INSECURE) != (ssize_t)sizeof(f->cookie) &&
	    getrandom(&f->cookie, sizeof(f->cookie), 0) != (ssize_t)sizeof(f->cookie)) {
		free(ff);
		return -EIO;
	}
	ff->device = f;
	link_init(&ff->of_host);
	link_init(&ff->readers);
	f->front_data = ff;
	f->endpoint.fd = -1;
	link_add(&f->broker->endpoints, &f->endpoint.link);
	*client_fd = -1;
	return 0;
}

static void trace_read(struct device_file *f, fuse_req_t req, size_t size, long result,
		       const uint32_t *ports)
{
	trace_file_call(f, (uint32_t)fuse_req_ctx(req)->pid,
			&(struct trace_call){.kind = TRACE_READ,
					     .len = size,
					     .ports = ports,
					     .n_ports = result > 0 ? (uint32_t)result / 4 : 0,
					     .result = result});
}

static void finish(struct reader *r, long result, const uint32_t *ports)
{
	trace_read(r->file->device, r->req, r->size, result, ports);
	if (r->file->device->broker->config.deaths) {
		deaths_file_again(r->file->device->broker, (uint32_t)fuse_req_ctx(r->req)->pid,
				  r->number);
		deaths_file_after(r->file->device->broker);
	}
	link_del(&r->link);
	if (result < 0)
		fuse_reply_err(r->req, (int)-result);
	else
		fuse_reply_buf(r->req, (const char *)ports, (size_t)result);
	free(r);
}

static struct reader *first_reader(const struct fuse_file *ff)
{
	struct link *l = ff->readers.next;

	return l == &ff->readers
		   ? NULL
		   : (struct reader *)(void *)((char *)l - offsetof(struct reader, link));
}

void fuse_front_events(struct device_file *f)
{
	struct fuse_file *ff = f->front_data;
	uint32_t ports[MOST_PORTS];
	struct reader *r;

	if (f->xenbus)
		fuse_xenbus_events(ff);
	while (!f->xenbus && (r = first_reader(ff))) {
		long n = gntsim_evtchn_read(f->file, r->size, ports);

		if (n == -EAGAIN)
			break;
		finish(r, n, ports);
	}
	if (ff->poll) {
		fuse_lowlevel_notify_poll(ff->poll);
		fuse_pollhandle_destroy(ff->poll);
		ff->poll = NULL;
	}
}

void fuse_front_readers(const struct device_file *f, void (*visit)(void *ctx, uint32_t thread),
			void *ctx)
{
	const struct fuse_file *ff = f->front_data;

	if (f->device == WIRE_DEV_XENBUS)
		return;
	for (const struct link *l = ff ? ff->readers.next : NULL; ff && l != &ff->readers;
	     l = l->next) {
		const struct reader *r =
		    (const struct reader *)(const void *)((const char *)l -
							  offsetof(struct reader, link));

		visit(ctx, (uint32_t)fuse_req_ctx(r->req)->pid);
	}
}

/* The model emptied the ring; nothing of it is anywhere else. */
uint32_t fuse_front_reset(struct device_file *f)
{
	(void)f;
	return 0;
}

void fuse_front_end(struct device_file *f)
{
	struct fuse_file *ff = f->front_data;
	struct reader *r;

	if (!ff)
		return;
	f->front_data = NULL;
	if (f->device == WIRE_DEV_XENBUS)
		fuse_xenbus_end(ff);
	while ((r = first_reader(ff)))
		finish(r, -EIO, NULL);
	if (ff->poll)
		fuse_pollhandle_destroy(ff->poll);
	if (ff->unassisted)
		pages_end(ff);
	link_del(&ff->of_host);
	free(ff);
}

/* The library's own fuse_reply_open() does not know FOPEN_STREAM. Without it read() and write()
 * take turns on the file's position: a writer would hang behind a reader that waits. */
static void reply_open(fuse_req_t req, struct fuse_file *ff)
{
	struct fuse_open_out out = {.fh = (uint64_t)(uintptr_t)ff,
				    .open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE |
						  FOPEN_STREAM | FOPEN_NOFLUSH};

	/* One page cache, for as long as the tree is mounted. */
	if (ff->unassisted)
		out.open_flags = FOPEN_KEEP_CACHE | FOPEN_NOFLUSH;
	/* Who closes it, and who ends with it, its release does not tell. */
	ff->device->told_of_closes =
	    ff->device->front->ends_late && leaks_are_noted(ff->device->broker);
	if (ff->device->told_of_closes)
		out.open_flags &= ~(uint32_t)FOPEN_NOFLUSH;

	/* Interrupted meanwhile: no release will come. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) == -ENOENT)
		device_end(ff->device);
}

void fuse_file_open(struct fuse_host *h, fuse_req_t req, struct gntsim_domain *dom,
		    enum wire_device device, const struct front *front, struct fuse_file_info *fi)
{
	struct device_file *f;
	struct fuse_file *ff;
	int fd, err;

	err = dies_before(
	    h->broker, req, NULL,
	    &(struct trace_call){.kind = TRACE_OPEN, .device = device, .flags = fi->flags});
	if (err == 0)
		err = device_open(h->broker, front, dom, device, (uint32_t)fi->flags, &f, &fd);
	if (err < 0) {
		deaths_file_after(h->broker);
		fuse_reply_err(req, -err);
		return;
	}
	ff = f->front_data;
	ff->host = h;
	ff->opener = (uint32_t)fuse_req_ctx(req)->pid;
	program_look(&f->opener, process_of_thread(ff->opener));
	if (h->broker->config.deaths)
		f->part = deaths_program_of(h->broker->config.deaths, f->opener.pid);
	f->opener_watch = leaks_watch_of(h->broker, f->opener.pid);
	link_add(&h->files, &ff->of_host);
	if (h->memory && device <= WIRE_DEV_GNTDEV)
		err = pages_open(ff);
	trace_file_call(
	    f, ff->opener,
	    &(struct trace_call){.kind = TRACE_OPEN, .flags = fi->flags, .result = err});
	deaths_file_after(h->broker);
	if (err == 0) {
		reply_open(req, ff);
	} else {
		device_end(f);
		fuse_reply_err(req, -err);
	}
}

void fuse_file_flush(fuse_req_t req, const struct fuse_file_info *fi)
{
	leaks_of_close(fuse_file_of(fi)->device, (uint32_t)fuse_req_ctx(req)->pid, fi->lock_owner);
	fuse_reply_err(req, 0);
}

void fuse_file_release(fuse_req_t req, struct fuse_file_info *fi)
{
	device_end(fuse_file_of(fi)->device);
	fuse_reply_err(req, 0);
}

static void interrupted(fuse_req_t req, void *ctx)
{
	struct reader *r = ctx;

	(void)req;
	finish(r, -EINTR, NULL);
}

static void wait_for_event(fuse_req_t req, size_t size, struct fuse_file *ff)
{
	struct reader *r = malloc(sizeof(*r));

	if (!r) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*r = (struct reader){
	    .req = req, .file = ff, .size = size, .number = ff->device->broker->dying_number};
	link_add(&ff->readers, &r->link);
	fuse_req_interrupt_func(req, interrupted, r);
}

void fuse_file_read(fuse_req_t req, size_t size, struct fuse_file_info *fi)
{
	struct fuse_file *ff = fuse_file_of(fi);
	struct trace_call call = {.kind = TRACE_READ, .len = size};
	uint32_t ports[MOST_PORTS];
	long n;

	if (ff->device->xenbus) {
		fuse_xenbus_read(ff, req, size, fi->flags & O_NONBLOCK);
		return;
	}
	if (ff->device->device != WIRE_DEV_EVTCHN) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	n = dies_before(ff->device->broker, req, ff->device, &call);
	if (n < 0) {
		fuse_reply_err(req, (int)-n);
		return;
	}
	n = gntsim_evtchn_read(ff->device->file, size, ports);
	if (n == -EAGAIN && !(fi->flags & O_NONBLOCK)) {
		if (ff->device->broker->config.deaths &&
		    deaths_file_wait(ff->device->broker, (uint32_t)fuse_req_ctx(req)->pid,
				     ff->device, &call))
			fuse_reply_err(req, EINTR);
		else
			wait_for_event(req, size, ff);
		return;
	}
	trace_read(ff->device, req, size, n, ports);
	deaths_file_after(ff->device->broker);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, (const char *)ports, (size_t)n);
}

void fuse_file_write(fuse_req_t req, const char *buf, size_t size, struct fuse_file_info *fi)
{
	struct device_file *f = fuse_file_of(fi)->device;
	uint32_t ports[MOST_PORTS];
	long n;

	if (f->xenbus) {
		fuse_xenbus_write(fuse_file_of(fi), req, buf, size);
		return;
	}
	if (f->device != WIRE_DEV_EVTCHN) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (size > sizeof(ports))
		size = sizeof(ports);
	memcpy(ports, buf, size);
	n = dies_before(
	    f->broker, req, f,
	    &(struct trace_call){
		.kind = TRACE_WRITE, .len = size, .ports = ports, .n_ports = (uint32_t)size / 4});
	if (n < 0) {
		fuse_reply_err(req, (int)-n);
		return;
	}
	n = gntsim_evtchn_write(f->file, size, ports);
	trace_file_call(f, (uint32_t)fuse_req_ctx(req)->pid,
			&(struct trace_call){.kind = TRACE_WRITE,
					     .len = size,
					     .ports = ports,
					     .n_ports = (uint32_t)size / 4,
					     .result = n});
	deaths_file_after(f->broker);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
}

/* The kernel wants to be told when there is something: whoever asks is about to wait, or puts the file
 * into an epoll set. */
static void wait_by_poll(const struct device_file *f, fuse_req_t req)
{
	uint32_t thread = (uint32_t)fuse_req_ctx(req)->pid;
	struct waiting w;

	if (gntsim_evtchn_poll(f->file) & POLLIN)
		return;
	if (waiting_look(process_of_thread(thread), thread, LOOK_MS, &w) && w.how == WAITS_POLLING)
		deaths_file_wait(f->broker, thread, f, NULL);
}

void fuse_file_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct fuse_file *ff = fuse_file_of(fi);
	const struct device_file *f = ff->device;

	if (ph) {
		if (ff->poll)
			fuse_pollhandle_destroy(ff->poll);
		ff->poll = ph;
	}
	if (ph && f->device == WIRE_DEV_EVTCHN && f->broker->config.deaths)
		wait_by_poll(f, req);
	/* A file without a poll method is always ready. */
	fuse_reply_poll(req, f->xenbus ? fuse_xenbus_poll(ff)
			     : f->device == WIRE_DEV_EVTCHN
				 ? (unsigned int)gntsim_evtchn_poll(f->file)
				 : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

struct wire_file fuse_file_about(const struct fuse_file *f)
{
	return (struct wire_file){.device = f->device->device,
				  .flags = f->device->open_flags,
				  .minor = f->device->minor,
				  .cookie = f->device->cookie};
}

/* The address space of the calling process, if we know one. A device file need not be one that the
 * process told us of: an address may be of any file's memory. */
static struct gntsim_mm *mm_of_thread(const struct broker *b, uint32_t thread)
{
	struct gntsim_mm *mm = client_mm_of_process(b, thread);

	return mm ? mm : client_mm_of_process(b, process_of_thread(thread));
}

static long call_driver(struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
			const struct gntsim_user_memory *um)
{
	struct device_file *f = ff->device;
	struct ioctl_gntdev_get_offset_for_vaddr where;
	struct gntsim_mm *mm = NULL;

	if (!f->file)
		return request_other_ioctl(f, cmd, arg, um);
	/* The library asks for these in his place. */
	if (f->device == WIRE_DEV_GNTDEV && dmabuf_is_call(cmd))
		return -ENOTTY;
	if (ff->unassisted)
		return pages_ioctl(ff, thread, cmd, arg, um);
	if (f->device == WIRE_DEV_GNTDEV && cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR) {
		mm = mm_of_thread(f->broker, thread);
		if (!mm)
			return um->read(um->ctx, arg, &where, sizeof(where)) ? -EFAULT : -EINVAL;
	}
	if (f->device == WIRE_DEV_GNTDEV && cmd == IOCTL_GNTDEV_GRANT_COPY && !ff->host->is_cuse)
		mm = mm_of_thread(f->broker, thread);
	return gntsim_ioctl(f->file, mm, cmd, arg, um);
}

long fuse_file_ioctl(struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
		     const struct gntsim_user_memory *um)
{
	struct broker *b = ff->device->broker;
	struct trace_memory traced;
	struct gntsim_user_memory room;
	long result;

	b->cause = (struct cause){.kind = CAUSE_IOCTL,
				  .domid = ff->device->domid,
				  .thread = thread,
				  .device = ff->device->device,
				  .cmd = cmd,
				  .arg = arg,
				  .memory = um};
	result = call_driver(ff, thread, cmd, arg, trace_watch(b, &traced, um, &room));
	origins_ioctl(b);
	/* What the call did elsewhere has happened before the caller learns that it is done. */
	broker_effects(b);
	trace_file_call(
	    ff->device, thread,
	    &(struct trace_call){
		.kind = TRACE_IOCTL, .cmd = cmd, .addr = arg, .memory = &traced, .result = result});
	trace_memory_done(&traced);
	return result;
}
