/* SPDX-License-Identifier: MIT */
#include "main.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "result.h"

#define CONFORM      "conform"
#define STATUS_ERROR SCN_STATUS_ERROR

static void print_help(FILE *out)
{
	fputs(
	    "Usage: gntsim conform [OPTION…] -o DIR [LEG…]\n"
	    "Is a kernel, a driver or a hypervisor as the model says? Plays the corpus and random "
	    "calls\n"
	    "on real Xen in an emulator, and writes the verdict.\n\n"
	    "  -o, --output DIR      where: report.ktap, report.xml (JUnit), report.html, and a\n"
	    "                        scenario for what random calls found\n"
	    "      --kernel X.Y      X.Y, X.Y.Z or newest, of Debian's; default 6.1\n" SCN_CELL_HELP
	    "      --scenarios PATH  instead of the corpus; may be said again\n"
	    "      --ops N           random calls on each leg; default 2000; 0: none\n"
	    "      --seed N          of these; default 1\n"
	    "      --time-limit N    seconds for the corpus on a leg; default 3600\n"
	    "      --patience N      seconds for a scenario; default 120, with two domains 300\n"
	    "      --help            print this\n\n"
	    "Legs: " SCN_LEG_NAMES "; default pv.\n"
	    "Exit status: 0 it conforms, 1 it differs, 125 not all could be tried.\n",
	    out);
}

enum option_id {
	OPT_KERNEL = 256,
	OPT_SCENARIOS,
	OPT_OPS,
	OPT_SEED,
	OPT_TIME_LIMIT,
	OPT_PATIENCE,
	OPT_HELP,
};

struct command {
	struct conform c;
	bool help, own_scenarios;
};

static int out_of_memory(void)
{
	fputs("gntsim conform: out of memory\n", stderr);
	return STATUS_ERROR;
}

static int add_scenarios(struct command *m, const char *path)
{
	m->own_scenarios = true;
	if (access(path, F_OK))
		return scn_usage_error(CONFORM, "--scenarios: %s: %s", path, strerror(errno));
	return scn_find(path, &m->c.files) ? out_of_memory() : 0;
}

static int take_number(struct command *m, int option, const char *value)
{
	unsigned long n;

	switch (option) {
	case OPT_OPS:
		return scn_option_number(CONFORM, "--ops", value, 0, 100000000, &m->c.ops)
			   ? 0
			   : STATUS_ERROR;
	case OPT_SEED:
		return scn_option_number(CONFORM, "--seed", value, 0, UINT32_MAX, &m->c.seed)
			   ? 0
			   : STATUS_ERROR;
	case OPT_TIME_LIMIT:
		if (!scn_option_number(CONFORM, "--time-limit", value, 1, 864000, &n))
			return STATUS_ERROR;
		m->c.time_limit = (unsigned int)n;
		return 0;
	default:
		if (!scn_option_number(CONFORM, "--patience", value, 1, 86400, &n))
			return STATUS_ERROR;
		m->c.patience = (unsigned int)n;
		return 0;
	}
}

static int take_option(struct command *m, int option, const char *value)
{
	if (option >= SCN_CELL_KERNEL_IMAGE && option < SCN_CELL_END)
		return scn_cell_take(CONFORM, (enum scn_cell_option)option, value, &m->c.cell);
	switch (option) {
	case 'o':
		m->c.directory = value;
		return 0;
	case OPT_KERNEL:
		return scn_cell_take_kernel(CONFORM, value, &m->c.cell);
	case OPT_SCENARIOS:
		return add_scenarios(m, value);
	case OPT_HELP:
		m->help = true;
		return 0;
	case SCN_OPTION_WRONG:
		return STATUS_ERROR;
	default:
		return take_number(m, option, value);
	}
}

static int take_leg(struct conform *c, const char *name)
{
	const struct scn_leg *leg = scn_leg_by_name(name);

	if (!leg)
		return scn_usage_error(CONFORM, "expected the leg " SCN_LEG_NAMES ", found '%s'",
				       name);
	if (c->n_legs == CONFORM_MAX_LEGS)
		return scn_usage_error(CONFORM, "expected no more legs, found '%s'", name);
	c->legs[c->n_legs++] = (struct conform_leg){.leg = leg};
	return 0;
}

