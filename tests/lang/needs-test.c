/* SPDX-License-Identifier: MIT */
/* What scenarios need, by what they do; and what becomes of one whose need is said to be lacking. */
#include "lang/parse/parser.h"
#include "player/session.h"
#include "substrates/fronts.h"
#include "substrates/substrates.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define HEAD                                                                                       \
	"domain dom0\ndomain dom1\nprocess A in dom0\nprocess B in dom1\n"                         \
	"A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
#define ALLOC "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1})"

static uint64_t needs_of(const char *script)
{
	struct scn_source src = {.name = "t.scn", .text = script, .len = strlen(script)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};

	CU_ASSERT_EQUAL(scn_parse(&src, &s, &errors), 0);
	return s.needs;
}

static void a_stated_index(void)
{
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC "\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = 0 {index=at}\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = 0 {index=_}\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = 0 {index=at}\n" ALLOC " = 0 {index=at+4096}\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = 0 {index=4096}\n"), SCN_CAP(DRIVER_INDEX));
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = 0 {index=at} if kernel > 6.0, 0 {index=0}\n"),
			SCN_CAP(DRIVER_INDEX));
	CU_ASSERT_EQUAL(needs_of(HEAD "for i in 0..1: " ALLOC " = 0 {index=4096*i}\n"),
			SCN_CAP(DRIVER_INDEX));
	CU_ASSERT_EQUAL(needs_of(HEAD "for i in 0..1: " ALLOC " = 0 {index=at[i]}\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD ALLOC " = -1 EFAULT {index=0}\n"), 0);
}

static void an_mmap_at_a_stated_index(void)
{
#define MMAP(fd, flags, at) "A: mmap(NULL, 4096, PROT_READ, " flags ", " fd ", " at ")"
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "MAP_SHARED", "0") "\n"), SCN_CAP(DRIVER_INDEX));
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "MAP_SHARED", "ga") "\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("-1", "MAP_PRIVATE|MAP_ANONYMOUS", "0") "\n"), 0);
}

static void an_mmap_that_the_driver_refuses(void)
{
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "MAP_SHARED", "0") " = -1 EINVAL\n"),
			SCN_CAP(MMAP_ERRORS));
	/* The kernel is first with these. */
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "MAP_SHARED", "0") " = -1 EACCES\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "0", "0") " = -1 EINVAL\n"), 0);
	CU_ASSERT_EQUAL(needs_of(HEAD MMAP("ga", "MAP_SHARED", "ga + 100") " = -1 EINVAL\n"), 0);
}

static void a_domain_that_is_destroyed(void)
{
	CU_ASSERT_EQUAL(needs_of(HEAD "destroy dom1\n"),
			SCN_CAP(DESTROY_DOMAIN) | SCN_CAP(DESTROY_KILLS));
	CU_ASSERT_EQUAL(needs_of(HEAD "kill -9 B\ndestroy dom1\n"), SCN_CAP(DESTROY_DOMAIN));
}

static void every_lack_is_in_the_sum(void)
{
	for (unsigned int front = 0; front < SCN_N_FRONTS; front++) {
		uint64_t all = scn_front_lacks((enum scn_front)front);
		const struct scn_lack *lack;

		for (size_t i = 0; (lack = scn_front_lack((enum scn_front)front, i)); i++)
			CU_ASSERT_EQUAL(all >> lack->capability & 1, 1);
		CU_ASSERT_NOT_EQUAL(all, 0);
	}
}

static uint64_t without_munmap(const void *self)
{
	(void)self;
	return SCN_ALL_CAPS & ~SCN_CAP(MUNMAP);
}

/* The totals of a play on the model, which is said to lack munmap. */
static void play_doubtfully(const char *script, bool doubt, unsigned int count[SCN_N_VERDICTS])
{
	char path[] = "/tmp/needs-test-XXXXXX";
	char *paths[] = {path};
	struct scn_files files = {.paths = paths, .n = 1};
	struct scn_substrate_ops ops = scn_substrate_model;
	struct scn_session session = {.ops = &ops, .jobs = 1, .doubt = doubt};
	struct scn_report report = {.out = fopen("/dev/null", "w"), .substrate = "model"};
	scn_cleanup_buf struct scn_buf why = {0};
	int fd = mkstemp(path);

	ops.capabilities = without_munmap;
	CU_ASSERT_EQUAL(write(fd, script, strlen(script)), (ssize_t)strlen(script));
	CU_ASSERT_EQUAL(scn_session_play(&session, &files, &report, &why), 0);
	memcpy(count, report.count, sizeof(report.count));
	CU_ASSERT_EQUAL(scn_report_end(&report, NULL), 0);
	fclose(report.out);
	close(fd);
	unlink(path);
}

static void a_lack_in_doubt(void)
{
	unsigned int n[SCN_N_VERDICTS];

	play_doubtfully("needs munmap\n" HEAD, false, n);
	CU_ASSERT_EQUAL(n[SCN_SKIPPED], 1);
	/* It passes: the need, or the lack, is not true. */
	play_doubtfully("needs munmap\n" HEAD, true, n);
	CU_ASSERT_EQUAL(n[SCN_FAILED], 1);
	play_doubtfully("needs munmap\n" HEAD "A: close(ga) = -1 EIO\n", true, n);
	CU_ASSERT_EQUAL(n[SCN_SKIPPED], 1);
	/* One of its plays shows the need. */
	play_doubtfully("needs munmap\ndomain dom0 pv|pvh\nprocess A in dom0\n"
			"A: close(5) = -1 EIO if pv, -1 EBADF\n",
			true, n);
	CU_ASSERT_EQUAL(n[SCN_SKIPPED], 2);
	CU_ASSERT_EQUAL(n[SCN_FAILED], 0);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"a stated index", a_stated_index},
	    {"an mmap at a stated index", an_mmap_at_a_stated_index},
	    {"an mmap that the driver refuses", an_mmap_that_the_driver_refuses},
	    {"a domain that is destroyed", a_domain_that_is_destroyed},
	    {"every lack is in the sum", every_lack_is_in_the_sum},
	    {"a lack in doubt", a_lack_in_doubt},
	};

	return lang_run("needs", tests, sizeof(tests) / sizeof(tests[0]));
}
