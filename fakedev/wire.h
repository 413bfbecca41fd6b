/* SPDX-License-Identifier: MIT */
/**
 * @file wire.h
 * The protocol between a client (the preloaded library, the gntsim command) and the broker.
 *
 * Transport: one SOCK_SEQPACKET Unix connection per address space. It is close-on-exec, so its
 * end is the end of the address space (exit, exec, SIGKILL): the broker then ends the
 * mappings. One request, one reply, in turn; the client never has two under way. A request that
 * carries no descriptor may be asked, and answered, in memory that both share, and an evtchn's
 * port be enabled again without one: wire_bell.h.
 *
 * A message is a struct wire_msg followed by `payload` bytes. A payload above WIRE_INLINE_MAX
 * travels in a memfd instead (flag WIRE_F_MEMFD; the memfd is the message's last descriptor).
 * Integers are in host order: both ends run on one host. A connection that breaks a rule (bad
 * magic or version, truncated or overlong message, unknown operation, wrong descriptors) is
 * closed, and what it owned ends as if its process had died.
 *
 * The first request must be WIRE_HELLO. A file is named by the id that WIRE_OPEN or WIRE_ATTACH
 * gave *this* connection: an id that this connection never proved to hold is -EBADF.
 *
 * The device descriptor of the socket front is the client's end of a SOCK_STREAM pair whose
 * other end the broker holds. Bytes in it:
 *   evtchn            broker to client: the ring's ports, 4 bytes each; on overflow one odd
 *                     byte. Client to broker: ports to re-enable, as write() takes them; with
 *                     WIRE_PORT_NOTIFY, one to send to.
 *   xenbus            broker to client: answers and watch events. Client to broker: what a raw
 *                     write() sent.
 *   parameter         broker to client: its text, and the end of it.
 *   others            one byte that is never read, so that poll() says readable, as for any
 *                     file without a poll method.
 */
#ifndef FAKEDEV_WIRE_H
#define FAKEDEV_WIRE_H

#include <gntsim/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define WIRE_MAGIC   0x746e6721u /* "!gnt" */
#define WIRE_VERSION 1u
/** Payload bytes that travel in the message itself. */
#define WIRE_INLINE_MAX (48u * 1024u)
/** Payload bytes that travel at all: GRANT_COPY of some 10,000 segments, MAP of 65,536. */
#define WIRE_PAYLOAD_MAX (64u * 1024u * 1024u)
#define WIRE_FDS_MAX     3
/** The page frames' memfd, which /proc/PID/maps shows: who looks for mappings of a device finds them. (It is one
 * file for both.) */
#define WIRE_FRAMES_NAME "/dev/xen/gntalloc,/dev/xen/gntdev"

