/* SPDX-License-Identifier: MIT */
#include "main.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lang/options.h"
#include "lang/parse/parser.h"
#include "search.h"
#include "sequence.h"
#include "substrates/model/model_state.h"
#include "substrates/place.h"
#include "substrates/substrates.h"

#define EXPLORE "explore"
/* A copy of the state has a word for each; `machine frames` asks for more. */
#define FRAMES 256u

#define NO_MEMORY "out of memory"

#define STATUS_FAILED  1
#define STATUS_LIMITED 2
#define STATUS_ERROR   SCN_STATUS_ERROR

enum deaths { DEATHS_NONE, DEATHS_KILL, DEATHS_DESTROY };

struct command {
	struct scn_filter filter;
	struct scn_platform_words platform;
	enum deaths deaths;
	const char *output;
	bool all, every_order, states, help;
	bool written;  /* the first violation, to the output */
	bool explored; /* anything */
	unsigned long limit;
	void *model;
	int status;
};

/* The orders of one scenario as one machine. */
struct exploration {
	struct command *c;
	const struct scn_scenario *s;
	const char *path, *variant;
	struct scn_setup setup;
	uint64_t schedules, violations;
	double seconds;
	bool limited; /* --limit came first */
};

static void print_help(FILE *out)
{
	fputs("Usage: gntsim explore [OPTION…] FILE…\n"
	      "Tries every order of the steps in a scenario's parallel blocks on the model, and "
	      "every\n"
	      "death in each, and says whether what comes back is what the scenario states.\n\n"
	      "      --deaths none|kill|destroy  who dies once in an order: nobody; a process of "
	      "the\n"
	      "                        block, by SIGKILL (default); a domain of one, as by xl "
	      "destroy\n"
	      "  -o, --output FILE     write the first violation there, as a scenario without "
	      "parallel\n"
	      "      --all             go on after a violation, and count them\n"
	      "      --guest pv|pvh    every domain that allows it as this\n"
	      "      --kernel X.Y      the kernel to play on\n" SCN_PLATFORM_HELP
	      "      --limit N         stop after so many orders\n"
	      "      --every-order     leave out nothing: also orders that nobody can tell apart\n"
	      "      --states          count the different final states, and print a sum of them\n"
	      "      --help            print this\n\n"
	      "Exit status: 0 nothing was violated; 1 something was; 2 the limit was reached "
	      "before;\n"
	      "125 a script or the environment is broken.\n",
	      out);
}

enum option_id {
	OPT_DEATHS = 256,
	OPT_ALL,
	OPT_GUEST,
	OPT_KERNEL,
	OPT_XEN,
	OPT_ARCH,
	OPT_XSM,
	OPT_LIMIT,
	OPT_EVERY_ORDER,
	OPT_STATES,
	OPT_HELP,
};

static int bad_value(const char *option, const char *expected, const char *value)
{
	return scn_usage_error(EXPLORE, "%s: expected %s, found '%s'", option, expected, value);
}

static int take_deaths(struct command *c, const char *value)
{
	static const char *const names[] = {"none", "kill", "destroy"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		c->deaths = (enum deaths)i;
		return 0;
	}
	return bad_value("--deaths", "none, kill or destroy", value);
}

static int take_option(struct command *c, int option, const char *value)
{
	switch (option) {
	case OPT_DEATHS:
		return take_deaths(c, value);
	case 'o':
		c->output = value;
		return 0;
	case OPT_ALL:
		c->all = true;
		return 0;
	case OPT_GUEST:
		c->filter.has_guest = true;
		return scn_guest_parse(value, &c->filter.guest)
			   ? 0
			   : bad_value("--guest", "pv or pvh", value);
	case OPT_KERNEL:
		c->filter.has_kernel = true;
		if (scn_version_parse(value, &c->filter.kernel))
			return bad_value("--kernel", "a version X.Y", value);
		return scn_place_kernel(EXPLORE, "--kernel", &scn_substrate_model, NULL,
					&c->filter.kernel)
			   ? STATUS_ERROR
			   : 0;
	case OPT_XEN:
		c->platform.xen = value;
		return scn_place_platform(EXPLORE, &c->platform, &c->filter);
	case OPT_ARCH:
		c->platform.arch = value;
		return scn_place_platform(EXPLORE, &c->platform, &c->filter);
	case OPT_XSM:
		c->platform.xsm = value;
		return scn_place_platform(EXPLORE, &c->platform, &c->filter);
	case OPT_LIMIT:
		return scn_option_number(EXPLORE, "--limit", value, 1, ULONG_MAX, &c->limit)
			   ? 0
			   : STATUS_ERROR;
	case OPT_EVERY_ORDER:
		c->every_order = true;
		return 0;
	case OPT_STATES:
		c->states = true;
		return 0;
	case OPT_HELP:
		c->help = true;
		return 0;
	default:
		return STATUS_ERROR;
	}
}

