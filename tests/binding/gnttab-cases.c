/* SPDX-License-Identifier: MIT */
/* Mapping. The first group are xen-gnt's own behaviours. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void map_and_unmap(void)
{
	uint32_t ref = peer_shares(1);
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, ref, true);
	unsigned char *bytes;

	CHECK(m);
	bytes = gnttab_bytes(m);
	CHECK_EQUAL(gnttab_length(m), GNTTAB_PAGE_SIZE);
	CHECK_EQUAL(peer_ask(peer, "poke 7 42"), 0);
	CHECK_EQUAL(bytes[7], 42);
	bytes[4095] = 43;
	CHECK_EQUAL(peer_ask(peer, "peek 4095"), 43);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	check_nothing_mapped(1, &ref);
}

static void both_styles_of_failure(void)
{
	struct gnttab_mapping *m = (struct gnttab_mapping *)&m;

	CHECK_NULL(gnttab_map(tab, peer_domid, 400000, true), EINVAL);
	CHECK_FAILS(gnttab_try_map(tab, peer_domid, 400000, true, &m), EINVAL);
	CHECK(!m);
	CHECK_FAILS(gnttab_try_map(tab, peer_domid, 400000, true, NULL), EFAULT);
	CHECK_FAILS(gnttab_try_open(NULL), EFAULT);
}

static void mapv_of_nothing_fails(void)
{
	struct gnttab_grant none[1] = {{0}};
	struct gnttab_mapping *m;

	CHECK_NULL(gnttab_mapv(tab, none, 0, true), EINVAL);
	CHECK_NULL(gnttab_mapv(tab, NULL, 0, false), EINVAL);
	CHECK_FAILS(gnttab_try_mapv(tab, none, 0, true, &m), EINVAL);
	CHECK_NULL(gnttab_mapv(tab, NULL, 1, false), EFAULT);
	CHECK_NULL(gnttab_mapv(tab, none, (size_t)1 << 30, false), EINVAL);
	CHECK_NULL(gnttab_mapv(tab, none, (size_t)-1, false), EINVAL);
}

static void second_unmap_fails(void)
{
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, peer_shares(1), true);

	CHECK_EQUAL(gnttab_unmap(m), 0);
	CHECK_FAILS(gnttab_unmap(m), EBADF);
	CHECK_NULL(gnttab_bytes(m), EBADF);
	CHECK_NULL(gnttab_length(m), EBADF);
	CHECK_FAILS(gnttab_set_notify(m, NULL), EBADF);
}

static void mapv_is_contiguous(void)
{
	struct gnttab_grant grants[5];
	struct gnttab_mapping *m;
	const unsigned char *bytes;

	peer_shares(4);
	for (unsigned i = 0; i < 4; i++)
		grants[3 - i] = (struct gnttab_grant){peer_domid, peer_number(peer, i)};
	grants[4] = grants[0];
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQUAL(peer_ask(peer, "poke %u %u", i * 4096 + 1, 10 + i), 0);
	m = gnttab_mapv(tab, grants, 5, false);
	CHECK(m);
	CHECK_EQUAL(gnttab_length(m), 5 * GNTTAB_PAGE_SIZE);
	bytes = gnttab_bytes(m);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQUAL(bytes[i * 4096 + 1], 13 - i);
	CHECK_EQUAL(bytes[4 * 4096 + 1], 13);
	CHECK_EQUAL(gnttab_unmap(m), 0);
}

static void mapv_from_several_domains(void)
{
	struct gntshr_share *own = gntshr_share(shr, own_domid, 1, true);
	struct gnttab_grant grants[2] = {{peer_domid, peer_shares(1)},
					 {own_domid, gntshr_ref(own, 0)}};
	struct gnttab_mapping *m;
	unsigned char *bytes;

	if (!maps_itself) {
		puts("# one domain only: a real PVH guest can't map its own");
		return;
	}
	m = gnttab_mapv(tab, grants, 2, true);
	CHECK(m);
	bytes = gnttab_bytes(m);
	bytes[0] = 1;
	bytes[4096] = 2;
	CHECK_EQUAL(peer_ask(peer, "peek 0"), 1);
	CHECK_EQUAL(*(unsigned char *)gntshr_bytes(own), 2);
	CHECK_EQUAL(gnttab_unmap(m), 0);
}

static void mapv_is_all_or_nothing(void)
{
	struct gnttab_grant grants[3];
	uint32_t refs[2];

	for (unsigned bad = 0; bad < 3; bad++) {
		peer_shares(2);
		refs[0] = peer_number(peer, 0);
		refs[1] = peer_number(peer, 1);
		for (unsigned i = 0, good = 0; i < 3; i++)
			grants[i] =
			    (struct gnttab_grant){peer_domid, i == bad ? 400000 : refs[good++]};
		CHECK_NULL(gnttab_mapv(tab, grants, 3, true), EINVAL);
		check_nothing_mapped(2, refs);
	}
}

static void refused_grants(void)
{
	uint32_t ref = peer_shares(1);

	CHECK_NULL(gnttab_map(tab, 0x7FE0, ref, true), EINVAL);
	CHECK_EQUAL(peer_ask(peer, "unshare"), 0);
	CHECK_EQUAL(peer_ask(peer, "share %u 1 1", 0x7FE0), 0);
	CHECK_NULL(gnttab_map(tab, peer_domid, peer_number(peer, 0), true), EINVAL);
	CHECK_EQUAL(peer_ask(peer, "unshare"), 0);
	CHECK_EQUAL(peer_ask(peer, "share %u 1 0", own_domid), 0);
	CHECK_NULL(gnttab_map(tab, peer_domid, peer_number(peer, 0), true), EINVAL);
}

static void read_only(void)
{
	struct gnttab_mapping *m;

	CHECK_EQUAL(peer_ask(peer, "share %u 1 0", own_domid), 0);
	m = gnttab_map(tab, peer_domid, peer_number(peer, 0), false);
	CHECK(m);
	CHECK_EQUAL(peer_ask(peer, "poke 0 9"), 0);
	CHECK_EQUAL(*(volatile unsigned char *)gnttab_bytes(m), 9);
	CHECK_EQUAL(signal_of_store(gnttab_bytes(m)), SIGSEGV);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	/* Of a writable grant too. */
	CHECK_EQUAL(peer_ask(peer, "unshare"), 0);
	m = gnttab_map(tab, peer_domid, peer_shares(1), false);
	CHECK_EQUAL(signal_of_store(gnttab_bytes(m)), SIGSEGV);
}

