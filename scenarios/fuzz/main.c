/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gntsim/effects.h>

#include "fuzz.h"
#include "main.h"
#include "substrates/place.h"
#include "substrates/play/play_xen.h"
#include "substrates/substrates.h"

#define STATUS_DIFFERENT 1
#define STATUS_ERROR     SCN_STATUS_ERROR

#define FUZZ "fuzz"
#define XEN  "xen"

struct command {
	struct scn_options options;
	struct fuzz_run run;
	struct scn_platform_words platform;
	unsigned long patience;
	const char *kernel, *judge_kernel;
	struct scn_cell cell;
	bool has_guest, has_kernel, has_judge_kernel, help;
};

static void print_help(FILE *out)
{
	fputs("Usage: gntsim fuzz [OPTION…]\n"
	      "Plays random calls on the model and elsewhere, and compares what comes back.\n\n"
	      "      --against NAME       where else; default model:\n",
	      out);
	for (const struct scn_substrate_ops *const *ops = scn_substrates(); *ops; ops++)
		fprintf(out, "                             %-15s %s\n", (*ops)->name,
			(*ops)->summary);
	fputs(
	    "                             xen[:LEG]       real Xen and Linux in an emulator; leg\n"
	    "                                             " SCN_LEG_NAMES "; default pv\n"
	    "      --ops N              calls in all; default 10000\n"
	    "      --seed N             default 1\n"
	    "      --length N           calls in a sequence; default 100\n"
	    "      --first N            begins with the sequence N of the seed\n"
	    "      --guest G[,G]        the domains: pv, pvh, pv,pvh …; default: all mixes\n"
	    "      --kernel X.Y         of both; default 6.1; xen: X.Y, X.Y.Z or newest, of "
	    "Debian's\n" SCN_CELL_HELP
	    "      --against-kernel X.Y of the other one, if it is to be another\n"
	    "      --xen X.Y            of the model and of a front; default 4.17\n"
	    "      --arch A             likewise: amd64 (default) or arm64\n"
	    "      --xsm M              likewise: dummy (default) or silo\n"
	    "      --dmabuf[=all|linux] gntdev has its calls for dma-bufs, or those that Linux "
	    "has\n"
	    "      --allow-hazard NAME  make calls too with which a real kernel harms itself so\n"
	    "      --max N              end after N differences; default 5\n"
	    "      --patience N         xen: seconds for a sequence, after which it hangs;\n"
	    "                           default 120, with two domains 300\n"
	    "      --device-dir DIR     device: where the nodes are; default /dev/xen\n"
	    "      --domid N            device: this domain's id, if it can't be found out\n"
	    "      --host pv|pvh        device: what this domain is, if it can't be found out\n"
	    "      --write DIR          where differences are written, as scenarios; default .\n"
	    "      --count N            play nowhere else: write N sequences to the directory,\n"
	    "                           with the model's results\n"
	    "      --statistics         print which calls were made and how many succeeded\n"
	    "      --help               print this\n\n"
	    "Exit status: 0 no difference, 1 there is one, 125 it could not be tried.\n",
	    out);
}

static int usage_error(const char *what, const char *value)
{
	return scn_usage_error(FUZZ, "%s, found '%s'", what, value);
}

enum option_id {
	OPT_AGAINST = 256,
	OPT_GUEST,
	OPT_KERNEL,
	OPT_AGAINST_KERNEL,
	OPT_ARCH,
	OPT_DMABUF,
	OPT_ALLOW,
	OPT_WRITE,
	OPT_STATISTICS,
	OPT_HELP,
	OPT_OPS, /* numbers from here */
	OPT_SEED,
	OPT_LENGTH,
	OPT_COUNT,
	OPT_MAX,
	OPT_FIRST,
	OPT_PATIENCE,
};

static const struct option options[] = {
    {"against", required_argument, NULL, OPT_AGAINST},
    {"guest", required_argument, NULL, OPT_GUEST},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"against-kernel", required_argument, NULL, OPT_AGAINST_KERNEL},
    {"arch", required_argument, NULL, OPT_ARCH},
    {"dmabuf", optional_argument, NULL, OPT_DMABUF},
    {"allow-hazard", required_argument, NULL, OPT_ALLOW},
    SCN_PLACE_OPTIONS,
    SCN_CELL_OPTIONS,
    {"write", required_argument, NULL, OPT_WRITE},
    {"statistics", no_argument, NULL, OPT_STATISTICS},
    {"help", no_argument, NULL, OPT_HELP},
    {"ops", required_argument, NULL, OPT_OPS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"length", required_argument, NULL, OPT_LENGTH},
    {"count", required_argument, NULL, OPT_COUNT},
    {"max", required_argument, NULL, OPT_MAX},
    {"first", required_argument, NULL, OPT_FIRST},
    {"patience", required_argument, NULL, OPT_PATIENCE},
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
		c->run.world.n_domains = all[i].n;
		memcpy(c->run.world.guest, all[i].guest, sizeof(c->run.world.guest));
		return 0;
	}
	return usage_error("--guest: expected pv, pvh or two of them", value);
}

