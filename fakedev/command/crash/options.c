/* SPDX-License-Identifier: MIT */
/* The command line of gntsim crash. */
#define _GNU_SOURCE
#include "options.h"

#include "command/command.h"
#include "command/ring.h"
#include "lang/options.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds. */
#define PATIENCE 60

static void usage(FILE *out)
{
	fputs(
	    "usage: gntsim crash [OPTION...] -- COMMAND...\n"
	    "       gntsim crash --merge [OPTION...] FILE...\n\n"
	    "Runs a test undisturbed, and then once for each point at which a program can die: "
	    "how\n"
	    "do those that are left take it? COMMAND is what 'gntsim run' would be given: a "
	    "program,\n"
	    "or several with ::: between them, with run's own options; or a whole 'gntsim run "
	    "...'.\n\n"
	    "  --script          COMMAND runs by itself and has 'gntsim run' somewhere in it\n"
	    "What dies, and how:\n"
	    "  --victim NAME     only this program, or domN: those of a domain; may be repeated\n"
	    "  --points KIND     calls (before and after each), stores, or all (default)\n"
	    "  --sample N        only N points of each program, evenly spread\n"
	    "  --point POINT     only this one, its output on stderr: PROGRAM:call:mmap#2, as a\n"
	    "                    report has it\n"
	    "  --end HOW         kill (default), exit, abort, destroy or stop\n"
	    "In which order:\n"
	    "  --schedules N     each point under N orders of the device calls (run --schedule),\n"
	    "                    until 3 fail\n"
	    "  --seed S          the first one's seed (default 1)\n"
	    "  --schedule SEED:DEPTH:STEPS  under this one, as a report has it\n"
	    "How it is judged:\n"
	    "  --accept N,...    a survivor may end with these statuses, and with its own; by\n"
	    "                    default with any\n"
	    "  --ring DOM:REF:PRODUCER:CONSUMER:SIZE[:masked][:data=[REF+]OFFSET]  where a page\n"
	    "                    that DOM grants as REF has a ring's indexes, and where its bytes\n"
	    "                    are: no survivor may use them beyond it\n"
	    "  --check COMMAND   run by the shell when all programs have ended, with the machine\n"
	    "                    still there; must not fail\n"
	    "  --hang MS         milliseconds in which nobody moves (default 5000) are for ever\n"
	    "  --timeout N       seconds that one run may take (default 60)\n"
	    "How much:\n"
	    "  --jobs N          so many runs at a time (default: a core each)\n"
	    "  --budget TIME     ends the search: 90, 90s, 10m, 2h\n"
	    "  --shard K/N       one part of N, from 1\n"
	    "  --merge           puts reports of shards, made by --json, together\n"
	    "What is written:\n"
	    "  --json FILE       all points, for programs\n"
	    "  --junit FILE      for a CI service\n"
	    "  --output DIR      of the first point of each group a trace, its picture, and a\n"
	    "                    scenario\n"
	    "  --help\n\n"
	    "Exit status: 0 if no point failed, 1 if one did, 2 if not all could be tried in "
	    "time,\n"
	    "125 if it could not be searched.\n",
	    out);
}

enum {
	OPT_SCRIPT = 256,
	OPT_VICTIM,
	OPT_POINTS,
	OPT_SAMPLE,
	OPT_POINT,
	OPT_END,
	OPT_ACCEPT,
	OPT_RING,
	OPT_SCHEDULES,
	OPT_SEED,
	OPT_SCHEDULE,
	OPT_CHECK,
	OPT_HANG,
	OPT_TIMEOUT,
	OPT_JOBS,
	OPT_BUDGET,
	OPT_SHARD,
	OPT_MERGE,
	OPT_JSON,
	OPT_JUNIT,
	OPT_OUTPUT
};