static void closing_unmaps(void)
{
	uint32_t refs[2];
	struct gnttab_mapping *m[2];

	peer_shares(2);
	for (unsigned i = 0; i < 2; i++) {
		refs[i] = peer_number(peer, i);
		m[i] = gnttab_map(tab, peer_domid, refs[i], true);
		CHECK(m[i]);
	}
	CHECK_EQUAL(gnttab_close(tab), 0);
	CHECK_FAILS(gnttab_close(tab), EBADF);
	CHECK_FAILS(gnttab_unmap(m[0]), EBADF);
	CHECK_NULL(gnttab_bytes(m[1]), EBADF);
	CHECK_NULL(gnttab_map(tab, peer_domid, refs[0], true), EBADF);
	check_nothing_mapped(2, refs);
}

static int give_back_an_error(struct gnttab_mapping *m, void *seen)
{
	*(struct gnttab_mapping **)seen = m;
	return -EDOM;
}

static int unmap_itself(struct gnttab_mapping *m, void *unused)
{
	(void)unused;
	return gnttab_unmap(m);
}

static void with_mapping(void)
{
	uint32_t ref = peer_shares(1);
	struct gnttab_grant good = {peer_domid, ref}, bad = {peer_domid, 400000};
	struct gnttab_mapping *seen;

	CHECK_EQUAL(gnttab_with_mapping(tab, &good, 1, true, give_back_an_error, &seen), -EDOM);
	CHECK(seen);
	CHECK_FAILS(gnttab_unmap(seen), EBADF);
	CHECK_EQUAL(gnttab_with_mapping(tab, &bad, 1, true, give_back_an_error, &seen), -EDOM);
	CHECK(!seen);
	CHECK_EQUAL(gnttab_with_mapping(tab, &good, 1, true, unmap_itself, NULL), 0);
	check_nothing_mapped(1, &ref);
}

