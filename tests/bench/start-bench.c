/* SPDX-License-Identifier: MIT */
/* What `gntsim run` costs a program that does nothing: start-bench GNTSIM [RUNS]
 * Runs `GNTSIM run -- true` and `true` in turns and compares the medians. */
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

int main(int argc, char **argv)
{
	char run_word[] = "run", dashes[] = "--", true_word[] = "true";
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 151;
	double *plain, *under;
	double alone_median, under_median;

	if (argc < 2 || argc > 3 || !runs) {
		fprintf(stderr, "usage: start-bench GNTSIM [RUNS]\n");
		return 2;
	}
	plain = calloc(runs, sizeof(*plain));
	under = calloc(runs, sizeof(*under));
	measure_need(plain && under, "memory");
	{
		char *const alone[] = {true_word, NULL};
		char *const with[] = {argv[1], run_word, dashes, true_word, NULL};

		for (unsigned i = 0; i < 3; i++) {
			run(alone);
			run(with);
		}
		for (size_t i = 0; i < runs; i++) {
			plain[i] = run(alone);
			under[i] = run(with);
		}
	}
	alone_median = measure_median(plain, runs);
	under_median = measure_median(under, runs);
	printf("true:               median %.3f ms (90%% within %.3f)\n", alone_median,
	       measure_percentile(plain, runs, 90));
	printf("gntsim run -- true: median %.3f ms (90%% within %.3f), %zu runs each\n",
	       under_median, measure_percentile(under, runs, 90), runs);
	measure_verdict("difference of the medians", under_median - alone_median, "ms", 15, 1);
	free(plain);
	free(under);
	return 0;
}
