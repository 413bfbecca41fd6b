/* SPDX-License-Identifier: MIT */
/**
 * @file names.h
 * What the processes of a recorded scenario have, and for how long: files, pages, ports, by the names that the
 * script gives them; and where in it the victim dies.
 */
#ifndef FAKEDEV_CRASH_FINDING_NAMES_H
#define FAKEDEV_CRASH_FINDING_NAMES_H

#include "lang/ast.h"

/** Room for a name with its index. */
#define NAME_ROOM 64

/** No step. */
#define NAMES_NEVER UINT32_MAX

enum name_kind {
	NAME_GNTALLOC, /**< a file */
	NAME_GNTDEV,
	NAME_EVTCHN,
	NAME_PAGE,  /**< memory of a device, by its address */
	NAME_PORT,  /**< bound */
	NAME_GRANT, /**< the index of an ALLOC_GREF */
	NAME_MAP,   /**< the index of a MAP_GRANT_REF */
	NAME_ARMED, /**< a notification; its name is the index's */
};

struct named {
	enum name_kind kind;
	uint32_t process;
	char name[NAME_ROOM], of[NAME_ROOM]; /**< of: of which file; "" of files */
	uint64_t count;                      /**< GRANT, MAP: of how many pages */
	uint32_t from,
	    to; /**< it is there when step `from` is done, and until `to` is; or NAMES_NEVER */
};

struct names {
	const struct scn_scenario *s;
	const struct scn_step **steps;
	uint32_t n_steps;
	struct named *all;
	uint32_t n, room;
	char **processes;  /**< their names; each is its own text */
	uint32_t *domains; /**< of each process: its number */
	uint32_t *ends;    /**< of each process: the step, or NAMES_NEVER */
	bool *victims;     /**< of each process: whether it is one that dies at the point */
	uint32_t death;    /**< the step; NAMES_NEVER: none, it is stopped */
};

/** @param domain the victim's, for one that is only stopped. @return 0 or -ENOMEM */
int names_read(struct names *names, const struct scn_scenario *s, unsigned int domain);
void names_free(struct names *names);

/** Whether it is there just before a step; n_steps: at the end. */
bool named_at(const struct named *what, uint32_t step);
/** The first of a process at that step after @p last (NULL: from the start), of that kind; NULL: no more. */
const struct named *named_next(const struct names *names, const struct named *last,
			       enum name_kind kind, uint32_t process, uint32_t step);
/** The line that a step begins at. */
uint32_t names_line(const struct names *names, uint32_t step);
/** A step's whole statement, with the line's end. */
struct scn_str names_statement(const struct names *names, uint32_t step);

#endif
