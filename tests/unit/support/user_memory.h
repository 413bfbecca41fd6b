/* SPDX-License-Identifier: MIT */
/**
 * @file user_memory.h
 * A process's memory for ioctl tests: eight pages from USER_BASE, each of which can be a hole or
 * read-only.
 */
#ifndef GNTSIM_TESTS_USER_MEMORY_H
#define GNTSIM_TESTS_USER_MEMORY_H

#include "fixture.h"

#include <linux/ioctl.h>

/* The kernel's headers take these two from Xen's, which this program has no use for. */
typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define USER_BASE  UINT64_C(0x7000000000)
#define USER_PAGES 8u
#define USER_FILES 4u

enum user_page { USER_RW, USER_RO, USER_HOLE };

struct user {
	unsigned char bytes[USER_PAGES * GNTSIM_PAGE_SIZE];
	enum user_page page[USER_PAGES];
	struct gntsim_file *files[USER_FILES]; /**< its dma-bufs, from descriptor 3 on */
	bool full;                             /**< it gets no more */
	struct gntsim_user_memory ops;
};

/** Closes a dma-buf. */
void user_close(struct user *u, uint32_t fd);
/** All readable and writable, filled with 0xDB; no descriptors. */
void user_init(struct user *u);
/** The host's pointer to a user address. */
void *user_ptr(struct user *u, uint64_t addr);
/** An address `n` bytes before the end of a page, and so before what comes after it. */
uint64_t user_before_page(unsigned page, size_t n);

#endif
