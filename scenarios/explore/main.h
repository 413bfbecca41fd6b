/* SPDX-License-Identifier: MIT */
/* The command `gntsim explore`. argv[0] is the command's name. Returns the exit status. */
#ifndef EXPLORE_MAIN_H
#define EXPLORE_MAIN_H

int gntsim_explore_main(int argc, char **argv);

#endif
