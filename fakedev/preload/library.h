/* SPDX-License-Identifier: MIT */
/**
 * @file library.h
 * What the files of the preloaded library share. The library interposes the C library's calls on
 * the device nodes, on descriptors of them and on memory mapped from them; all else passes through
 * to the next definition of the function.
 *
 * It keeps no table of descriptors: whether a descriptor is a device, and which, is asked of the
 * kernel at each call (SO_COOKIE), because dup, fork, exec and SCM_RIGHTS happen outside of it.
 * What it does keep is a cache of those answers, which may lose any entry at any time, and whether
 * the process can have a device at all (others/none.c).
 */
#ifndef FAKEDEV_PRELOAD_LIBRARY_H
#define FAKEDEV_PRELOAD_LIBRARY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "calls/calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <sys/un.h>

#define EXPORT __attribute__((visibility("default")))

/** The next definition of a function (the C library's, or another interposer's). */
#define NEXT(name)         ((__typeof__(&(name)))lib_next(&next_##name, #name))
#define DECLARE_NEXT(name) static LIB_NEAR void *next_##name
/** What most calls look at lies together. */
#define LIB_NEAR __attribute__((section("gntsim_near")))
void *lib_find_next(void **slot, const char *name);
/** NULL if there is none: a C library may lack what only syscall() can have meant then. */
static inline void *lib_next(void **slot, const char *name)
{
	void *p = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	return __builtin_expect(p != NULL, 1) ? p : lib_find_next(slot, name);
}

/** lib_next() of a function with which GNU's C library does no more than ask the kernel: LIB_KERNEL if it is that
 * library's. Who asks by himself then comes back without a detour, and returns that the processor foresees: the
 * system call between has it forget others. */
#define LIB_KERNEL ((void *)1)
void *lib_find_next_or_kernel(void **slot, const char *name);
static inline void *lib_next_or_kernel(void **slot, const char *name)
{
	void *p = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	return __builtin_expect(p != NULL, 1) ? p : lib_find_next_or_kernel(slot, name);
}

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
	char store[sizeof(((struct sockaddr_un *)0)->sun_path)]; /**< where it listens; "": none */
	bool valgrind;
	bool one_way;         /**< a program that never asks what its events came to: xenstored */
	bool no_bell;         /**< every call is to be a message in the socket */
	const char *unusable; /**< what of it makes no sense; NULL: all does */
};
extern struct lib_settings lib_settings;
/** Valgrind looks at what is sent: bytes that a program never set (padding) must be copied first. */
bool lib_under_valgrind(void);
/** Is it certain, without asking the kernel, that a path, be it a bad pointer, names no node? (At any time.) */
bool lib_is_elsewhere(const char *path);
/** Is it certain, without asking the kernel, that this can be read? (At any time.) */
bool lib_is_there(uintptr_t at, size_t len);
/** The program takes this memory away, or what may be done with it. (At any time.) */
void lib_memory_changes(uintptr_t at, size_t len);
/** Memory that the library alone uses: checkers of threads are told not to watch it. */
void lib_own_memory(uintptr_t at, size_t len);

/** False in a child of a fork that went unseen, until the next lib_enter(). */
bool lib_same_process(void);

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
/** May the program have installed one? */
bool lib_is_confined(void);
/** Connects now what could not later: the program is about to change its root, user or limits. */
void lib_anchor(void);
/** Gets descriptors of the page frames to keep. */
void lib_take_arena(void);
/** The program is about to set its limit of descriptors (@p limit, of process @p pid) to this struct
 * rlimit64: what needs a free one is got before there is none. */
void lib_before_limit(long pid, int resource, uint64_t limit);
/** Where the kernel can't be asked what a descriptor is (lib_may(SYS_getsockopt)), we know it by its
 * number: notes one that is new, one that is another's copy, one that was closed. */
#define LIB_MOST_NOTES 65536u /* more than programs that confine themselves have */
void lib_note(int fd, const struct device *d);
void lib_note_copy(int from, int to);
void lib_note_closed(int fd);
bool lib_noted(int fd, struct device *out);

/** Connects if need be (entered). @return 0, -EIO when the broker is gone (said once on stderr) */
int lib_connect(void);

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
/** Puts a read of evtchn where who traces finds it. (Not entered.) @return false: he must be told of it */
bool lib_put_read(const struct wire_read *read, const void *bytes);
/** Asks for that place, once. (entered) */
void lib_ask_for_reads(void);
/** The connection is another from now on. (entered) */
void lib_reads_forget(void);
/** Odd: none of the process's descriptors is a device. Another number each time that one may have come. */
extern _Atomic uint32_t lib_without;
/** Is it certain that none of the process's descriptors is a device? (At any time.) */
static inline bool lib_has_none(void)
{
	return atomic_load_explicit(&lib_without, memory_order_relaxed) & 1;
}
/** One was asked for, and is none: now and then it is looked whether any can be. (At any time.) */
void lib_found_other(void);
/** There is a descriptor now that is a device, or through which one may come. (At any time, in the child of a
 * vfork too.) */
