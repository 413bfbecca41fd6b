/* SPDX-License-Identifier: MIT */
#include "temporary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A Unix socket's path is short. */
#define LONGEST_PREFIX 60

static bool is_short(const char *dir)
{
	return strlen(dir) <= LONGEST_PREFIX;
}

/* The last is this user's alone: a program that becomes another's can't reach what is there. */
static const char *without_tmpdir(void)
{
	const char *const dirs[] = {"/tmp", "/var/tmp", "/dev/shm", getenv("XDG_RUNTIME_DIR")};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (dirs[i] && *dirs[i] == '/' && is_short(dirs[i]) &&
		    access(dirs[i], W_OK | X_OK) == 0)
			return dirs[i];
	/* It is complained of by its name. */
	return dirs[0];
}

const char *scn_temporary(char room[PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || !*tmp)
		return without_tmpdir();
	/* One that is not there is complained of by its own name. */
	if (*tmp != '/' && realpath(tmp, room))
		tmp = room;
	return is_short(tmp) ? tmp : without_tmpdir();
}
