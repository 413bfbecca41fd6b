/* SPDX-License-Identifier: MIT */
/**
 * @file run-stops.h
 * Which programs of gntsim run are stopped at their stores to shared pages, and what comes of it.
 */
#ifndef FAKEDEV_COMMAND_RUN_STOPS_H
#define FAKEDEV_COMMAND_RUN_STOPS_H

#include "broker/deaths.h"
#include "command/record/recording.h"
#include "options.h"
#include "stops/stops.h"

/**
 * Starts who stops them, if a program is to be. Before there is a machine.
 * @param[out] out NULL: none is
 * @return 0 or a negative errno, explained on stderr
 */
int run_stops_begin(const struct run_options *o, struct stops **out);
/** For whom stores and ends are taken; lives as long as the broker. */
struct run_stops {
	struct stops *stops; /* NULL: nothing is */
	struct broker *broker;
	struct deaths *deaths;        /* NULL: nobody is ended */
	struct parked_store *waiting; /* for their turns; NULL: none */
	int watched[3];               /* descriptors that the broker has of it */
	unsigned int n_watched;
};
/** What is told of them is taken from now on. @p r may be NULL. @return false, explained */
bool run_stops_watch(struct run_stops *w, struct broker *b, struct recording *r);
/** After the broker's end. */
void run_stops_unwatch(struct run_stops *w);
/** In the process that is about to become the program. @return 0, also if it is none of those; or a
 * negative errno, explained */
int run_stops_follow(const struct run_options *o, const struct run_program *p, struct stops *s,
		     struct failure *f);
/** How many stores the program has made until now; into @p d, which may be
 * NULL. */
void run_stops_counted(const struct run_options *o, const struct stops *s, unsigned int program,
		       struct deaths *d);
/** Which rings survivors have misread until now; into @p d, which may be NULL. */
void run_stops_misread(const struct stops *s, struct deaths *d);
/** Says so if stores could not be counted. @return the run's exit status, which was to be @p status */
int run_stops_judge(const struct stops *s, int status);

#endif
