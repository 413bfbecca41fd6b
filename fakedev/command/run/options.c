/* SPDX-License-Identifier: MIT */
/* The command line of gntsim run: programs between separators, each with options of its own. */
#include "options.h"
#include "command/trace/trace.h"
#include "deaths.h"
#include "schedule.h"

#include "lang/options.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATOR ":::"
/* Seconds. A server under Valgrind is slow to say that it is ready. */
#define WAIT_PATIENCE 60

static void usage(FILE *out)
{
	fputs("usage: gntsim run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
	      "       gntsim run [OPTION...] [--] PROGRAM [ARGUMENT...] :::\n"
	      "                  [PROGRAM OPTION...] [--] PROGRAM [ARGUMENT...] [::: ...]\n\n"
	      "Runs programs with /dev/xen/gntalloc, gntdev and evtchn of simulated domains.\n"
	      "Without --socket they get a machine of their own, which ends with them.\n\n"
	      "Of a program:\n"
	      "  --domain N      its domain (default 0)\n"
	      "  --guest KIND    pv or pvh (default: domain 0 is pv, others are pvh)\n"
	      "  --wait-for REGEX     the next program starts when this one has printed a line\n"
	      "                       that matches (an extended regular expression)\n"
	      "  --kill-at POINT      end it there: call:N before its Nth device call is made,\n"
	      "                       call:N+ when it is, before the program sees the result,\n"
	      "                       call:mmap#N of its mmaps the Nth,\n"
	      "                       wait:N when its Nth wait for an event begins, time:T,\n"
	      "                       store:N after its Nth store to a shared page\n"
	      "  --end HOW            kill (default), exit, abort, destroy (its whole domain)\n"
	      "                       or stop\n"
	      "  --fail call:N=ERRNO  its Nth device call fails; gntst:N=GNTST_name: the Nth\n"
	      "                       map of a grant\n"
	      "  --wait-patience N    seconds until that line must have come (default 60)\n"
	      "Of the machine, before the first program:\n"
	      "  --front KIND    auto, socket, fuse, cuse or ptrace (default auto)\n"
	      "  --assist=no     with fuse: no preloaded library (default for static programs)\n"
	      "  --socket PATH   join the machine that 'gntsim serve' keeps there\n"
	      "  --patience N    seconds that it may take to answer (default 20)\n"
	      "  --xenstore[=xenstored|oxenstored]\n"
	      "                  start it in domain 0 (package xen-utils-4.17)\n"
	      "  --leaks[=error] report what the programs still had granted or mapped at their\n"
	      "                  end; with =error exit with 1 if there was any\n"
	      "  --hazards=error exit with 1 if a program did what harms a real kernel\n"
	      "  --trace FILE    write every device call, and what it did; - for stderr\n"
	      "  --trace-format F  text (default) or json\n"
	      "  --record FILE   write a scenario that does the same; see gntsim-record(1)\n"
	      "  --stores WHICH  with it: changed (default), all, none or exact\n"
	      "  --hang TIME     end all that wait for each other for ever, or make no device\n"
	      "                  call for so long; exit with 124\n"
	      "  --virtual-time  time passes only when all wait, and by 'gntsim control advance'\n"
	      "  --check COMMAND  run by the shell when the programs have ended, with the machine\n"
	      "                  still there; exit with 1 if it fails\n"
	      "  --points FILE   write how many points each program had, as JSON\n"
	      "  --count-stores  with it: how many stores, too; it is stopped at each\n"
	      "  --watch-bytes DOM:REF:OFFSET,...  with it: which of these bytes of granted pages\n"
	      "                  are not 0 when a program has died at its point\n"
	      "  --watch-ring DOM:REF:PRODUCER:CONSUMER:SIZE[:masked][:data=[REF+]OFFSET]\n"
	      "                        with it: whether others go\n"
	      "                  on with these two indexes though they are beyond the ring\n"
	      "  --schedule SEED[:DEPTH[:STEPS]]  programs take turns, drawn from a seed, with\n"
	      "                  DEPTH-1 (1) changes among the first STEPS (100)\n"
	      "  --tag           put 'domN PROGRAM| ' before each line that a program prints\n"
	      "  --separator WORD     what stands between programs, instead of :::\n"
	      "  --verbose       say what was chosen and why\n",
	      out);
	machine_options_help(out);
	fputs("A limit that follows --domain N is that domain's, else every domain's.\n\n"
	      "Exit status: the program's own, 128 + N if signal N killed it; of several, that of\n"
	      "the first whose own is not 0. 123 if a --kill-at was not reached, 124 if it hung; "
	      "125 if gntsim "
	      "failed; 126 or 127 if a program could\n"
	      "not be run or found.\n",
	      out);
}

