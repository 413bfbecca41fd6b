/* SPDX-License-Identifier: MIT */
/*
 * Counts the calls that this process makes on the devices (the program's own symbols come before
 * the C library's and any preloaded one's), and ends it by SIGKILL after one of them.
 */
#ifndef CLIENTS_COUNT_H
#define CLIENTS_COUNT_H

/* Calls so far. */
unsigned device_calls(void);
/* SIGKILL after this many calls from now on; 0: never. */
void die_after(unsigned calls);

#endif