static int parse_options(struct command *c, int argc, char **argv)
{
	static const struct option options[] = {
	    {"deaths", required_argument, NULL, OPT_DEATHS},
	    {"output", required_argument, NULL, 'o'},
	    {"all", no_argument, NULL, OPT_ALL},
	    {"guest", required_argument, NULL, OPT_GUEST},
	    {"kernel", required_argument, NULL, OPT_KERNEL},
	    {"xen", required_argument, NULL, OPT_XEN},
	    {"arch", required_argument, NULL, OPT_ARCH},
	    {"xsm", required_argument, NULL, OPT_XSM},
	    {"limit", required_argument, NULL, OPT_LIMIT},
	    {"every-order", no_argument, NULL, OPT_EVERY_ORDER},
	    {"states", no_argument, NULL, OPT_STATES},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	int option, err = 0;

	optind = 1;
	while (!err && (option = scn_option_next(EXPLORE, argc, argv, "o:", options)) != -1)
		err = take_option(c, option, optarg);
	return err;
}

static void worse(struct command *c, int status)
{
	/* A broken script says more than a violation, and that more than a limit. */
	if (c->status == STATUS_ERROR || (c->status == STATUS_FAILED && status == STATUS_LIMITED))
		return;
	c->status = status;
}

static void head(const struct exploration *x, const char *word)
{
	printf("%-7s %s%s%s%s", word, x->path, *x->variant ? " [" : "", x->variant,
	       *x->variant ? "]" : "");
}

/* Lines of a message, indented as play's are. */
static void print_indented(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("  %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void broken(const struct exploration *x, const char *message)
{
	head(x, "error");
	printf("\n");
	print_indented(*message ? message : NO_MEMORY);
	worse(x->c, STATUS_ERROR);
}

/* "with the death of server (SIGKILL)" */
static void describe_death(const struct search *q, struct scn_buf *out)
{
	const struct scn_process_decl *p = q->s->processes;
	const struct scn_domain_decl *d = q->s->domains;

	if (q->death == DEATH_NONE) {
		scn_buf_str(out, "nobody dies");
	} else if (q->death == DEATH_KILL) {
		for (uint32_t i = 0; i < q->victim; i++)
			p = p->next;
		scn_buf_printf(out, "%.*s is killed", SCN_STR(p->name));
	} else {
		for (uint32_t i = 0; i < q->victim; i++)
			d = d->next;
		scn_buf_printf(out, "%.*s is destroyed", SCN_STR(d->name));
	}
}

static const char *describe_fault(enum fault fault)
{
	switch (fault) {
	case FAULT_NONE:
	case FAULT_STEP:
		break;
	case FAULT_ALWAYS:
		return "an always does not hold";
	case FAULT_HANG:
		return "all branches that are left wait for ever";
	case FAULT_END:
		return "the end of the processes harms the kernel";
	}
	return "a step's result is another one";
}

/* Plays the text as `gntsim play` would: it has to fail, and says better what is wrong. */
static bool fails_when_played(const struct exploration *x, const struct scn_buf *text,
			      struct scn_buf *message)
{
	struct scn_source src = {.name = x->c->output && !x->c->written ? x->c->output
									: "the scenario below",
				 .text = text->data,
				 .len = text->len};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct scn_outcome outcome = {0};
	bool fails;
	void *model;

	if (scn_parse(&src, &s, &errors)) {
		scn_buf_str(message, errors.count ? scn_buf_text(&errors.text) : NO_MEMORY);
		return false;
	}
	if (scn_substrate_model.open(NULL, &model, message) != SCN_OK)
		return false;
	scn_play(&s, &x->setup, &scn_substrate_model, model, &outcome);
	scn_substrate_model.close(model);
	fails = outcome.verdict == SCN_FAILED;
	scn_buf_str(message, scn_buf_text(&outcome.message));
	scn_outcome_free(&outcome);
	return fails;
}

static void write_out(const struct exploration *x, const struct scn_buf *text)
{
	FILE *f;
	bool good;

	if (!x->c->output || x->c->written) {
		printf("\n%s\n", scn_buf_text(text));
		return;
	}
	f = fopen(x->c->output, "w");
	x->c->written = true;
	good = f && fwrite(text->data, 1, text->len, f) == text->len;
	if (f && fclose(f))
		good = false;
	if (good)
		return;
	fprintf(stderr, "gntsim explore: %s: %s\n", x->c->output, strerror(errno));
	worse(x->c, STATUS_ERROR);
}

static void report_violation(struct exploration *x, const struct search *q)
{
	scn_cleanup_buf struct scn_buf text = {0}, how = {0}, death = {0}, message = {0};

	describe_death(q, &death);
	scn_buf_printf(&how, "Found by gntsim explore in %s%s%s: %s, and %s.", x->path,
		       *x->variant ? ", as " : "", x->variant, scn_buf_text(&death),
		       describe_fault(q->fault));
	sequence_write(q, scn_buf_text(&how), &text);
	head(x, "failed");
	printf(": %s, and %s\n", scn_buf_text(&death), describe_fault(q->fault));
	worse(x->c, STATUS_FAILED);
	if (text.failed || !text.data) {
		print_indented(NO_MEMORY);
		worse(x->c, STATUS_ERROR);
		return;
	}
	if (!fails_when_played(x, &text, &message)) {
		printf("  but the order found does not fail when it is played by itself:\n");
		worse(x->c, STATUS_ERROR);
	}
	print_indented(message.failed ? NO_MEMORY : scn_buf_text(&message));
	write_out(x, &text);
}

static void print_states(const struct search *q)
{
	size_t n = q->final.len / sizeof(uint64_t);
	uint64_t sum = 0, one;

	for (size_t i = 0; i < n; i++) {
		memcpy(&one, q->final.data + i * sizeof(one), sizeof(one));
		sum = digest_add(sum, &one, sizeof(one));
	}
	printf("        %zu final states, sum %016llx, in %llu steps\n", n, (unsigned long long)sum,
	       (unsigned long long)q->steps);
}

static double processor_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns whether there is more to be tried. */
static bool search_one(struct exploration *x, struct search *q)
{
	scn_cleanup_buf struct scn_buf death = {0};
	double before = processor_now();
	int err;

	q->s = x->s;
	q->setup = &x->setup;
	q->every_order = x->c->every_order;
	q->go_on = x->c->all;
	q->digests = x->c->states;
	q->limit = x->c->limit ? x->c->limit - x->schedules : 0;
	err = search_run(q, x->c->model);
	x->seconds += processor_now() - before;
	x->schedules += q->schedules;
	if (err || q->outcome.verdict != SCN_PASSED) {
		scn_cleanup_buf struct scn_buf message = {0};

		if (q->broken)
			scn_buf_printf(&message, "%s:%u: ", x->path, q->broken->pos.line);
		scn_buf_str(&message, err                      ? NO_MEMORY
				      : q->why.len             ? scn_buf_text(&q->why)
				      : q->outcome.message.len ? scn_buf_text(&q->outcome.message)
				      : q->outcome.message.failed
					  ? NO_MEMORY
					  : "this can't be played in some order");
		broken(x, scn_buf_text(&message));
		return false;
	}
	if (q->violations > 0 && x->violations == 0)
		report_violation(x, q);
	x->violations += q->violations;
	if (x->c->states) {
		describe_death(q, &death);
		printf("        %s: %llu orders, %llu violations, %llu of them hangs\n",
		       scn_buf_text(&death), (unsigned long long)q->schedules,
		       (unsigned long long)q->violations, (unsigned long long)q->hangs);
		print_states(q);
	}
	x->limited |= q->limited;
	if (q->limited)
		worse(x->c, STATUS_LIMITED);
	return !q->limited && (x->violations == 0 || x->c->all);
}

static bool is_in_block(const struct scn_scenario *s, const struct scn_step *block,
			enum death death, uint32_t victim)
{
	for (const struct scn_step *step = block->body; step; step = step->next) {
		const struct scn_process_decl *p = s->processes;

		for (uint32_t i = 0; i < step->process; i++)
			p = p->next;
		if ((death == DEATH_KILL ? step->process : p->domain) == victim)
			return true;
	}
	return false;
}

/* Every death in every block; each is a search. */
static void search_deaths(struct exploration *x, enum death death)
{
	uint32_t n = death == DEATH_KILL ? x->s->n_processes : x->s->n_domains, nth = 0;

	for (const struct scn_step *block = x->s->steps; block; block = block->next) {
		if (block->kind != SCN_STEP_PARALLEL)
			continue;
		for (uint32_t victim = 0; victim < n; victim++) {
			struct search q = {.death = death, .victim = victim, .deadly_block = nth};
			bool more = true;

			if (is_in_block(x->s, block, death, victim))
				more = search_one(x, &q);
			search_free(&q);
			if (!more)
				return;
		}
		nth++;
	}
}

static void search_all(struct exploration *x)
{
	struct search q = {.death = DEATH_NONE};
	bool more = search_one(x, &q);

	search_free(&q);
	if (more && x->c->deaths != DEATHS_NONE)
		search_deaths(x, x->c->deaths == DEATHS_KILL ? DEATH_KILL : DEATH_DESTROY);
}

/* As it stands, in one order: a script that can't be played, and why, is play's to say. */
static bool can_be_played(struct exploration *x)
{
	struct scn_outcome outcome = {0};
	bool good;

	scn_play(x->s, &x->setup, &scn_substrate_model, x->c->model, &outcome);
	good = outcome.verdict == SCN_PASSED || outcome.verdict == SCN_FAILED;
	if (outcome.verdict == SCN_BROKEN) {
		broken(x, scn_buf_text(&outcome.message));
	} else if (!good) {
		head(x, "skipped");
		printf(": %s\n", scn_buf_text(&outcome.message));
	}
	scn_outcome_free(&outcome);
	return good;
}

static void explore_variant(struct command *c, const char *path, const struct scn_scenario *s,
			    uint32_t n)
{
	scn_cleanup_buf struct scn_buf variant = {0};
	struct exploration x = {.c = c, .s = s, .path = path};
	struct scn_version kernel =
	    c->filter.has_kernel ? c->filter.kernel : scn_substrate_model.kernel(c->model);
	const struct scn_platform platform = scn_substrate_model.platform(c->model);

	scn_variant(s, &c->filter, kernel, &platform, n, &x.setup, &variant);
	x.variant = scn_buf_text(&variant);
	if (!x.setup.frames)
		x.setup.frames = FRAMES;
	if (!can_be_played(&x))
		return;
	c->explored = true;
	search_all(&x);
	if (c->status == STATUS_ERROR)
		return;
	if (!x.violations)
		head(&x, x.limited ? "limited" : "passed");
	printf("%s%llu orders", x.violations ? "  " : ": ", (unsigned long long)x.schedules);
	if (x.limited)
		printf(", not all of them (--limit)");
	if (x.violations && c->all)
		printf(", %llu violations", (unsigned long long)x.violations);
	printf(" in %.3f s of processor time (%.0f a second)\n", x.seconds,
	       x.seconds > 0 ? (double)x.schedules / x.seconds : 0);
}

static bool has_parallel(const struct scn_scenario *s)
{
	const struct scn_step *step = s->steps;

	while (step && step->kind != SCN_STEP_PARALLEL)
		step = step->next;
	return step;
}

static void explore_file(struct command *c, const char *path)
{
	struct scn_source src = {.name = path};
	char *text = scn_read_file(path, &src.len);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct exploration none = {.c = c, .path = path, .variant = ""};
	int err;

	src.text = text;
	err = text ? scn_parse(&src, &s, &errors) : -errno;
	if (err)
		broken(&none, !text            ? strerror(-err)
			      : err == -ENOMEM ? "out of memory"
					       : scn_buf_text(&errors.text));
	else if (!has_parallel(&s))
		broken(&none, "expected a parallel, found none: there is one order only, which "
			      "'gntsim play' plays");
	for (uint32_t i = 0; !err && has_parallel(&s) && i < scn_variant_count(&s, &c->filter); i++)
		explore_variant(c, path, &s, i);
	free(text);
}

int gntsim_explore_main(int argc, char **argv)
{
	struct command c = {.deaths = DEATHS_KILL};
	scn_cleanup_buf struct scn_buf why = {0};
	int err = parse_options(&c, argc, argv);

	if (err)
		return err;
	if (c.help) {
		print_help(stdout);
		return 0;
	}
	if (optind == argc)
		return scn_usage_error(EXPLORE, "which scenario?");
	if (scn_substrate_model.open(NULL, &c.model, &why) != SCN_OK) {
		fprintf(stderr, "gntsim explore: %s\n", scn_buf_reason(&why));
		return STATUS_ERROR;
	}
	scn_model_keep(c.model);
	for (int i = optind; i < argc; i++)
		explore_file(&c, argv[i]);
	scn_substrate_model.close(c.model);
	/* Where nothing was tried, nothing has passed. */
	return c.status || c.explored ? c.status : STATUS_ERROR;
}
