/* SPDX-License-Identifier: MIT */
/**
 * @file types.h
 * What the three interfaces of libgnttab-c share: failures, handles, threads, notifications.
 *
 * **Failures.** A function that returns int returns 0, or an errno number negated (-EINVAL), and
 * sets errno to the same number. A function that returns a pointer returns NULL and sets errno;
 * each of these has a twin, named try_, that returns the status and hands the pointer out
 * through its last argument. Every function lists its errnos. Two can come from any call that
 * reaches a device and are not repeated: EBADF, below, and EIO from gntsim's devices when the
 * machine behind them has ended.
 *
 * **Handles.** The pointers are names, not addresses: the library looks them up in a table of its
 * own and never follows them, and none is ever given out twice. So a handle that was closed, or
 * unmapped, or never was one, is an error, EBADF, in every function, and nothing worse. That holds
 * for handles alone: the bytes of a mapping are plain memory, and touching them after the mapping
 * ended is as wrong as after free().
 *
 * **Threads.** Every function may be called from any thread at any time, also with the same
 * handle: what is closed while another thread uses it stays open until that call has ended.
 * Functions are neither safe to call from a signal handler nor to leave by longjmp().
 *
 * **fork().** The child has the handles too, and closes them for itself. A child of a PV guest
 * has no access to memory that gnttab mapped (SIGSEGV); of a PVH or HVM guest it has, and keeps
 * the mapping alive until it unmaps or ends. The open file under an interface is one for both: a
 * child that goes on sharing or mapping should open interfaces of its own, or else what one of the
 * two gives up is given up for the other's gntshr_set_notify() (-ENOENT), and the device's offsets
 * are confused between them. exec() closes everything.
 *
 * **Ownership.** What an interface handed out, it owns: closing it ends all its mappings or
 * shares. At the end of a process the kernel does the same.
 */
#ifndef GNTTAB_TYPES_H
#define GNTTAB_TYPES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes in a granted page, whatever the processor's page size is. */
#define GNTTAB_PAGE_SIZE 4096

/** Clear the byte at offset. */
#define GNTTAB_CLEAR_BYTE 1U
/** Notify the event channel port. */
#define GNTTAB_SEND_EVENT 2U

/**
 * What the kernel does when memory is given up, be it by a call or because the process died:
 * how the other domain gets to know. First the byte is cleared, then the event is sent.
 */
struct gnttab_notify {
	unsigned actions; /**< GNTTAB_CLEAR_BYTE, GNTTAB_SEND_EVENT, both, or 0: nothing */
	size_t offset;    /**< of the byte, in bytes from the start of the mapping or share */
	uint32_t port;    /**< a port that this domain bound through evtchn.h */
};

#endif