enum wire_op {
	WIRE_HELLO = 1, /**< struct wire_hello -> struct wire_hello_reply, xenstore rundir, tree */
	WIRE_OPEN,      /**< struct wire_open -> struct wire_file, descriptor */
	WIRE_ATTACH, /**< a descriptor -> struct wire_file; -ENOENT: not a device of this broker */
	WIRE_IOCTL, /**< struct wire_ioctl, regions, one descriptor maybe -> result, regions to write
			back, one descriptor maybe */
	WIRE_WRITE,    /**< struct wire_write, bytes -> bytes used (evtchn, xenbus) */
	WIRE_MMAP,     /**< struct wire_map -> struct wire_map_reply, runs, descriptors */
	WIRE_MUNMAP,   /**< struct wire_range -> nothing */
	WIRE_MPROTECT, /**< struct wire_range -> runs of the range as they are now, descriptors */
	WIRE_MADVISE,  /**< struct wire_range, advice in prot -> as WIRE_MPROTECT */
	WIRE_MREMAP,   /**< struct wire_remap -> runs of the new range, descriptors */
	WIRE_FORK,     /**< nothing -> a connected descriptor for the child's address space */
	WIRE_SYNC,     /**< nothing -> nothing, once all that ended before has been acted on */
	WIRE_STATUS,   /**< nothing -> text, "name value\n" lines */
	WIRE_DESTROY,  /**< uint32_t domid: destroy the whole domain -> nothing */
	WIRE_ADVANCE,  /**< uint64_t ns: let virtual time pass -> nothing */
	WIRE_LIMIT,    /**< struct wire_limit: a limit that may change -> nothing */
	WIRE_CLAIM,    /**< uint64_t cookie of a file that the kernel serves (see WIRE_IOC_IDENTIFY)
			  -> struct wire_file */
	WIRE_MOUNT,    /**< a descriptor of /dev/fuse: serve what is mounted with it -> nothing */
	WIRE_CUSE,  /**< nothing -> name of the directory of /dev that gets the domain's devices */
	WIRE_ARENA, /**< nothing -> descriptors of the page frames, read-only and read-write, for one
		       who can receive none later */
	WIRE_WATCH, /**< nothing -> nothing: what is left by the processes below the asking one, until
		       this connection ends, is kept for it */
	WIRE_LEAKS,  /**< nothing -> text, a line for each leak that WIRE_WATCH made be kept */
	WIRE_READ,   /**< struct wire_read, bytes: what a read() of evtchn gave. No reply, unless
		      wire_hello_reply.watched: nothing */
	WIRE_CREATE, /**< struct wire_create: a domain, if it is not there -> nothing */
	WIRE_SHOW,   /**< struct wire_show (wire_show.h) -> rows of what lives; -E2BIG: too many */
	WIRE_EXEC, /**< nothing -> nothing: the process executes a program, unless another request comes */
	WIRE_BEFORE, /**< struct wire_before -> the how manieth call of its program that is; asked, if
			wire_hello_reply.watched, of what the kernel is going to do alone */
	WIRE_READS, /**< nothing -> a descriptor of struct wire_reads (wire_reads.h), where reads
			   are put instead of WIRE_READ; -EOPNOTSUPP: they are not */
	WIRE_INTRODUCE, /**< uint32_t domid -> nothing, once its xenstored knows the domain; -ENOENT: there is
			   none; -EIO: it has ended; -ENOTCONN: it had before the domain came */
	WIRE_CONSOLE, /**< uint32_t domid -> a stream that is the domain's console, from within; -ENOENT: it
			 has none; -EBUSY: another has it */
	WIRE_PAGES, /**< struct wire_range -> runs of the range as they are now, descriptors */
	WIRE_END, /**< said to WIRE_ROLE_TRACED in place of an answer: the process is to end where it is;
		     * how is the result (enum death_end), with WIRE_END_LOOK maybe: then this is asked, with
		     * a packed struct snapshot, and not answered */
	WIRE_BELL, /**< nothing -> descriptors of a struct wire_bell (wire_bell.h) and of an eventfd that
		       rings; from then on WIRE_IOCTL and WIRE_WRITE may be asked there. -EOPNOTSUPP: there is
		       none */
	WIRE_LOOK, /**< said to WIRE_ROLE_TRACED unasked: a thread, the result, is about to be stopped (SIGSTOP), to be
		    * looked at and to stay there; then asked, with a packed struct snapshot, and not
		    * answered */
	WIRE_OP_MAX,
};

/** Devices as the wire names them; the first three are enum gntsim_device. */
enum wire_device {
	WIRE_DEV_GNTALLOC,
	WIRE_DEV_GNTDEV,
	WIRE_DEV_EVTCHN,
	WIRE_DEV_PRIVCMD,        /**< /dev/xen/privcmd, /dev/xen/hypercall */
	WIRE_DEV_XENBUS,         /**< /dev/xen/xenbus */
	WIRE_DEV_XENBUS_BACKEND, /**< /dev/xen/xenbus_backend */
	WIRE_DEV_PARAMETER, /**< a module's parameter that is opened for writing; wire_open.node */
	WIRE_DEV_DMABUF, /**< no path: of gntdev's; the minor of its struct wire_file says how many pages */
	WIRE_DEV_XSD_PORT, /**< /proc/xen/xsd_port: text, a plain file, as those that follow */
	WIRE_DEV_XSD_KVA,  /**< /proc/xen/xsd_kva: one page */
	WIRE_DEV_PLACE, /**< a text or a folder of the place, or with O_PATH any node: wire_open.node */
	WIRE_DEV_MAX,
};

/** What xenstored sends in an evtchn's socket, and waits for no answer: IOCTL_EVTCHN_NOTIFY. No port's
 * number has the bit. */
#define WIRE_PORT_NOTIFY 0x80000000u

/** Beside an enum death_end. */
#define WIRE_END_LOOK 256
/** In the name of the directory beside the machine's socket where folders of the place are shown from, and
 * below it by domain. */
#define PLACE_SHADOW ".gntsim-place"
/** The sticky bit: of all but devices there. */
#define PLACE_SHADOW_MODE 01000u

#define WIRE_F_MEMFD 1u /**< the payload is in a memfd */

struct wire_msg {
	uint32_t magic;
	uint16_t version;
	uint16_t op;      /**< enum wire_op; a reply repeats it */
	uint32_t flags;   /**< WIRE_F_* */
	uint32_t payload; /**< bytes */
	int64_t
	    result; /**< reply: 0 or more, or a negative errno; request: the thread that asks, if
			   * wire_hello_reply.watched, else 0 */
};

