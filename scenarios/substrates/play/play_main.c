/* SPDX-License-Identifier: MIT */
#include "play_main.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "player/plan.h"
#include "substrates/agent/agent.h"
#include "substrates/leg.h"
#include "substrates/pair.h"
#include "substrates/place.h"
#include "substrates/play/meet.h"
#include "substrates/substrates.h"
#ifdef SCN_STATIC
#include "player/session.h"
#else
#include "play_xen.h"
#endif

#define STATUS_FAILED  1
#define STATUS_SKIPPED 77
#define STATUS_ERROR   SCN_STATUS_ERROR

/* Who starts a guest has mixed the files, and counts on their order. */
#ifdef SCN_STATIC
#define MIXED "branches of parallel"
#else
#define MIXED "files, and branches of parallel,"
#endif

#define PLAY "play"
#define XEN  "xen"

struct command {
	struct scn_session session;
	struct scn_files files;
	const char *substrate, *junit, *kernel;
	const struct scn_leg *leg;
#ifndef SCN_STATIC
	struct scn_cell cell;
#endif
	struct scn_platform_words platform;
	unsigned int time_limit, patience;
	struct scn_meeting meeting; /* pair: outside of the lab */
	struct scn_reached channel;
	struct scn_buf about; /* what is at its ends */
	bool tap, ktap, plain, verbose, has_seed, help, capabilities, by_capability;
	unsigned long seed;
};

static void print_help(FILE *out)
{
	fputs("Usage: gntsim play [OPTION…] FILE|DIRECTORY…\n"
	      "Plays scenarios (*.scn) and says whether what came back is what they state.\n\n"
	      "      --on NAME         where to play; default model:\n",
	      out);
	for (const struct scn_substrate_ops *const *ops = scn_substrates(); *ops; ops++)
		fprintf(out, "                          %-15s %s\n", (*ops)->name, (*ops)->summary);
#ifndef SCN_STATIC
	fprintf(out, "                          %-15s %s\n", XEN,
		"real Xen and Linux in an emulator; fetches them once");
#endif
	fputs("      --guest pv|pvh    play every domain that allows it as this\n"
	      "      --kernel X.Y      the kernel to play on; default the substrate's own\n"
#ifndef SCN_STATIC
	      "                        xen: X.Y, X.Y.Z or newest, of Debian's\n" SCN_CELL_HELP
#endif
		  SCN_PLATFORM_HELP "  -j, --jobs N          play in N processes; xen: in N "
	      "emulators where each needs one\n"
	      "      --seed N          " MIXED " in an order mixed by N\n"
	      "  -v, --verbose         print every call, as strace does\n"
	      "      --tap, --no-tap   TAP on stdout; default if a directory is given\n"
	      "      --ktap            KTAP on stdout, as the kernel's own tests have it\n"
	      "      --junit FILE      write JUnit XML as well\n"
	      "      --device-dir DIR  device: where the nodes are; default /dev/xen\n"
	      "      --domid N         device: this domain's id, if it can't be found out\n"
	      "      --host pv|pvh     device: what this domain is, if it can't be found out\n"
	      "      --fresh           device: booted for this scenario, and may crash\n"
	      "      --channel NAME    pair: the byte channel to the other domain:\n"
	      "                        " SCN_CHANNEL_NAMES "\n"
	      "      --second          pair: serve the player at the other end of the channel\n"
	      "      --swap            pair: a script's first domain is domU, not dom0\n"
	      "      --leg LEG         xen: " SCN_LEG_NAMES "; default pv\n"
	      "      --time-limit N    xen: seconds for everything; default 900\n"
	      "      --patience N      xen: seconds for one; default 120, with two domains 300\n"
	      "                        a front: seconds for a call; default 20\n"
	      "      --quiet N         milliseconds in which no event must come where none is "
	      "expected;\n"
	      "                        default 20\n"
	      "      --by-capability   count by what the scenarios need, too\n"
	      "      --doubt           try what is skipped; failed if all of a file passes\n"
	      "      --capabilities    print which substrate can do what\n"
	      "      --help            print this\n\n"
	      "Exit status: 0 one passed, and no other failed; 1 one failed; 77 all were skipped;\n"
	      "125 a script or the environment is broken. gntsim-scenario(5): the language.\n",
	      out);
}

