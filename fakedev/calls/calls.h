/* SPDX-License-Identifier: MIT */
/**
 * @file calls.h
 * What becomes of a program's call on a device: the rules that the preloaded library and the process
 * that traces a program (the ptrace front) both go by. The first stands inside the program, the other
 * beside it; what that makes different, each provides: "the ground", below.
 */
#ifndef FAKEDEV_CALLS_H
#define FAKEDEV_CALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "raw.h"
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <sys/un.h>

/** A device descriptor, as known of its kernel object. */
struct device {
	uint32_t id;     /**< on this connection */
	uint32_t device; /**< enum wire_device */
	uint32_t flags;  /**< open mode */
	uint32_t minor;
	bool is_socket; /**< else the kernel serves it */
	/** What the program may do of its events without asking is read there; NULL: nothing. */
	struct wire_bell *shared;
};

/* ---- the ground: what the preloaded library and the ptrace front each provide ---- */

/** True if there is a machine to reach. */
bool lib_active(void);
/** True if the kernel itself serves the device files (the FUSE and CUSE fronts, GNTSIM_NATIVE):
 * then only memory, of these files too, is followed here. */
bool lib_native(void);

/** The program's domain. */
uint32_t lib_domid(void);
/** Where its domain's store listens; NULL: there is none. */
const char *lib_store_path(void);
/**
 * Does a program that connects to this address (@p len bytes of the program's) look for the store where it is on Xen,
 * /var/run/xenstored/socket (libxenstore's path, for those that read no variable)?
 * @param[out] own where its own is
 */
bool lib_store_address(uint64_t addr, uint64_t len, struct sockaddr_un *own);

/**
 * Takes the connection: all signals blocked, no other thread inside. Everything between
 * lib_enter() and lib_leave() uses raw system calls only.
 */
void lib_enter(sigset_t *saved);
void lib_leave(const sigset_t *saved);

/**
 * May the call be made? False if a seccomp filter of the program's own, or one that it was started
 * under, is known to forbid it. True of calls that there is no other way for.
 */
bool lib_may(long nr);

#define LIB_ANSWERED_WITH_FDS (-1)
/**
 * One request and its reply (entered). @p in must be given to wire_in_done().
 * @param n_fds LIB_ANSWERED_WITH_FDS: none, but the reply of this operation, which has none else, may have some
 * @return the reply's result if negative, else 0; -EIO when the broker is gone
 */
int lib_call(enum wire_op op, const void *payload, size_t len, const int *fds, int n_fds,
	     struct wire_in *in);
/** May lib_callv() take a piece of the program's own memory as it is? */
bool lib_sends_in_place(void);
/** lib_call() with a payload in @p n pieces, of which the second is the program's; -EFAULT if it is a bad
 * pointer (nothing was sent then). */
int lib_callv(enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in);
/** lib_call() where the reply is only a result. */
int64_t lib_ask(enum wire_op op, const void *payload, size_t len);
/** Who goes on calling what has ended need not have a processor for it. */
void lib_slow_down(void);
/** The broker is gone, for good: says so on stderr, once. @return -EIO */
int lib_broken(void);

/**
 * Copies from and to possibly bad pointers of the program.
 * @return 0 or -EFAULT
 */
int lib_copy_in(void *dst, uint64_t src, size_t len);
int lib_copy_out(uint64_t dst, const void *src, size_t len);
/** Would a write to these bytes succeed? Leaves them as they are. */
int lib_probe_write(uint64_t dst, size_t len);

/** A system call in the program's process, with the kernel's kind of result. */
long lib_program_call(long nr, long a, long b, long c, long d, long e, long f);
/** A descriptor that came with a reply becomes one of the program's. @return its number there, or a
 * negative errno; the caller's own is used up */
int lib_hand_over(int fd);
/** A descriptor of the program's, at the lowest number that is free: another of the file that the call is on, which
 * the caller has as @p fd. @return its number, or -EMFILE */
int lib_reserve(int fd);
/** A descriptor of the program's is a device from now on. */
void lib_came(int fd);
/**
 * A socket of the program's, as one of the caller's until lib_give_back(). The machine closes what it is sent: of a
 * file that it serves itself it would wait for itself.
 * @retval -EBADF @retval -EINVAL it is no socket
 */
