/* SPDX-License-Identifier: MIT */
#include "check_state.h"

#include <stdarg.h>
#include <stdio.h>

void scn_check_error(struct scn_checker *c, struct scn_pos pos, const char *format, ...)
{
	char message[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	scn_error(c->errors, &c->s->source, pos, "%s", message);
}

bool scn_check_domain(struct scn_checker *c, struct scn_str name, struct scn_pos pos, uint32_t *out)
{
	for (uint32_t i = 0; i < c->s->n_domains; i++) {
		if (scn_str_same(c->domains[i]->name, name)) {
			*out = i;
			return true;
		}
	}
	scn_check_error(c, pos, "expected a domain, found '%.*s' (declare it: domain %.*s)",
			SCN_STR(name), SCN_STR(name));
	return false;
}
