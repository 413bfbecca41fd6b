/* SPDX-License-Identifier: MIT */
/* Where the player is that guests are given. */
#ifndef SCN_STATIC_PLAYER_H
#define SCN_STATIC_PLAYER_H

#include "lang/text.h"

/* Adds its path to `place`: what $GNTSIM_PLAY_STATIC says; else beside this command in a build tree;
 * else where it is installed, found from this command's own place. Whether it is there is the
 * caller's to see. `suffix`: of its name, "" or "-arm64". */
void scn_static_player(const char *suffix, struct scn_buf *place);

#endif
