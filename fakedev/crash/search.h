/* SPDX-License-Identifier: MIT */
/**
 * @file search.h
 * Runs a command undisturbed, and then once for each death.
 */
#ifndef FAKEDEV_CRASH_SEARCH_H
#define FAKEDEV_CRASH_SEARCH_H

#include "crash/schedules.h"
#include "crash/verdict.h"

#include <stdint.h>

#define CRASH_SHARDS_MAX 100000

/** As many rings can be described. */
#define CRASH_RINGS 16

/** As many schedules of a point that fail are looked for, and reported. */
#define CRASH_SCHEDULES_TOLD 3

/** What is to be searched, and how. */
struct crash_search {
	char **argv;          /**< the command: what starts gntsim run; ends with NULL */
	const char *room;     /**< a directory for the time being is made in it */
	const char *end;      /**< as run's --end has it; NULL: as that does */
	unsigned int hang_ms; /**< for how long nobody may move */
	const char *check;    /**< a command for the shell at the end of each run; NULL: none */
	char **rings;         /**< descriptions, as run's --watch-ring has them */
	size_t n_rings;
	char **more; /**< further options of run's, of the machine; ends with NULL; or NULL */
	const int *accepted; /**< see struct crash_evidence */
	size_t n_accepted;
	struct crash_choice choice;
	const struct crash_point *only;         /**< this point alone; NULL: all that were chosen */
	const struct crash_schedule *scheduled; /**< all runs are under it; NULL: under none */
	unsigned int schedules; /**< each point is tried under so many; 0: as scheduled has it */
	uint64_t seed;          /**< of the first of these; the others' follow it */
	bool loud;              /**< what the command prints goes to stderr, too */
	unsigned int jobs;
	unsigned int budget;   /**< seconds for all; 0: as long as it takes */
	unsigned int patience; /**< seconds for each */
};

/** The scenario of a point, the first of its group; all texts are its own. */
struct crash_scenario {
	char *path;                        /**< where it is; NULL: nowhere */
	char *lacking;                     /**< then why; NULL: none was wanted */
	unsigned int statements, recorded; /**< how many it has, and what was recorded had */
	bool ended;                        /**< it might be shorter: the time was up */
	char *xen;                         /**< the leg of real Xen that it plays on; NULL: none */
	char *xen_lacks;                   /**< then: why */
};

/** What came of one death; all texts are its own. */
struct crash_result {
	struct crash_point point;
	enum crash_outcome outcome;
	char *program; /**< the victim's name */
	unsigned int domain;
	char *call, *site, *detail;
	struct crash_schedule schedules[CRASH_SCHEDULES_TOLD]; /**< that fail, the smallest first */
	unsigned int n_schedules;
	struct crash_scenario scenario;
	int64_t ms; /**< how long it took; of several tries, all of them */
};
void crash_result_free(struct crash_result *result);

struct crash_findings {
	struct crash_result *results; /**< of those that were tried, in the order of their ends */
	size_t n;
	size_t planned;               /**< how many were to be tried */
	size_t runs, runs_planned;    /**< of the command for them: one each, or one a schedule */
	unsigned int shard, n_shards; /**< of which it is a part; 0: it is the whole */
	int64_t ms;                   /**< the whole search */
	int64_t undisturbed_ms;
	bool uncountable;      /**< some program's stores could not be counted */
	char *why_uncountable; /**< what a run said to that; NULL: nothing */
	bool unsteady;         /**< two undisturbed runs did not make the same number of calls */
	size_t shifted;        /**< victims that came to their point by another number of calls */
	bool out_of_time;      /**< the budget ended first */
	bool *merged;          /**< of a whole of several: which shards are there; or NULL */
	int interrupted;       /**< the signal that ended it; 0: none */
};
void crash_findings_free(struct crash_findings *f);

/** Is told after each trial. @p ms since the search began */
struct crash_progress {
	void *ctx;
	void (*tell)(void *ctx, const struct crash_findings *f, size_t failed, int64_t ms);
};

/**
 * @return 0: what was found is in @p out, whether all was tried or not; -errno: it could not be tried,
 * and @p why says why. Nothing stays of it, running or on disk, also if this process is killed.
 */
int crash_search_run(const struct crash_search *search, const struct crash_progress *progress,
		     struct crash_findings *out, struct scn_buf *why);

#endif