enum {
	OPT_WAIT_FOR = 1024,
	OPT_WAIT_PATIENCE,
	OPT_TAG,
	OPT_SEPARATOR,
	OPT_HAZARDS,
	OPT_STORES,
	OPT_KILL_AT,
	OPT_CHECK,
	OPT_POINTS,
	OPT_SCHEDULE,
	OPT_COUNT_STORES,
	OPT_WATCH_BYTES,
	OPT_WATCH_RING,
	OPT_END,
	OPT_FAIL,
	OPT_VIRTUAL_TIME,
	OPT_HANG
};

static const struct option own_options[] = {
    {"domain", required_argument, NULL, 'd'},
    {"guest", required_argument, NULL, 'g'},
    {"wait-for", required_argument, NULL, OPT_WAIT_FOR},
    {"wait-patience", required_argument, NULL, OPT_WAIT_PATIENCE},
    {"kill-at", required_argument, NULL, OPT_KILL_AT},
    {"end", required_argument, NULL, OPT_END},
    {"fail", required_argument, NULL, OPT_FAIL},
    {"front", required_argument, NULL, 'f'},
    {"socket", required_argument, NULL, 's'},
    {"assist", required_argument, NULL, 'a'},
    {"patience", required_argument, NULL, 'p'},
    {"xenstore", optional_argument, NULL, 'x'},
    {"leaks", optional_argument, NULL, 'L'},
    {"hazards", required_argument, NULL, OPT_HAZARDS},
    {"tag", no_argument, NULL, OPT_TAG},
    {"separator", required_argument, NULL, OPT_SEPARATOR},
    {"verbose", no_argument, NULL, 'v'},
    {"trace", required_argument, NULL, 't'},
    {"trace-format", required_argument, NULL, 'F'},
    {"record", required_argument, NULL, 'o'},
    {"stores", required_argument, NULL, OPT_STORES},
    {"hang", required_argument, NULL, OPT_HANG},
    {"virtual-time", no_argument, NULL, OPT_VIRTUAL_TIME},
    {"check", required_argument, NULL, OPT_CHECK},
    {"points", required_argument, NULL, OPT_POINTS},
    {"schedule", required_argument, NULL, OPT_SCHEDULE},
    {"count-stores", no_argument, NULL, OPT_COUNT_STORES},
    {"watch-bytes", required_argument, NULL, OPT_WATCH_BYTES},
    {"watch-ring", required_argument, NULL, OPT_WATCH_RING},
    {"help", no_argument, NULL, 'h'},
    {0}};

/* The words of one program. */
struct part {
	unsigned int number; /* 0 is the first */
	struct run_program *program;
	int domid; /* -1: not said yet */
	bool has_patience;
};

static bool take_front(struct run_options *o, const char *name)
{
	static const char *const names[] = {"socket", "fuse", "cuse", "ptrace"};

	o->front_choice = CHOSEN;
	if (strcmp(name, "auto") == 0) {
		o->front_choice = CHOOSE;
		return true;
	}
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			o->front = (enum front_kind)i;
			return true;
		}
	}
	complain("--front: expected auto, socket, fuse, cuse or ptrace, found '%s'", name);
	return false;
}

static bool take_wait_for(struct run_program *p, const char *text)
{
	char why[128];
	int err;

	if (p->wait_for)
		regfree(&p->wanted);
	p->wait_for = NULL;
	err = regcomp(&p->wanted, text, REG_EXTENDED | REG_NOSUB);
	if (err == 0) {
		p->wait_for = text;
		return true;
	}
	regerror(err, &p->wanted, why, sizeof(why));
	scn_usage_error("run", "--wait-for: '%s' is no regular expression: %s", text, why);
	return false;
}

static bool take_leaks(struct run_options *o, const char *value)
{
	if (value && strcmp(value, "error")) {
		complain("--leaks: expected nothing or =error, found '=%s'", value);
		return false;
	}
	o->leaks = value ? LEAKS_FAIL : LEAKS_REPORTED;
	return true;
}

