/* SPDX-License-Identifier: MIT */
/**
 * @file fuse-internal.h
 * What the two fronts share that the kernel itself serves: FUSE (fuse.c) and CUSE
 * (cuse.c). Both speak the FUSE protocol, one session for each mounted tree or character
 * device; each session's descriptor is an endpoint of the broker's loop. The end of that
 * descriptor aborts the session: no call can hang on a broker that is gone.
 */
#ifndef FAKEDEV_FUSE_INTERNAL_H
#define FAKEDEV_FUSE_INTERNAL_H

#include "broker/broker-internal.h"
#include "broker/processes/foreign.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdatomic.h>

/** A session in the broker's loop, and the device files that were opened through it. */
struct fuse_host {
	struct endpoint endpoint; /**< first */
	struct broker *broker;
	struct fuse_session *session;
	struct fuse_buf buf; /**< the request in progress */
	struct link files;   /**< struct fuse_file */
	struct link of_broker;
	bool is_cuse;
	atomic_bool mute; /**< the kernel takes no answer any more: it ends */
	/* an unassisted machine's tree (fuse-memory.h) */
	struct fuse_memory *memory;
	struct pager *pager;
};

/** A device file as a session serves it: device_file.front_data. */
struct fuse_file {
	struct device_file *device;
	struct fuse_host *host;
	struct link of_host;
	struct link readers; /**< blocked in read() */
	fuse_req_t writer;   /**< xenbus: a write() that xenstored has to answer; NULL: none */
	struct fuse_pollhandle *poll;
	uint32_t opener;          /**< thread that opened it, as the kernel said */
	struct pages *unassisted; /**< of a file whose mmap is the kernel's */
};

/**
 * Takes over a session whose descriptor is @p fd (/dev/fuse or /dev/cuse) and serves it, with a
 * pager if it has memory. On success host and descriptor belong to the broker, else the caller keeps the descriptor.
 * @retval -errno
 */
int fuse_host_start(struct fuse_host *h, struct broker *b, int fd);
/** Gives the kernel an answer, or a notification: as writev(2), but that an answer which it does not take, a few
 * times over, ends the session soon, and counts as given. @param fd the session's */
ssize_t fuse_host_send(struct fuse_host *h, int fd, const struct iovec *iov, int count);
/** Ends the session and every file in it. */
void fuse_host_end(struct fuse_host *h);
/** struct broker_fronts's part that FUSE and CUSE serve; see there. */
void fuse_hosts_drain(struct broker *b);
void fuse_hosts_end(struct broker *b);
int fuse_serve_tree(struct broker *b, int fd);
int cuse_make_devices(struct broker *b, uint16_t domid, uint32_t pid, char *folder, size_t room);

/** Answers the request in the host's buffer, if it is an ioctl on a tree's file; else returns false. */
bool fuse_host_ioctl(struct fuse_host *h);

/** The calls on an open device file; each replies to @p req. fi->fh is the struct fuse_file. */
void fuse_file_open(struct fuse_host *h, fuse_req_t req, struct gntsim_domain *dom,
		    enum wire_device device, const struct front *front, struct fuse_file_info *fi);
/** A close of one of its descriptors; only while leaks are noted. */
void fuse_file_flush(fuse_req_t req, const struct fuse_file_info *fi);
void fuse_file_release(fuse_req_t req, struct fuse_file_info *fi);
void fuse_file_read(fuse_req_t req, size_t size, struct fuse_file_info *fi);
void fuse_file_write(fuse_req_t req, const char *buf, size_t size, struct fuse_file_info *fi);
void fuse_file_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
/** What WIRE_IOC_IDENTIFY answers. */
struct wire_file fuse_file_about(const struct fuse_file *f);
/** The driver's ioctl with the memory of the calling thread. */
long fuse_file_ioctl(struct fuse_file *f, uint32_t thread, uint32_t cmd, uint64_t arg,
		     const struct gntsim_user_memory *um);

/** The calls on a xenbus file, its events, and its end (fuse-xenbus.c). */
void fuse_xenbus_read(struct fuse_file *ff, fuse_req_t req, size_t size, bool nonblocking);
void fuse_xenbus_write(struct fuse_file *ff, fuse_req_t req, const char *buf, size_t size);
void fuse_xenbus_written(struct device_file *f, long result);
void fuse_xenbus_events(struct fuse_file *ff);
unsigned int fuse_xenbus_poll(const struct fuse_file *ff);
void fuse_xenbus_end(struct fuse_file *ff);

/** struct front's part that both share. */
int fuse_front_open(struct device_file *f, int *client_fd);
void fuse_front_events(struct device_file *f);
void fuse_front_readers(const struct device_file *f, void (*visit)(void *ctx, uint32_t thread),
			void *ctx);
uint32_t fuse_front_reset(struct device_file *f);
void fuse_front_end(struct device_file *f);
extern const struct front front_fuse, front_cuse;

static inline struct fuse_file *fuse_file_of(const struct fuse_file_info *fi)
{
	return (struct fuse_file *)(uintptr_t)fi->fh;
}

#endif
