/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "play_main.h"

#define STATUS_DIFFERENT 1
#define STATUS_ERROR     125

struct command {
	struct scn_options options;
	struct fuzz_judge judge;
	struct fuzz_world world;
	const char *against, *directory;
	unsigned long ops, seed, length, count, max;
	bool has_guest, has_judge_kernel, only_write, help;
	struct fuzz_sequence seq;
	unsigned long played, sequences, found;
	double model_time, judge_time;
};

static void print_help(FILE *out)
{
	fputs("Usage: gntsim fuzz [OPTION…]\n"
	      "Plays random calls on the model and elsewhere, and compares what comes back.\n\n"
	      "      --against NAME       where else; default model:\n",
	      out);
	for (const struct scn_substrate_ops *const *ops = scn_substrates(); *ops; ops++)
		fprintf(out, "                             %-8s %s\n", (*ops)->name,
			(*ops)->summary);
	fputs("      --ops N              calls in all; default 10000\n"
	      "      --seed N             default 1\n"
	      "      --length N           calls in a sequence; default 100\n"
	      "      --guest G[,G]        the domains: pv, pvh, pv,pvh …; default: all mixes\n"
	      "      --kernel X.Y         of both; default 6.1\n"
	      "      --against-kernel X.Y of the other one, if it is to be another\n"
	      "      --allow-hazard NAME  make calls too with which a real kernel harms itself so\n"
	      "      --max N              end after N differences; default 5\n"
	      "      --write DIR          where differences are written, as scenarios; default .\n"
	      "      --count N            play nowhere else: write N sequences to the directory,\n"
	      "                           with the model's results\n"
	      "      --help               print this\n\n"
	      "Exit status: 0 no difference, 1 there is one, 125 it could not be tried.\n",
	      out);
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "gntsim fuzz: %s: '%s'\nTry 'gntsim fuzz --help'.\n", what, value);
	return STATUS_ERROR;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum option_id {
	OPT_AGAINST = 256,
	OPT_GUEST,
	OPT_KERNEL,
	OPT_AGAINST_KERNEL,
	OPT_ALLOW,
	OPT_WRITE,
	OPT_HELP,
	OPT_OPS, /* numbers from here */
	OPT_SEED,
	OPT_LENGTH,
	OPT_COUNT,
	OPT_MAX,
};

static const struct option options[] = {
    {"against", required_argument, NULL, OPT_AGAINST},
    {"guest", required_argument, NULL, OPT_GUEST},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"against-kernel", required_argument, NULL, OPT_AGAINST_KERNEL},
    {"allow-hazard", required_argument, NULL, OPT_ALLOW},
    {"write", required_argument, NULL, OPT_WRITE},
    {"help", no_argument, NULL, OPT_HELP},
    {"ops", required_argument, NULL, OPT_OPS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"length", required_argument, NULL, OPT_LENGTH},
    {"count", required_argument, NULL, OPT_COUNT},
    {"max", required_argument, NULL, OPT_MAX},
    {NULL, 0, NULL, 0},
};

static int take_guests(struct command *c, const char *value)
{
	static const struct {
		const char *text;
		uint32_t n;
		enum scn_guest guest[2];
	} all[] = {
	    {"pv", 1, {SCN_PV, SCN_PV}},      {"pvh", 1, {SCN_PVH, SCN_PVH}},
	    {"pv,pv", 2, {SCN_PV, SCN_PV}},   {"pv,pvh", 2, {SCN_PV, SCN_PVH}},
	    {"pvh,pv", 2, {SCN_PVH, SCN_PV}}, {"pvh,pvh", 2, {SCN_PVH, SCN_PVH}},
	};

	c->has_guest = true;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(value, all[i].text))
			continue;
		c->world.n_domains = all[i].n;
		memcpy(c->world.guest, all[i].guest, sizeof(c->world.guest));
		return 0;
	}
	return usage_error("--guest: expected pv, pvh or two of them", value);
}

