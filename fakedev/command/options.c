/* SPDX-License-Identifier: MIT */
/* How the commands complain, and what more than one of them reads. */
#define _GNU_SOURCE
#include "lang/options.h"
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* In one write: others may print to the same place. */
int complain(const char *format, ...)
{
	char *text = NULL, room[512];
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	/* Of what has no memory maybe. */
	va_start(args, format);
	if (!text)
		vsnprintf(room, sizeof(room), format, args);
	va_end(args);
	fprintf(stderr, "gntsim: %s\n", text ? text : room);
	free(text);
	return EXIT_GNTSIM;
}

bool parse_guest(const char *text, uint32_t *out)
{
	if (strcmp(text, "pv") && strcmp(text, "pvh")) {
		complain("--guest: expected pv or pvh, found '%s'", text);
		return false;
	}
	*out = strcmp(text, "pv") == 0 ? 1 : 2;
	return true;
}

bool parse_yes_no(const char *option, const char *text, bool *out)
{
	if (strcmp(text, "yes") && strcmp(text, "no")) {
		complain("%s: expected yes or no, found '%s'", option, text);
		return false;
	}
	*out = strcmp(text, "yes") == 0;
	return true;
}

bool files_differ(const char *option, const char *path, const char *written, const char *other)
{
	struct stat a, b;

	if (!path || !other || stat(path, &a) < 0 || stat(other, &b) < 0 || !S_ISREG(a.st_mode) ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return true;
	complain("%s: %s is what %s writes", option, path, written);
	return false;
}

bool parse_patience(const char *command, const char *text, unsigned int *out)
{
	unsigned long n;

	if (!scn_option_number(command, "--patience", text, 1, 86400, &n))
		return false;
	*out = (unsigned int)n;
	return true;
}
