/* SPDX-License-Identifier: MIT */
/* Any bytes as a script: the parser ends, with a scenario or with messages, and nothing else. */
#include "parser-fuzz.h"

#include "lang/parse/parser.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scn_source src = {"fuzz.scn", (const char *)data, size};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	int err = scn_parse(&src, &s, &errors);

	if ((err == 0) != (errors.count == 0))
		abort();
	return 0;
}
