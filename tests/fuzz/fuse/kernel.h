/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of a FUSE session, without a kernel: requests go into a socket in place of /dev/fuse or
 * /dev/cuse, and each answer is looked at as the kernel looks at it.
 */
#ifndef FUZZ_FUSE_KERNEL_H
#define FUZZ_FUSE_KERNEL_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_OPEN    16u
#define KERNEL_WAITING 32u
#define KERNEL_DATA    (256u * 1024u)

/* A file that the session's open() gave. */
struct kernel_file {
	uint64_t fh, node;
	unsigned int waiting; /* requests that are not answered */
	bool open;
};

/* A request that is not answered. */
struct kernel_request {
	uint64_t unique; /* 0: none */
	uint32_t opcode;
	size_t room; /* of data that the caller takes */
	struct kernel_file *file;
	struct fuse_ioctl_in call; /* of an ioctl */
};

struct kernel {
	int fd;
	bool cuse, ended;
	uint64_t unique;
	struct kernel_file files[KERNEL_OPEN];
	struct kernel_request waiting[KERNEL_WAITING];
	/* the last answer */
	int error;
	size_t n;
	unsigned char data[KERNEL_DATA];
};

/* Two ends: the session's, and ours in @p k. */
int kernel_start(struct kernel *k, bool cuse);
/* Sends one; @p head.len is filled in, and head.unique but of an interruption. @p room: of the answer's data. @return its number; 0: too many wait */
uint64_t kernel_send(struct kernel *k, struct fuse_in_header head, const void *body, size_t len,
		     size_t room, struct kernel_file *file);
/* Takes an answer that is there: NULL, or what the kernel would not take of it. What was asked is in @p answered:
 * a request of the number 0 is a notification, one of the opcode UINT32_MAX that there is none. */
const char *kernel_take(struct kernel *k, struct kernel_request *answered);
struct kernel_request *kernel_find(struct kernel *k, uint64_t unique);
/* The session's end: unmounted. */
void kernel_end(struct kernel *k);

#endif
