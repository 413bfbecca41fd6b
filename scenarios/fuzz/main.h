/* SPDX-License-Identifier: MIT */
/* The command `gntsim fuzz`. argv[0] is the command's name. Returns the exit status. */
#ifndef SCN_FUZZ_MAIN_H
#define SCN_FUZZ_MAIN_H

/* gntsim: as in struct scn_options; may be NULL */
int gntsim_fuzz_main(int argc, char **argv, int (*gntsim)(int argc, char **argv));

#endif
