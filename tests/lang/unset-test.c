/* SPDX-License-Identifier: MIT */
/* A name that an earlier step would have set, had it been done: wherever it stands, the script can't be played, and
 * the message points at the name. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
	"domain dom0 pv|pvh\n"                                                                     \
	"process A, B in dom0\n"                                                                   \
	"if pvh: A: none = open(\"/dev/xen/evtchn\", O_RDWR)\n"                                    \
	"A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"                                            \
	"A: ev = open(\"/dev/xen/evtchn\", O_RDWR)\n"                                              \
	"A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, count=2})"                  \
	" = 0 {index=at, gref_ids=refs}\n"                                                         \
	"A: p = mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, ga, at)\n"                      \
	"A: gd = open(\"/dev/xen/gntdev\", O_RDWR)\n"
#define FIRST_LINE 9u

static void is_unset(const char *step)
{
	scn_cleanup_buf struct scn_buf script = {0}, message = {0};
	const char *name = strstr(step, "none"), *start = step;
	unsigned int line = FIRST_LINE;

	CU_ASSERT_PTR_NOT_NULL_FATAL(name);
	for (const char *c = step; c < name; c++) {
		if (*c == '\n') {
			line++;
			start = c + 1;
		}
	}
	scn_buf_printf(&script, HEAD "%s\n", step);
	scn_buf_printf(&message, "t.scn:%u:%zu: this name has no value yet\n", line,
		       (size_t)(name - start) + 1);
	expect_play(scn_buf_text(&script), SCN_BROKEN, scn_buf_text(&message));
}

static void in_values(void)
{
	is_unset("A: close(none)");
	is_unset("A: close(-none)");
	is_unset("A: close(1 + none * 2)");
	is_unset("A: close(none | 1)");
	is_unset("A: close(refs[none])");
	is_unset("A: x[none] = dup(ga)");
	is_unset("A: dup(ga) = x[none]");
	is_unset("A: dup(ga) = none[1] + 1");
}

static void in_calls(void)
{
	is_unset("A: open(\"/dev/xen/gntdev\", none)");
	is_unset("A: mmap(NULL, 4096, PROT_READ, MAP_SHARED, none, 0)");
	is_unset("A: munmap(p, none)");
	is_unset("A: load(none, 1)");
	is_unset("A: load(p, none)");
	is_unset("A: store(none, 1)");
	is_unset("A: store(p, 1 none)");
	is_unset("A: store(p, u32(none))");
	is_unset("A: store(p, fill(none, 2))");
	is_unset("A: store(p, fill(1, none))");
	is_unset("A: read(none, 4)");
	is_unset("A: read(ev, none)");
	is_unset("A: read(ev, none, 4)");
	is_unset("A: write(none, [1])");
	is_unset("A: write(ev, [1, none])");
	is_unset("A: write(ev, [i for i in 1..none])");
	is_unset("A: write(ev, [1], none)");
	is_unset("A: write(ev, none, 4)");
	is_unset("A: send_fd(B, none)");
	is_unset("A: fcntl(none, F_SETFL, 0)");
	is_unset("A: fcntl(ev, F_SETFL, none)");
	is_unset("A: fcntl(none, F_SETOWN, A)");
	is_unset("A: exit(none)");
}

static void in_ioctls(void)
{
	is_unset("A: ioctl(none, 1, NULL)");
	is_unset("A: ioctl(ga, none, NULL)");
	is_unset("A: ioctl(ga, 1, none)");
	is_unset("A: ioctl(ga, 1, bytes(none))");
	is_unset("A: ioctl(ga, 1, short(none) bytes(1))");
	is_unset("A: ioctl(ga, IOCTL_GNTALLOC_DEALLOC_GREF, {index=none})");
	is_unset(
	    "A: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=none}]})");
	is_unset("A: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0} for i in "
		 "1..none]})");
	is_unset("A: ioctl(gd, IOCTL_GNTDEV_GRANT_COPY, {count=1, segments=none})");
	is_unset("A: ioctl(gd, IOCTL_GNTDEV_GRANT_COPY, {count=1, "
		 "segments=[{source={foreign={ref=none}}}]})");
}

static void in_results(void)
{
	is_unset("A: load(p, 2) = fill(none, 2)");
	is_unset("A: load(p, 2) = fill(0, none)");
	is_unset("A: load(p, 4) = u32(none + 1)");
	is_unset("A: dup(ga) = 1 + none");
	is_unset("A: poll(ev) = POLLOUT | none");
	is_unset(
	    "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0 {index=none*1}");
	is_unset("A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0 {gref_ids=[i "
		 "for i in 1..none]}");
}

static void in_steps_of_the_machine(void)
{
	is_unset("set dom0 gntalloc_limit=none");
	is_unset("fail allocation none");
	is_unset("raise none in dom0");
	is_unset("expect {files=none+1}");
	is_unset("for i in none..2: A: close(i)");
	is_unset("for i in 1..none: A: close(i)");
	is_unset("parallel {\nfor i in 1..none: A: close(i)\n}");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"in values", in_values},
	    {"in calls", in_calls},
	    {"in ioctls", in_ioctls},
	    {"in results", in_results},
	    {"in steps of the machine", in_steps_of_the_machine},
	};

	return lang_run("unset", tests, sizeof(tests) / sizeof(tests[0]));
}
