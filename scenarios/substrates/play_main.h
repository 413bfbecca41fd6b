/* SPDX-License-Identifier: MIT */
/* The commands `gntsim play`, `gntsim new-scenario` and `gntsim fuzz`. argv[0] is the command's
 * name, or that of a program that is nothing else. They return the exit status. */
#ifndef SCN_PLAY_MAIN_H
#define SCN_PLAY_MAIN_H

int gntsim_play_main(int argc, char **argv);
int gntsim_new_scenario_main(int argc, char **argv);
int gntsim_fuzz_main(int argc, char **argv);

#endif