enum option_id {
	OPT_ON = 256,
	OPT_GUEST,
	OPT_KERNEL,
	OPT_XEN,
	OPT_ARCH,
	OPT_XSM,
	OPT_SEED,
	OPT_TAP,
	OPT_NO_TAP,
	OPT_KTAP,
	OPT_CHANNEL,
	OPT_SECOND,
	OPT_JUNIT,
	OPT_FRESH,
	OPT_SWAP,
	OPT_LEG,
	OPT_TIME_LIMIT,
	OPT_PATIENCE,
	OPT_QUIET,
	OPT_BY_CAPABILITY,
	OPT_DOUBT,
	OPT_CAPABILITIES,
	OPT_HELP,
};

static int bad_value(const char *option, const char *expected, const char *value)
{
	return scn_usage_error(PLAY, "%s: expected %s, found '%s'", option, expected, value);
}

static int take_number(const char *option, const char *value, unsigned long low, unsigned long high,
		       unsigned long *out)
{
	return scn_option_number(PLAY, option, value, low, high, out) ? 0 : STATUS_ERROR;
}

static int take_valued(struct command *c, int option, const char *value)
{
	struct scn_session *s = &c->session;
	unsigned long n = 0;

	switch (option) {
	case OPT_GUEST:
		s->filter.has_guest = true;
		return scn_guest_parse(value, &s->filter.guest)
			   ? 0
			   : bad_value("--guest", "pv or pvh", value);
	case OPT_KERNEL:
		c->kernel = value;
		return 0;
	case OPT_XEN:
		c->platform.xen = value;
		return 0;
	case OPT_ARCH:
		c->platform.arch = value;
		return 0;
	case OPT_XSM:
		c->platform.xsm = value;
		return 0;
	case OPT_SEED:
		c->has_seed = s->filter.has_seed = true;
		if (take_number("--seed", value, 0, ULONG_MAX, &c->seed))
			return STATUS_ERROR;
		s->filter.seed = c->seed;
		return 0;
	case OPT_TIME_LIMIT:
		if (take_number("--time-limit", value, 1, 86400, &n))
			return STATUS_ERROR;
		c->time_limit = (unsigned int)n;
		return 0;
	case OPT_PATIENCE:
		if (take_number("--patience", value, 1, 86400, &n))
			return STATUS_ERROR;
		c->patience = c->session.options.hang_s = (unsigned int)n;
		return 0;
	case OPT_QUIET:
		if (take_number("--quiet", value, 1, 60000, &n))
			return STATUS_ERROR;
		s->options.quiet_ms = (unsigned int)n;
		return 0;
	default:
		if (take_number("--jobs", value, 1, 256, &n))
			return STATUS_ERROR;
		s->jobs = (unsigned int)n;
		return 0;
	}
}

static int take_option(struct command *c, int option, const char *value)
{
	switch (option) {
	case OPT_ON:
		c->substrate = value;
		return 0;
	case OPT_TAP:
		c->tap = true;
		return 0;
	case OPT_NO_TAP:
		c->plain = true;
		return 0;
	case OPT_KTAP:
		c->ktap = true;
		return 0;
	case OPT_CHANNEL:
		c->meeting.channel = value;
		return 0;
	case OPT_SECOND:
		c->meeting.second = true;
		return 0;
	case OPT_JUNIT:
		c->junit = value;
		return 0;
	case SCN_PLACE_DEVICE_DIR:
	case SCN_PLACE_DOMID:
	case SCN_PLACE_HOST:
		return scn_place_take(PLAY, (enum scn_place_option)option, value,
				      &c->session.options);
	case OPT_FRESH:
		c->session.options.fresh = true;
		return 0;
	case OPT_SWAP:
		c->session.options.swapped = true;
		return 0;
	case OPT_LEG:
		c->leg = scn_leg_by_name(value);
		return c->leg ? 0 : bad_value("--leg", SCN_LEG_NAMES, value);
	case OPT_BY_CAPABILITY:
		c->by_capability = true;
		return 0;
	case OPT_DOUBT:
		c->session.doubt = true;
		return 0;
	case OPT_CAPABILITIES:
		c->capabilities = true;
		return 0;
	case OPT_HELP:
		c->help = true;
		return 0;
	case 'v':
		c->verbose = true;
		return 0;
	case SCN_OPTION_WRONG:
		return STATUS_ERROR;
	default:
#ifndef SCN_STATIC
		if (option == SCN_CELL_XEN)
			c->platform.xen = value;
		if (option == SCN_CELL_XSM)
			c->platform.xsm = value;
		if (option >= SCN_CELL_KERNEL_IMAGE && option < SCN_CELL_END)
			return scn_cell_take(PLAY, (enum scn_cell_option)option, value, &c->cell);
#endif
		return take_valued(c, option, value);
	}
}

