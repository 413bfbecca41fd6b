/* SPDX-License-Identifier: MIT */
/**
 * @file fuse-memory.h
 * Memory of grants when programs map it by the kernel's own means (unassisted). Every gntalloc and
 * gntdev file of the tree is one inode, so that all share one page cache; a page of a grant lies at
 * one offset of it, whoever maps it. The page cache is what programs see; the model's frame is
 * where a page is read from and written back to.
 *
 * Each gntalloc file has a window of offsets of its own: the driver's index, beyond a base.
 * Indices are never used again, so neither are offsets: an offset that has no page yet, or no more,
 * is an I/O error, and SIGBUS for who maps it.
 */
#ifndef FAKEDEV_FUSE_MEMORY_H
#define FAKEDEV_FUSE_MEMORY_H

#include "broker/trace-internal.h"
#include "fuse-internal.h"

#include <pthread.h>

/** The inode of all gntalloc and gntdev files. */
#define PAGES_INO 2u
/** Its length: more windows than anybody opens files, each of 64 GiB. */
#define PAGES_SIZE   (1ull << 60)
#define WINDOW_SHIFT 36u

struct window {
	struct link link;
	uint64_t number;
	uint32_t *frames; /**< by page of the window; GNTSIM_NO_FRAME: gone */
	uint32_t n, room;
	uint32_t maps; /**< gntdev maps that hold pages of it */
	bool open;     /**< the gntalloc file is */
};

#define WINDOW_BUCKETS 256u

struct fuse_memory {
	struct fuse_session *session;
	struct arena *arena;
	pthread_mutex_t lock; /**< the pager looks pages up while the broker works */
	struct link windows[WINDOW_BUCKETS];
	uint64_t *slots; /**< by frame: its offset */
	size_t slots_size;
	uint64_t next;
};

int memory_new(const struct broker *b, struct fuse_session *s, struct fuse_memory **out);
void memory_free(struct fuse_memory *m);

/** A window for a gntalloc file, for good. @retval NULL no memory */
struct window *window_open(struct fuse_memory *m);
/** The file is closed: the window ends when the last map of its pages does. */
void window_close(struct fuse_memory *m, struct window *w);
/** Offset of the window's index 0. */
static inline uint64_t window_base(const struct window *w)
{
	return w->number << WINDOW_SHIFT;
}
/** The window's page at an index of the driver is this frame. @retval -ENOMEM, -ENOSPC */
int window_set(struct fuse_memory *m, struct window *w, uint64_t index, gntsim_frame frame);
/** Takes a hold on the window of an offset for a map. @retval NULL no such window */
struct window *window_map(struct fuse_memory *m, uint64_t slot);
void window_unmap(struct fuse_memory *m, struct window *w);

/** Where a frame lies in the page cache; UINT64_MAX if nowhere. */
uint64_t memory_slot(const struct fuse_memory *m, gntsim_frame frame);
/** A byte of a frame was cleared: programs must see it. */
void memory_cleared(const struct fuse_memory *m, uint64_t slot);
/** Brings what programs wrote to [slot, slot + len) into the frames. */
void memory_collect(const struct fuse_memory *m, uint64_t slot, uint64_t len);
/** Shows programs what the frame has at [slot, slot + len), inside one page. */
void memory_show(struct fuse_memory *m, uint64_t slot, uint32_t len);

/** The kernel reads or writes back a page. Called by the pager. */
void memory_read(struct fuse_memory *m, fuse_req_t req, uint64_t offset, size_t size);
void memory_write(struct fuse_memory *m, fuse_req_t req, uint64_t offset, const void *buf,
		  size_t size);

/**
 * The pager: a thread that reads the session's requests, answers those for pages at once and hands
 * the others to the broker. The broker may itself depend on a page that way: when it copies from
 * or to a program's memory that the program mapped from these files.
 */
struct pager;
/** @param[out] fd becomes readable when requests wait */
int pager_start(struct fuse_session *s, struct pager **out, int *fd);
/** One request: 1, or 0 if none waits, or -ENODEV at the session's end. buf->mem is the caller's to free. */
int pager_next(struct pager *p, struct fuse_buf *buf);
/** Returns when all that the kernel had asked by now is in the queue. */
void pager_catch_up(struct pager *p);
/** Ends the thread; does not close the descriptor of pager_start(). */
void pager_stop(struct pager *p);

/**
 * A process that outlives the pager when the broker is killed, and sees that the broker can end
 * (fuse-guard.c).
 */
struct guard;
/** A request's bytes, at most: write-back of 1 MiB. */
#define GUARD_REQUEST (2u << 20)
int guard_start(int session, struct guard **out);
/** Answers a request of the kernel's with an error, @p err, a negative errno; one that asks for no answer is not known
 * there, which is an error, too. @retval -errno of write(2) */
int guard_refuse(int session, const void *request, int err);
/** The pager's thread lives from now on. @return where it must receive its requests */
void *guard_hold(struct guard *g);
/** The pager's thread ends as it should. */
void guard_release(struct guard *g);
/** Ends the process; the pager's thread has ended. */
void guard_stop(struct guard *g);

/** A gntalloc or gntdev file of an unassisted machine: fuse_file.unassisted. */
int pages_open(struct fuse_file *ff);
/** Its ioctl. */
long pages_ioctl(struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
		 const struct gntsim_user_memory *um);
/** The last descriptor and mapping are gone: ends what the file mapped. */
void pages_end(struct fuse_file *ff);

#endif
