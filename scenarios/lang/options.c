/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scn_usage_error(const char *command, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "gntsim %s: ", command);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "; see 'gntsim %s --help'\n", command);
	return SCN_STATUS_ERROR;
}

/* The long option that getopt_long(3) was at; NULL: it was not at one that exists. */
static const char *name_of(const struct option *options)
{
	while (options->name && (optopt == 0 || options->val != optopt))
		options++;
	return options->name;
}

/* How many options a word could be short for. */
static unsigned int count_matching(const struct option *options, const char *word)
{
	size_t n = strcspn(word, "=");
	unsigned int found = 0;

	for (; options->name; options++)
		found += strncmp(options->name, word, n) == 0;
	return found;
}

static void complain(const char *command, int wrong, const char *word, const struct option *options)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	const char *name = name_of(options);

	if (wrong == ':' && is_long)
		scn_usage_error(command, "--%s needs a value", name ? name : word + 2);
	else if (wrong == ':')
		scn_usage_error(command, "-%c needs a value", optopt);
	else if (is_long && name)
		scn_usage_error(command, "--%s takes no value, found '%s'", name, word);
	else if (is_long && count_matching(options, word + 2) > 1)
		scn_usage_error(command, "%s could be short for several options", word);
	else if (is_long)
		scn_usage_error(command, "no option %s", word);
	else
		scn_usage_error(command, "no option -%c", isprint(optopt) ? optopt : '?');
}

int scn_option_next(const char *command, int argc, char **argv, const char *shorts,
		    const struct option *options)
{
	bool ordered = *shorts == '+';
	char wanted[32];
	int option;

	snprintf(wanted, sizeof(wanted), "%s:%s", ordered ? "+" : "", shorts + ordered);
	opterr = 0;
	option = getopt_long(argc, argv, wanted, options, NULL);
	if (option != ':' && option != '?')
		return option;
	complain(command, option, argv[optind - 1], options);
	return SCN_OPTION_WRONG;
}

bool scn_option_number(const char *command, const char *what, const char *text, unsigned long low,
		       unsigned long high, unsigned long *out)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hexadecimal ? text + 2 : text;
	char *end;

	errno = 0;
	*out = strtoul(digits, &end, hexadecimal ? 16 : 10);
	/* strtoul() would take white space and signs too. */
	if (isxdigit((unsigned char)*digits) && !*end && !errno && *out >= low && *out <= high)
		return true;
	scn_usage_error(command, "%s: expected a number from %lu to %lu, found '%s'", what, low,
			high, text);
	return false;
}