/* A misspelt name would allow nothing, and nobody would see that. */
static int take_hazard(struct command *c, const char *value)
{
	scn_cleanup_buf struct scn_buf known = {0};
	const char *name = gntsim_hazard_name(0);

	for (uint32_t i = 0; name && strcmp(value, name); name = gntsim_hazard_name(++i))
		scn_buf_printf(&known, "%s%s", i ? ", " : "", name);
	if (!name)
		return scn_usage_error(FUZZ, "--allow-hazard: expected one of %s, found '%s'",
				       scn_buf_text(&known), value);
	if (c->run.world.n_allowed == FUZZ_MAX_ALLOWED)
		return usage_error("--allow-hazard: expected no more names", value);
	c->run.world.allowed[c->run.world.n_allowed++] = name;
	return 0;
}

static int take_dmabuf(struct command *c, const char *value)
{
	bool as_linux = value && !strcmp(value, "linux");

	if (value && !as_linux && strcmp(value, "all") != 0)
		return usage_error("--dmabuf: expected all or linux", value);
	c->run.world.dmabufs = as_linux ? GNTSIM_DMABUFS_LINUX : GNTSIM_DMABUFS_ALL;
	return 0;
}

/* The numbers, and from where to where they go. */
static const struct number {
	unsigned long low, high;
} numbers[] = {
    [OPT_OPS - OPT_OPS] = {1, ULONG_MAX},           [OPT_SEED - OPT_OPS] = {0, UINT32_MAX},
    [OPT_LENGTH - OPT_OPS] = {1, FUZZ_MAX_OPS / 2}, [OPT_COUNT - OPT_OPS] = {1, UINT32_MAX},
    [OPT_MAX - OPT_OPS] = {1, ULONG_MAX},           [OPT_FIRST - OPT_OPS] = {0, UINT32_MAX},
    [OPT_PATIENCE - OPT_OPS] = {1, 86400},
};

static int take_number(struct command *c, int option, const char *value)
{
	unsigned long *const into[] = {&c->run.ops, &c->run.seed,  &c->run.length, &c->run.count,
				       &c->run.max, &c->run.first, &c->patience};
	const struct number *n = &numbers[option - OPT_OPS];
	const struct option *o = options;
	char name[32];

	while (o->val != option)
		o++;
	snprintf(name, sizeof(name), "--%s", o->name);
	c->run.only_write |= option == OPT_COUNT;
	return scn_option_number(FUZZ, name, value, n->low, n->high, into[option - OPT_OPS])
		   ? 0
		   : STATUS_ERROR;
}

static int take_option(struct command *c, int option, const char *value)
{
	switch (option) {
	case OPT_AGAINST:
		c->run.against = value;
		return 0;
	case OPT_GUEST:
		return take_guests(c, value);
	case SCN_PLACE_DEVICE_DIR:
	case SCN_PLACE_DOMID:
	case SCN_PLACE_HOST:
		return scn_place_take(FUZZ, (enum scn_place_option)option, value, &c->options);
	case OPT_KERNEL:
		c->kernel = value;
		return 0;
	case OPT_AGAINST_KERNEL:
		c->judge_kernel = value;
		return 0;
	case OPT_ARCH:
		c->platform.arch = value;
		return 0;
	case OPT_DMABUF:
		return take_dmabuf(c, value);
	case OPT_ALLOW:
		return take_hazard(c, value);
	case OPT_WRITE:
		c->run.directory = value;
		return 0;
	case OPT_STATISTICS:
		c->run.statistics = true;
		return 0;
	case OPT_HELP:
		c->help = true;
		return 0;
	case SCN_OPTION_WRONG:
		return STATUS_ERROR;
	default:
		if (option == SCN_CELL_XEN)
			c->platform.xen = value;
		if (option == SCN_CELL_XSM)
			c->platform.xsm = value;
		if (option >= SCN_CELL_KERNEL_IMAGE && option < SCN_CELL_END)
			return scn_cell_take(FUZZ, (enum scn_cell_option)option, value, &c->cell);
		return take_number(c, option, value);
	}
}