struct wire_hello {
	uint32_t domid;
	uint32_t
	    guest;     /**< 0: the default of the domid; 1 PV; 2 PVH. Must fit an existing domain */
	uint32_t role; /**< enum wire_role */
	uint32_t pid;  /**< the client's own view; for messages only */
};
enum wire_role {
	WIRE_ROLE_PROCESS, /**< an address space of the domain */
	WIRE_ROLE_COMMAND, /**< a command: creates the domain, owns no address space */
	WIRE_ROLE_SHARING, /**< said by a forked child: another process has its descriptors too; its
			    * address space ends with the process, if not before */
	WIRE_ROLE_TRACED, /**< an address space of the process with the number wire_hello.pid, said by
			    * who traces it */
	WIRE_ROLE_WATCH, /**< asks only: creates nothing */
	WIRE_ROLE_UNREACHED, /**< says only that a program is executed in which there will be no library; a hash
			      * of its path is wire_hello.pid. Result 1: nobody has said so of it lately */
};
struct wire_hello_reply {
	uint32_t domid;
	uint32_t guest;      /**< 1 PV, 2 PVH */
	uint32_t broker_pid; /**< as the broker sees itself */
	uint32_t rundir_len; /**< bytes of xenstored's run directory that follow; 0: no xenstore */
	uint32_t unassisted; /**< 1: nothing can be mapped through this connection */
	uint32_t traced;     /**< 1: WIRE_READ is wanted */
	uint32_t watched;    /**< 1: WIRE_BEFORE is wanted, and WIRE_READ is answered */
	uint32_t tree_len;   /**< then: bytes of the mounted tree's path that follow; 0: none */
};

struct wire_open {
	uint32_t device; /**< enum wire_device */
	uint32_t flags;  /**< open(2)'s */
	uint32_t node;   /**< by which path: a node of place/place.h */
	uint32_t pad;
};
struct wire_file {
	uint32_t id;     /**< names the file on this connection */
	uint32_t device; /**< enum wire_device */
	uint32_t flags;  /**< the open mode (O_ACCMODE) */
	uint32_t minor;  /**< of the character device that fstat shows; of a parameter, its node */
	uint64_t cookie; /**< SO_COOKIE of the client's end: identity, never reused. Of a file that
			  * the kernel serves: random */
};
/** The length that an evtchn file of the FUSE front tells: a file of none has nothing to read for the
 * kernel where the reader does not wait itself (io_uring). The others' is 0. */
#define WIRE_EVTCHN_BYTES 4096
/** An ioctl that a device file of the FUSE and CUSE fronts answers beside its driver's: struct
 * wire_file, of which the id is unused. The cookie proves to the broker that one holds the file. */
#define WIRE_IOC_IDENTIFY 0x8018f801u /* _IOR(0xf8, 1, struct wire_file) */

/** A piece of the client's memory. In a request: `len` bytes follow when readable. */
struct wire_region {
	uint64_t addr;
	uint32_t len;
	uint32_t flags; /**< WIRE_R_* */
};
#define WIRE_R_DATA     1u /**< len bytes follow (padded to 8) */
#define WIRE_R_WRITABLE 2u /**< the client found the bytes writable */
#define WIRE_R_KEPT     4u /**< of a reply: what they tell of stays, also where they can't be stored */

struct wire_ioctl {
	uint32_t file;
	uint32_t cmd;
	uint64_t arg;
	uint32_t n_regions;
	int32_t number; /**< gntdev's export: of the descriptor that the dma-buf gets; or
			   -EMFILE. Its import without a descriptor: -EINVAL, it is no socket; else EBADF */
};
/** Of gntdev's dma-buf calls, which come by the socket: an import with what is imported.
 * An export is answered with the dma-buf, and one that waits (-EINPROGRESS) with a descriptor to wait at until
 * it can be read.
 * Reply to WIRE_IOCTL: n_regions times a region with data, to be stored in this order. */
struct wire_ioctl_reply {
	uint32_t n_regions;
	uint32_t drain; /**< bytes to take off the device socket (evtchn RESET) */
};

struct wire_write {
	uint32_t file;
	uint32_t len; /**< bytes that follow */
};

/** The kernel alone serves a read on the socket front: who traces is told afterwards. */
struct wire_read {
	uint32_t file;
	int32_t result; /**< bytes, which follow; or a negative errno */
	uint32_t count; /**< that were asked for, at most 4096 */
	uint32_t call;  /**< what WIRE_BEFORE answered; 0: it was not asked */
};

struct wire_before {
	uint32_t file;  /**< WIRE_NO_FILE: it is no call on one, but a wait for several: poll() */
	uint32_t count; /**< of a read(): bytes that are asked for */
	uint32_t waits; /**< 1: nothing is there, and it would block */
	uint32_t pad;
};
#define WIRE_NO_FILE UINT32_MAX

