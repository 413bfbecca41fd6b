/* SPDX-License-Identifier: MIT */
/* The target of the broker's protocol on one long byte string, random but the same each time.
 *
 * usage: wire-random [SEED [BYTES]] */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

int main(int argc, char **argv)
{
	uint64_t state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	uint8_t *bytes = malloc(n ? n : 1);

	if (!bytes)
		return 1;
	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		bytes[i] = (uint8_t)(state >> 33);
	}
	LLVMFuzzerTestOneInput(bytes, n);
	free(bytes);
	printf("%zu bytes\n", n);
	return 0;
}
