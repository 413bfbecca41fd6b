/* SPDX-License-Identifier: MIT */
/* Files from anywhere, at their places in an archive. */
#ifndef SCN_PACK_H
#define SCN_PACK_H

#include "lang/text.h"
#include "substrates/agent/scratch.h"

struct kit_pack {
	struct scn_scratch stage; /* links to the files, where they will be */
};

/* @retval 0 @retval -errno explained */
int kit_pack_begin(struct kit_pack *pack, struct scn_buf *why);
/* Adds a file, or a directory with all that is in it, at a relative path. @retval 0 @retval -errno explained */
int kit_pack_add(struct kit_pack *pack, const char *file, const char *at, struct scn_buf *why);
/*
 * Writes it all as a tar archive, the same each time for the same files: owned by root, of no time.
 * tar(1) does it.
 * @param path the archive, made anew; "-" is standard output. Nothing half is left of it
 * @retval 0 @retval -errno explained
 */
int kit_pack_write(struct kit_pack *pack, const char *path, struct scn_buf *why);
void kit_pack_end(struct kit_pack *pack);

#endif
