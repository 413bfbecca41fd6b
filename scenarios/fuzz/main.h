/* SPDX-License-Identifier: MIT */
/* The command `gntsim fuzz`. argv[0] is the command's name. Returns the exit status. */
#ifndef SCN_FUZZ_MAIN_H
#define SCN_FUZZ_MAIN_H

int gntsim_fuzz_main(int argc, char **argv);

#endif
