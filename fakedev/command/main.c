/* SPDX-License-Identifier: MIT */
/* gntsim(1): picks the subcommand. */
#include "command.h"

#include "conform/main.h"
#include "explore/main.h"
#include "fuzz/main.h"
#include "kit/main.h"
#include "lang/new_scenario.h"
#include "substrates/play/play_main.h"
#include <errno.h>
#include <gntsim/machine.h>
#include <stdio.h>
#include <string.h>

static int run_command(int argc, char **argv);

/* Each call of a scenario may take a command more: executed, they would be most of a play's time. */
static int play_main(int argc, char **argv)
{
	return gntsim_play_main(argc, argv, run_command);
}

static int fuzz_main(int argc, char **argv)
{
	return gntsim_fuzz_main(argc, argv, run_command);
}

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} commands[] = {
    {"run", run_main, "run a program on fake /dev/xen devices"},
    {"serve", serve_main, "keep a machine that programs can join"},
    {"record", record_main, "run a program and write a scenario that does the same"},
    {"crash", crash_main, "run a test once for each point at which a program can die"},
    {"status", status_main, "print what lives in a machine"},
    {"show", show_main, "print what is shared in a machine, by whom, and why"},
    {"control", control_main, "destroy a domain, let time pass, set a limit"},
    {"timeline", timeline_main, "draw a trace"},
    {"play", play_main, "play scenarios"},
    {"explore", gntsim_explore_main, "try every order of a scenario's parallel steps"},
    {"fuzz", fuzz_main, "play random calls on the model and elsewhere, and compare"},
    {"conform", gntsim_conform_main, "judge a kernel or a driver on real Xen: a report"},
    {"doctor", doctor_main, "say what works on this host, and what to do about the rest"},
    {"kit", gntsim_kit_main, "make an archive that judges a real Xen machine's drivers there"},
    {"new-scenario", gntsim_new_scenario_main, "write the skeleton of a scenario"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: gntsim COMMAND [OPTION...]\n\n"
	      "Xen grants without Xen: /dev/xen/gntalloc, gntdev and evtchn on a Linux host.\n\n",
	      out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].what);
	fputs("\n'gntsim COMMAND --help' tells more. See also gntsim(1).\n", out);
}

static int run_command(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		usage(stderr);
		return EXIT_GNTSIM;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		printf("gntsim %s (%s)\n", gntsim_version(), source_description);
		return 0;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	return complain("no command '%s'; 'gntsim --help' lists them", name);
}

/* What was printed has not been said if nobody could read it. */
static int told(int status)
{
	int err = fflush(stdout) == 0 ? 0 : errno;

	if (!err && !ferror(stdout))
		return status;
	/* Of what was lost before nobody has kept the reason. */
	complain("cannot write to standard output%s%s", err ? ": " : "", err ? strerror(err) : "");
	return status ? status : EXIT_GNTSIM;
}

int main(int argc, char **argv)
{
	if (fill_standard_descriptors() < 0)
		return EXIT_GNTSIM;
	be_told_of_writes();
	return told(run_command(argc, argv));
}
