/* SPDX-License-Identifier: MIT */
/**
 * @file broken.h
 * A sound machine's insides made wrong, one thing at a time, to see that gntsim_machine_check() says so.
 */
#ifndef GNTSIM_TESTS_BROKEN_H
#define GNTSIM_TESTS_BROKEN_H

#include "../../../sim/model.h"
#include "fixture.h"

/** Makes @p place another, looks, and makes it what it was. */
#define BROKEN(place, value, expected)                                                             \
	do {                                                                                       \
		__typeof__(place) kept = (place);                                                  \
		(place) = (value);                                                                 \
		broken_says(expected, __FILE__, __LINE__);                                         \
		(place) = kept;                                                                    \
		broken_no_more(__FILE__, __LINE__);                                                \
	} while (0)

/** The same where one of them alone is something else that is wrong, and seen before. */
#define BROKEN_BOTH(place, value, and_place, and_value, expected)                                  \
	do {                                                                                       \
		__typeof__(place) kept = (place);                                                  \
		__typeof__(and_place) and_kept = (and_place);                                      \
		(place) = (value);                                                                 \
		(and_place) = (and_value);                                                         \
		broken_says(expected, __FILE__, __LINE__);                                         \
		(and_place) = and_kept;                                                            \
		(place) = kept;                                                                    \
		broken_no_more(__FILE__, __LINE__);                                                \
	} while (0)

/** Expects that the check says so. */
void broken_says(const char *expected, const char *file, unsigned line);
/** Wipes the marks that the check leaves where it breaks off, and expects that nothing is wrong. */
void broken_no_more(const char *file, unsigned line);

#endif
