/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_COMMAND_RECORD_SHRINK_H
#define FAKEDEV_COMMAND_RECORD_SHRINK_H

/**
 * Makes the scenario at @p path shorter while the command fails on it as it does on the whole, for so
 * many seconds at most. @p out_path NULL: stdout. @return the exit status
 */
int record_shrink(const char *command, const char *path, const char *out_path,
		  unsigned long budget);

#endif