static int finish(int result)
{
	if (result < 0)
		return STATUS_ERROR;
	return result ? STATUS_DIFFERENT : 0;
}

/* A host is one domain and has the kernel that it has. */
static void take_host(struct command *c)
{
	struct fuzz_judge *judge = &c->run.judge;

	c->run.world.real = true;
	if (!c->has_guest) {
		c->run.world.n_domains = 1;
		c->run.world.guest[0] = scn_device_guest(judge->self);
		c->run.all_worlds = false;
	}
	if (!c->has_judge_kernel)
		judge->kernel = judge->ops->kernel(judge->self);
	if (!c->has_kernel)
		c->run.world.kernel = judge->kernel;
	c->has_judge_kernel = true;
}

/* As versions, where no lab boots them. */
static int take_kernels(struct command *c)
{
	if (scn_cell_other(&c->cell))
		return usage_error("what is booted only --against " XEN " asks",
				   scn_cell_other(&c->cell));
	c->has_kernel = c->kernel;
	if (c->kernel && scn_version_parse(c->kernel, &c->run.world.kernel))
		return usage_error("--kernel: expected a version X.Y", c->kernel);
	c->has_judge_kernel = c->judge_kernel;
	if (c->judge_kernel && scn_version_parse(c->judge_kernel, &c->run.judge.kernel))
		return usage_error("--against-kernel: expected a version X.Y", c->judge_kernel);
	return 0;
}

static int choose_kernels(struct command *c)
{
	struct fuzz_judge *judge = &c->run.judge;

	if (scn_place_kernel(FUZZ, "--kernel", &scn_substrate_model, NULL, &c->run.world.kernel))
		return STATUS_ERROR;
	if (c->has_judge_kernel)
		return scn_place_kernel(FUZZ, "--against-kernel", judge->ops, judge->self,
					&judge->kernel);
	judge->kernel = c->run.world.kernel;
	return 0;
}

/* The model is what the other is; a host of its own says what that is. */
static int choose_platform(struct command *c)
{
	const struct fuzz_judge *judge = &c->run.judge;
	struct scn_filter filter = {0};
	struct scn_platform *p = &c->run.world.platform;

	*p = judge->ops ? judge->ops->platform(judge->self) : scn_model_platform(NULL);
	if (scn_place_platform(FUZZ, &c->platform, &filter))
		return STATUS_ERROR;
	if (filter.has_xen)
		p->xen = filter.platform.xen;
	if (filter.has_arch)
		p->arch = filter.platform.arch;
	if (filter.has_xsm)
		p->xsm = filter.platform.xsm;
	if (p->arch == SCN_ARM64 && !c->has_guest) {
		c->run.world.n_domains = 2;
		c->run.world.guest[0] = c->run.world.guest[1] = SCN_PVH;
		c->run.all_worlds = false;
	}
	return scn_model_xen_for(p->xen, &p->xen)
		   ? 0
		   : usage_error("a Xen that the model knows", "none");
}

static int run_here(struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct fuzz_judge *judge = &c->run.judge;
	/* Sequences state indices, unmap, and map what can't be mapped. */
	const uint64_t all_need = SCN_CAP(DRIVER_INDEX) | SCN_CAP(MUNMAP) | SCN_CAP(MMAP_ERRORS) |
				  fuzz_dmabuf_needs(&c->run.world);
	int result, missing;

	if (take_kernels(c))
		return STATUS_ERROR;
	judge->ops = scn_substrate_find(c->run.against);
	if (!judge->ops)
		return usage_error("--against: expected the name of a substrate", c->run.against);
	if (judge->ops->open(&c->options, &judge->self, &why) != SCN_OK) {
		fprintf(stderr, "gntsim fuzz: %s: %s\n", c->run.against, scn_buf_reason(&why));
		return STATUS_ERROR;
	}
	c->run.all_worlds = !c->has_guest;
	if (judge->ops == &scn_substrate_device)
		take_host(c);
	if (choose_kernels(c) || choose_platform(c)) {
		judge->ops->close(judge->self);
		return STATUS_ERROR;
	}
	c->run.world.capabilities = judge->ops->capabilities(judge->self);
	missing = scn_capability_missing(all_need, c->run.world.capabilities);
	if (missing >= 0) {
		fprintf(stderr, "gntsim fuzz: %s: every sequence needs %s (%s)\n", c->run.against,
			scn_capability_name((enum scn_capability)missing),
			scn_capability_summary((enum scn_capability)missing));
		judge->ops->close(judge->self);
		return STATUS_ERROR;
	}
	result = fuzz_run(&c->run);
	judge->ops->close(judge->self);
	return finish(result);
}