void lib_may_have_one(void);
/** From now on they come in ways that we do not see. */
void lib_may_have_one_any_time(void);
/**
 * Is fd a device? (Not entered.) Costs one system call for what is no socket, until it is certain that no
 * descriptor is one.
 * @retval true *out tells which
 */
bool lib_find_device(int fd, struct device *out);
static inline bool lib_device(int fd, struct device *out)
{
	return !lib_has_none() && lib_find_device(fd, out);
}
/** lib_device(), or a device file that the kernel serves: what mmap is to be done for. */
bool lib_mappable(int fd, struct device *out);
/** Is it a device file that the kernel serves? Asks the file itself, if @p st, what fstat
 * says of it, is such a file's. (Not entered; no hold on it.) */
struct stat;
bool lib_is_native(int fd, const struct stat *st, struct device *out);
/** Does it look like one? */
bool lib_looks_native(const struct stat *st);
/** A call on fd has failed, as errno says: if that is so since the machine has ended that served such a file, who
 * made it is slowed down. Keeps errno. (Not entered.) */
void lib_native_failed(int fd);
/** @return @p result, of a call on fd that the kernel made */
static inline long lib_native_result(int fd, long result)
{
	if (__builtin_expect(result < 0, 0))
		lib_native_failed(fd);
	return result;
}
struct pollfd;
/** The same after a poll, of which @p ready of @p n are ready. @return @p ready */
int lib_native_polled(const struct pollfd *fds, unsigned long n, int ready);
/** Is one of such a machine's files in this epoll set? */
bool lib_native_set_has_ended(int epoll);
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

/** Opens a node. @return a descriptor or a negative errno */
int lib_open_node(int node, int flags);
/** Where open() and stat() are to look: for OCaml's xenstored its state is in the machine's directory, not the host's. */
const char *lib_xenstored_path(const char *path);
/** The node whose descriptor a path leads to (/proc/self/fd/N), or -1. */
int lib_node_reopened(const char *path);

/** Is it a descriptor of the library's own? Programs can't close those. */
bool lib_is_own_fd(int fd);
/** The first of them in this range of numbers, -1 if none. */
int lib_own_fd_in(unsigned int first, unsigned int last);
/** Moves it off this number, which the program wants. */
void lib_move_own(int fd);

/** A descriptor was closed or a child has ended: waits until the broker has acted on it. Keeps errno. */
void lib_sync(void);
/** Says once of a program that is about to be executed, or spawned, that the loader will leave this library out, if
 * it will. @param search as execvp does @param env what it will have */
void lib_tell_of_program(const char *program, bool search, char *const env[]);
/** The same of execveat()'s. */
void lib_tell_of_program_at(int dirfd, const char *path, int flags, char *const env[]);
/** Tells that this process is about to execute a program; lib_sync() if it did not. */
void lib_executes(void);

/** Around a fork that the C library's handlers do not see. */
void lib_fork_prepare(void);
void lib_fork_parent(void);
void lib_fork_child(void);
/** The same for a child that has its parent's descriptors, not a copy of them. */
void lib_fork_parent_sharing(void);
void lib_fork_child_sharing(void);

/** The work behind the interposed call, with the kernel's kind of result. */
long device_read(int fd, const struct device *d, void *buf, size_t count);

/** What poll found (@p ready of @p n), as the devices would have said it. @return ready */
int lib_correct_poll(struct pollfd *fds, unsigned long n, int ready);

/** epoll told of a hang-up in a set, of whatever: if the machine has ended, who goes on waiting for it is slowed
 * down. (Not entered.) */
void lib_hung_up(int epoll);
/** Is nobody at the other end of a socket any more, and all read that was said? */
bool lib_is_over(int fd);

/** Says once on stderr what is in our way, and why. @return @p err */
int lib_unable(const char *what, int err);

/** The page that this process shares with the machine; NULL: there is none. (At any time.) */
struct wire_bell *lib_shared(void);
/** write() of one port, without asking (wire_bell.h). @return false: it is to be asked */
bool lib_unmask(const struct device *d, const void *buf);
/** May an evtchn's ring have overflowed? */
bool lib_may_overflow(const struct device *d);
/** Events of this device are about to be read, by this descriptor. */
void lib_reads_events(int fd, const struct device *d);
/** Is it worth while to look for events, for a moment, before one waits for them without an end? @return a descriptor
 * by which they were read, to be among what is waited for; or -1 */
int lib_looks_out(void);
/** Looks. With all signals blocked: whichever came meanwhile must end the wait that follows. */
void lib_look_out(void);

/** What xenstored does with an evtchn and needs no answer to (lib_settings.one_way): an event to send, a port
 * to enable again. @return false: it is to be done as ever */
bool lib_one_way_notify(int fd, const struct device *d, unsigned long cmd, const void *arg);
bool lib_one_way_enable(int fd, const struct device *d, const void *buf, size_t count);
/** Is something kept of this descriptor? Then it is a device still, which. */
bool lib_one_way_device(int fd, struct device *d);
/** It is about to wait, or to ask something: what was kept is said. */
void lib_one_way_end(void);

#endif
