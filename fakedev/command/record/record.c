/* SPDX-License-Identifier: MIT */
/* gntsim record: 'gntsim run' with a scenario of it; and what makes a scenario shorter. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#include "lang/options.h"
#include "shrink.h"

#define BUDGET 60 /* seconds */

static void usage(FILE *out)
{
	fputs(
	    "usage: gntsim record -o FILE [OPTION...] [--] PROGRAM [ARGUMENT...] [::: ...]\n"
	    "       gntsim record --shrink COMMAND [--budget SECONDS] [-o FILE] SCENARIO\n\n"
	    "Runs programs as 'gntsim run' does, and writes a scenario that does again what they\n"
	    "did to the devices. Options are those of 'gntsim run', and:\n\n"
	    "  -o FILE         the scenario\n"
	    "  --stores WHICH  stores to shared pages: changed (those that changed something, of\n"
	    "                  long ones the beginning; the default), all, none, or exact: the\n"
	    "                  programs are stopped at each\n\n"
	    "Or makes a scenario shorter, as long as a shell's command fails on it:\n\n"
	    "  --shrink COMMAND  {} and $1 are the file; it fails as it does on the whole one:\n"
	    "                  with the same exit status, which is not 0\n"
	    "  --budget N      seconds that it may take (default 60)\n"
	    "  -o FILE         the shorter one (default: standard output)\n"
	    "  --help\n\n"
	    "Exit status: the program's own; 0 if a scenario was made shorter, or cannot be;\n"
	    "125 if gntsim failed, or the scenario could not be written.\n",
	    out);
}

enum { OPT_SHRINK = 1024, OPT_BUDGET };

static bool begins(const char *word, const char *with)
{
	return word && !strncmp(word, with, strlen(with));
}

/* What comes after a program is the program's: it is to be said before. */
static bool is_shrink(char **argv)
{
	char **word = argv + 1;

	while (begins(*word, "-o"))
		word += !strcmp(*word, "-o") && word[1] ? 2 : 1;
	return begins(*word, "--shrink") || begins(*word, "--budget");
}

static int shrink_main(int argc, char **argv)
{
	static const struct option options[] = {{"shrink", required_argument, NULL, OPT_SHRINK},
						{"budget", required_argument, NULL, OPT_BUDGET},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *command = NULL, *out = NULL;
	unsigned long budget = BUDGET;
	int c;

	while ((c = scn_option_next("record", argc, argv, "ho:", options)) != -1) {
		switch (c) {
		case OPT_SHRINK:
			command = optarg;
			break;
		case OPT_BUDGET:
			if (!scn_option_number("record", "--budget", optarg, 1, 86400, &budget))
				return EXIT_GNTSIM;
			break;
		case 'o':
			out = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return EXIT_GNTSIM;
		}
	}
	if (!command)
		return scn_usage_error("record", "--budget belongs to --shrink");
	if (argc - optind != 1)
		return scn_usage_error("record", "--shrink: expected one scenario, found %d words",
				       argc - optind);
	return record_shrink(command, argv[optind], out, budget);
}

int record_main(int argc, char **argv)
{
	bool help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

	if (help) {
		usage(stdout);
		return 0;
	}
	return is_shrink(argv) ? shrink_main(argc, argv) : run_main(argc, argv);
}
