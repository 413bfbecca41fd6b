/* SPDX-License-Identifier: MIT */
/**
 * @file run-options.h
 * What gntsim run was told: of the machine, and of each program.
 */
#ifndef FAKEDEV_COMMAND_RUN_OPTIONS_H
#define FAKEDEV_COMMAND_RUN_OPTIONS_H

#include "broker/deaths.h"
#include "broker/turns.h"
#include "command/command.h"
#include "command/machine-options.h"

#include <regex.h>

struct run_program {
	char **argv; /* ends with NULL */
	char *found; /* where the search for it comes to its end; NULL: not searched for */
	uint32_t domid, guest;
	const char *wait_for; /* NULL: the next one starts at once */
	regex_t wanted;
	unsigned int patience; /* seconds for that line */
	struct death_point kill_at;
	enum death_end end;
	bool has_end;
	struct death_failure *failures;
	unsigned int n_failures;
};

struct run_options {
	struct run_program *programs;
	unsigned int n_programs;
	struct machine_options machine;
	unsigned int patience;
	const char *socket, *separator, *trace, *trace_format, *record, *stores, *points;
	const char *check; /* a command for the shell at the end; NULL: none */
	bool records;      /* it is gntsim record */
	enum { CHOOSE, CHOSEN } front_choice, assist_choice;
	struct death_byte watched[DEATH_BYTES];
	unsigned int n_watched;
	struct death_ring rings[DEATH_RINGS];
	unsigned int n_rings;
	bool scheduled;
	struct schedule schedule;
	enum front_kind front;
	bool unassisted;
	uint64_t hang_ms; /* 0: nobody looks */
	bool virtual_time;
	enum xenstore_kind xenstore;
	bool verbose, tag, hazards_fail, count_stores;
	enum { LEAKS_IGNORED, LEAKS_REPORTED, LEAKS_FAIL } leaks;
};

/** Whether programs are watched for the points at which they are to end, or take turns. */
bool run_has_deaths(const struct run_options *o);

/** More than to turn into the program: somebody has to stay and look after them. */
bool run_is_several(const struct run_options *o);

/** @return 0 to go on; 1 done, there was only help to print; EXIT_GNTSIM, explained */
int run_options_parse(int argc, char **argv, struct run_options *o);
void run_options_free(struct run_options *o);

/**
 * Settles what the user left open, by what the programs are and, if there is one, by the machine to
 * join. @return 0 or EXIT_GNTSIM, explained
 */
int run_choose_front(struct run_options *o, const struct machine_about *about);

#endif