static int parse(struct command *m, int argc, char **argv)
{
	static const struct option options[] = {
	    {"output", required_argument, NULL, 'o'},
	    {"kernel", required_argument, NULL, OPT_KERNEL},
	    SCN_CELL_OPTIONS,
	    {"scenarios", required_argument, NULL, OPT_SCENARIOS},
	    {"ops", required_argument, NULL, OPT_OPS},
	    {"seed", required_argument, NULL, OPT_SEED},
	    {"time-limit", required_argument, NULL, OPT_TIME_LIMIT},
	    {"patience", required_argument, NULL, OPT_PATIENCE},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	int option, err = 0;

	optind = 1;
	while (!err && (option = scn_option_next(CONFORM, argc, argv, "o:", options)) != -1)
		err = take_option(m, option, optarg);
	for (int i = optind; i < argc && !err; i++)
		err = take_leg(&m->c, argv[i]);
	if (err || m->help)
		return err;
	if (!m->c.directory)
		return scn_usage_error(CONFORM, "where to? (-o DIR)");
	return m->c.n_legs ? 0 : take_leg(&m->c, "pv");
}

/* The corpus, and where its rules are listed. */
static int find_corpus(struct command *m)
{
	scn_buf_str(&m->c.corpus_root, SCN_CORPUS);
	if (m->c.corpus_root.failed || (!m->own_scenarios && scn_find(SCN_CORPUS, &m->c.files)))
		return out_of_memory();
	if (m->c.files.n)
		return 0;
	return scn_usage_error(CONFORM, "no scenario (*.scn) in %s",
			       m->own_scenarios ? "what --scenarios names" : SCN_CORPUS);
}

static void report_one(struct scn_report *report, const char *name, enum scn_verdict verdict,
		       double seconds, const struct scn_buf *message)
{
	const struct scn_record record = {
	    .file = name, .seconds = seconds, .outcome = {.verdict = verdict, .message = *message}};

	scn_report_add(report, &record);
}

/* What is no scenario: a leg that was not played, and random calls. */
static void report_rest(struct scn_report *report, const struct conform_leg *leg)
{
	static const enum scn_verdict verdict[] = {[CONFORM_SAME] = SCN_PASSED,
						   [CONFORM_DIFFERENT] = SCN_FAILED,
						   [CONFORM_UNTRIED] = SCN_BROKEN};

	if (conform_is_wanting(leg))
		report_one(report, "the corpus", SCN_BROKEN, leg->seconds, &leg->why);
	if (leg->fuzz != CONFORM_NOT_FUZZED)
		report_one(report, "random calls", verdict[leg->fuzz], leg->fuzz_seconds,
			   &leg->said);
}

static int write_junit(const struct conform *c, const char *path)
{
	FILE *nowhere = fopen("/dev/null", "we");
	struct scn_report report = {.out = nowhere};
	scn_cleanup_buf struct scn_buf substrate = {0};
	int err;

	if (!nowhere)
		return -errno;
	for (size_t i = 0; i < c->n_legs; i++) {
		scn_buf_clear(&substrate);
		scn_buf_printf(&substrate, "xen.%s", c->legs[i].leg->name);
		report.substrate = scn_buf_reason(&substrate);
		for (size_t k = 0; k < c->legs[i].n; k++) {
			const struct conform_record *r = &c->legs[i].records[k];
			const struct scn_record record = {
			    .file = r->file,
			    .variant = r->variant,
			    .seconds = r->seconds,
			    .outcome = {.verdict = r->verdict, .message = r->message}};

			scn_report_add(&report, &record);
		}
		report_rest(&report, &c->legs[i]);
	}
	err = scn_report_end(&report, path);
	fclose(nowhere);
	return err;
}

static int write_one(const struct conform *c, const char *name,
		     int (*write)(const struct conform *c, const char *path))
{
	scn_cleanup_buf struct scn_buf path = {0};
	int err;

	scn_buf_printf(&path, "%s/%s", c->directory, name);
	err = path.failed ? -ENOMEM : write(c, scn_buf_text(&path));
	if (err)
		fprintf(stderr, "gntsim conform: %s/%s: %s\n", c->directory, name, strerror(-err));
	return err ? STATUS_ERROR : 0;
}

static int write_report(const struct conform *c)
{
	int err = write_one(c, "report.ktap", conform_write_ktap);

	err |= write_one(c, "report.xml", write_junit);
	err |= write_one(c, "report.html", conform_write_page);
	return err;
}

static void say_legs(const struct conform *c)
{
	scn_cleanup_buf struct scn_buf verdict = {0};

	for (size_t i = 0; i < c->n_legs; i++) {
		const struct conform_leg *leg = &c->legs[i];

		if (conform_is_wanting(leg))
			fprintf(stderr, "gntsim conform: %s: %s\n", leg->leg->name,
				scn_buf_reason(&leg->why));
		printf("%s: %u passed, %u failed, %u skipped, %u errors\n", leg->leg->name,
		       leg->count[SCN_PASSED], leg->count[SCN_FAILED], leg->count[SCN_SKIPPED],
		       leg->count[SCN_BROKEN]);
	}
	conform_say(c, &verdict);
	printf("%s: %s/report.html\n", scn_buf_reason(&verdict), c->directory);
}

static int judge(struct conform *c)
{
	int err;

	if (mkdir(c->directory, 0777) && errno != EEXIST) {
		fprintf(stderr, "gntsim conform: %s: %s\n", c->directory, strerror(errno));
		return STATUS_ERROR;
	}
	for (size_t i = 0; i < c->n_legs; i++)
		conform_play(c, &c->legs[i]);
	err = write_report(c);
	if (err)
		return err;
	say_legs(c);
	return conform_status(c);
}

int gntsim_conform_main(int argc, char **argv)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct command m = {.c = {.ops = 2000, .seed = 1, .time_limit = 3600, .program = exe}};
	int status = parse(&m, argc, argv);

	exe[n > 0 ? n : 0] = '\0';
	if (!status && m.help)
		print_help(stdout);
	else if (!status && !(status = find_corpus(&m)))
		status = judge(&m.c);
	conform_free(&m.c);
	return status;
}
