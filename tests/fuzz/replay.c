/* SPDX-License-Identifier: MIT */
/* A target without a fuzzer: tries each file that is named, and each in a directory that is. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define FILE_MOST (1u << 20)

static unsigned int tried;

static int try_file(const char *path)
{
	static uint8_t bytes[FILE_MOST];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	/* In memory that ends where it ends, for what looks beyond. */
	exact = malloc(n ? n : 1);
	if (!exact)
		return 1;
	memcpy(exact, bytes, n);
	if (getenv("REPLAY_VERBOSE"))
		fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	tried++;
	return 0;
}

static int try_path(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n, bad = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return try_file(path);
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		char *below;

		if (entries[i]->d_name[0] != '.' &&
		    asprintf(&below, "%s/%s", path, entries[i]->d_name) > 0) {
			bad |= try_path(below);
			free(below);
		}
		free(entries[i]);
	}
	free(entries);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= try_path(argv[i]);
	printf("%u tried\n", tried);
	return bad || !tried;
}
