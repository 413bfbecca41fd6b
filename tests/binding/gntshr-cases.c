/* SPDX-License-Identifier: MIT */
/* Sharing. */
#define _GNU_SOURCE
#include "check.h"

#include <string.h>

static void share_and_unshare(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 3, true);
	uint32_t refs[3] = {0};
	unsigned char *bytes;

	CHECK(s);
	bytes = gntshr_bytes(s);
	CHECK_EQUAL(gntshr_length(s), 3 * GNTTAB_PAGE_SIZE);
	CHECK_EQUAL(gntshr_refs(s, refs, 3), 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(refs[i] >= 8);
		CHECK_EQUAL(gntshr_ref(s, i), refs[i]);
		for (unsigned j = 0; j < GNTTAB_PAGE_SIZE; j++)
			CHECK_EQUAL(bytes[i * GNTTAB_PAGE_SIZE + j], 0);
		/* The references are in the order of the pages. */
		bytes[i * GNTTAB_PAGE_SIZE] = (unsigned char)(20 + i);
		CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, refs[i]), 0);
		CHECK_EQUAL(peer_ask(peer, "peek 0"), 20 + i);
		CHECK_EQUAL(peer_ask(peer, "poke 1 %u", 30 + i), 0);
		CHECK_EQUAL(bytes[i * GNTTAB_PAGE_SIZE + 1], 30 + i);
		CHECK_EQUAL(peer_ask(peer, "unmap"), 0);
	}
	CHECK_EQUAL(gntshr_unshare(s), 0);
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, refs[0]), -EINVAL);
}

static void share_of_nothing_fails(void)
{
	struct gntshr_share *s = (struct gntshr_share *)&s;

	CHECK_NULL(gntshr_share(shr, peer_domid, 0, true), EINVAL);
	CHECK_FAILS(gntshr_try_share(shr, peer_domid, 0, true, &s), EINVAL);
	CHECK(!s);
	CHECK_FAILS(gntshr_try_share(shr, peer_domid, 1, true, NULL), EFAULT);
	CHECK_FAILS(gntshr_try_open(NULL), EFAULT);
}

static void too_many_pages(void)
{
	CHECK_NULL(gntshr_share(shr, peer_domid, 1025, true), ENOSPC);
	CHECK_NULL(gntshr_share(shr, peer_domid, (size_t)1 << 40, true), ENOSPC);
	CHECK_NULL(gntshr_share(shr, peer_domid, (size_t)-1, true), ENOSPC);
}

static void read_only_for_the_other(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 1, false);
	uint32_t ref = gntshr_ref(s, 0);

	*(unsigned char *)gntshr_bytes(s) = 5;
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, ref), -EINVAL);
	CHECK_EQUAL(peer_ask(peer, "map %u %u 0", own_domid, ref), 0);
	CHECK_EQUAL(peer_ask(peer, "peek 0"), 5);
}

static void second_unshare_fails(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 1, true);
	uint32_t ref;

	CHECK_NULL(gntshr_ref(s, 1), EINVAL);
	CHECK_FAILS(gntshr_refs(s, &ref, 2), EINVAL);
	CHECK_FAILS(gntshr_refs(s, NULL, 1), EFAULT);
	CHECK_EQUAL(gntshr_refs(s, NULL, 0), 0);
	CHECK_EQUAL(gntshr_unshare(s), 0);
	CHECK_FAILS(gntshr_unshare(s), EBADF);
	CHECK_NULL(gntshr_bytes(s), EBADF);
	CHECK_NULL(gntshr_length(s), EBADF);
	CHECK_NULL(gntshr_ref(s, 0), EBADF);
	CHECK_FAILS(gntshr_refs(s, &ref, 1), EBADF);
	CHECK_FAILS(gntshr_set_notify(s, &(struct gnttab_notify){0}), EBADF);
}

static void closing_unshares(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 2, true);
	uint32_t ref = gntshr_ref(s, 1);

	CHECK_EQUAL(gntshr_close(shr), 0);
	CHECK_FAILS(gntshr_close(shr), EBADF);
	CHECK_FAILS(gntshr_unshare(s), EBADF);
	CHECK_NULL(gntshr_share(shr, peer_domid, 1, true), EBADF);
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, ref), -EINVAL);
}

static void unshare_while_the_other_maps(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 1, true);

	*(unsigned char *)gntshr_bytes(s) = 77;
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, gntshr_ref(s, 0)), 0);
	CHECK_EQUAL(gntshr_unshare(s), 0);
	CHECK_EQUAL(peer_ask(peer, "peek 0"), 77);
	CHECK_EQUAL(peer_ask(peer, "unmap"), 0);
}

static uint32_t shared_ref;

