/* SPDX-License-Identifier: MIT */
/* The fuzz entry over the scenarios that are there: whole, cut anywhere, and with bytes changed. */
#include "lang/find.h"
#include "lang/source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser-fuzz.h"

static unsigned int next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned int)(*state >> 33);
}

static void try_variations(const char *text, size_t len, uint64_t *state)
{
	static const char bytes[] = "(){}[]=,:\"\\\n\t #|-+*<.0xAzi\0\xff";
	char *copy = malloc(len + 1);

	if (!copy)
		return;
	for (int i = 0; i < 40; i++) {
		size_t cut = next(state) % (len + 1);

		memcpy(copy, text, len);
		for (int k = 0; k < i % 4; k++)
			copy[next(state) % len] = bytes[next(state) % (sizeof(bytes) - 1)];
		LLVMFuzzerTestOneInput((const uint8_t *)copy, i % 2 ? cut : len);
	}
	free(copy);
}

int main(int argc, char **argv)
{
	scn_cleanup_files struct scn_files files = {0};
	uint64_t state = 1;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	if (argc != 2 || scn_find(argv[1], &files))
		return 1;
	for (size_t i = 0; i < files.n; i++) {
		size_t len;
		char *text = scn_read_file(files.paths[i], &len);

		if (!text)
			return 1;
		LLVMFuzzerTestOneInput((const uint8_t *)text, len);
		if (len)
			try_variations(text, len, &state);
		free(text);
	}
	printf("%zu passed, 0 failed\n", files.n);
	return files.n ? 0 : 1;
}
