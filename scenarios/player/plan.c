/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <stdlib.h>

#include "lang/parse/parser.h"

static void free_text(char **text)
{
	free(*text);
}

static unsigned int count_of(const char *path, const struct scn_filter *filter)
{
	struct scn_source src = {.name = path};
	__attribute__((cleanup(free_text))) char *text = scn_read_file(path, &src.len);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};

	src.text = text;
	return text && !scn_parse(&src, &s, &errors) ? scn_variant_count(&s, filter) : 1;
}

unsigned int scn_plan_count(const struct scn_files *files, const struct scn_filter *filter)
{
	unsigned int n = 0;

	for (size_t i = 0; i < files->n; i++)
		n += files->errors && files->errors[i] ? 1 : count_of(files->paths[i], filter);
	return n;
}
