/* SPDX-License-Identifier: MIT */
/* The command `gntsim play`. argv[0] is the command's name, or that of a program that is nothing
 * else. Returns the exit status. */
#ifndef SCN_PLAY_MAIN_H
#define SCN_PLAY_MAIN_H

/* gntsim: as in struct scn_options; may be NULL */
int gntsim_play_main(int argc, char **argv, int (*gntsim)(int argc, char **argv));

#endif
