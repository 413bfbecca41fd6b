/* SPDX-License-Identifier: MIT */
#include "crash/finding/where.h"

#include "lang/parse/parser.h"
#include "player/variant.h"
#include "substrates/leg.h"
#include "substrates/play/play_xen.h"

#include <errno.h>
#include <string.h>

/* In the order in which they are tried: the least first. */
static const char *const legs[] = {"pv", "pv+pvh", "pv+pv"};

static bool fits(const struct scn_scenario *s, const struct scn_leg *leg)
{
	struct scn_seats seats = {.there = leg->n_domains > 1,
				  .guest = {leg->guest[0], leg->guest[1]}};
	const struct scn_domain_decl *only = s->domains;

	if (s->n_domains > leg->n_domains)
		return false;
	if (leg->n_domains > 1)
		return s->n_domains > 1 && scn_seats_fit(s, &seats);
	return !only || !(only->pv || only->pvh) ||
	       (leg->guest[0] == SCN_PV ? only->pv : only->pvh);
}

static void put_lack(struct scn_buf *lacks, int missing)
{
	scn_buf_printf(lacks, "it needs %s (%s)", scn_capability_name((enum scn_capability)missing),
		       scn_capability_summary((enum scn_capability)missing));
}

int finding_where(const char *text, struct scn_buf *name, struct scn_buf *lacks)
{
	const struct scn_source src = {.name = "@", .text = text, .len = strlen(text)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};

	if (scn_parse(&src, &s, &errors))
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(legs) / sizeof(legs[0]); i++) {
		const struct scn_leg *leg = scn_leg_by_name(legs[i]);
		int missing;

		if (!leg || !fits(&s, leg))
			continue;
		missing = scn_capability_missing(s.needs, scn_xen_capabilities(leg));
		if (missing < 0) {
			scn_buf_str(name, leg->name);
			break;
		}
		scn_buf_clear(lacks);
		put_lack(lacks, missing);
	}
	if (name->len)
		scn_buf_clear(lacks);
	else if (!lacks->len)
		scn_buf_str(lacks, s.n_domains > 2 ? "it has more than two domains"
						   : "no leg has domains of these guests");
	return name->failed || lacks->failed ? -ENOMEM : 0;
}