static int parse_options(struct command *c, int argc, char **argv)
{
	static const struct option options[] = {
	    {"on", required_argument, NULL, OPT_ON},
	    {"guest", required_argument, NULL, OPT_GUEST},
	    {"kernel", required_argument, NULL, OPT_KERNEL},
	    {"arch", required_argument, NULL, OPT_ARCH},
	    {"jobs", required_argument, NULL, 'j'},
	    {"seed", required_argument, NULL, OPT_SEED},
	    {"verbose", no_argument, NULL, 'v'},
	    {"tap", no_argument, NULL, OPT_TAP},
	    {"no-tap", no_argument, NULL, OPT_NO_TAP},
	    {"ktap", no_argument, NULL, OPT_KTAP},
	    {"channel", required_argument, NULL, OPT_CHANNEL},
	    {"second", no_argument, NULL, OPT_SECOND},
	    {"junit", required_argument, NULL, OPT_JUNIT},
	    SCN_PLACE_OPTIONS,
#ifdef SCN_STATIC
	    {"xen", required_argument, NULL, OPT_XEN},
	    {"xsm", required_argument, NULL, OPT_XSM},
#else
	    SCN_CELL_OPTIONS,
#endif
	    {"fresh", no_argument, NULL, OPT_FRESH},
	    {"swap", no_argument, NULL, OPT_SWAP},
	    {"leg", required_argument, NULL, OPT_LEG},
	    {"time-limit", required_argument, NULL, OPT_TIME_LIMIT},
	    {"patience", required_argument, NULL, OPT_PATIENCE},
	    {"quiet", required_argument, NULL, OPT_QUIET},
	    {"by-capability", no_argument, NULL, OPT_BY_CAPABILITY},
	    {"doubt", no_argument, NULL, OPT_DOUBT},
	    {"capabilities", no_argument, NULL, OPT_CAPABILITIES},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	int option, err = 0;

	optind = 1;
	while (!err && (option = scn_option_next(PLAY, argc, argv, "j:v", options)) != -1)
		err = take_option(c, option, optarg);
	return err;
}

static int column_of(const struct scn_substrate_ops *ops)
{
	return (int)strlen(ops->name) + 2;
}

static void print_capabilities(FILE *out)
{
	const struct scn_substrate_ops *const *all = scn_substrates();

	fprintf(out, "%-18s", "");
	for (size_t i = 0; all[i]; i++)
		fprintf(out, "%-*s", column_of(all[i]), all[i]->name);
	fputs("\n", out);
	for (int cap = 0; cap < SCN_N_CAPABILITIES; cap++) {
		fprintf(out, "%-18s", scn_capability_name((enum scn_capability)cap));
		for (size_t i = 0; all[i]; i++)
			fprintf(out, "%-*s", column_of(all[i]),
				all[i]->capabilities(NULL) >> cap & 1 ? "yes" : "-");
		fprintf(out, "%s\n", scn_capability_summary((enum scn_capability)cap));
	}
}

static int find_files(struct command *c, int argc, char **argv)
{
	bool directory = false;
	struct stat st;

	for (int i = optind; i < argc; i++) {
		int err = scn_find(argv[i], &c->files);

		if (err) {
			fputs("gntsim play: out of memory\n", stderr);
			return STATUS_ERROR;
		}
		directory |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
	}
	if (c->files.n == 0)
		return scn_usage_error(
		    PLAY, "%s", argc > optind ? "no scenario (*.scn) there" : "which scenarios?");
	c->tap = c->ktap || ((c->tap || directory) && !c->plain);
#ifndef SCN_STATIC
	if (c->has_seed)
		scn_files_shuffle(&c->files, c->seed);
#endif
	return 0;
}

static int finish(struct command *c, struct scn_report *report)
{
	int err = scn_report_end(report, c->junit);

	if (err) {
		fprintf(stderr, "gntsim play: writing the report: %s\n", strerror(-err));
		return STATUS_ERROR;
	}
	if (report->count[SCN_FAILED])
		return STATUS_FAILED;
	if (report->count[SCN_BROKEN])
		return STATUS_ERROR;
	/* Where nothing was judged, nothing has passed. */
	return report->count[SCN_PASSED] ? 0 : STATUS_SKIPPED;
}

static void begin_report(const struct command *c, struct scn_report *report, const char *substrate)
{
	report->substrate = substrate;
	if (c->ktap)
		report->planned = scn_plan_count(&c->files, &c->session.filter);
	scn_report_begin(report);
	if (c->tap && c->about.len)
		printf("# %s\n", scn_buf_text(&c->about));
	if (c->has_seed && c->tap)
		printf("# seed: %lu\n", c->seed);
}

/* Nothing could be played: because it can't be had here, or for another reason. */
static int not_played(const struct command *c, struct scn_report *report, int err,
		      const struct scn_buf *why)
{
	scn_buf_free(&report->junit);
	if (err == -ENODEV && c->tap)
		printf("1..0 # SKIP %s\n", scn_buf_text(why));
	else if (c->ktap)
		printf("Bail out! %s\n", why->len ? scn_buf_text(why) : strerror(-err));
	fprintf(stderr, "gntsim play: %s: %s%s\n", c->substrate, err == -ENODEV ? "skipped: " : "",
		why->len ? scn_buf_text(why) : strerror(-err));
	return err == -ENODEV ? STATUS_SKIPPED : STATUS_ERROR;
}

static void take_seats(struct scn_seats *seats, bool swapped)
{
	seats->there = true;
	seats->swapped = swapped;
	scn_pair_find_guests(seats->guest);
}

static int serve_first_domain(const struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};

	if (!scn_pair_serve(&c->session.options, &why))
		return 0;
	fprintf(stderr, "gntsim play: serving the first domain: %s\n", scn_buf_text(&why));
	return STATUS_ERROR;
}

