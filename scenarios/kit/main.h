/* SPDX-License-Identifier: MIT */
/* The command `gntsim kit`. Returns the exit status. */
#ifndef SCN_KIT_MAIN_H
#define SCN_KIT_MAIN_H

int gntsim_kit_main(int argc, char **argv);

#endif
