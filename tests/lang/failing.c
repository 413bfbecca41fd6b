/* SPDX-License-Identifier: MIT */
#include "failing.h"

#include "fixture.h"

#include <stdio.h>

bool failing_now(void)
{
	unsigned long n = __atomic_add_fetch(&failing->made, 1, __ATOMIC_RELAXED);

	if (!failing->at || (failing->ever ? n < failing->at : n != failing->at))
		return false;
	__atomic_add_fetch(&failing->failed, 1, __ATOMIC_RELAXED);
	return true;
}

static void complain(const char *what, const char *wrong)
{
	printf("\n%s, %s %lu%s of %lu: %s\n", what, failing_what, failing->at,
	       failing->ever ? " and all after it" : "", failing->made, wrong);
	CU_FAIL("see above");
}

void each_fails(const char *what, const char *(*work)(void *ctx), void *ctx, unsigned int sparse)
{
	unsigned int before = failing_held(), complaints = 0;
	const char *wrong;

	for (int ever = 0; ever < 2; ever++) {
		failing->ever = ever;
		failing->at = 0;
		do {
			failing->at += 1 + failing->at / sparse;
			failing->made = failing->failed = 0;
			wrong = work(ctx);
			if (!wrong && failing_held() != before)
				wrong = "something is left";
			if (wrong && complaints++ < 20)
				complain(what, wrong);
			before = failing_held();
		} while (failing->failed > 0);
	}
	failing->at = 0;
}
