/* SPDX-License-Identifier: MIT */
#include "remove.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

#define DESCRIPTORS 16
#define TRIES       3

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

void scn_remove(const char *dir)
{
	/* Nobody comes after us: where memory was short for a moment there may be some now. */
	for (int tries = 0; tries < TRIES; tries++) {
		if (nftw(dir, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
		    errno != ENOMEM)
			return;
	}
}
