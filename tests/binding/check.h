/* SPDX-License-Identifier: MIT */
/* What a test case has: checks that end it, and the two sides. */
#ifndef BINDING_TEST_CHECK_H
#define BINDING_TEST_CHECK_H

#include "peer.h"

#include <errno.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <stddef.h>

void check_failed(const char *file, int line, const char *what, long found, long expected)
    __attribute__((noreturn));

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			check_failed(__FILE__, __LINE__, #what, 0, 1);                             \
	} while (0)
#define CHECK_EQUAL(found, expected)                                                               \
	do {                                                                                       \
		long found_ = (long)(found), expected_ = (long)(expected);                         \
		if (found_ != expected_)                                                           \
			check_failed(__FILE__, __LINE__, #found, found_, expected_);               \
	} while (0)
/* A status that says this errno, and errno itself. */
#define CHECK_FAILS(call, number)                                                                  \
	do {                                                                                       \
		errno = 0;                                                                         \
		CHECK_EQUAL(call, -(number));                                                      \
		CHECK_EQUAL(errno, number);                                                        \
	} while (0)
/* NULL (or 0) and errno. */
#define CHECK_NULL(call, number)                                                                   \
	do {                                                                                       \
		errno = 0;                                                                         \
		CHECK(!(call));                                                                    \
		CHECK_EQUAL(errno, number);                                                        \
	} while (0)

/* The sides: this process, and the peer, each in its domain. */
extern struct peer *peer;
extern uint16_t own_domid, peer_domid;
extern bool pv;          /* this side is a PV guest */
extern bool maps_itself; /* what this side granted to itself it can map (gnttab.h says who can) */
/* Another peer after this one died. */
void peer_again(void);

/* Open interfaces of this side, new for each case and closed after it. */
extern struct gnttab *tab;
extern struct gntshr *shr;
extern struct evtchn *events;

/* The peer shares writable pages with this side; returns the first reference. */
uint32_t peer_shares(unsigned count);
/* The peer takes its pages back, shares as many, and has the references it had: so nobody mapped
 * them any more. It closes for that: some fronts hear of no munmap, but of every close. */
void check_nothing_mapped(unsigned count, const uint32_t *refs);
/* The signal that a store there ends in; 0 for none. */
int signal_of_store(volatile unsigned char *p);
/* A port of this side that the peer can signal, the peer's end of it in *theirs. */
uint32_t connected_port(uint32_t *theirs);
/* No event is waiting. */
void check_no_event(void);

struct test_case {
	const char *name;
	void (*run)(void);
};
extern const struct test_case gnttab_cases[], gntshr_cases[], evtchn_cases[], handle_cases[],
    cancel_cases[];

#endif