static int take_kernel(struct command *c)
{
	struct scn_filter *filter = &c->session.filter;

#ifndef SCN_STATIC
	if (!strcmp(c->substrate, XEN))
		return c->kernel ? scn_cell_take_kernel(PLAY, c->kernel, &c->cell) : 0;
	if (scn_cell_other(&c->cell))
		return scn_usage_error(PLAY, "%s: what is booted only --on " XEN " asks",
				       scn_cell_other(&c->cell));
#endif
	filter->has_kernel = c->kernel;
	if (!c->kernel || !scn_version_parse(c->kernel, &filter->kernel))
		return 0;
	return bad_value("--kernel", "a version X.Y", c->kernel);
}

/* Real ones are what they are. */
static int take_platform(struct command *c)
{
	const struct scn_platform_words *words = &c->platform;
	const char *given = words->xen ? "--xen" : words->arch ? "--arch" : "--xsm";

	if (!words->xen && !words->arch && !words->xsm)
		return 0;
	if (!c->session.ops || !c->session.ops->kernel_for)
		return scn_usage_error(PLAY, "%s: what %s is can't be chosen", given, c->substrate);
	return scn_place_platform(PLAY, words, &c->session.filter);
}

static int play_here(struct command *c, struct scn_report *report)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	c->session.ops = scn_substrate_find(c->substrate);
	if (!c->session.ops)
		return bad_value("--on", "the name of a substrate", c->substrate);
	if (c->session.filter.has_kernel &&
	    scn_place_kernel(PLAY, "--kernel", c->session.ops, NULL, &c->session.filter.kernel))
		return STATUS_ERROR;
	if (take_platform(c))
		return STATUS_ERROR;
	if (c->session.ops == &scn_substrate_pair)
		take_seats(&c->session.filter.seats, c->session.options.swapped);
	begin_report(c, report, c->session.ops->name);
	err = scn_session_play(&c->session, &c->files, report, &why);
	return err ? not_played(c, report, err, &why) : finish(c, report);
}

