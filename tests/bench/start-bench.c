/* SPDX-License-Identifier: MIT */
/* What `gntsim run` costs a program that does nothing: start-bench GNTSIM [RUNS]
 * Runs `GNTSIM run -- true`, `true` and `timeout 9 true` in turns and compares the medians. The last is what
 * any program costs that starts another one: a second exec, and little else. */
#include "measure.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

/* Milliseconds from spawning to the end of the program, which must exit with 0. */
static double run(char *const argv[])
{
	double begin = measure_now();
	pid_t pid;
	int status;

	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	measure_need(!errno, argv[0]);
	measure_need(waitpid(pid, &status, 0) == pid, "waitpid");
	errno = 0;
	measure_need(WIFEXITED(status) && !WEXITSTATUS(status), argv[0]);
	return (measure_now() - begin) * 1e3;
}

struct row {
	const char *what;
	char *argv[5];
	double *ms;
	double median;
};

int main(int argc, char **argv)
{
	char run_word[] = "run", dashes[] = "--", true_word[] = "true", timeout[] = "timeout",
	     nine[] = "9";
	struct row rows[] = {
	    {"true:", {true_word}, NULL, 0},
	    {"timeout 9 true:", {timeout, nine, true_word}, NULL, 0},
	    {"gntsim run -- true:",
	     {argc > 1 ? argv[1] : NULL, run_word, dashes, true_word},
	     NULL,
	     0},
	};
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 151;

	if (argc < 2 || argc > 3 || !runs) {
		fprintf(stderr, "usage: start-bench GNTSIM [RUNS]\n");
		return 2;
	}
	for (size_t r = 0; r < n; r++) {
		rows[r].ms = calloc(runs, sizeof(*rows[r].ms));
		measure_need(rows[r].ms != NULL, "memory");
		for (unsigned i = 0; i < 3; i++)
			run(rows[r].argv);
	}
	for (size_t i = 0; i < runs; i++)
		for (size_t r = 0; r < n; r++)
			rows[r].ms[i] = run(rows[r].argv);
	for (size_t r = 0; r < n; r++) {
		rows[r].median = measure_median(rows[r].ms, runs);
		printf("%-19s median %.3f ms (90%% within %.3f)\n", rows[r].what, rows[r].median,
		       measure_percentile(rows[r].ms, runs, 90));
	}
	printf("%zu runs each\n", runs);
	printf("timeout costs %.3f ms\n", rows[1].median - rows[0].median);
	measure_verdict("difference of the medians", rows[2].median - rows[0].median, "ms", 15, 1);
	for (size_t r = 0; r < n; r++)
		free(rows[r].ms);
	return 0;
}