static const struct option options[] = {{"script", no_argument, NULL, OPT_SCRIPT},
					{"victim", required_argument, NULL, OPT_VICTIM},
					{"points", required_argument, NULL, OPT_POINTS},
					{"sample", required_argument, NULL, OPT_SAMPLE},
					{"point", required_argument, NULL, OPT_POINT},
					{"end", required_argument, NULL, OPT_END},
					{"ring", required_argument, NULL, OPT_RING},
					{"schedules", required_argument, NULL, OPT_SCHEDULES},
					{"seed", required_argument, NULL, OPT_SEED},
					{"schedule", required_argument, NULL, OPT_SCHEDULE},
					{"accept", required_argument, NULL, OPT_ACCEPT},
					{"check", required_argument, NULL, OPT_CHECK},
					{"hang", required_argument, NULL, OPT_HANG},
					{"timeout", required_argument, NULL, OPT_TIMEOUT},
					{"jobs", required_argument, NULL, OPT_JOBS},
					{"budget", required_argument, NULL, OPT_BUDGET},
					{"shard", required_argument, NULL, OPT_SHARD},
					{"merge", no_argument, NULL, OPT_MERGE},
					{"json", required_argument, NULL, OPT_JSON},
					{"junit", required_argument, NULL, OPT_JUNIT},
					{"output", required_argument, NULL, OPT_OUTPUT},
					{"help", no_argument, NULL, 'h'},
					{0}};

static bool wrong(const char *option, const char *expected)
{
	scn_usage_error("crash", "--%s: expected %s, found '%s'", option, expected, optarg);
	return false;
}

static bool take_number(const char *option, unsigned long low, unsigned long high,
			unsigned int *out)
{
	unsigned long n;

	if (!scn_option_number("crash", option, optarg, low, high, &n))
		return false;
	*out = (unsigned int)n;
	return true;
}

static bool take_budget(unsigned int *out)
{
	char *end;
	unsigned long n = strtoul(optarg, &end, 10), unit = 1;

	if (*end == 'm')
		unit = 60;
	else if (*end == 'h')
		unit = 3600;
	if (*end && strchr("smh", *end))
		end++;
	if (end == optarg || *end || *optarg < '0' || *optarg > '9' || n < 1 || n > 604800)
		return wrong("budget", "a time as 90, 90s, 10m or 2h");
	*out = (unsigned int)(n * unit);
	return true;
}

static bool take_shard(struct crash_choice *c)
{
	char extra;

	if (sscanf(optarg, "%u/%u%c", &c->shard, &c->n_shards, &extra) != 2 || c->shard < 1 ||
	    c->shard > c->n_shards || c->n_shards > CRASH_SHARDS_MAX)
		return wrong("shard", "K/N, from 1/N to N/N");
	return true;
}

static bool take_points(struct crash_choice *c)
{
	c->calls = !strcmp(optarg, "calls") || !strcmp(optarg, "all");
	c->stores = !strcmp(optarg, "stores") || !strcmp(optarg, "all");
	return c->calls || c->stores ? true : wrong("points", "calls, stores or all");
}

static bool take_accept(struct crash_options *o)
{
	const char *at = optarg;
	struct crash_search *s = &o->search;

	s->accepted = o->accepted;
	while (s->n_accepted < sizeof(o->accepted) / sizeof(o->accepted[0])) {
		char *end;
		unsigned long n = strtoul(at, &end, 10);

		if (end == at || *at < '0' || *at > '9' || n > 255 || (*end && *end != ','))
			break;
		o->accepted[s->n_accepted++] = (int)n;
		if (!*end)
			return true;
		at = end + 1;
	}
	return wrong("accept", "statuses from 0 to 255 with commas between them");
}

static bool take_victim(struct crash_choice *c)
{
	char **all = reallocarray(c->victims, c->n_victims + 1, sizeof(*all));

	if (!all) {
		complain("out of memory");
		return false;
	}
	c->victims = all;
	all[c->n_victims++] = optarg;
	return true;
}

static bool take_end(struct crash_search *s)
{
	static const char *const all[] = {"kill", "exit", "abort", "destroy", "stop"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(optarg, all[i])) {
			s->end = optarg;
			return true;
		}
	return wrong("end", "kill, exit, abort, destroy or stop");
}

static bool take_point(struct crash_options *o)
{
	o->search.only = &o->only;
	o->search.loud = true;
	return crash_point_parse(optarg, &o->only)
		   ? true
		   : wrong("point",
			   "PROGRAM:call:N, call:KIND#N, each also with + behind it, store:N or "
			   "wait:N, as a report has it");
}

