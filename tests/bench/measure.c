/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double measure_now(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double measure_cpu_now(void)
{
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double measure_percentile(const double *sorted, size_t n, double p)
{
	size_t at = (size_t)((double)(n - 1) * p / 100 + 0.5);

	return sorted[at];
}

void measure_verdict(const char *what, double value, const char *unit, double demand, int at_most)
{
	int met = at_most ? value <= demand : value >= demand;

	printf("%s: %.3g %s (demanded: at %s %.3g): %s\n", what, value, unit,
	       at_most ? "most" : "least", demand, met ? "met" : "NOT MET");
}

void measure_need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(2);
}