static bool take_of_program(struct part *part, int c)
{
	unsigned long n;

	switch (c) {
	case 'd':
		if (!scn_option_number("run", "--domain", optarg, 0, 0x7FEF, &n))
			return false;
		part->program->domid = (uint32_t)n;
		part->domid = (int)n;
		return true;
	case 'g':
		return parse_guest(optarg, &part->program->guest);
	case OPT_WAIT_FOR:
		return take_wait_for(part->program, optarg);
	case OPT_KILL_AT:
		if (part->program->kill_at.at != DEATH_NEVER) {
			scn_usage_error("run", "--kill-at stands twice: a program dies once");
			return false;
		}
		return run_deaths_parse_point(optarg, &part->program->kill_at);
	case OPT_END:
		part->program->has_end = true;
		return run_deaths_parse_end(optarg, &part->program->end);
	case OPT_FAIL:
		return run_deaths_parse_failure(optarg, part->program);
	default:
		if (!scn_option_number("run", "--wait-patience", optarg, 1, 86400, &n))
			return false;
		part->program->patience = (unsigned int)n;
		part->has_patience = true;
		return true;
	}
}

static bool take_of_machine(struct run_options *o, int c)
{
	bool assisted;

	switch (c) {
	case 'f':
		return take_front(o, optarg);
	case 'a':
		if (!parse_yes_no("--assist", optarg, &assisted))
			return false;
		o->assist_choice = CHOSEN;
		o->unassisted = !assisted;
		return true;
	case 'p':
		return parse_patience("run", optarg, &o->patience);
	case 's':
		o->socket = optarg;
		return true;
	case 'x':
		return parse_xenstore("run", optarg, &o->xenstore);
	case 'L':
		return take_leaks(o, optarg);
	case 't':
		o->trace = optarg;
		return true;
	case 'F':
		if (!trace_format_known(optarg))
			return false;
		o->trace_format = optarg;
		return true;
	case 'o':
		o->record = optarg;
		return true;
	case OPT_STORES:
		o->stores = optarg;
		return true;
	case OPT_HAZARDS:
		o->hazards_fail = strcmp(optarg, "error") == 0;
		if (!o->hazards_fail)
			complain("--hazards: expected error, found '%s'", optarg);
		return o->hazards_fail;
	case OPT_HANG:
		return run_deaths_parse_hang(optarg, &o->hang_ms);
	case OPT_VIRTUAL_TIME:
		o->virtual_time = true;
		return true;
	case OPT_CHECK:
		o->check = optarg;
		return true;
	case OPT_POINTS:
		o->points = optarg;
		return true;
	case OPT_COUNT_STORES:
		o->count_stores = true;
		return true;
	case OPT_WATCH_BYTES:
		return run_deaths_parse_bytes(optarg, o);
	case OPT_WATCH_RING:
		return run_deaths_parse_ring(optarg, o);
	case OPT_SCHEDULE:
		o->scheduled = run_schedule_parse(optarg, &o->schedule);
		return o->scheduled;
	case OPT_TAG:
		o->tag = true;
		return true;
	case OPT_SEPARATOR:
		o->separator = optarg;
		if (!*optarg)
			scn_usage_error("run", "--separator: expected a word, found ''");
		return *optarg;
	default:
		o->verbose = true;
		return true;
	}
}

static const char *option_name(const struct option *options, int c)
{
	while (options->val != c)
		options++;
	return options->name;
}

/* Of one option whether it may stand here, and what it says. */
static bool take(struct run_options *o, struct part *part, const struct option *all, int c)
{
	bool of_program = c == 'd' || c == 'g' || c == OPT_WAIT_FOR || c == OPT_WAIT_PATIENCE ||
			  c == OPT_KILL_AT || c == OPT_END || c == OPT_FAIL;
	bool of_domain = machine_options_of_domain(c);

	if (part->number > 0 && !of_program && !(of_domain && part->domid >= 0)) {
		scn_usage_error("run",
				of_domain
				    ? "--%s after %s is a domain's: it stands after --domain, "
				      "or before the first program for all domains"
				    : "--%s after %s: it is the machine's, and stands before "
				      "the first program",
				option_name(all, c), o->separator);
		return false;
	}
	if (of_program)
		return take_of_program(part, c);
	if (machine_options_has(c))
		return machine_options_take("run", &o->machine, c, optarg, part->domid);
	return take_of_machine(o, c);
}

static struct run_program *add_program(struct run_options *o)
{
	struct run_program *all = reallocarray(o->programs, o->n_programs + 1, sizeof(*all));

	if (!all) {
		complain("out of memory");
		return NULL;
	}
	o->programs = all;
	all[o->n_programs] = (struct run_program){.patience = WAIT_PATIENCE};
	return &all[o->n_programs++];
}

