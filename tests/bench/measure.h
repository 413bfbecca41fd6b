/* SPDX-License-Identifier: MIT */
/**
 * @file measure.h
 * What the benchmarks share: a clock, medians, and words for a setup that fails.
 *
 * A benchmark prints each figure together with what it is compared with, measured in turns with it
 * in the same run, and the demand of issue 2 where there is one. It fails only if it cannot measure.
 */
#ifndef GNTSIM_BENCH_MEASURE_H
#define GNTSIM_BENCH_MEASURE_H

#include <stddef.h>

/** Seconds of the monotonic clock. */
double measure_now(void);
/** Seconds that this process has had a processor: for what one core does, whoever else wants it. */
double measure_cpu_now(void);
/** The median; sorts the values. */
double measure_median(double *values, size_t n);
/** The p-th hundredth of sorted values. */
double measure_percentile(const double *sorted, size_t n, double p);
/** Prints `what` with the value, the demand, and whether it is met. */
void measure_verdict(const char *what, double value, const char *unit, double demand, int at_most);
/** Leaves the program with a message when a step of the setup failed. */
void measure_need(int ok, const char *what);

#endif
