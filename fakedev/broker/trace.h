/* SPDX-License-Identifier: MIT */
/**
 * @file trace.h
 * What the broker tells of each call of a program, for who prints it (broker_config.trace). What the
 * machine does meanwhile is observed (gntsim/observe.h) and told before the call that caused it: its
 * result is known only then.
 */
#ifndef FAKEDEV_TRACE_H
#define FAKEDEV_TRACE_H

#include "broker/processes/program.h"
#include "trace-memory.h"
#include "wire.h"

#include <gntsim/machine.h>

enum trace_kind {
	TRACE_JOIN,     /**< a process is a client from now on [guest, mm, fork] */
	TRACE_FORK,     /**< [fork, result] */
	TRACE_OPEN,     /**< [device, file, flags, result] */
	TRACE_ATTACH,   /**< a process uses a file that another one opened [device, file, opener] */
	TRACE_IOCTL,    /**< [device, file, cmd, addr, memory, result] */
	TRACE_READ,     /**< of evtchn [file, len, ports, n_ports, result] */
	TRACE_WRITE,    /**< of evtchn [file, len, ports, n_ports, result] */
	TRACE_MMAP,     /**< [device, file, addr, len, prot, flags, offset, result] */
	TRACE_MUNMAP,   /**< [addr, len, result] */
	TRACE_MPROTECT, /**< [addr, len, prot, result] */
	TRACE_MADVISE,  /**< [addr, len, prot: the advice, result] */
	TRACE_MREMAP,   /**< [addr, len, new_addr, new_len, flags, result] */
	TRACE_CLOSE,    /**< a file's last descriptor is gone [device, file, exiting, status] */
	TRACE_END,      /**< an address space is gone; unless exiting, by exec [exiting, status] */
	TRACE_ADVANCE,  /**< gntsim control lets time pass [len: ns] */
	TRACE_DESTROY,  /**< gntsim control destroys a domain [peer] */
	TRACE_TIME,     /**< no call: time has passed */
};

/** A call. Members that its kind does not name are 0. Valid during the callback only. */
struct trace_call {
	enum trace_kind kind;
	uint16_t domid;
	struct program program; /**< pid 0: gntsim itself */
	uint32_t thread;        /**< as the kernel said; 0: not known */
	uint32_t guest;         /**< as in struct wire_hello */
	enum wire_device device;
	uint32_t file; /**< the how manieth of its device in this machine, from 1 */
	struct program opener;
	uint32_t cmd;
	uint32_t given; /**< IOCTL: the how manieth dma-buf it made, or was given; 0: none */
	int32_t prot, flags;
	uint64_t addr, len, offset, new_addr, new_len;
	struct trace_memory *memory;
	const char *in,
	    *out; /**< instead of memory: the structure in words; of a trace that was read */
	const uint32_t *ports;
	uint32_t n_ports;
	uint16_t peer;
	bool exiting;
	int status;    /**< as wait(2) has it; -1: not known */
	uint32_t fork; /**< the how manieth fork of this machine made the process; 0: none */
	const struct gntsim_mm *mm;  /**< lives until its TRACE_END */
	const unsigned char *frames; /**< the page frames, as the call left them */
	int64_t result;              /**< 0 or more, or a negative errno */
	uint64_t now;                /**< virtual time, ns */
};

/** How things stand when the broker has time for a trace. */
enum trace_flush {
	TRACE_FLUSH_BUSY, /**< calls come: they go first */
	TRACE_FLUSH_IDLE, /**< nothing came for a while */
	TRACE_FLUSH_ALL, /**< somebody is about to look, or the machine ends: nothing may be left */
};

/** Who is told. */
struct broker_trace {
	void *ctx;
	/** A call is over, or what stands in its place has happened. */
	void (*call)(void *ctx, const struct trace_call *call);
	/** Before the caller goes on, and stores to its pages: call() looks at them. */
	bool before_answer;
	/** Something happened inside the machine, by the call that is told next. */
	void (*saw)(void *ctx, const struct gntsim_observation *o);
	/** The call that is told next harms a real kernel. NULL: that is not of interest. */
	void (*hazard)(void *ctx, const char *name);
	/** What was told may be written out. @return whether something is left */
	bool (*flush)(void *ctx, enum trace_flush when);
	/** The line of the trace at which the call that was told last stands, from 1. */
	uint64_t (*line)(void *ctx);
};

#endif
