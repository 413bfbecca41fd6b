/* SPDX-License-Identifier: MIT */
/* Choices that are read off a byte string, one after the other; when it is over each is the first. */
#ifndef FUZZ_CHOICES_H
#define FUZZ_CHOICES_H

#include <stddef.h>
#include <stdint.h>

struct choices {
	const uint8_t *bytes;
	size_t n; /* that are left */
};

static inline uint32_t choose_byte(struct choices *c)
{
	if (!c->n)
		return 0;
	c->n--;
	return *c->bytes++;
}

/* Of n: by a byte, or if there are more than 256 by four. */
static inline uint32_t choose(struct choices *c, uint32_t n)
{
	uint32_t value = choose_byte(c);

	if (n > 256)
		value |= choose_byte(c) << 8 | choose_byte(c) << 16 | choose_byte(c) << 24;
	return value % n;
}

#endif