static int take_number(struct command *c, int option, const char *value)
{
	unsigned long *const into[] = {&c->ops, &c->seed, &c->length, &c->count, &c->max};
	unsigned long max = option == OPT_LENGTH ? FUZZ_MAX_OPS / 2 : ULONG_MAX;
	char *end;

	errno = 0;
	*into[option - OPT_OPS] = strtoul(value, &end, 0);
	if (errno || end == value || *end || *value == '-' || *into[option - OPT_OPS] > max)
		return usage_error("bad number", value);
	c->only_write |= option == OPT_COUNT;
	return 0;
}

static int take_option(struct command *c, int option, const char *value)
{
	switch (option) {
	case OPT_AGAINST:
		c->against = value;
		return 0;
	case OPT_GUEST:
		return take_guests(c, value);
	case OPT_KERNEL:
		return scn_version_parse(value, &c->world.kernel)
			   ? usage_error("--kernel: expected X.Y", value)
			   : 0;
	case OPT_AGAINST_KERNEL:
		c->has_judge_kernel = true;
		return scn_version_parse(value, &c->judge.kernel)
			   ? usage_error("--against-kernel: expected X.Y", value)
			   : 0;
	case OPT_ALLOW:
		if (c->world.n_allowed == FUZZ_MAX_ALLOWED)
			return usage_error("--allow-hazard: too many", value);
		c->world.allowed[c->world.n_allowed++] = value;
		return 0;
	case OPT_WRITE:
		c->directory = value;
		return 0;
	case OPT_HELP:
		c->help = true;
		return 0;
	case '?':
		return usage_error("unknown option, or one without its value", value ? value : "");
	default:
		return take_number(c, option, value);
	}
}

/* The domains of a sequence: all mixes in turn, if the user does not say. */
static void choose_world(struct command *c, unsigned long sequence)
{
	if (c->has_guest)
		return;
	c->world.n_domains = sequence % 5 == 4 ? 1 : 2;
	c->world.guest[0] = sequence % 5 & 2 ? SCN_PVH : SCN_PV;
	c->world.guest[1] = sequence % 5 & 1 ? SCN_PVH : SCN_PV;
	if (c->world.n_domains == 1)
		c->world.guest[0] = SCN_PV;
}

static int write_script(const struct command *c, const struct scn_buf *text, unsigned long sequence)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/fuzz-%lu-%lu.scn", c->directory, c->seed, sequence);
	f = fopen(path, "w");
	if (!f || fputs(scn_buf_text(text), f) < 0 || fclose(f)) {
		fprintf(stderr, "gntsim fuzz: %s: %s\n", path, strerror(errno));
		return STATUS_ERROR;
	}
	if (!c->only_write)
		printf("written to %s\n", path);
	return 0;
}

static int write_sequence(const struct command *c, unsigned long sequence)
{
	scn_cleanup_buf struct scn_buf text = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	char title[120];

	snprintf(title, sizeof(title), "seed %lu, sequence %lu, against %s", c->seed, sequence,
		 c->only_write ? "nothing yet" : c->against);
	if (fuzz_script(&c->world, &c->seq, title, &text, NULL, &why) == FUZZ_ERROR) {
		fprintf(stderr, "gntsim fuzz: %s\n", scn_buf_text(&why));
		return STATUS_ERROR;
	}
	return write_script(c, &text, sequence);
}

static int report(struct command *c, unsigned long sequence, struct fuzz_verdict *verdict)
{
	uint32_t plays, was = c->seq.n;

	c->found++;
	plays = fuzz_shrink(&c->world, &c->seq, &c->judge, verdict);
	fuzz_verdict_free(verdict);
	fuzz_compare(&c->world, &c->seq, &c->judge, verdict);
	printf("sequence %lu differs (%u calls, shrunk from %u in %u plays):\n%s", sequence,
	       c->seq.n, was, plays, scn_buf_text(&verdict->text));
	fflush(stdout);
	return write_sequence(c, sequence);
}