int lib_borrow(int fd);
void lib_give_back(int fd);
#define LIB_WAITS LONG_MIN
/**
 * Waits until a descriptor of the caller's can be read, which it uses up; no signal ends it. (Not entered.)
 * @param ms at most; above INT32_MAX for ever
 * @return 0 or -ETIMEDOUT; LIB_WAITS: the program waits by itself, and its call ends without us
 */
long lib_wait(int fd, uint32_t ms);
/** The page frames' descriptor that the program keeps, or -1. */
int lib_arena(bool writable);
/**
 * Makes sure that two descriptors can be received (entered), if need be by lifting the soft limit
 * until lib_room_end(). A process without free descriptors can still mmap a device, and fork.
 */
struct lib_room {
	uint64_t cur, max;
	bool lifted;
};
void lib_room_begin(struct lib_room *r);
void lib_room_end(const struct lib_room *r);

/** What the kernel says of the program's mappings (/proc/PID/maps). @return a descriptor or a negative
 * errno */
int lib_open_maps(void);
/** The path of the directory that a relative path of the program begins at. False: none is known. */
bool lib_base_directory(int dirfd, char *out, size_t room);
/** Where a link leads to, as the program would find it; relative to @p dirfd. @return bytes, without an
 * end, or a negative errno */
long lib_read_link(int dirfd, const char *path, char *out, size_t room);

/* ---- device memory of the program; only a hint of when to ask the broker: ranges.c ---- */

#define RANGES_FIRST 256
struct range {
	uint64_t start, end;
	bool dontfork;
};
/** Sorted and disjoint. All zeros: none. */
struct ranges {
	struct range *range; /**< NULL: first */
	size_t room;
	_Atomic size_t n;
	/** Enough for most: memory that appears in a program's gaps would change what it finds
	 * there. */
	struct range first[RANGES_FIRST];
};
/** The ground's: the program's. */
struct ranges *lib_ranges(void);

bool ranges_any(void); /**< callable at any time */
bool ranges_overlap(uint64_t addr, uint64_t len);
/** The first device memory in [addr, addr + len), cut to it. Returns false if none. */
bool ranges_first(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end);
int ranges_add(uint64_t addr, uint64_t len, bool dontfork);
void ranges_remove(uint64_t addr, uint64_t len);
/** In a forked child: what the child did not inherit. */
void ranges_forked(void);

/* ---- the nodes as paths: nodes.c ---- */

/** A path that goes on below a node, as if it were a directory. */
#define LIB_BELOW_NODE 1000
/** What stands for a dma-buf where nodes are shown, with its pages added: no path leads to one. */
#define LIB_DMABUF (1 << 24)
/** The node (place/place.h) that a path names, LIB_BELOW_NODE, or -1 if none. dirfd as in openat. Not those
 * that the kernel serves (lib_native()). */
int lib_node(int dirfd, const char *path);
/** Whether that may be: false for most other paths. Looks at no more than @p most bytes, and it may be if they
 * have no end. */
bool lib_mentions_node(const char *path, size_t most);
/** The lengths modulo 64, a bit each, of the names of nodes, as components of a path, that begin with a letter
 * like @p first modulo LIB_LETTERS. */
#define LIB_LETTERS 32u
uint64_t lib_name_lengths(char first);
/** An absolute one has a component that begins so. */
static inline bool lib_begins_place(char c)
{
	return c == 'x' || c == 'h' || c == 'g';
}
/** lib_node() with those. */
int lib_node_shown(int dirfd, const char *path);
/** Is it a node that the kernel serves? */
bool lib_is_kernels(int node);
/** The same as lib_node() where links are followed: for a path at which the kernel found nothing. */
int lib_node_behind(int dirfd, const char *path);
/** The descriptor that a path leads to (/proc/self/fd/N), or -1. */
int lib_descriptor_in(const char *path);
/** The broker shows the place's folders as files of its own: what leads there becomes a path of the place. */
void lib_out_of_shadow(char *path);
/** The node that a descriptor is of, which the broker opened as a folder or for no more than its path
 * (O_PATH); -1: another file. */
int lib_node_of_shadow(int fd);
/** The node that the kernel serves and that a descriptor leads to by its path: one for no more than that
 * (O_PATH) can't be asked what it is; -1: another file. */