#ifndef SCN_STATIC
static int play_xen(struct command *c, struct scn_report *report)
{
	struct scn_xen xen = {.leg = c->leg, .time_limit = c->time_limit, .patience = c->patience};
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_filter *filter = &c->session.filter;
	int err;

	if (c->platform.arch)
		return scn_usage_error(PLAY, "--arch: of " XEN " it is the leg's");
	xen.cell = c->cell;
	filter->has_kernel = true;
	err = scn_cell_kernel(&c->cell, scn_xen_lab(), c->leg, false, &filter->kernel, &why);
	if (!err) {
		begin_report(c, report, XEN);
		err = scn_xen_play(&xen, &c->session, &c->files, report, &why);
	}
	return err ? not_played(c, report, err, &why) : finish(c, report);
}
#endif

static int play(struct command *c)
{
	struct scn_report report = {.out = stdout,
				    .tap = c->tap,
				    .ktap = c->ktap,
				    .verbose = c->verbose,
				    .by_capability = c->by_capability};

#ifndef SCN_STATIC
	if (!strcmp(c->substrate, XEN))
		return play_xen(c, &report);
#endif
	return play_here(c, &report);
}

/* Outside of the lab the second domain has to be found. */
static int meet(struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};

	if (strcmp(c->substrate, scn_substrate_pair.name) != 0)
		return scn_usage_error(PLAY, "--channel: it is for --on %s alone",
				       scn_substrate_pair.name);
	c->meeting.seconds = c->patience ? c->patience : SCN_MEET_SECONDS;
	if (!scn_meet(&c->meeting, &c->session.options, &c->channel, &c->about, &why))
		return 0;
	fprintf(stderr, "gntsim play: %s: %s\n", c->substrate, scn_buf_text(&why));
	return STATUS_ERROR;
}

static bool is_second(const struct command *c)
{
	return !strcmp(c->substrate, scn_substrate_pair.name) &&
	       (c->meeting.second || scn_pair_is_second());
}

static int check_options(const struct command *c)
{
	if (c->meeting.second && !c->meeting.channel)
		return scn_usage_error(PLAY, "--second: at which channel?");
#ifndef SCN_STATIC
	if (c->ktap && !strcmp(c->substrate, XEN))
		return scn_usage_error(PLAY, "--ktap: of " XEN " gntsim conform writes it");
#endif
	return 0;
}

static int run(struct command *c, int argc, char **argv)
{
	int err = parse_options(c, argc, argv);

	if (err)
		return err;
	if (c->help || c->capabilities) {
		if (c->help)
			print_help(stdout);
		else
			print_capabilities(stdout);
		return 0;
	}
	err = check_options(c);
	if (!err)
		err = take_kernel(c);
	if (!err && !is_second(c))
		err = find_files(c, argc, argv);
	if (!err && c->meeting.channel)
		err = meet(c);
	if (!err && is_second(c))
		return serve_first_domain(c);
	return err ? err : play(c);
}

/* A launcher runs the agent: by then /proc/self is another program's. */
static void find_exe(char *exe, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = readlink(exe, path, sizeof(path) - 1);

	if (n > 0 && (size_t)n < size) {
		path[n] = '\0';
		memcpy(exe, path, (size_t)n + 1);
	}
}

int gntsim_play_main(int argc, char **argv, int (*gntsim)(int argc, char **argv))
{
	char exe[PATH_MAX] = "/proc/self/exe", play_word[] = "play", agent_option[] = "--agent";
	const char *agent_argv[] = {exe, agent_option, NULL, NULL};
	struct command c = {.substrate = "model",
			    .leg = scn_leg_by_name("pv"),
			    .time_limit = 900,
			    .channel.fd = -1,
			    .session = {.options = {.domid = -1, .gntsim = gntsim}}};
	int status;

	if (argc == 3 && !strcmp(argv[1], agent_option))
		return scn_agent_main(argv[2]);
	find_exe(exe, sizeof(exe));
	if (!strcmp(argv[0], play_word)) {
		agent_argv[1] = play_word;
		agent_argv[2] = agent_option;
	}
	c.session.options.agent_argv = agent_argv;
	status = run(&c, argc, argv);
	scn_channel_leave(&c.channel);
	scn_buf_free(&c.about);
	scn_files_free(&c.files);
	return status;
}
