/* SPDX-License-Identifier: MIT */
/**
 * @file run-deaths.h
 * gntsim run --kill-at and its like: what the user wrote, and what came of it.
 */
#ifndef FAKEDEV_COMMAND_RUN_DEATHS_H
#define FAKEDEV_COMMAND_RUN_DEATHS_H

#include "broker/deaths.h"
#include "options.h"

/** A point that was not reached: the run showed nothing of what it was made for. */
#define EXIT_NOT_REACHED 123

/** "call:17+"; explains and returns false otherwise. */
bool run_deaths_parse_point(const char *text, struct death_point *out);
/** "10s"; likewise. */
bool run_deaths_parse_hang(const char *text, uint64_t *ms);
/** "kill"; likewise. */
bool run_deaths_parse_end(const char *text, enum death_end *out);
/** "0:8:21,0:9:0"; likewise. */
bool run_deaths_parse_bytes(const char *text, struct run_options *o);
/** "0:8:4:0:1024", "0:8:4:0:1024:masked"; likewise. */
bool run_deaths_parse_ring(const char *text, struct run_options *o);
/** "call:3=EINTR"; likewise. */
bool run_deaths_parse_failure(const char *text, struct run_program *p);

/** What a broker is to know. Empty if nothing was asked for. @return false: out of memory */
bool run_deaths_begin(const struct run_options *o, struct deaths *d);
void run_deaths_end(struct deaths *d);

/** A program has started, or ended with what wait(2) says. @p d may be NULL. */
void run_deaths_started(struct deaths *d, unsigned int program, pid_t pid);
void run_deaths_ended(struct deaths *d, unsigned int program, int status);
/** Whether it was ended at its point: how is then none of the programs' merit or fault. */
bool run_deaths_is_victim(const struct deaths *d, unsigned int program);

/** Whether it was, and lives on, stopped. */
bool run_deaths_is_stopped(const struct deaths *d, unsigned int program);

/** Tells of points that were not reached. @return the run's exit status, which was to be @p status */
int run_deaths_judge(const struct deaths *d, int status);

#endif
