/* SPDX-License-Identifier: MIT */
/* The command `gntsim new-scenario`. argv[0] is the command's name. Returns the exit status. */
#ifndef SCN_NEW_SCENARIO_H
#define SCN_NEW_SCENARIO_H

int gntsim_new_scenario_main(int argc, char **argv);

#endif
