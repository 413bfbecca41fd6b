/* SPDX-License-Identifier: MIT */
/*
 * The README's table of mistakes with gnttab-c: makes each and prints its row with what came back.
 * With the argument "outside" those that are made without "gntsim run".
 */
#define _GNU_SOURCE
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row of a call; failed: NULL or a negative status came, and errno says why. */
static void row(const char *mistake, const char *call, bool failed)
{
	printf("| %s | `%s()`: %s |\n", mistake, call,
	       failed ? strerrorname_np(errno) : "no error");
}

static sigjmp_buf after_signal;

static void jump(int signal)
{
	siglongjmp(after_signal, signal);
}

static void row_of_access(const char *mistake, volatile char *at, bool store)
{
	int got = sigsetjmp(after_signal, 1);

	if (!got && store)
		*at = 1;
	else if (!got)
		(void)*at;
	printf("| %s | %s |\n", mistake, got == SIGSEGV ? "SIGSEGV" : "no signal");
}

static void mistakes_of_grants(struct gntshr *shr, struct gnttab *tab)
{
	struct gntshr_share *s = gntshr_share(shr, 0, 1, false);
	struct gnttab_grant grants[2] = {{0, gntshr_ref(s, 0)}, {0, 400000}};

	row("no grants to map", "gnttab_mapv", !gnttab_mapv(tab, grants, 0, false));
	row("no pages to share", "gntshr_share", !gntshr_share(shr, 0, 0, true));
	row("more pages than the driver's limit", "gntshr_share",
	    !gntshr_share(shr, 0, 100000, true));
	gntshr_unshare(s);
	row("a reference that nobody granted, or that was taken back", "gnttab_map",
	    !gnttab_map(tab, 0, grants[1].ref, false) && errno == EINVAL &&
		!gnttab_map(tab, 0, grants[0].ref, false));
	row("a domain that does not exist", "gnttab_map",
	    !gnttab_map(tab, 77, grants[0].ref, false));
	s = gntshr_share(shr, 0, 1, false);
	grants[0].ref = gntshr_ref(s, 0);
	row("a read-only grant, to be written", "gnttab_map",
	    !gnttab_map(tab, 0, grants[0].ref, true));
	row("one bad reference among good ones: nothing is mapped", "gnttab_mapv",
	    !gnttab_mapv(tab, grants, 2, false));
}

static void mistakes_of_handles(struct gntshr *shr, struct gnttab *tab)
{
	uint32_t ref = gntshr_ref(gntshr_share(shr, 0, 1, true), 0);
	struct gnttab *closed = gnttab_open();
	struct gnttab_mapping *m = gnttab_map(tab, 0, ref, true), *gone;

	gnttab_unmap(m);
	row("a mapping unmapped twice", "gnttab_unmap", gnttab_unmap(m) < 0);
	gone = gnttab_map(closed, 0, ref, true);
	gnttab_close(closed);
	row("a mapping used after its interface was closed", "gnttab_bytes", !gnttab_bytes(gone));
	row("an interface used after it was closed", "gnttab_map",
	    !gnttab_map(closed, 0, ref, true));
	row("an interface that was never opened (NULL)", "gntshr_share",
	    !gntshr_share(NULL, 0, 1, true));
	m = gnttab_map(tab, 0, ref, true);
	row("a mapping given for a share", "gntshr_unshare",
	    gntshr_unshare((struct gntshr_share *)(void *)m) < 0);
}

static void mistakes_of_memory(struct gntshr *shr, struct gnttab *tab)
{
	uint32_t ref = gntshr_ref(gntshr_share(shr, 0, 1, true), 0);
	struct gnttab_mapping *m = gnttab_map(tab, 0, ref, false);
	char *bytes = gnttab_bytes(m);

	signal(SIGSEGV, jump);
	row_of_access("a store to a read-only mapping", bytes, true);
	gnttab_unmap(m);
	row_of_access("a load from a mapping that was unmapped", bytes, false);
	signal(SIGSEGV, SIG_DFL);
}

static void mistakes_of_notifications(struct gntshr *shr, struct gnttab *tab)
{
	uint32_t ref = gntshr_ref(gntshr_share(shr, 0, 1, true), 0);
	struct gnttab_mapping *m = gnttab_map(tab, 0, ref, true);
	struct gnttab_notify byte = {.actions = GNTTAB_CLEAR_BYTE},
			     outside = {.actions = GNTTAB_CLEAR_BYTE, .offset = GNTTAB_PAGE_SIZE},
			     port = {.actions = GNTTAB_SEND_EVENT, .port = 1000};

	row("a notification through a port that was not bound", "gnttab_set_notify",
	    gnttab_set_notify(m, &port) < 0);
	row("a notification of a byte outside the mapping", "gnttab_set_notify",
	    gnttab_set_notify(m, &outside) < 0);
	m = gnttab_map(tab, 0, ref, false);
	row("a byte to be cleared in a read-only mapping", "gnttab_set_notify",
	    gnttab_set_notify(m, &byte) < 0);
}

static void mistakes_of_copies(struct gntshr *shr, struct gnttab *tab)
{
	uint32_t ref = gntshr_ref(gntshr_share(shr, 0, 1, true), 0);
	struct gnttab_copy beyond = {.from = "ab", .to_grant = {.offset = 4095}, .length = 2},
			   nobody = {.from = "a", .to_grant = {.ref = 400000}, .length = 1};

	beyond.to_grant.ref = ref;
	row("a copy that leaves its page", "gnttab_copy", gnttab_copy(tab, &beyond, 1) < 0);
	row("a copy to a reference that nobody granted", "gnttab_copy",
	    gnttab_copy(tab, &nobody, 1) < 0);
}

static void mistakes_of_events(void)
{
	EVTCHN_AUTO_CLOSE struct evtchn *e = evtchn_open();
	uint32_t others, port;

	row("a port of nobody's", "evtchn_notify", evtchn_notify(e, 1000) < 0);
	evtchn_bind_unbound(e, 77, &others);
	row("a port that the other side made for somebody else", "evtchn_bind_interdomain",
	    evtchn_bind_interdomain(e, 0, others, &port) < 0);
	row("no event within the time", "evtchn_wait", evtchn_wait(e, 20, &port) < 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "outside") == 0) {
		row("no `/dev/xen`: not under `gntsim run`, and no Xen", "gntshr_open",
		    !gntshr_open());
		return 0;
	}
	GNTSHR_AUTO_CLOSE struct gntshr *shr = gntshr_open();
	GNTTAB_AUTO_CLOSE struct gnttab *tab = gnttab_open();

	if (!shr || !tab)
		return perror("/dev/xen"), 1;
	mistakes_of_grants(shr, tab);
	mistakes_of_handles(shr, tab);
	mistakes_of_memory(shr, tab);
	mistakes_of_notifications(shr, tab);
	mistakes_of_copies(shr, tab);
	mistakes_of_events();
	return 0;
}