struct wire_map {
	uint32_t file;
	int32_t prot, flags;
	uint32_t pad;
	uint64_t addr, len, offset;
};
struct wire_range {
	uint64_t addr, len;
	int32_t prot;
	uint32_t pad;
};
struct wire_remap {
	uint64_t old_addr, old_len, new_len, new_addr;
	int32_t flags;
	uint32_t pad;
};
/** Followed by n_runs struct wire_run. Descriptors: the arena read-write if any run has
 * WIRE_RUN_RW, then the arena read-only if any has not. */
struct wire_map_reply {
	uint32_t n_runs;
	uint32_t flags; /**< WIRE_M_* */
};
#define WIRE_M_DONTFORK 1u /**< a PV gntdev mapping: not inherited by fork */
#define WIRE_M_EMPTIED                                                                             \
	2u /**< WIRE_MREMAP failed, when it had unmapped what gntsim_mremap_empties() says */
/** Pages that are contiguous in the address space and in the arena. */
struct wire_run {
	uint64_t addr;
	uint64_t offset; /**< in the arena; beyond its end for pages that must fault with SIGBUS */
	uint64_t len;    /**< bytes */
	int32_t prot;    /**< what to map with */
	uint32_t flags;  /**< WIRE_RUN_* */
};
#define WIRE_RUN_RW      1u /**< from the read-write arena: may be written, if so protected */
#define WIRE_RUN_PLAIN   4u /**< from nowhere: ordinary memory, made by WIRE_MMAP and kept after it */
#define WIRE_RUN_PRIVATE 2u /**< stores must not reach the granter, and are no fault either */

struct wire_limit {
	uint32_t domid;
	uint32_t limit; /**< enum gntsim_limit */
	uint32_t value;
};
struct wire_create {
	uint32_t domid;
	uint32_t guest;   /**< as in struct wire_hello */
	uint32_t limited; /**< 1: with these limits, of which 0 means the machine's default */
	uint32_t limits[GNTSIM_N_LIMITS];
};

/** A received message. The payload lives in the caller's buffer, or is mapped (see wire_recv). */
struct wire_in {
	struct wire_msg msg;
	const unsigned char *payload;
	int fds[WIRE_FDS_MAX]; /**< -1 where none; the receiver owns them */
	int n_fds;
	bool too_long; /**< wire_read(): there was a payload, which is lost */
	bool fds_lost; /**< some did not come: this process had no free descriptor */
	uint32_t
	    pid; /**< the sender as the kernel knows it, if the receiver set SO_PASSCRED; else 0 */
	void *mapped; /**< the payload, if it came in a memfd: wire_in_done() unmaps it */
};

/**
 * Sends a message with up to two descriptors.
 * @return 0, -EAGAIN, -EPIPE, -EMSGSIZE (payload above WIRE_PAYLOAD_MAX), other errors of sendmsg
 */
int wire_send(int fd, uint16_t op, int64_t result, const void *payload, size_t len, const int *fds,
	      int n_fds);

/**
 * Sends a request whose payload lies in up to WIRE_PIECES pieces of at most WIRE_INLINE_MAX bytes in
 * all.
 * @return as wire_send(); -EFAULT when a piece is a bad pointer: nothing was sent then
 */
int wire_sendv(int fd, uint16_t op, int64_t thread, const struct iovec *pieces, int n);
#define WIRE_PIECES 3

/**
 * Receives one message into @p buffer (of WIRE_BUFFER bytes). Call wire_in_done() after use.
 * @return 0; -EAGAIN; -EPIPE at the end of the connection; -EPROTO for a message that breaks the
 *         protocol (its descriptors are closed)
 */
int wire_recv(int fd, int flags, void *buffer, struct wire_in *in);
#define WIRE_BUFFER (sizeof(struct wire_msg) + WIRE_INLINE_MAX)

/**
 * Receives the reply to a first request, for which wire_send() returned @p sent: also that of a broker
 * that refused before it listened.
 * @return as wire_recv(), or the error of sending
 */
int wire_recv_first(int fd, int sent, void *buffer, struct wire_in *in);

/**
 * wire_sendv() and wire_recv() with nothing but write(2) and read(2): no descriptors come along.
 * @p room (WIRE_BUFFER bytes) may be the one to receive into.
 * @retval -ENOMEM the message does not fit without a descriptor; received, its head is in @p in
 */
int wire_write(int fd, uint16_t op, int64_t thread, const struct iovec *pieces, int n, void *room);
int wire_read(int fd, void *buffer, struct wire_in *in);

/** A message of @p len bytes that came without a socket, in memory that nobody else writes to: what
 * wire_recv() makes of one without descriptors. @return 0 or -EPROTO */
int wire_take(const void *message, size_t len, struct wire_in *in);

/** Closes the descriptors that are still in @p in and unmaps the payload. */
void wire_in_done(struct wire_in *in);
/** Takes descriptor @p i out of the message: the caller owns it. -1 if there is none. */
int wire_in_take_fd(struct wire_in *in, int i);

#endif