/*
 * The options of one program and where it starts. argv[0] is what stands before them.
 * @return the number of words up to the program; -1 wrong, -2 help
 */
static int parse_part(struct run_options *o, struct part *part, int argc, char **argv)
{
	struct machine_option_list list;
	const char *what = part->number ? o->separator : "the options";
	int c;

	machine_options_list(&list, own_options);
	optind = 0;
	while ((c = scn_option_next("run", argc, argv, o->records ? "+ho:" : "+h", list.all)) !=
	       -1) {
		if (c == 'h') {
			usage(stdout);
			return -2;
		}
		if (c == SCN_OPTION_WRONG || !take(o, part, list.all, c))
			return -1;
	}
	if (optind < argc && strcmp(argv[optind], o->separator)) {
		part->program->argv = argv + optind;
		return optind;
	}
	if (part->number == 0 && optind == argc)
		complain("no program to run; see 'gntsim run --help'");
	else if (optind == argc)
		scn_usage_error("run", "expected a program after %s, found none", what);
	else
		scn_usage_error("run", "expected a program after %s, found %s", what, o->separator);
	return -1;
}

/* What can only be said of one when the next is there, or not. */
static bool check_part(struct run_options *o, const struct part *part, bool last)
{
	const struct run_program *p = part->program;

	if (p->wait_for && last) {
		scn_usage_error("run", "--wait-for '%s': no program comes after %s", p->wait_for,
				p->argv[0]);
		return false;
	}
	if (part->has_patience && !p->wait_for) {
		scn_usage_error("run", "--wait-patience needs --wait-for");
		return false;
	}
	if (p->has_end && p->kill_at.at == DEATH_NEVER) {
		scn_usage_error("run", "--end needs --kill-at");
		return false;
	}
	return machine_options_guest("run", &o->machine, p->domid, p->guest);
}

static int check_machine(const struct run_options *o)
{
	if (!o->record && (o->records || o->stores))
		return complain(o->records ? "record needs -o FILE"
					   : "--stores belongs to --record");
	if (o->check && o->socket)
		return complain("--check needs a machine of the run's own, without --socket");
	if ((o->count_stores || o->n_watched || o->n_rings) && !o->points)
		return complain("%s belongs to --points", o->n_watched ? "--watch-bytes"
							  : o->n_rings ? "--watch-ring"
								       : "--count-stores");
	if (!o->socket)
		return 0;
	if (o->machine.given || o->xenstore || o->hazards_fail || o->virtual_time)
		return complain("--kernel, limits, --hazards, --virtual-time and --xenstore belong "
				"to the machine: "
				"give them to 'gntsim serve'");
	if (run_has_deaths(o))
		return complain("--kill-at, --fail, --hang, --points and --schedule need a machine "
				"of the run's own, without --socket");
	if (o->trace || o->record)
		return complain("%s is of a whole machine: give it to gntsim serve",
				o->trace ? "--trace" : "--record");
	return 0;
}

int run_options_parse(int argc, char **argv, struct run_options *o)
{
	o->separator = SEPARATOR;
	o->trace_format = "text";
	for (unsigned int number = 0; argc > 0; number++) {
		struct part part = {.number = number, .program = add_program(o), .domid = -1};
		int n = part.program ? parse_part(o, &part, argc, argv) : -1;

		if (n < 0)
			return n == -2 ? 1 : EXIT_GNTSIM;
		argv += n;
		argc -= n;
		while (argc > 0 && strcmp(*argv, o->separator)) {
			argv++;
			argc--;
		}
		if (!check_part(o, &part, argc == 0))
			return EXIT_GNTSIM;
		/* Another name for the separator does not go on to the program. */
		if (argc > 0)
			*argv = NULL;
	}
	return check_machine(o);
}

bool run_has_deaths(const struct run_options *o)
{
	for (unsigned int i = 0; i < o->n_programs; i++)
		if (o->programs[i].kill_at.at != DEATH_NEVER || o->programs[i].n_failures)
			return true;
	return o->points || o->scheduled || o->hang_ms || o->virtual_time;
}

bool run_is_several(const struct run_options *o)
{
	return o->n_programs > 1 || o->tag || run_has_deaths(o);
}

void run_options_free(struct run_options *o)
{
	for (unsigned int i = 0; i < o->n_programs; i++) {
		if (o->programs[i].wait_for)
			regfree(&o->programs[i].wanted);
		free(o->programs[i].failures);
		free(o->programs[i].found);
	}
	free(o->programs);
	machine_options_free(&o->machine);
}
