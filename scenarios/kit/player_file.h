/* SPDX-License-Identifier: MIT */
/* A static player, as a file: for which machine it is. */
#ifndef SCN_PLAYER_FILE_H
#define SCN_PLAYER_FILE_H

#include "lang/ast.h"
#include "lang/text.h"

/*
 * @param[out] arch the machine that the program is for
 * @param[out] why what is wrong with it
 * @retval 0 @retval -ENOEXEC it is no program for amd64 or arm64, or one that needs libraries
 * @retval -errno it can't be read
 */
int kit_look_at_player(const char *path, enum scn_arch *arch, struct scn_buf *why);

#endif
