/* SPDX-License-Identifier: MIT */
/**
 * @file holders.h
 * Whose a device file is, of the programs of a run, and who sees a granted page.
 */
#ifndef FAKEDEV_BROKER_DEATHS_HOLDERS_H
#define FAKEDEV_BROKER_DEATHS_HOLDERS_H

#include "broker/deaths.h"

#include <gntsim/inspect.h>

/** Who has a file, or a mapping of it. */
struct death_holders {
	bool victim; /**< a process of that program */
	bool others; /**< anybody else */
};
/** Who keeps @p file open or mapped, as far as the broker has heard: of a front that does not tell who has a
 * descriptor, who opened it; and who had it last until it is closed. */
struct death_holders death_holders_of(const struct broker *b, const struct death_program *victim,
				      struct gntsim_file *file);
/** Whether somebody other than @p victim has the page: as its granter, or mapped. */
bool death_is_seen(const struct broker *b, const struct death_program *victim,
		   const struct gntsim_grant_info *grant);

#endif