/* What run would refuse is refused here. */
static bool take_ring(struct crash_options *o)
{
	struct death_ring ring;

	o->search.rings = o->rings;
	if (o->search.n_rings == CRASH_RINGS || !ring_parse(optarg, &ring))
		return wrong("ring", RING_EXPECTED ", at most 16 of them");
	o->rings[o->search.n_rings++] = optarg;
	return true;
}

static bool take_seed(struct crash_options *o)
{
	char *end;

	errno = 0;
	o->search.seed = strtoull(optarg, &end, 10);
	o->has_seed = true;
	if (*optarg < '0' || *optarg > '9' || *end || errno || o->search.seed > INT64_MAX)
		return wrong("seed", "a number from 0");
	return true;
}

static bool take_schedule(struct crash_options *o)
{
	o->search.scheduled = &o->scheduled;
	return crash_schedule_parse(optarg, &o->scheduled)
		   ? true
		   : wrong("schedule", "SEED:DEPTH:STEPS, as a report has it");
}

/* The check is a line of an order. */
static bool take_check(struct crash_search *s)
{
	s->check = optarg;
	return *optarg && !strchr(optarg, '\n') ? true : wrong("check", "a command on one line");
}

static bool take_of_search(struct crash_options *o, int c)
{
	struct crash_search *s = &o->search;

	switch (c) {
	case OPT_VICTIM:
		return take_victim(&s->choice);
	case OPT_POINTS:
		return take_points(&s->choice);
	case OPT_SAMPLE:
		return scn_option_number("crash", "--sample", optarg, 1, 1000000000,
					 &s->choice.sample);
	case OPT_POINT:
		return take_point(o);
	case OPT_END:
		return take_end(s);
	case OPT_RING:
		return take_ring(o);
	case OPT_SCHEDULES:
		return take_number("--schedules", 1, 1000000, &s->schedules);
	case OPT_SEED:
		return take_seed(o);
	case OPT_SCHEDULE:
		return take_schedule(o);
	case OPT_ACCEPT:
		return take_accept(o);
	case OPT_CHECK:
		return take_check(s);
	case OPT_HANG:
		return take_number("--hang", 1, 3600000, &s->hang_ms);
	case OPT_TIMEOUT:
		return take_number("--timeout", 1, 86400, &s->patience);
	case OPT_JOBS:
		return take_number("--jobs", 1, 512, &s->jobs);
	case OPT_BUDGET:
		return take_budget(&s->budget);
	default:
		return take_shard(&s->choice);
	}
}

static bool take(struct crash_options *o, int c)
{
	switch (c) {
	case OPT_SCRIPT:
		return o->script = true;
	case OPT_MERGE:
		return o->merge = true;
	case OPT_JSON:
		o->json = optarg;
		return true;
	case OPT_JUNIT:
		o->junit = optarg;
		return true;
	case OPT_OUTPUT:
		o->output = optarg;
		return true;
	default:
		return take_of_search(o, c);
	}
}

static unsigned int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned int)CPU_COUNT(&set) : 1;
}

int crash_options_parse(int argc, char **argv, struct crash_options *o)
{
	int c;

	*o = (struct crash_options){.search = {.hang_ms = CRASH_HANG_MS,
					       .jobs = cores(),
					       .patience = PATIENCE,
					       .seed = 1,
					       .choice = {.calls = true, .stores = true}}};
	while ((c = scn_option_next("crash", argc, argv, "+h", options)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (c == SCN_OPTION_WRONG || !take(o, c))
			return EXIT_GNTSIM;
	}
	if (optind == argc)
		return scn_usage_error("crash",
				       o->merge ? "no report to merge" : "no command to search");
	if (o->has_seed && !o->search.schedules)
		return scn_usage_error("crash", "--seed belongs to --schedules");
	if (o->search.scheduled && o->search.schedules)
		return scn_usage_error("crash", "--schedule is one, --schedules are others");
	o->words = argv + optind;
	/* At a store a program can only be killed. */
	if (o->search.end && strcmp(o->search.end, "kill") && o->search.choice.calls)
		o->search.choice.stores = false;
	if (o->search.loud)
		o->search.jobs = 1;
	return 0;
}

void crash_options_free(struct crash_options *o)
{
	free(o->search.choice.victims);
}
