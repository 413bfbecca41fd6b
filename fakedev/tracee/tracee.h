/* SPDX-License-Identifier: MIT */
/**
 * @file tracee.h
 * What is done to a thread that is traced and stopped (ptrace(2)), by all who trace.
 */
#ifndef FAKEDEV_TRACEE_H
#define FAKEDEV_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACEE_BIT(signal) (1ull << ((signal)-1))

/** Its process's memory. False: not all of it is there (errno is EFAULT), or the kernel lets us not (EPERM,
 * ENOSYS). */
bool tracee_read(pid_t tid, uint64_t addr, void *to, size_t n);
bool tracee_write(pid_t tid, uint64_t addr, const void *from, size_t n);
/** The first word by word, as whoever traces may, if the process has not hidden its memory. */
bool tracee_peek(pid_t tid, uint64_t addr, void *to, size_t n);

/** Which signals are blocked, as bits. @return those that were */
uint64_t tracee_block(pid_t tid, uint64_t mask);
/** Puts that back, and sends the signals again that came in between (bits). */
void tracee_unblock(pid_t pid, pid_t tid, uint64_t saved, uint64_t postponed);

/** What /proc says of a thread: its process, that one's parent, and its state ('Z': it has ended). */
struct tracee_status {
	int pid, parent;
	char state;
};
/** @return all 0: it is not there, or there is no /proc */
struct tracee_status tracee_status(pid_t tid);

/** The flags of a call that makes a thread or a process: of clone, of the struct of clone3, of fork and
 * vfork; 0 of any other. */
uint64_t tracee_clone_flags(pid_t tid, uint64_t nr, const uint64_t args[6]);

/* The first of the thread's children that is wanted; 0: none is. */
pid_t tracee_find_child(pid_t pid, pid_t tid, bool (*is_wanted)(void *ctx, pid_t child), void *ctx);
/* Is it a call of that number that makes processes and threads? */
bool tracee_makes_others(uint64_t nr);

#endif
