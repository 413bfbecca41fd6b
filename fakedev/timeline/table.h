/* SPDX-License-Identifier: MIT */
/**
 * @file table.h
 * What a number of the trace means now: grant 8 of dom0, handle 3 of dom1, a process's id.
 */
#ifndef FAKEDEV_TIMELINE_TABLE_H
#define FAKEDEV_TIMELINE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum tl_space {
	TL_BY_PROCESS,     /**< pid: lane */
	TL_BY_NOBODY,      /**< domain: lane of what no process did */
	TL_BY_REF,         /**< granter, reference: item */
	TL_BY_HANDLE,      /**< mapper, handle: item */
	TL_BY_PORT,        /**< domain, port: lane that takes its events */
	TL_BY_PINS,        /**< granter, reference: how many pin it */
	TL_BY_ALLOC_INDEX, /**< gntalloc file, index: item */
	TL_BY_MAP_INDEX,   /**< gntdev file, index: item */
	TL_BY_MAP_CALL,    /**< gntdev file, index: the MAP_GRANT_REF that made it */
	TL_BY_MAP_NOTIFY,  /**< gntdev file, index: a SET_UNMAP_NOTIFY before it was mapped */
	TL_BY_MAP_DOMAIN,  /**< domain, index: the item that was last mapped or armed there */
};

/** A tree of tsearch(3). Zero is empty. */
struct tl_table {
	void *root;
};

/** @return the value, or UINT32_MAX */
uint32_t tl_find(const struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b);
/** Sets it, instead of what was there. @return false: no memory */
bool tl_set(struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b, uint32_t value);
void tl_forget(struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b);
void tl_table_free(struct tl_table *t);

#endif
