/* SPDX-License-Identifier: MIT */
/*
 * binding-test: the whole of libgnttab-c, on whatever /dev/xen is there.
 *
 *     binding-test [--domains OWN PEER] [--guest pv|pvh] [--tester dom0|domU] [--only CASES]
 *                  [--except CASES] [--] [PEER COMMAND...]
 *
 * CASES are names with commas between. The peer command runs "binding-test --peer" in domain PEER;
 * without one the peer is another process of this domain, or, in the two domains of ci/xen-lab, of
 * the one that is not the tester. Status: 0 all passed, 1 one failed, 2 the environment is broken,
 * 77 there are no devices.
 */
#define _GNU_SOURCE
#include "check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peer *peer;
uint16_t own_domid, peer_domid;
bool pv = true, maps_itself = true;
struct gnttab *tab;
struct gntshr *shr;
struct evtchn *events;

static char **peer_command;
static FILE *to_peer, *from_peer; /* the lab's channel to the other domain */
static const char *tester = "dom0";
static const char *current;

void check_failed(const char *file, int line, const char *what, long found, long expected)
{
	fprintf(stderr, "%s:%d: %s: %s is %ld, expected %ld\n", file, line, current, what, found,
		expected);
	exit(1);
}

void peer_again(void)
{
	peer = to_peer ? peer_behind(to_peer, from_peer) : peer_start(peer_command);
}

uint32_t peer_shares(unsigned count)
{
	CHECK_EQUAL(peer_ask(peer, "share %u %u 1", own_domid, count), 0);
	return peer_number(peer, 0);
}

static int compare(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

void check_nothing_mapped(unsigned count, const uint32_t *refs)
{
	uint32_t before[8], after[8];

	memcpy(before, refs, count * sizeof(*refs));
	CHECK_EQUAL(peer_ask(peer, "reopen"), 0);
	peer_shares(count);
	for (unsigned i = 0; i < count; i++)
		after[i] = peer_number(peer, i);
	qsort(before, count, sizeof(*before), compare);
	qsort(after, count, sizeof(*after), compare);
	for (unsigned i = 0; i < count; i++)
		CHECK_EQUAL(after[i], before[i]);
	CHECK_EQUAL(peer_ask(peer, "reopen"), 0);
}

static sigjmp_buf after_signal;

static void jump(int signal)
{
	siglongjmp(after_signal, signal);
}

int signal_of_store(volatile unsigned char *p)
{
	int got;

	signal(SIGSEGV, jump);
	signal(SIGBUS, jump);
	got = sigsetjmp(after_signal, 1);
	if (!got)
		*p = 1;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	return got;
}

uint32_t connected_port(uint32_t *theirs)
{
	uint32_t port;

	CHECK_EQUAL(evtchn_bind_unbound(events, peer_domid, &port), 0);
	CHECK_EQUAL(peer_ask(peer, "bind %u %u", own_domid, port), 0);
	*theirs = peer_number(peer, 0);
	/* The binder's first event. */
	CHECK_EQUAL(peer_ask(peer, "await 5000"), 0);
	CHECK_EQUAL(peer_number(peer, 0), *theirs);
	return port;
}

void check_no_event(void)
{
	uint32_t port;

	CHECK_FAILS(evtchn_wait(events, 0, &port), ETIMEDOUT);
}

static unsigned n_run;

static const char *only, *except;

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == 0))
			return true;
	return false;
}

static void run(const struct test_case *cases)
{
	for (const struct test_case *c = cases; c->name; c++) {
		if ((only && !listed(only, c->name)) || (except && listed(except, c->name)))
			continue;
		current = c->name;
		tab = gnttab_open();
		shr = gntshr_open();
		events = evtchn_open();
		if (!tab || !shr || !events) {
			perror("cannot open the devices");
			exit(2);
		}
		peer_again();
		c->run();
		peer_stop(peer);
		gnttab_close(tab);
		gntshr_close(shr);
		evtchn_close(events);
		printf("ok %s\n", c->name);
		fflush(stdout);
		n_run++;
	}
}

static void parse(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (strcmp(argv[i], "--domains") == 0 && i + 2 < argc) {
			own_domid = (uint16_t)atoi(argv[++i]);
			peer_domid = (uint16_t)atoi(argv[++i]);
		} else if (strcmp(argv[i], "--guest") == 0 && i + 1 < argc) {
			pv = strcmp(argv[++i], "pv") == 0;
		} else if (strcmp(argv[i], "--tester") == 0 && i + 1 < argc) {
			tester = argv[++i];
		} else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
			only = argv[++i];
		} else if (strcmp(argv[i], "--except") == 0 && i + 1 < argc) {
			except = argv[++i];
		} else {
			fprintf(stderr, "binding-test: what is '%s'?\n", argv[i]);
			exit(2);
		}
	}
	if (i + 1 < argc)
		peer_command = argv + i + 1;
}

static uint16_t domid_in(const char *variable)
{
	const char *text = getenv(variable);

	return (uint16_t)(text ? atoi(text) : 0);
}

/* In one of the lab's two domains (ci/xen-lab --help): true if it is the tester's. */
static bool is_lab_tester(const char *role, int channel)
{
	const char *leg = getenv("GNTSIM_LAB");

	if (strcmp(role, tester))
		return false;
	own_domid = domid_in("GNTSIM_LAB_DOMID");
	peer_domid = domid_in("GNTSIM_LAB_PEER");
	pv = strcmp(role, "dom0") == 0 || !leg || strcmp(leg, "pv+pvh");
	maps_itself = pv;
	to_peer = fdopen(channel, "w");
	from_peer = fdopen(dup(channel), "r");
	if (!to_peer || !from_peer) {
		perror("the lab's channel");
		exit(2);
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *role = getenv("GNTSIM_LAB_ROLE"), *channel = getenv("GNTSIM_LAB_CHANNEL");

	if (argc == 2 && strcmp(argv[1], "--peer") == 0)
		return peer_main();
	parse(argc, argv);
	if (role && channel && !is_lab_tester(role, atoi(channel)))
		return peer_serve(atoi(channel));
	tab = gnttab_open();
	if (!tab) {
		perror("skipped: no grant device");
		return 77;
	}
	gnttab_close(tab);
	signal(SIGPIPE, SIG_IGN);
	alarm(240);
	run(gnttab_cases);
	run(gntshr_cases);
	run(evtchn_cases);
	run(handle_cases);
	run(cancel_cases);
	printf("%u cases passed\n", n_run);
	if (to_peer) {
		fputs("over 0\n", to_peer);
		fflush(to_peer);
	}
	return n_run ? 0 : 2;
}
