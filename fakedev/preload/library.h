/* SPDX-License-Identifier: MIT */
/**
 * @file library.h
 * What the files of the preloaded library share. The library interposes the C library's calls on
 * the device nodes, on descriptors of them and on memory mapped from them; all else passes through
 * to the next definition of the function.
 *
 * It keeps no table of descriptors: whether a descriptor is a device, and which, is asked of the
 * kernel at each call (SO_COOKIE), because dup, fork, exec and SCM_RIGHTS happen outside of it.
 * What it does keep is a cache of those answers, which may lose any entry at any time.
 */
#ifndef FAKEDEV_PRELOAD_LIBRARY_H
#define FAKEDEV_PRELOAD_LIBRARY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "raw.h"
#include "wire.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <sys/un.h>

#define EXPORT __attribute__((visibility("default")))

/** The next definition of a function (the C library's, or another interposer's). */
#define NEXT(name)         ((__typeof__(&(name)))lib_next(&next_##name, #name))
#define DECLARE_NEXT(name) static void *next_##name
/** NULL if there is none: a C library may lack what only syscall() can have meant then. */
void *lib_next(void **slot, const char *name);

/** Sets errno for a negative result, leaves it alone otherwise. */
static inline long lib_result(long r)
{
	if (raw_is_error(r)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/** What the environment says, once lib_active() has found a machine in it. */
struct lib_settings {
	struct sockaddr_un addr;
	uint32_t domid, guest;
	bool valgrind;
	const char *unusable; /**< what of it makes no sense; NULL: all does */
};
extern struct lib_settings lib_settings;
/** True if the environment names a machine (GNTSIM_SOCKET). */
bool lib_active(void);
/** True if the kernel itself serves the device files (the FUSE and CUSE fronts, GNTSIM_NATIVE):
 * then only memory, of these files too, is followed here. */
bool lib_native(void);

/**
 * Takes the connection: all signals blocked, no other thread inside. Everything between
 * lib_enter() and lib_leave() uses raw system calls only.
 */
void lib_enter(sigset_t *saved);
void lib_leave(const sigset_t *saved);

/** Valgrind looks at what is sent: bytes that a program never set (padding) must be copied first. */
bool lib_under_valgrind(void);
/** Memory that the library alone uses: checkers of threads are told not to watch it. */
void lib_own_memory(uintptr_t at, size_t len);

/** False in a child of a fork that went unseen, until the next lib_enter(). */
bool lib_same_process(void);

/** A device descriptor, as known of its kernel object. */
struct device {
	uint32_t id;     /**< on this connection */
	uint32_t device; /**< enum wire_device */
	uint32_t flags;  /**< open mode */
	uint32_t minor;
	bool is_socket; /**< else the kernel serves it */
};

/**
 * May this process make the call? False if a seccomp filter of its own, or one that it was started
 * under, is known to forbid it. True of calls that the library has no other way for.
 */
bool lib_may(long nr);
/** It is known now that it may not. */
void lib_forbid(long nr);
/** A call had this result: true, and known from now on, if it is a filter's. */
bool lib_forbidden(long nr, long result);
/** Sets of such calls, as bits: what something does not let pass; whether a call is in it; forbidding
 * them, with what was forbidden before as the result; and taking that back. */
uint32_t lib_calls_not_let_pass(bool (*lets_pass)(const void *ctx, long nr), const void *ctx);
bool lib_is_among(long nr, uint32_t calls);
uint32_t lib_forbid_calls(uint32_t calls);
void lib_allow_calls(uint32_t calls);
/**
 * Before the program installs a seccomp filter: gets what can be had only now, and knows from now on
 * what will be forbidden. @p filter: the address of its struct sock_fprog
 * @return for lib_allow_calls(), if there is no filter then
 */
uint32_t lib_confine(bool strict, uint64_t filter);
/** Connects now what could not later: the program is about to change its root, user or limits. */
void lib_anchor(void);
/** Gets descriptors of the page frames to keep. */
void lib_take_arena(void);
/** The program is about to set its limit of descriptors (@p limit, of process @p pid) to this struct
 * rlimit64: what needs a free one is got before there is none. */
void lib_before_limit(long pid, int resource, uint64_t limit);
/** One of them, or -1. */
int lib_arena(bool writable);
/** Where the kernel can't be asked what a descriptor is (lib_may(SYS_getsockopt)), we know it by its
 * number: notes one that is new, one that is another's copy, one that was closed. */
#define LIB_MOST_NOTES 65536u /* more than programs that confine themselves have */
void lib_note(int fd, const struct device *d);
void lib_note_copy(int from, int to);
void lib_note_closed(int fd);
bool lib_noted(int fd, struct device *out);

/** Connects if need be (entered). @return 0, -EIO when the broker is gone (said once on stderr) */
int lib_connect(void);

/**
 * One request and its reply (entered). @p in must be given to wire_in_done().
 * @return the reply's result if negative, else 0; -EIO when the broker is gone
 */
int lib_call(enum wire_op op, const void *payload, size_t len, const int *fds, int n_fds,
	     struct wire_in *in);
/** lib_call() with a payload in @p n pieces; -EFAULT if one of them is a bad pointer (nothing was
 * sent then). */
int lib_callv(enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in);
/** lib_call() where the reply is only a result. */
int64_t lib_ask(enum wire_op op, const void *payload, size_t len);
/** Does somebody trace this machine? Then he is told, with no reply, of what the kernel did alone. */
bool lib_traced(void);
/** Are this machine's programs to end at some point? Then it is asked before the kernel does something
 * alone. */
bool lib_watched(void);
/** Is it an evtchn file that we serve? (Not entered.) */
bool lib_is_evtchn(int fd);
/** A wait begins that is for an event channel, too. (Not entered.) */
void lib_wait_begins(void);
/** An evtchn file is in an epoll set from now on. */
void lib_note_epoll(void);
/** (Not entered.) @return the call's number, or a negative errno that it fails with */
int64_t lib_before(uint32_t file, size_t count, bool waits);
/** (entered) */
void lib_tell(enum wire_op op, const void *payload, size_t len);

/**
 * Is fd a device? (Not entered.) Costs one system call for what is no socket.
 * @retval true *out tells which
 */
bool lib_device(int fd, struct device *out);
/** lib_device(), or a device file that the kernel serves: what mmap is to be done for. */
bool lib_mappable(int fd, struct device *out);
/** The device file with this cookie, which the file itself told. (entered) */
bool lib_claim(uint64_t cookie, struct device *out);
/** Which device the object with this cookie is: saves asking. (entered) */
void lib_remember(const struct wire_file *f, uint64_t cookie, bool is_socket);
/** What was remembered, which may be gone at any time. (At any time.) */
bool lib_recall(uint64_t cookie, struct device *out);
/** Also what was forgotten: that it is a device stays true, its id does not. */
bool lib_recall_former(uint64_t cookie, struct device *out);
/** The same for sockets that are no devices. (At any time.) */
void lib_remember_other(uint64_t cookie);
bool lib_recall_other(uint64_t cookie);
/** Forgets every answer: the ids belong to another connection now. (entered) */
void lib_forget(void);

/** A path that goes on below a node, as if it were a directory. */
#define LIB_BELOW_NODE WIRE_DEV_MAX
/** The device a path names, LIB_BELOW_NODE, or -1 if none. dirfd as in openat. */
int lib_node(int dirfd, const char *path);
/** The same where links are followed: for a path at which the kernel found nothing. Keeps errno. */
int lib_node_behind(int dirfd, const char *path);
/** Opens it. @return a descriptor or a negative errno */
int lib_open_node(int device, int flags);

/**
 * Copies between this process's memory and possibly bad pointers of its program.
 * @return 0 or -EFAULT
 */
int lib_copy_in(void *dst, uint64_t src, size_t len);
int lib_copy_out(uint64_t dst, const void *src, size_t len);
/** Would a write to these bytes succeed? Leaves them as they are. */
int lib_probe_write(uint64_t dst, size_t len);

/** Device memory of this process; only a hint of when to ask the broker. (entered) */
bool ranges_any(void); /**< callable at any time */
bool ranges_overlap(uint64_t addr, uint64_t len);
/** The first device memory in [addr, addr + len), cut to it. Returns false if none. */
bool ranges_first(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end);
int ranges_add(uint64_t addr, uint64_t len, bool dontfork);
void ranges_remove(uint64_t addr, uint64_t len);
/** In a forked child: what the child did not inherit. */
void ranges_forked(void);

/** Is it a descriptor of the library's own? Programs can't close those. */
bool lib_is_own_fd(int fd);
/** The first of them in this range of numbers, -1 if none. */
int lib_own_fd_in(unsigned int first, unsigned int last);
/** Moves it off this number, which the program wants. */
void lib_move_own(int fd);

/** A descriptor was closed or a child has ended: waits until the broker has acted on it. Keeps errno. */
void lib_sync(void);
/** With --verbose: says of a program that is about to be executed, or spawned, that the loader will leave
 * this library out, if it is one. @param search as execvp does */
void lib_tell_of_rights(const char *program, bool search);
/** Tells that this process is about to execute a program; lib_sync() if it did not. */
void lib_executes(void);

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

/** Around a fork that the C library's handlers do not see. */
void lib_fork_prepare(void);
void lib_fork_parent(void);
void lib_fork_child(void);
/** The same for a child that has its parent's descriptors, not a copy of them. */
void lib_fork_parent_sharing(void);
void lib_fork_child_sharing(void);

/** The work behind the interposed calls, each with the kernel's kind of result. */
long device_ioctl(int fd, const struct device *d, uint32_t cmd, uint64_t arg);
/* Has the ring of an evtchn overflowed? An odd number of bytes in the socket says so. */
bool device_overflowed(int fd);
/* Bytes in the socket of an evtchn. */
uint32_t device_waiting(int fd);
long device_read(int fd, const struct device *d, void *buf, size_t count);
long device_write(const struct device *d, const void *buf, size_t count);

struct pollfd;
/** What poll found (@p ready of @p n), as the devices would have said it. @return ready */
int lib_correct_poll(struct pollfd *fds, unsigned long n, int ready);

/** Says once on stderr what is in our way, and why. @return @p err */
int lib_unable(const char *what, int err);
/** The broker is gone, for good: says so on stderr, once. @return -EIO */
int lib_broken(void);

#endif
