/* SPDX-License-Identifier: MIT */
/**
 * @file deaths.h
 * Programs that are to end at a point of theirs (gntsim run --kill-at), or that a call is to fail
 * (--fail). Each device call of a program is counted where its request arrives, before anything comes
 * of it; what counts as one is said in gntsim-run(1).
 */
#ifndef FAKEDEV_DEATHS_H
#define FAKEDEV_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct wire_in;

/** Where a program is to end. */
enum death_at {
	DEATH_NEVER,
	DEATH_CALL,      /**< its Nth device call is asked for, and not made */
	DEATH_CALL_DONE, /**< it is made, and the program does not see its result */
	DEATH_STORE,     /**< its Nth store to a shared page; who traces it sees to that */
};

/** As the user writes it: "call:17+". @return @p text */
#define DEATH_POINT_TEXT 40
struct death_point {
	enum death_at at;
	uint64_t n;
};
const char *death_point_text(const struct death_point *p, char text[DEATH_POINT_TEXT]);

/** A program of the run: what is wanted of it, and what came. */
struct death_program {
	const char *name;
	uint32_t domid;
	struct death_point point;
	/* What came. */
	uint32_t pid;    /**< its first process; 0: not started */
	uint64_t calls;  /**< device calls so far */
	uint64_t stores; /**< to shared pages, if it is stopped at them */
	bool stops;      /**< it is */
	bool reached;    /**< the point */
	uint32_t victim; /**< the process that was ended there */
	bool ended;
	int status; /**< then: as wait(2) has it */
};

/** All programs of a run. The caller's; a broker is handed it (broker_config.deaths). */
struct deaths {
	struct death_program *programs;
	unsigned int n;
};

/** Whose process it is: an index into programs, or -1. */
int deaths_program_of(const struct deaths *d, uint32_t pid);

/**
 * A client asks for something. @retval true its process has been ended: the request is not served,
 * and not answered
 */
bool deaths_before(struct client *c, const struct wire_in *in);
/** It is done. @retval true the process has been ended: it is not answered */
bool deaths_after(struct client *c);

/**
 * A call that came through the kernel, of @p thread. @retval true the process has been ended: the call
 * is not made; the kernel has to be answered all the same
 */
bool deaths_file_before(struct broker *b, uint32_t thread);
/** The same call goes on: the kernel's next request of it, or what was waited for has come. */
void deaths_file_again(struct broker *b, uint32_t thread);
/** It is done, and not answered yet. */
void deaths_file_after(struct broker *b);

#endif