int lib_node_of_kernels(int fd);
/**
 * Opens a node (entered).
 * @param[out] f f->device is WIRE_DEV_PLACE or above for what is no device of ours: a plain file
 * @param[out] fd the device's, close-on-exec; -1: it did not come along
 * @return 0 or a negative errno
 */
int node_open(int node, int flags, struct wire_file *f, int *fd);
/** A node as devtmpfs, xenfs or sysfs shows it, for whoever runs the program. */
struct stat;
struct statx;
void node_stat(int node, uint32_t uid, uint32_t gid, struct stat *st);
void node_statx(int node, uint32_t uid, uint32_t gid, struct statx *st);
/** access(2) of it: 0 or a negative errno. */
int node_access(int node, int mode);
/** The node that an open device file is of. */
int node_of_file(const struct device *d);

/* ---- calls on a device: ioctl.c, io.c; each with the kernel's kind of result ---- */

/** LIB_WAITS: see lib_wait(). */
long device_ioctl(int fd, const struct device *d, uint32_t cmd, uint64_t arg);
/** Is it one that gives references to a dma-buf's pages? */
bool dmabuf_imports(uint32_t cmd);
/** The descriptors of such a call; entered. */
struct dmabuf {
	int borrowed; /**< of the program's: goes with the request; or negative */
	int number;   /**< the program's, of what is exported; or why there is none */
	int wait;     /**< afterwards: where to wait, or -1 */
	int came; /**< afterwards: the program's dma-buf, or -1; for lib_came() when @p in is done with */
	struct lib_room room;
};
void dmabuf_begin(struct dmabuf *b, int fd, uint32_t cmd, uint64_t arg);
/** The answer has come. @return the call's result, -EINPROGRESS with something to wait at */
long dmabuf_end(struct dmabuf *b, struct wire_in *in, long result);
/** Bytes of a dma-buf, and lseek(2) on it. */
uint64_t dmabuf_size(const struct device *d);
long dmabuf_seek(const struct device *d, int64_t offset, int whence);
/** Is it one that the kernel itself answers before it asks a driver? */
bool device_ioctl_is_generic(unsigned long cmd);
/** GET_OFFSET_FOR_VADDR of an address that is no device's: false, and its result. */
bool device_ioctl_precheck(const struct device *d, uint32_t cmd, uint64_t arg, long *result);
/** The driver moves at most a page a call. */
#define DEVICE_MOST_BYTES 4096u
#define DEVICE_PORT_BYTES 4u
/** How much of a transfer the driver makes: whole ports, or bytes of xenbus, a page at most; or why it
 * makes none. */
long device_usable(const struct device *d, int refused_mode, size_t count);
/** What a read of the socket underneath (@p n, as from the kernel) is for the device. */
long device_read_result(const struct device *d, long n);
/** Bytes in the socket of an evtchn. */
uint32_t device_waiting(int fd);
/** Has the ring of an evtchn overflowed? An odd number of bytes in the socket says so. */
bool device_overflowed(int fd, const struct device *d);
long device_write(const struct device *d, const void *buf, size_t count);
/** A read gave this: for who traces, or watches (@p ask). (entered) */
void device_tell_read(const struct device *d, const void *buf, size_t count, long result,
		      uint32_t call, bool ask);
/** (entered) */
void lib_tell(enum wire_op op, const void *payload, size_t len);

/* ---- its memory: memory.c; entered ---- */

/** Bytes as whole pages. */
uint64_t memory_whole(uint64_t len);
/** The memory there is gone, by what the kernel did alone. */
int memory_unmapped(uint64_t addr, uint64_t len);
long memory_map(uint64_t addr, uint64_t len, int prot, int flags, const struct device *d,
		uint64_t offset);
/** A call of the driver has put other pages into a mapping. */
int memory_filled(uint64_t addr, uint64_t len);
/** munmap of what is, or has in it, device memory. */
long memory_unmap(uint64_t addr, uint64_t len);
/** mprotect (how: protection) or madvise (advice) of memory of which some is a device's. */
int memory_change(long nr, uint64_t addr, uint64_t len, int how);
/** Is the advice one that a driver has a say in? All other is only advice. */
bool memory_advice_counts(int advice);
/** mremap, of a device's memory or not. */
long memory_remap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t wish);

#endif
