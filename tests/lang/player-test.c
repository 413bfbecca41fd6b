/* SPDX-License-Identifier: MIT */
/* Matching, variants and verdicts, on the model. */
#include "fixture.h"

#define HEAD                                                                                       \
	"domain dom0\nprocess A in dom0\n"                                                         \
	"A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
#define ALLOC "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, count=2})"
#define MAPPED                                                                                     \
	HEAD ALLOC "\n"                                                                            \
		   "A: p = mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, ga, 0)\n"

static void a_name_takes_and_then_must_match(void)
{
	expect_play(HEAD ALLOC " = 0 {index=i, gref_ids=[a, b]}\n" ALLOC " = 0 {index=i}\n",
		    SCN_FAILED, "expected 0 {index=i}, got 0 {index=8192}");
	expect_play(HEAD ALLOC " = 0 {index=i, gref_ids=[a, a]}\n", SCN_FAILED, "got 0 {index=0");
	expect_play(HEAD ALLOC " = z {index=z, gref_ids=[_, _]}\n", SCN_PASSED, "");
}

static void a_name_before_the_call_is_set_again(void)
{
	expect_play(HEAD "A: x = dup(ga)\nA: x = dup(ga)\nA: close(x) = 0\n", SCN_PASSED, "");
}

static void arrays_bind_as_a_whole(void)
{
	expect_play(HEAD ALLOC " = 0 {gref_ids=r}\n"
			       "A: gb = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
			       "A: ioctl(gb, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1})"
			       " = 0 {gref_ids=[r[1]+1]}\n",
		    SCN_PASSED, "");
	expect_play(HEAD ALLOC " = 0 {gref_ids=r}\nA: close(r[70000])\n", SCN_BROKEN,
		    "this name has no value yet");
}

#define TWO                                                                                        \
	"domain dom0\ndomain dom1\nprocess A in dom0\nprocess B in dom1\n"                         \
	"A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"                                            \
	"B: gb = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
#define ALLOC_B "B: ioctl(gb, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, count=2})"

/* A second time an array's name is compared, each element and none more. */
static void arrays_must_match_as_a_whole(void)
{
	expect_play(HEAD ALLOC " = 0 {gref_ids=r}\n" ALLOC " = 0 {gref_ids=r}\n", SCN_FAILED,
		    "expected 0 {gref_ids=r}, got 0 {gref_ids=[10, 11]}");
	expect_play(TWO ALLOC " = 0 {gref_ids=r}\n" ALLOC_B " = 0 {gref_ids=r}\n", SCN_PASSED, "");
	expect_play(TWO "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0 "
			"{gref_ids=r}\n" ALLOC_B " = 0 {gref_ids=r}\n",
		    SCN_FAILED, "got 0 {gref_ids=[8, 9]}");
	expect_play(HEAD ALLOC " = 0 {gref_ids=[9, 8]}\n", SCN_FAILED,
		    "expected 0 {gref_ids=[9, 8]}, got 0 {gref_ids=[8, 9]}");
	expect_play(HEAD ALLOC " = 0 {gref_ids=[7+i for i in 1..2]}\n", SCN_PASSED, "");
	expect_play(HEAD ALLOC " = 0 {gref_ids=[8+i for i in 1..2]}\n", SCN_FAILED,
		    "got 0 {gref_ids=[8, 9]}");
	expect_play(HEAD ALLOC " = 0 {gref_ids=[7+i for i in 1..3]}\n", SCN_FAILED, "got 0");
}

#define COPY                                                                                       \
	HEAD ALLOC " = 0 {gref_ids=[a, b]}\nA: gd = open(\"/dev/xen/gntdev\", O_RDWR)\n"           \
		   "A: ioctl(gd, IOCTL_GNTDEV_GRANT_COPY, {count=2, segments=["                    \
		   "{source={foreign={domid=dom0, ref=a}}, dest={foreign={domid=dom0, ref=b}}, "   \
		   "len=4, flags=GNTCOPY_source_gref|GNTCOPY_dest_gref}, "                         \
		   "{source={foreign={domid=dom0, ref=99}}, dest={foreign={domid=dom0, ref=b}}, "  \
		   "len=4, flags=GNTCOPY_source_gref|GNTCOPY_dest_gref}]}) = 0 "