static int compare(struct command *c, unsigned long sequence)
{
	struct fuzz_verdict verdict;
	double start = now();
	int status = 0;

	fuzz_compare(&c->world, &c->seq, &c->judge, &verdict);
	c->judge_time += now() - start;
	if (verdict.verdict == SCN_SKIPPED) {
		fprintf(stderr, "gntsim fuzz: %s\n", scn_buf_text(&verdict.text));
		status = STATUS_ERROR;
	} else if (verdict.verdict != SCN_PASSED) {
		status = report(c, sequence, &verdict);
	}
	fuzz_verdict_free(&verdict);
	return status;
}

static int one_sequence(struct command *c, unsigned long sequence)
{
	uint64_t seed = (c->seed << 32) + sequence;
	scn_cleanup_buf struct scn_buf why = {0};
	double start = now();
	enum fuzz_played played;

	choose_world(c, sequence);
	played = fuzz_generate(&c->world, seed, (uint32_t)c->length, &c->seq, &why);
	c->model_time += now() - start;
	c->played += c->seq.n;
	c->sequences++;
	if (played != FUZZ_PLAYED && played != FUZZ_UNSOUND) {
		fprintf(stderr, "gntsim fuzz: sequence %lu: %s\n", sequence, scn_buf_text(&why));
		return STATUS_ERROR;
	}
	return c->only_write ? write_sequence(c, sequence) : compare(c, sequence);
}

static void print_progress(const struct command *c)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu calls, %lu differences ", c->played, c->found);
}

static int fuzz(struct command *c)
{
	int status = 0;

	for (unsigned long i = 0; status == 0; i++) {
		if (c->only_write ? i == c->count : c->played >= c->ops || c->found >= c->max)
			break;
		status = one_sequence(c, i);
		print_progress(c);
	}
	printf("%lu calls in %lu sequences, seed %lu: %lu differences; %.0f calls/s generated",
	       c->played, c->sequences, c->seed, c->found,
	       c->model_time > 0 ? (double)c->played / c->model_time : 0);
	if (!c->only_write)
		printf(", %.0f calls/s played against %s",
		       c->judge_time > 0 ? (double)c->played / c->judge_time : 0, c->against);
	puts("");
	if (status)
		return status;
	return c->found ? STATUS_DIFFERENT : 0;
}

static int run(struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int status;

	c->judge.ops = scn_substrate_find(c->against);
	if (!c->judge.ops)
		return usage_error("there is no such substrate", c->against);
	if (c->judge.ops->open(&c->options, &c->judge.self, &why) != SCN_OK) {
		fprintf(stderr, "gntsim fuzz: %s: %s\n", c->against, scn_buf_text(&why));
		return STATUS_ERROR;
	}
	if (!c->has_judge_kernel)
		c->judge.kernel = c->world.kernel;
	c->world.capabilities = c->judge.ops->capabilities(c->judge.self);
	c->seq.ops = calloc(FUZZ_MAX_OPS, sizeof(*c->seq.ops));
	status = c->seq.ops ? fuzz(c) : STATUS_ERROR;
	free(c->seq.ops);
	c->judge.ops->close(c->judge.self);
	return status;
}

/* A launcher runs the agent: by then /proc/self is another program's. */
static void find_program(char exe[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", exe, PATH_MAX - 1);

	exe[n > 0 ? n : 0] = '\0';
}

int gntsim_fuzz_main(int argc, char **argv)
{
	char exe[PATH_MAX];
	const char *agent_argv[] = {exe, "play", "--agent", NULL};
	struct command c = {.options = {.domid = -1, .agent_argv = agent_argv},
			    .world.kernel = {6, 1},
			    .against = "model",
			    .directory = ".",
			    .ops = 10000,
			    .seed = 1,
			    .length = 100,
			    .max = 5};
	int option, status = 0;

	optind = 1;
	opterr = 0;
	while (!status && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		status = take_option(&c, option, optarg);
	if (!status && optind < argc)
		status = usage_error("unexpected word", argv[optind]);
	if (status)
		return status;
	if (c.help) {
		print_help(stdout);
		return 0;
	}
	find_program(exe);
	return run(&c);
}
