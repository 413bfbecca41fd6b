/* SPDX-License-Identifier: MIT */
/** @file console.h gntsim control console. */
#ifndef FAKEDEV_COMMAND_CONSOLE_H
#define FAKEDEV_COMMAND_CONSOLE_H

#include "command/command.h"

/** Standard input and output as the domain's console, from within it. @return the exit status */
int console(const struct joining *j, uint32_t domid);

#endif
