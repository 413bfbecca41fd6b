/* SPDX-License-Identifier: MIT */
/* gntsim record: 'gntsim run' with a scenario of it. */
#include "command.h"

#include <stdio.h>
#include <string.h>

static void usage(FILE *out)
{
	fputs(
	    "usage: gntsim record -o FILE [OPTION...] [--] PROGRAM [ARGUMENT...]\n\n"
	    "Runs a program as 'gntsim run' does, and writes a scenario that does again what it\n"
	    "did to the devices.\n\n"
	    "  -o FILE         the scenario\n"
	    "  --stores WHICH  stores to shared pages: changed (those that changed something, of\n"
	    "                  long ones the beginning; the default), all or none\n"
	    "  --help\n\n"
	    "Other options are those of 'gntsim run'. Exit status: the program's own; 125 if\n"
	    "gntsim failed, or the scenario could not be written.\n",
	    out);
}

int record_main(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") && strcmp(argv[i], "-h"))
			continue;
		usage(stdout);
		return 0;
	}
	return run_main(argc, argv);
}
