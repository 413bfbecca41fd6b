/* SPDX-License-Identifier: MIT */
/* The command `gntsim conform`. argv[0] is the command's name. Returns the exit status. */
#ifndef SCN_CONFORM_MAIN_H
#define SCN_CONFORM_MAIN_H

int gntsim_conform_main(int argc, char **argv);

#endif
