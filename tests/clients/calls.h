/* SPDX-License-Identifier: MIT */
/*
 * System calls and memory accesses, made here or in a peer. Results are as in the kernel: what is
 * below 0 is an error.
 */
#ifndef CLIENTS_CALLS_H
#define CLIENTS_CALLS_H

#include "peer.h"

#define PAGE ((size_t)4096)

int call_open(struct peer *on, const char *path, int flags);
int call_close(struct peer *on, int fd);
int call_ioctl(struct peer *on, int fd, unsigned long number, void *arg, size_t size);
/* The result is the address. */
long call_mmap(struct peer *on, long addr, size_t len, int prot, int flags, int fd, long offset);
int call_munmap(struct peer *on, long addr, size_t len);
long call_mremap(struct peer *on, long addr, size_t old_len, size_t new_len, int flags,
		 long new_addr);
int call_mprotect(struct peer *on, long addr, size_t len, int prot);
long call_read(struct peer *on, int fd, void *buf, size_t count);
long call_write(struct peer *on, int fd, const void *buf, size_t count);
/* The result is what poll() found for one descriptor: 0 when the time is over. */
int call_poll(struct peer *on, int fd, short events, int timeout_ms);

/* Memory accesses. The result is 0, or the signal that the access raised. */
int load(struct peer *on, long addr, void *to, size_t len);
int store(struct peer *on, long addr, const void *from, size_t len);
/* One byte: its value, or minus the signal. */
int load_byte(struct peer *on, long addr);
/* One byte: 0, or minus the signal. */
int store_byte(struct peer *on, long addr, int value);

#endif