static struct gnttab *kept;

static int keep(struct gnttab *g, void *ref)
{
	kept = g;
	CHECK(gnttab_map(g, peer_domid, *(uint32_t *)ref, true));
	return -EDOM;
}

static void with_gnttab(void)
{
	uint32_t ref = peer_shares(1);

	CHECK_EQUAL(gnttab_with(keep, &ref), -EDOM);
	CHECK_FAILS(gnttab_close(kept), EBADF);
	check_nothing_mapped(1, &ref);
}

static int leave_thread(struct gnttab_mapping *m, void *unused)
{
	(void)unused;
	CHECK(m);
	pthread_exit(NULL);
}

static int be_cancelled(struct gnttab_mapping *m, void *ready)
{
	CHECK(m);
	CHECK_EQUAL(write(*(int *)ready, "", 1), 1);
	pause();
	return 0;
}

static void *exiting(void *grant)
{
	gnttab_with_mapping(tab, grant, 1, true, leave_thread, NULL);
	return NULL;
}

static int ready[2];

static void *cancelled(void *grant)
{
	gnttab_with_mapping(tab, grant, 1, true, be_cancelled, &ready[1]);
	return NULL;
}

static void with_mapping_when_the_thread_ends(void)
{
	uint32_t ref = peer_shares(1);
	struct gnttab_grant grant = {peer_domid, ref};
	pthread_t t;
	char c;

	CHECK_EQUAL(pthread_create(&t, NULL, exiting, &grant), 0);
	CHECK_EQUAL(pthread_join(t, NULL), 0);
	check_nothing_mapped(1, &ref);
	grant.ref = peer_shares(1);
	CHECK_EQUAL(pipe(ready), 0);
	CHECK_EQUAL(pthread_create(&t, NULL, cancelled, &grant), 0);
	CHECK_EQUAL(read(ready[0], &c, 1), 1);
	CHECK_EQUAL(pthread_cancel(t), 0);
	CHECK_EQUAL(pthread_join(t, NULL), 0);
	check_nothing_mapped(1, &grant.ref);
	close(ready[0]);
	close(ready[1]);
}

static int scoped(uint32_t ref, bool early)
{
	GNTTAB_AUTO_CLOSE struct gnttab *g = gnttab_open();
	GNTTAB_AUTO_UNMAP struct gnttab_mapping *m = gnttab_map(g, peer_domid, ref, true);
	GNTTAB_AUTO_UNMAP struct gnttab_mapping *none = gnttab_map(g, peer_domid, 400000, true);

	CHECK(m && !none);
	errno = EDOM;
	if (early)
		return -1;
	CHECK_EQUAL(gnttab_unmap(m), 0);
	return 0;
}

static void cleanup_attributes(void)
{
	uint32_t ref = peer_shares(1);

	CHECK_EQUAL(scoped(ref, true), -1);
	CHECK_EQUAL(errno, EDOM);
	CHECK_EQUAL(scoped(ref, false), 0);
	check_nothing_mapped(1, &ref);
}

static void max_grants_is_tolerated(void)
{
	CHECK_EQUAL(gnttab_set_max_grants(tab, 100), 0);
	gnttab_close(tab);
	CHECK_FAILS(gnttab_set_max_grants(tab, 100), EBADF);
}

