/* SPDX-License-Identifier: MIT */
/*
 * How libFuzzer changes a sequence: as it does by itself, and then it is of some calls. Left alone most are of a few,
 * of which half do nothing, since there is no such file; a machine is made and emptied for each.
 */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "fuzz.h"

#define CALLS_LEAST 20u

/* Other engines have none, and ask for no change. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A call like one that is there, or of its own; its numbers are small, so that they are somebody's. */
static void add_call(uint8_t *data, size_t size, uint64_t *random)
{
	uint8_t *call = data + size;
	uint64_t bits = next(random);
	size_t n = size / CALL_BYTES - 1;

	if (n && bits & 1) {
		memcpy(call, data + CALL_BYTES * (1 + (bits >> 8) % n), CALL_BYTES);
		call[1 + (bits >> 1 & 7) % 7] = (uint8_t)(bits >> 32 & 7);
		return;
	}
	for (unsigned int i = 0; i < CALL_BYTES; i++)
		call[i] = (uint8_t)(bits >> (8 * i) & (i ? 3 : 63));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;

	if (LLVMFuzzerMutate)
		size = LLVMFuzzerMutate(data, size, max);
	if (size < CALL_BYTES)
		return size;
	size -= size % CALL_BYTES;
	for (; size < CALL_BYTES * (1 + CALLS_LEAST) && size + CALL_BYTES <= max;
	     size += CALL_BYTES)
		add_call(data, size, &random);
	return size;
}