/* Structs that a call's pointer leads to. */
static void lists_of_structs(void)
{
	expect_play(COPY "{segments=[{status=0}, {status=-1}]}\n", SCN_PASSED, "");
	expect_play(COPY "{segments=[_, {status=-1}]}\n", SCN_PASSED, "");
	expect_play(COPY "{segments=[_, {status=0}]}\n", SCN_FAILED,
		    "expected 0 {segments=[_, {status=0}]}");
	expect_play(COPY "{segments=_}\n", SCN_PASSED, "");
	expect_play(COPY "{segments=[{source={foreign={ref=a}}, len=4}]}\n", SCN_PASSED, "");
	expect_play(COPY "{segments=[{source={foreign={ref=b}}, len=4}]}\n", SCN_FAILED, "got 0");
	expect_play(COPY "{segments=[{len=i} for i in 1..2]}\n", SCN_BROKEN, "");
}

/* A struct as the bytes that it has. */
static void results_as_bytes(void)
{
	expect_play(HEAD "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, bytes(u16(0) u16(1) u32(1) "
			 "fill(0, 16))) = 0 bytes(u16(0) u16(1) u32(1) u64(index) u32(8) u32(_))\n",
		    SCN_PASSED, "");
	expect_play(HEAD "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, bytes(u16(0) u16(1) u32(1) "
			 "fill(0, 16))) = bytes(u16(0) u16(1) u32(2) u64(index) u32(8) u32(_))\n",
		    SCN_FAILED, "got 0 bytes(");
	expect_play(HEAD "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, bytes(u16(0) u16(1) u32(1) "
			 "fill(0, 16))) = bytes(u16(0) u16(1))\n",
		    SCN_FAILED, "got 0 bytes(");
}

#define LONG                                                                                       \
	"for i in 1..65600: A: ioctl(99, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, "        \
	"count=1}) = -1 EBADF\n"

/* The log of a long play loses its first half; what it tells of the end is right. */
static void a_long_play(void)
{
	expect_play("domain dom0\nprocess A, B in dom0\n" LONG "B: close(96) = -1 EBADF\n" LONG
		    "A: close(98) = -1 EBADF\nA: close(97) = 0\n",
		    SCN_FAILED,
		    "  last steps:\n"
		    "       4  B: close(96) = -1 EBADF\n"
		    "       5  A: ioctl(99, IOCTL_GNTALLOC_ALLOC_GREF, {domid=0, flags=1, count=1})"
		    " = -1 EBADF\n"
		    "       5  A: ioctl(99, IOCTL_GNTALLOC_ALLOC_GREF, {domid=0, flags=1, count=1})"
		    " = -1 EBADF\n"
		    "       6  A: close(98) = -1 EBADF\n"
		    "       7  A: close(97) = -1 EBADF\n");
}

/* In a branch, as elsewhere. */
static void loops_in_branches(void)
{
	expect_play("domain dom0 pv|pvh\nprocess A, B in dom0\nparallel {\n"
		    "if pv: A: open(\"/dev/xen/evtchn\", O_RDWR)\n"
		    "for i in 1..3: A: open(\"/dev/xen/evtchn\", O_RDWR)\n"
		    "for i in 1..0: A: open(\"/dev/xen/evtchn\", O_RDWR)\n"
		    "for i in 1..1: B: open(\"/dev/xen/evtchn\", O_RDWR)\n"
		    "if pvh: B: close(8) = -1 EBADF\n"
		    "B: close(9) = -1 EBADF\n"
		    "}\nif pv: expect {files=5}\nif pvh: expect {files=4}\n",
		    SCN_PASSED, "");
	expect_play("domain dom0\nprocess A, B in dom0\nparallel {\n"
		    "for i in 1..3: A: close(9) = -(i/3) EBADF\nB: close(8) = -1 EBADF\n}\n",
		    SCN_BROKEN, "");
	expect_play(
	    HEAD "A: n = dup(ga)\nparallel {\nfor i in 1..n*1000000: A: close(9) = -1 EBADF\n}\n",
	    SCN_BROKEN, "this range is too long");
	expect_play("domain dom0\nprocess A, B in dom0\nparallel {\n"
		    "for i in 1..3: A: close(9) = 0\nB: close(8) = -1 EBADF\n}\n",
		    SCN_FAILED, "expected 0, got -1 EBADF");
}