static void many_mappings(void)
{
	struct gnttab_mapping *m[40];
	uint32_t ref;

	ref = peer_shares(1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40; i++) {
			m[i] = gnttab_map(tab, peer_domid, ref, true);
			CHECK(m[i]);
		}
		for (unsigned i = 0; i < 40; i++)
			CHECK_EQUAL(gnttab_unmap(m[(i * 7) % 40]), 0);
	}
	check_nothing_mapped(1, &ref);
}

static void notify_on_unmap(void)
{
	uint32_t ref = peer_shares(1), theirs, port = connected_port(&theirs);
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, ref, true);
	struct gnttab_notify both = {GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT, 5, port};

	*((unsigned char *)gnttab_bytes(m) + 5) = 1;
	CHECK_EQUAL(gnttab_set_notify(m, &both), 0);
	CHECK_EQUAL(peer_ask(peer, "peek 5"), 1);
	CHECK_EQUAL(peer_ask(peer, "await 0"), -ETIMEDOUT);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	CHECK_EQUAL(peer_ask(peer, "await 5000"), 0);
	CHECK_EQUAL(peer_number(peer, 0), theirs);
	CHECK_EQUAL(peer_ask(peer, "peek 5"), 0);

	/* Removed again: nothing happens. */
	m = gnttab_map(tab, peer_domid, ref, true);
	*((unsigned char *)gnttab_bytes(m) + 5) = 1;
	CHECK_EQUAL(gnttab_set_notify(m, &both), 0);
	CHECK_EQUAL(gnttab_set_notify(m, NULL), 0);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	CHECK_EQUAL(peer_ask(peer, "await 50"), -ETIMEDOUT);
	CHECK_EQUAL(peer_ask(peer, "peek 5"), 1);
}

static void notify_of_a_mapper_that_dies(void)
{
	struct gntshr_share *s = gntshr_share(shr, peer_domid, 1, true);
	volatile unsigned char *bytes = gntshr_bytes(s);
	uint32_t theirs, port = connected_port(&theirs), got;

	CHECK_EQUAL(peer_ask(peer, "map %u %u 1", own_domid, gntshr_ref(s, 0)), 0);
	CHECK_EQUAL(peer_ask(peer, "poke 9 1"), 0);
	CHECK_EQUAL(peer_ask(peer, "notify 3 9 %u", theirs), 0);
	CHECK_EQUAL(bytes[9], 1);
	check_no_event();
	peer_die(peer);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	CHECK_EQUAL(bytes[9], 0);
	peer_again();
}

static void notify_mistakes(void)
{
	uint32_t ref = peer_shares(1), theirs, port = connected_port(&theirs);
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, ref, true);

	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){4, 0, port}), EINVAL);
	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){2, 0, 0}), EINVAL);
	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){2, 0, 100000}), EINVAL);
	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){1, 4096, port}), EINVAL);
	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){1, (size_t)-1, port}), EINVAL);
	CHECK_EQUAL(gnttab_unmap(m), 0);
	m = gnttab_map(tab, peer_domid, ref, false);
	CHECK_FAILS(gnttab_set_notify(m, &(struct gnttab_notify){1, 0, port}), EINVAL);
	CHECK_EQUAL(gnttab_set_notify(m, &(struct gnttab_notify){2, 0, port}), 0);
}

static void copy_between_grants_and_memory(void)
{
	char here[100] = "from here", back[100] = "";
	struct gnttab_part page[2];

	peer_shares(2);
	for (unsigned i = 0; i < 2; i++)
		page[i] = (struct gnttab_part){.domid = peer_domid, .ref = peer_number(peer, i)};
	page[0].offset = 100;
	struct gnttab_copy pieces[3] = {
	    {.from = here, .to_grant = page[0], .length = sizeof(here), .status = 7},
	    {.from_grant = page[0], .to_grant = page[1], .length = sizeof(here), .status = 7},
	    {.from_grant = page[1], .to = back, .length = sizeof(back), .status = 7},
	};

	CHECK_EQUAL(gnttab_copy(tab, pieces, 3), 0);
	CHECK_EQUAL(strcmp(back, here), 0);
	CHECK_EQUAL(pieces[0].status | pieces[1].status | pieces[2].status, 0);
	CHECK_EQUAL(peer_ask(peer, "peek 100"), 'f');
	CHECK_EQUAL(gnttab_copy(tab, pieces, 0), 0);
	CHECK_EQUAL(gnttab_copy(tab, NULL, 0), 0);
	CHECK_FAILS(gnttab_copy(tab, NULL, 1), EFAULT);
}

