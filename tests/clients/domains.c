/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

unsigned stage_parse_domains(const char *list, struct stage_domain domains[STAGE_MAX_DOMAINS])
{
	unsigned n = 0;

	for (const char *p = list; *p;) {
		char *end;
		unsigned long id = strtoul(p, &end, 10);
		size_t len;

		if (n == STAGE_MAX_DOMAINS || end == p || *end != ':' || id >= 0x7FF0)
			return 0;
		p = end + 1;
		len = strcspn(p, ",");
		domains[n].id = (uint16_t)id;
		domains[n].pv = len == 2 && !memcmp(p, "pv", 2);
		if (!domains[n].pv && (len != 3 || memcmp(p, "pvh", 3) != 0))
			return 0;
		n++;
		p += len + (p[len] == ',');
	}
	return n;
}