static void bytes(void)
{
	expect_play(MAPPED "A: store(p, \"ab\" 1 u16(0x0302) u32(x) fill(7, 3))\n", SCN_BROKEN,
		    "expected a name that an earlier step defined, found 'x'");
	expect_play(MAPPED "A: store(p, \"ab\" 1 u16(0x0202) u32(9) fill(7, 3))\n"
			   "A: load(p, 12) = \"ab\" 1 2 2 u32(n) 7 7 7\n"
			   "A: load(p + 5, 8) = u64(m)\n"
			   "A: load(p + 5, 4) = u32(n)\n"
			   "A: load(p, 3) = \"ab\"\n",
		    SCN_FAILED, "t.scn:10:17: expected \"ab\", got \"ab\" 1");
	expect_play(MAPPED "A: store(p, 256)\n", SCN_BROKEN, "a byte is at most 255");
	expect_play(MAPPED "A: load(p, 8192) = fill(0, 8192)\n", SCN_PASSED, "");
	expect_play(MAPPED "A: load(p, 8193) = _\n", SCN_FAILED, "got SIGSEGV");
}

static void loops_and_lists(void)
{
	expect_play("domain dom0\nprocess A in dom0\nA: ev = open(\"/dev/xen/evtchn\", O_RDWR)\n"
		    "for i in 1..3: A: a[i] = ioctl(ev, IOCTL_EVTCHN_BIND_UNBOUND_PORT, "
		    "{remote_domain=dom0})\n"
		    "for i in 1..3: A: b[i] = ioctl(ev, IOCTL_EVTCHN_BIND_INTERDOMAIN, "
		    "{remote_domain=dom0, remote_port=a[4-i]})\n"
		    "A: read(ev, 12) = 12 [b[i] for i in 1..3]\n"
		    "A: write(ev, [b[i] for i in 1..3]) = 12\n"
		    "A: read(ev, 12) = 12 [b[1]]\n",
		    SCN_FAILED, "t.scn:8:19: expected 12 [b[1]], got blocks");
	expect_play(HEAD "for i in 1..0: A: close(99)\n", SCN_PASSED, "");
}

static void what_a_call_may_not_do_by_itself(void)
{
	expect_play(HEAD "A: close(99)\n", SCN_FAILED, "expected success, got -1 EBADF");
	expect_play(HEAD "A: close(99) = -1 _\n", SCN_PASSED, "");
	expect_play(HEAD "A: close(99) = -1 EINVAL\n", SCN_FAILED,
		    "t.scn:4:16: expected -1 EINVAL, got -1 EBADF\n"
		    "    A: close(99) = -1 EINVAL\n"
		    "                   ^\n"
		    "  last steps:\n"
		    "       3  A: open(\"/dev/xen/gntalloc\", O_RDWR) = 3\n"
		    "       4  A: close(99) = -1 EBADF\n");
	expect_play(HEAD "A: load(BAD, 1)\n", SCN_FAILED, "expected success, got SIGSEGV");
}

static void variants(void)
{
	const char *head = "domain dom0 pv|pvh\nprocess A in dom0\n";
	scn_cleanup_buf struct scn_buf script = {0};

	scn_buf_printf(&script, "%sA: close(9) = -1 EBADF if pv, 0 if pvh\n", head);
	expect_play(scn_buf_text(&script), SCN_FAILED, "expected 0 if pvh, got -1 EBADF");
	scn_buf_clear(&script);
	scn_buf_printf(&script, "%sA: close(9) = 0 if pvh and kernel < 6.0, else -1 EBADF\n", head);
	expect_play(scn_buf_text(&script), SCN_PASSED, "");
	scn_buf_clear(&script);
	scn_buf_printf(&script, "%sif pv: A: close(9) = -1 EBADF\nif pvh: A: close(9) = 0\n", head);
	expect_play(scn_buf_text(&script), SCN_FAILED, "t.scn:4:");
}