static void copy_mistakes(void)
{
	struct gnttab_part good = {.domid = peer_domid, .ref = peer_shares(1)}, bad = good;
	char here[4096] = "x";

	bad.ref = 400000;
	struct gnttab_copy pieces[3] = {{.from = here, .to_grant = good, .length = 1},
					{.from = here, .to_grant = bad, .length = 1},
					{.from = here, .to_grant = good, .length = 1}};

	pieces[2].to_grant.offset = 1;
	CHECK_FAILS(gnttab_copy(tab, pieces, 3), EREMOTEIO);
	CHECK_EQUAL(pieces[0].status, 0);
	CHECK_EQUAL(pieces[1].status, -3);
	CHECK_EQUAL(pieces[2].status, 0);
	CHECK_EQUAL(peer_ask(peer, "peek 1"), 'x');

	/* Beyond the page; no grant at all; bad memory: no status says that all is well. */
	pieces[1].to_grant = good;
	pieces[1].length = 4096;
	pieces[1].to_grant.offset = 1;
	CHECK_FAILS(gnttab_copy(tab, pieces, 3), EINVAL);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQUAL(pieces[i].status, -1);
	pieces[1] = (struct gnttab_copy){.from = here, .to = here + 10, .length = 1};
	CHECK_FAILS(gnttab_copy(tab, pieces, 2), EINVAL);
	pieces[1] = (struct gnttab_copy){.from_grant = good, .to = (void *)8, .length = 1};
	CHECK_FAILS(gnttab_copy(tab, pieces, 2), EFAULT);
	CHECK_EQUAL(pieces[0].status, -1);
	/* More pieces than the call can say: none is looked at. */
	CHECK_FAILS(gnttab_copy(tab, pieces, (size_t)INT32_MAX + 1), EINVAL);
	CHECK_FAILS(gnttab_copy(tab, NULL, 1), EFAULT);
	CHECK_EQUAL(gnttab_copy(tab, NULL, 0), 0);
	gnttab_close(tab);
	CHECK_FAILS(gnttab_copy(tab, pieces, 1), EBADF);
}

const struct test_case gnttab_cases[] = {
    {"map-and-unmap", map_and_unmap},
    {"both-styles-of-failure", both_styles_of_failure},
    {"mapv-of-nothing-fails", mapv_of_nothing_fails},
    {"second-unmap-fails", second_unmap_fails},
    {"mapv-is-contiguous", mapv_is_contiguous},
    {"mapv-from-several-domains", mapv_from_several_domains},
    {"mapv-is-all-or-nothing", mapv_is_all_or_nothing},
    {"refused-grants", refused_grants},
    {"read-only", read_only},
    {"closing-unmaps", closing_unmaps},
    {"with-mapping", with_mapping},
    {"with-gnttab", with_gnttab},
    {"with-mapping-when-the-thread-ends", with_mapping_when_the_thread_ends},
    {"cleanup-attributes", cleanup_attributes},
    {"max-grants-is-tolerated", max_grants_is_tolerated},
    {"many-mappings", many_mappings},
    {"notify-on-unmap", notify_on_unmap},
    {"notify-of-a-mapper-that-dies", notify_of_a_mapper_that_dies},
    {"notify-mistakes", notify_mistakes},
    {"copy-between-grants-and-memory", copy_between_grants_and_memory},
    {"copy-mistakes", copy_mistakes},
    {0},
};
