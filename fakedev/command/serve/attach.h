/* SPDX-License-Identifier: MIT */
/** @file attach.h gntsim control attach: a device's nodes in the store, as xl writes them. */
#ifndef FAKEDEV_COMMAND_SERVE_ATTACH_H
#define FAKEDEV_COMMAND_SERVE_ATTACH_H

#include "command/command.h"

/**
 * Writes what a frontend and a backend wait for, in one transaction, and prints their directories.
 * @param words how many @p n: [BACKEND] [KEY=VALUE...]
 * @return the exit status; explained on stderr
 */
int attach(const struct joining *j, const char *kind, uint32_t domid, int n, char **words);

/** A domain has been destroyed: takes the directories of its devices away, where their backends are. */
void detach_all(const struct joining *j, uint32_t domid);

#endif