static void kernels(void)
{
	expect_play("kernel >= 7.0\n" HEAD, SCN_SKIPPED, "does not hold for kernel 6.1");
	expect_play("kernel >= 5.17 and kernel != 6.0\n" HEAD, SCN_PASSED, "");
}

static void the_nth_allocation_fails(void)
{
	expect_play("domain dom0\nprocess A in dom0\nfail allocation 1\n"
		    "A: open(\"/dev/xen/gntdev\", O_RDWR) = -1 ENOMEM\n"
		    "A: open(\"/dev/xen/gntdev\", O_RDWR)\n",
		    SCN_PASSED, "");
}

static void hazards_must_be_said(void)
{
	const char *script = "domain dom0 pv grant_frames=1\nprocess A in dom0\n"
			     "A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
			     "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=600}) = ";
	scn_cleanup_buf struct scn_buf b = {0};

	scn_buf_printf(&b, "%s-1 ENOSPC\n", script);
	expect_play(scn_buf_text(&b), SCN_FAILED,
		    "got harm to the real kernel: gntalloc-undo-miscounts");
	scn_buf_clear(&b);
	scn_buf_printf(&b, "%s-1 ENOSPC hazard \"gntalloc-undo-miscounts\"\n", script);
	expect_play(scn_buf_text(&b), SCN_PASSED, "");
	scn_buf_clear(&b);
	scn_buf_printf(&b, "%scrash \"other\"\n", script);
	expect_play(scn_buf_text(&b), SCN_FAILED, "got harm to the real kernel");
	expect_play(HEAD "A: close(ga) = 0 hazard \"x\"\n", SCN_FAILED,
		    "got no harm to the kernel");
}

static void totals(void)
{
	expect_play(HEAD ALLOC "\nexpect {grants=2, files=n}\nA: close(ga)\nexpect {files=n}\n",
		    SCN_FAILED, "t.scn:7:9: expected another number of files, got 0");
}

static void conditional_death(void)
{
	expect_play(
	    "domain dom0 pv|pvh\nprocess A in dom0\nif pvh: kill -9 A\nA: close(9) = -1 _\n",
	    SCN_BROKEN, "expected a living process, found A, which has ended");
}

/* As Linux' task_work_add() has it: last in, first out. Measured on 6.1, PV and PVH. */
static void the_last_file_of_the_dead_is_released_first(void)
{
	expect_play("domain dom0\ndomain dom1\nprocess A, B in dom0\n"
		    "A: x = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
		    "A: y = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
		    "A: ioctl(x, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1})"
		    " = 0 {gref_ids=[r]}\n"
		    "A: ioctl(y, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1})\n"
		    "kill -9 A\n"
		    "B: z = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
		    "B: ioctl(z, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1})"
		    " = 0 {gref_ids=[r]}\n",
		    SCN_PASSED, "");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"a name takes and then must match", a_name_takes_and_then_must_match},
	    {"a name before the call is set again", a_name_before_the_call_is_set_again},
	    {"arrays bind as a whole", arrays_bind_as_a_whole},
	    {"arrays must match as a whole", arrays_must_match_as_a_whole},
	    {"lists of structs", lists_of_structs},
	    {"results as bytes", results_as_bytes},
	    {"a long play", a_long_play},
	    {"loops in branches", loops_in_branches},
	    {"bytes", bytes},
	    {"loops and lists", loops_and_lists},
	    {"what a call may not do by itself", what_a_call_may_not_do_by_itself},
	    {"variants", variants},
	    {"kernels", kernels},
	    {"the nth allocation fails", the_nth_allocation_fails},
	    {"hazards must be said", hazards_must_be_said},
	    {"totals", totals},
	    {"conditional death", conditional_death},
	    {"the last file of the dead is released first",
	     the_last_file_of_the_dead_is_released_first},
	};

	return lang_run("player", tests, sizeof(tests) / sizeof(tests[0]));
}
