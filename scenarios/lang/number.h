/* SPDX-License-Identifier: MIT */
/**
 * @file number.h
 * Numbers as a program has them in its memory: in this host's order of bytes.
 */
#ifndef SCN_LANG_NUMBER_H
#define SCN_LANG_NUMBER_H

#include <stdint.h>
#include <string.h>

/** Where in eight bytes the lowest @p size of a number are. */
static inline unsigned int scn_number_start(unsigned int size)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - size : 0;
}

/** The number of @p size bytes (8 at most) that lies there. */
static inline uint64_t scn_number_get(const void *at, unsigned int size)
{
	unsigned char bytes[8] = {0};
	uint64_t value;

	memcpy(bytes + scn_number_start(size), at, size);
	memcpy(&value, bytes, sizeof(value));
	return value;
}

/** Puts the lowest @p size bytes (8 at most) of a number there. */
static inline void scn_number_put(void *at, uint64_t value, unsigned int size)
{
	unsigned char bytes[8];

	memcpy(bytes, &value, sizeof(value));
	memcpy(at, bytes + scn_number_start(size), size);
}

#endif
