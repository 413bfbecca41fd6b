/* SPDX-License-Identifier: MIT */
/* The commands `gntsim play` and `gntsim new-scenario`. argv[0] is "play", "new-scenario", or
 * the name of a program that is nothing else. They return the exit status. */
#ifndef SCN_PLAY_MAIN_H
#define SCN_PLAY_MAIN_H

int gntsim_play_main(int argc, char **argv);
int gntsim_new_scenario_main(int argc, char **argv);

#endif