/* The model is what --kernel says, or what is booted; the latter is --against-kernel's, if that is there. */
static int choose_cell(struct command *c, const struct scn_leg *leg)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_version *model = &c->run.world.kernel, *booted = &c->run.judge.kernel;
	const char *name = c->judge_kernel ? c->judge_kernel : c->kernel;

	if (name && scn_cell_take_kernel(FUZZ, name, &c->cell))
		return STATUS_ERROR;
	if (scn_cell_kernel(&c->cell, scn_xen_lab(), leg, true, booted, &why)) {
		fprintf(stderr, "gntsim fuzz: xen: %s\n", scn_buf_reason(&why));
		return STATUS_ERROR;
	}
	*model = *booted;
	if (c->judge_kernel && c->kernel && scn_version_parse(c->kernel, model))
		return usage_error("--kernel: expected a version X.Y", c->kernel);
	scn_place_booted(FUZZ, model);
	return 0;
}

/* What is booted: by its version, if it is Debian's, whose Xen on Arm takes SILO by itself. A hypervisor of
 * one's own is judged as the default. */
static int choose_booted(struct command *c, const struct scn_leg *leg)
{
	struct scn_version version;

	if (c->platform.arch)
		return scn_usage_error(FUZZ, "--arch: of " XEN " it is the leg's");
	if (c->platform.xen && scn_version_parse(c->platform.xen, &version))
		c->platform.xen = NULL;
	if (leg->arm64)
		c->platform.arch = scn_arch_name(SCN_ARM64);
	if (leg->arm64 && !c->platform.xsm)
		c->platform.xsm = scn_xsm_name(SCN_XSM_SILO);
	c->has_guest = true;
	return choose_platform(c);
}

static int run_xen(struct command *c)
{
	const char *name = c->run.against + strlen(XEN);
	const struct scn_leg *leg = scn_leg_by_name(*name ? name + 1 : "pv");
	struct fuzz_judge *judge = &c->run.judge;
	int result;

	if (c->has_guest)
		return scn_usage_error(FUZZ, "--guest: real Xen's domains are those of its leg");
	if (!leg)
		return usage_error("--against xen: expected the leg " SCN_LEG_NAMES, name + 1);
	if (choose_cell(c, leg))
		return STATUS_ERROR;
	if (choose_booted(c, leg))
		return STATUS_ERROR;
	c->run.world.n_domains = leg->n_domains;
	memcpy(c->run.world.guest, leg->guest, sizeof(leg->guest));
	c->run.world.real = true;
	c->run.world.keeps_own = leg->arm64;
	judge->xen = fuzz_xen_open(leg, &c->cell, (unsigned int)c->patience, c->run.world.kernel);
	if (!judge->xen) {
		fputs("gntsim fuzz: out of memory\n", stderr);
		return STATUS_ERROR;
	}
	c->run.world.capabilities = fuzz_xen_capabilities(judge->xen);
	result = fuzz_run(&c->run);
	fuzz_xen_close(judge->xen);
	return finish(result);
}

static int run(struct command *c)
{
	size_t n = strlen(XEN);

	if (!strncmp(c->run.against, XEN, n) && (!c->run.against[n] || c->run.against[n] == ':'))
		return run_xen(c);
	return run_here(c);
}

/* A launcher runs the agent: by then /proc/self is another program's. */
static void find_program(char exe[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", exe, PATH_MAX - 1);

	exe[n > 0 ? n : 0] = '\0';
}

int gntsim_fuzz_main(int argc, char **argv, int (*gntsim)(int argc, char **argv))
{
	char exe[PATH_MAX];
	const char *agent_argv[] = {exe, "play", "--agent", NULL};
	struct command c = {.options = {.domid = -1, .agent_argv = agent_argv, .gntsim = gntsim},
			    .run = {.world.kernel = {6, 1, -1},
				    .against = "model",
				    .directory = ".",
				    .ops = 10000,
				    .seed = 1,
				    .length = 100,
				    .max = 5}};
	int option, status = 0;

	optind = 1;
	while (!status && (option = scn_option_next(FUZZ, argc, argv, "", options)) != -1)
		status = take_option(&c, option, optarg);
	if (!status && optind < argc)
		status = usage_error("expected no other word", argv[optind]);
	if (status)
		return status;
	if (c.help) {
		print_help(stdout);
		return 0;
	}
	find_program(exe);
	return run(&c);
}