static int share_and_fail(struct gntshr *g, void *seen)
{
	struct gntshr_share *s = gntshr_share(g, peer_domid, 1, true);

	CHECK(s);
	shared_ref = gntshr_ref(s, 0);
	*(struct gntshr_share **)seen = s;
	return -EDOM;
}

static int see_share(struct gntshr_share *s, void *seen)
{
	*(struct gntshr_share **)seen = s;
	return -EDOM;
}

static void scoped_calls(void)
{
	struct gntshr_share *seen;

	CHECK_EQUAL(gntshr_with(share_and_fail, &seen), -EDOM);
	CHECK_FAILS(gntshr_unshare(seen), EBADF);
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, shared_ref), -EINVAL);
	CHECK_EQUAL(gntshr_with_share(shr, peer_domid, 1, true, see_share, &seen), -EDOM);
	CHECK(seen);
	CHECK_FAILS(gntshr_unshare(seen), EBADF);
	CHECK_EQUAL(gntshr_with_share(shr, peer_domid, 0, true, see_share, &seen), -EDOM);
	CHECK(!seen);
}

static struct gntshr_share *scoped(void)
{
	GNTSHR_AUTO_CLOSE struct gntshr *g = gntshr_open();
	GNTSHR_AUTO_UNSHARE struct gntshr_share *s = gntshr_share(g, peer_domid, 1, true);

	CHECK(s);
	return s;
}

static void cleanup_attributes(void)
{
	CHECK_FAILS(gntshr_unshare(scoped()), EBADF);
}

static void notify_on_unshare(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 2, true);
	uint32_t theirs, port = connected_port(&theirs);
	struct gnttab_notify both = {GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT, 4096 + 3, port};
	unsigned char *bytes = gntshr_bytes(s);

	bytes[3] = bytes[4096 + 3] = 1;
	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, gntshr_ref(s, 1)), 0);
	/* One a page: this one is of the first page, and removed again. */
	CHECK_EQUAL(gntshr_set_notify(s, &(struct gnttab_notify){3, 3, port}), 0);
	CHECK_EQUAL(gntshr_set_notify(s, &both), 0);
	CHECK_EQUAL(gntshr_set_notify(s, &(struct gnttab_notify){0, 0, 0}), 0);
	CHECK_EQUAL(peer_ask(peer, "await 0"), -ETIMEDOUT);
	CHECK_EQUAL(peer_ask(peer, "peek 3"), 1);
	CHECK_EQUAL(gntshr_unshare(s), 0);
	CHECK_EQUAL(peer_ask(peer, "await 5000"), 0);
	CHECK_EQUAL(peer_number(peer, 0), theirs);
	CHECK_EQUAL(peer_ask(peer, "peek 3"), 0);
	CHECK_EQUAL(peer_ask(peer, "unmap"), 0);
}

static void notify_of_a_granter_that_dies(void)
{
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, peer_shares(1), true);
	volatile unsigned char *bytes = gnttab_bytes(m);
	uint32_t theirs, port = connected_port(&theirs), got;

	bytes[9] = bytes[10] = 1;
	CHECK_EQUAL(peer_ask(peer, "notify 3 9 %u", theirs), 0);
	check_no_event();
	peer_die(peer);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	/* The page is still there. */
	CHECK_EQUAL(bytes[9], 0);
	CHECK_EQUAL(bytes[10], 1);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	peer_again();
}

static void notify_mistakes(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 1, true);

	CHECK_FAILS(gntshr_set_notify(s, NULL), EINVAL);
	CHECK_FAILS(gntshr_set_notify(s, &(struct gnttab_notify){4, 0, 0}), EINVAL);
	CHECK_FAILS(gntshr_set_notify(s, &(struct gnttab_notify){1, 4096, 0}), EINVAL);
	CHECK_FAILS(gntshr_set_notify(s, &(struct gnttab_notify){2, 0, 0}), EINVAL);
}

const struct test_case gntshr_cases[] = {
    {"share-and-unshare", share_and_unshare},
    {"share-of-nothing-fails", share_of_nothing_fails},
    {"too-many-pages", too_many_pages},
    {"read-only-for-the-other", read_only_for_the_other},
    {"second-unshare-fails", second_unshare_fails},
    {"closing-unshares", closing_unshares},
    {"unshare-while-the-other-maps", unshare_while_the_other_maps},
    {"gntshr-scoped-calls", scoped_calls},
    {"gntshr-cleanup-attributes", cleanup_attributes},
    {"notify-on-unshare", notify_on_unshare},
    {"notify-of-a-granter-that-dies", notify_of_a_granter_that_dies},
    {"gntshr-notify-mistakes", notify_mistakes},
    {0},
};
