/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_COMMAND_LEFT_H
#define FAKEDEV_COMMAND_LEFT_H

/* Of a machine's socket; 16 hexadecimal digits follow. */
#define RUN_SOCKET_PREFIX "gntsim-"

/** Removes the sockets that runs of this user's which were killed have left beside @p own, at which we listen. */
void run_clear_left(const char *own);

#endif
