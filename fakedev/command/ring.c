/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
/* The highest number of a domain, DOMID_FIRST_RESERVED - 1. */
#define LAST_DOMAIN 0x7FEFu

static bool take(const char **at, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*at, prefix, n) != 0)
		return false;
	*at += n;
	return true;
}

static bool take_number(const char **at, uint64_t most, uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	n = strtoull(*at, &end, 10);
	*at = end;
	*out = (uint32_t)n;
	return !errno && n <= most;
}

/* "8+2048", or "2048" of the page with the indexes. */
static bool take_data(const char **at, struct death_ring *r)
{
	uint32_t first;

	if (!take_number(at, UINT32_MAX, &first))
		return false;
	r->has_data = true;
	r->data_ref = r->ref;
	r->data = first;
	if (take(at, "+")) {
		r->data_ref = first;
		if (!take_number(at, PAGE, &r->data))
			return false;
	}
	return r->data < PAGE && r->size <= PAGE - r->data;
}

bool ring_parse(const char *text, struct death_ring *out)
{
	const char *at = text;
	uint32_t granter;

	*out = (struct death_ring){0};
	if (!take_number(&at, LAST_DOMAIN, &granter) || !take(&at, ":") ||
	    !take_number(&at, UINT32_MAX, &out->ref) || !take(&at, ":") ||
	    !take_number(&at, PAGE - 4, &out->producer) || !take(&at, ":") ||
	    !take_number(&at, PAGE - 4, &out->consumer) || !take(&at, ":") ||
	    !take_number(&at, UINT32_MAX, &out->size) || out->size == 0)
		return false;
	out->granter = (uint16_t)granter;
	out->masked = take(&at, ":masked");
	return (!take(&at, ":data=") || take_data(&at, out)) && !*at;
}

const char *ring_text(const struct death_ring *r, char text[RING_TEXT])
{
	int n = snprintf(text, RING_TEXT, "%u:%u:%u:%u:%u%s", r->granter, r->ref, r->producer,
			 r->consumer, r->size, r->masked ? ":masked" : "");

	if (r->has_data)
		snprintf(text + n, (size_t)(RING_TEXT - n), ":data=%u+%u", r->data_ref, r->data);
	return text;
}
