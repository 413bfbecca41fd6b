/* SPDX-License-Identifier: MIT */
/**
 * @file wire_show.h
 * What WIRE_SHOW answers: rows, each of which begins with its kind and size (a multiple of 8). All rows
 * of an answer are of one moment. What something was made by is the number of a SHOW_CALL row, 0 if
 * that is not known.
 */
#ifndef FAKEDEV_WIRE_SHOW_H
#define FAKEDEV_WIRE_SHOW_H

#include <stdint.h>

enum show_kind {
	SHOW_DOMAIN = 1,
	SHOW_PROCESS,
	SHOW_FILE,
	SHOW_DESCRIPTOR,
	SHOW_WAIT,
	SHOW_GRANT,
	SHOW_MAP,
	SHOW_PAGE,
	SHOW_HANDLE,
	SHOW_VMA,
	SHOW_PORT,
	SHOW_NOTIFY,
	SHOW_CALL,
	SHOW_KIND_MAX,
};

/** The request: which kinds of rows are wanted. Those of SHOW_CALL are what the others name. */
struct wire_show {
	uint32_t kinds; /**< a bit each: 1 << enum show_kind */
};

struct show_row {
	uint32_t kind, size;
};

/** A device file, as a trace calls it: "gntdev1". number 0: none, or not known which. */
struct show_file_name {
	uint32_t device, number; /**< enum wire_device; from 1 */
};

struct show_domain {
	struct show_row row;
	uint32_t domid, guest; /**< as in struct wire_hello */
	uint32_t zombie;
	uint32_t frames, grant_frames, max_grant_frames, deferred;
	uint32_t gntalloc_pages, gntalloc_limit, handles, max_handles, ports, max_ports;
	char kernel[20];
};

struct show_process {
	struct show_row row;
	uint32_t pid; /**< 0: a forked child that has not said yet who it is */
	uint32_t domid;
	uint32_t assisted; /**< 0: it is known only as who opened a file */
	char name[20];
};

struct show_file {
	struct show_row row;
	struct show_file_name name;
	uint32_t domid;
	uint32_t opener; /**< pid, 0: not known */
	char opener_name[16];
};

/** A descriptor of a device file in a process. */
struct show_descriptor {
	struct show_row row;
	uint32_t pid;
	int32_t fd; /**< -1: not known */
	struct show_file_name file;
};

enum show_how {
	SHOW_READS,  /**< blocks in a read of the file */
	SHOW_POLLS,  /**< blocks in poll, select or epoll, with the file among what it waits for */
	SHOW_SLEEPS, /**< blocks in something, the kernel lets us not see in what */
};

struct show_wait {
	struct show_row row;
	uint32_t pid, tid;
	uint32_t how; /**< enum show_how */
	uint32_t pad;
	struct show_file_name file; /**< number 0: one of its device, it can't be known which */
};

struct show_grant {
	struct show_row row;
	uint32_t granter, grantee, ref, frame;
	uint32_t flags; /**< SHOW_G_* */
	uint32_t pins;
	struct show_file_name file; /**< the gntalloc file whose page it is */
	uint64_t index;
	uint32_t call, ended_by;
};
#define SHOW_G_READONLY 1u
#define SHOW_G_READING  2u
#define SHOW_G_WRITING  4u
#define SHOW_G_DEFERRED 8u
#define SHOW_G_LISTED   16u /**< by the file; else only a mapping keeps it */

struct show_map {
	struct show_row row;
	uint32_t domid, count, live, listed;
	struct show_file_name file;
	uint64_t index;
	uint32_t call, pad;
};

/** A page of a map. */
struct show_page {
	struct show_row row;
	struct show_file_name file;
	uint64_t index;
	uint32_t domid, page, granter, ref;
	uint32_t handle, kernel_handle; /**< UINT32_MAX: none */
};

struct show_handle {
	struct show_row row;
	uint32_t domid, handle, granter, ref, flags, pad;
};

struct show_vma {
	struct show_row row;
	uint32_t pid;
	uint32_t stands_in; /**< the kernel alone knows where it really is mapped (--assist=no) */
	struct show_file_name file;
	uint64_t start, end, offset;
	uint32_t prot, inherited;
	uint32_t call, pad;
};

struct show_port {
	struct show_row row;
	uint32_t domid, port;
	uint32_t state; /**< enum gntsim_port_state */
	uint32_t remote_domid, remote_port, virq;
	uint32_t pending, masked, enabled, pad;
	struct show_file_name file;
	uint32_t call, pad2;
};

struct show_notify {
	struct show_row row;
	uint32_t domid, ref; /**< gntalloc: of the grant */
	struct show_file_name file;
	uint64_t index;
	uint32_t action, offset, port;
	uint32_t call;
};

struct show_call {
	struct show_row row;
	uint32_t id, domid, pid, tid;
	uint64_t us;         /**< since the machine was made */
	uint64_t virtual_ns; /**< virtual time */
	uint64_t line;       /**< of the trace; 0: it is not traced */
	char program[16];
	char text[320];
};

#endif
