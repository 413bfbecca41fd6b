/* SPDX-License-Identifier: MIT */
/**
 * @file catch.h
 * A thread of a program is stopped where it is (ptrace(2)), looked at, and made to end its process: as
 * if it had called exit_group(2), or by a signal that it can't hold back. Who may not be traced, or is
 * already, can't be caught.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_CATCH_H
#define FAKEDEV_BROKER_PROCESSES_CATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a thread's backtrace is made of, later: its registers, its stack, what is mapped. */
struct snapshot {
	uint32_t pid, tid;
	unsigned char registers[512]; /**< as PTRACE_GETREGSET has them (NT_PRSTATUS) */
	size_t n_registers;
	uint64_t sp; /**< where the stack below begins */
	unsigned char *stack;
	size_t n_stack;
	char *maps;  /**< /proc/PID/maps */
	bool behind; /**< what it has come for is the instruction before: a store */
};
void snapshot_free(struct snapshot *s);
/** As bytes, for another process. @return the caller's to free; NULL: out of memory */
void *snapshot_pack(const struct snapshot *s, size_t *len);
/** NULL: they are none, or out of memory. */
struct snapshot *snapshot_unpack(const void *bytes, size_t len);

/**
 * Asks a thread to stop. One that is in a call which can't be interrupted stops when that ends.
 * @retval 0 @retval -EPERM it is traced already, or may not be @retval -ESRCH it is gone
 */
int catch_begin(uint32_t tid);
/** Waits for it, @p ms at most. @retval 0 @retval -ESRCH it is gone, or has not stopped */
int catch_await(uint32_t tid, unsigned int ms);
/** Of a thread that has stopped. NULL: it can't be had. */
struct snapshot *catch_look(uint32_t pid, uint32_t tid);
/** It goes on, if not elsewhere: with a call of exit_group(0). @retval -ENOTSUP no place for it was
 * found */
int catch_exit(uint32_t tid);
/** No signal is held back any more. */
void catch_unmask(uint32_t tid);
void catch_release(uint32_t tid);

#endif
