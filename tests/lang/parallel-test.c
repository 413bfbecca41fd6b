/* SPDX-License-Identifier: MIT */
/* parallel and always: what is refused, and what comes of a block that is played in one order. */
#include "fixture.h"

#define HEAD                                                                                       \
	"domain dom0\nprocess A, B in dom0\n"                                                      \
	"A: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\n"        \
	"B: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\n"
/* A page that both have, and an event channel each. */
#define SHARED                                                                                     \
	"domain dom0\ndomain dom1\nprocess A in dom0\nprocess B in dom1\n"                         \
	"A: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"                                            \
	"A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1})\n"                \
	"  = 0 {gref_ids=[ref]}\n"                                                                 \
	"A: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, 0)\n"                       \
	"B: gd = open(\"/dev/xen/gntdev\", O_RDWR)\n"                                              \
	"B: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ref}]})\n"      \
	"B: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gd, 0)\n"

static void good_blocks(void)
{
	expect_errors(HEAD
		      "always {\nB: load(q, 1) = 0, else stop\nexpect {grants=0}\n}\n"
		      "parallel {\nA: store(p, 1)\nfor i in 0..3: A: store(p+i, 1)\n"
		      "B: load(q, 1) = 1, else wait\nB: x = open(\"/dev/xen/evtchn\", O_RDWR)\n"
		      "B: close(x)\n}\nparallel {\nA: close(x)\nB: exit(0)\n}\n"
		      "if B died: A: load(p, 1)\nif A lives: A: load(p, 1) = 1\n",
		      "");
}

static void blocks_that_are_not_whole(void)
{
	expect_errors(HEAD "parallel {\n}\n",
		      "t.scn:5:1: expected a step in the parallel, found none\n"
		      "    parallel {\n"
		      "    ^\n");
	expect_errors(HEAD "always {\n}\n", "t.scn:5:1: expected a step in the always, found none\n"
					    "    always {\n"
					    "    ^\n");
	expect_errors(HEAD "parallel\nA: store(p, 1)\n}\n",
		      "t.scn:5:9: expected '{' after 'parallel', found the end of the line\n"
		      "    parallel\n"
		      "            ^\n");
	expect_errors(HEAD "parallel {\nA: store(p, 1)\n",
		      "t.scn:5:1: expected '}' after the parallel, found the end of the file\n"
		      "    parallel {\n"
		      "    ^\n");
	expect_errors(HEAD "}\n", "t.scn:5:1: expected a statement (no parallel or always is to be "
				  "ended), found '}'\n"
				  "    }\n"
				  "    ^\n");
	expect_errors(HEAD "parallel { A: store(p, 1) }\nA: store(p, 1)\n}\n",
		      "t.scn:5:12: expected the end of the line after '{', found 'A'\n"
		      "    parallel { A: store(p, 1) }\n"
		      "               ^\n");
}

static void nesting(void)
{
	expect_errors(
	    HEAD "parallel {\nA: store(p, 1)\nalways {\nB: load(q, 1)\n}\n",
	    "t.scn:7:1: expected a step or '}', found 'always': the parallel of line 5 is "
	    "not over\n"
	    "    always {\n"
	    "    ^\n");
	expect_errors("domain dom0\nparallel {\nprocess A in dom0\nA: exit(0)\n}\n",
		      "t.scn:3:1: expected a step, found 'process': declarations come before the "
		      "first step\n"
		      "    process A in dom0\n"
		      "    ^\n"
		      "t.scn:4:1: expected a process, found 'A' (declare it: process A in dom0)\n"
		      "    A: exit(0)\n"
		      "    ^\n");
}

static void what_a_branch_may_not_do(void)
{
	expect_errors(
	    HEAD "parallel {\nkill -9 A\nadvance 1s\nexpect {grants=0}\nC = A: fork()\n}\n",
	    "t.scn:6:1: expected a step of a process in a parallel, found one of the machine\n"
	    "    kill -9 A\n"
	    "    ^\n"
	    "t.scn:7:1: expected a step of a process in a parallel, found one of the machine\n"
	    "    advance 1s\n"
	    "    ^\n"
	    "t.scn:8:1: expected a step of a process in a parallel, found one of the machine\n"
	    "    expect {grants=0}\n"
	    "    ^\n"
	    "t.scn:9:1: expected a statement: 'domain', 'process', 'PROCESS: CALL(…)', "
	    "'kill', …, found 'C'\n"
	    "    C = A: fork()\n"
	    "    ^\n");
	expect_errors(
	    HEAD "parallel {\nA: C = fork()\nA: close(3) = crash\nif A lives: B: close(3)\n}\n",
	    "t.scn:6:8: expected a call in a parallel, found fork: a branch is a process "
	    "that exists before\n"
	    "    A: C = fork()\n"
	    "           ^\n"
	    "t.scn:7:15: expected a result in a parallel, found crash\n"
	    "    A: close(3) = crash\n"
	    "                  ^\n"
	    "t.scn:8:4: expected a guest or a kernel in a parallel, found 'A lives': who lives "
	    "is asked after it\n"
	    "    if A lives: B: close(3)\n"
	    "       ^\n");
}

/* A name's value must not depend on the order. */
static void names_of_two_branches(void)
{
	expect_errors(
	    HEAD "parallel {\nA: fd = open(\"/dev/xen/evtchn\", O_RDWR)\nB: close(fd)\n}\n",
	    "t.scn:7:10: expected a name that only B uses, found 'fd', which A sets in this "
	    "parallel: they may come in any order\n"
	    "    B: close(fd)\n"
	    "             ^\n");
	expect_errors(
	    HEAD "parallel {\nB: close(fd)\nA: fd = open(\"/dev/xen/evtchn\", O_RDWR)\n}\n",
	    "t.scn:6:10: expected a name that an earlier step defined, found 'fd'\n"
	    "    B: close(fd)\n"
	    "             ^\n"
	    "t.scn:7:4: expected a name that only A uses, found 'fd', which B uses in this "
	    "parallel: they may come in any order\n"
	    "    A: fd = open(\"/dev/xen/evtchn\", O_RDWR)\n"
	    "       ^\n");
	/* A third one's use is seen behind the setter's own. */
	expect_errors(
	    HEAD "parallel {\nA: store(p, 1)\nB: load(p, 1)\nA: p = dup(3)\n}\n",
	    "t.scn:8:4: expected a name that only A uses, found 'p', which B uses in this "
	    "parallel: they may come in any order\n"
	    "    A: p = dup(3)\n"
	    "       ^\n");
	expect_errors(
	    HEAD "parallel {\nA: load(p, 1) = x\nB: load(q, 1) = x\n}\n",
	    "t.scn:7:17: expected a name that only B uses, found 'x', which A sets in this "
	    "parallel: they may come in any order\n"
	    "    B: load(q, 1) = x\n"
	    "                    ^\n");
}

static void wait_and_stop(void)
{
	expect_errors(HEAD "A: close(3) = 0, else stop\nA: load(p, 1) = 0, else wait\n",
		      "t.scn:5:1: expected 'else stop' only in a parallel or always\n"
		      "    A: close(3) = 0, else stop\n"
		      "    ^\n"
		      "t.scn:6:1: expected 'else wait' only in a parallel\n"
		      "    A: load(p, 1) = 0, else wait\n"
		      "    ^\n");
	expect_errors(
	    HEAD "parallel {\nA: close(3) = 0, else wait\n}\n",
	    "t.scn:6:4: expected load or poll with 'else wait', found close (a read waits by "
	    "itself)\n"
	    "    A: close(3) = 0, else wait\n"
	    "       ^\n");
	expect_errors(HEAD "always {\nA: store(p, 1)\nA: load(p, 1) = 1, else wait\n}\n",
		      "t.scn:6:1: expected load, poll or expect in an always: it may only look\n"
		      "    A: store(p, 1)\n"
		      "    ^\n"
		      "t.scn:7:1: expected load, poll or expect in an always: it may only look\n"
		      "    A: load(p, 1) = 1, else wait\n"
		      "    ^\n");
	expect_errors(
	    HEAD "A: close(3) = 0, 1\n",
	    "t.scn:5:16: expected 'if' before another result (this one always holds), found "
	    "','\n"
	    "    A: close(3) = 0, 1\n"
	    "                   ^\n");
	expect_errors(HEAD "if Q died: A: close(3)\n",
		      "t.scn:5:4: expected a process before 'died', found 'Q'\n"
		      "    if Q died: A: close(3)\n"
		      "       ^\n");
}

static void results_in_branches_are_looked_at(void)
{
	expect_play(SHARED "parallel {\nA: store(p, 1)\nB: load(q, 1) = 1\n}\n", SCN_PASSED, "");
	expect_play(SHARED "parallel {\nA: store(p, 1)\nB: load(q, 1) = 2\n}\n", SCN_FAILED,
		    "expected 2, got 1");
}

static void a_branch_waits(void)
{
	/* B's step comes first in the text, and after A's in every order. */
	expect_play(SHARED "parallel {\nB: load(q, 1) = 1, else wait\nB: store(q+1, 2)\n"
			   "A: store(p, 1)\nA: load(p+1, 1) = 2, else wait\n}\n"
			   "A: load(p, 2) = 1 2\n",
		    SCN_PASSED, "");
	expect_play(
	    SHARED "parallel {\nB: load(q, 1) = 1, else wait\nA: load(p+1, 1) = 2, else wait\n}\n",
	    SCN_FAILED,
	    "expected a branch that goes on, found that all wait: B on line 13, A on line 14");
	/* So does a read by itself; unless that is what is expected. */
	expect_play(SHARED
		    "A: e = open(\"/dev/xen/evtchn\", O_RDWR)\nparallel {\nA: read(e, 4) = 4\n}\n",
		    SCN_FAILED, "found that all wait: A on line 14");
	expect_play(
	    SHARED
	    "A: e = open(\"/dev/xen/evtchn\", O_RDWR)\nparallel {\nA: read(e, 4) = blocks\n}\n",
	    SCN_PASSED, "");
}

static void a_branch_stops(void)
{
	/* What it had bound by half is forgotten, and what needs it is left out. */
	expect_play(SHARED "parallel {\nB: load(q, 2) = x 1, else stop\nB: store(q, x+5)\n}\n"
			   "B: store(q+x, 9)\nA: load(p, 1) = 0\n",
		    SCN_PASSED, "");
	expect_play(SHARED "parallel {\nB: load(q, 2) = x 0, else stop\nB: store(q, x+5)\n}\n"
			   "B: store(q+x+1, 9)\nA: load(p, 2) = 5 9\n",
		    SCN_PASSED, "");
	/* Outside of what a block left without a value it is a mistake as ever. */
	expect_play(SHARED "if pvh: A: x = dup(3)\nA: close(x)\n", SCN_BROKEN, "");
}

static void always_is_looked_at(void)
{
#define ORDER(first, second)                                                                       \
	SHARED                                                                                     \
	"always {\nB: load(q+1, 1) = 1, else stop\nB: load(q, 1) = 7\n}\nparallel {\n" first       \
	"\n" second "\n}\n"
	expect_play(ORDER("A: store(p, 7)", "A: store(p+1, 1)"), SCN_PASSED, "");
	expect_play(ORDER("A: store(p+1, 1)", "A: store(p, 7)"), SCN_FAILED,
		    "t.scn:14:17: expected 7, got 0");
	/* Before the first step, too; and only in blocks that come after it. */
	expect_play(
	    SHARED
	    "A: store(p, 1)\nalways {\nB: load(q, 1) = 0\n}\nparallel {\nA: store(p, 0)\n}\n",
	    SCN_FAILED, "expected 0, got 1");
	expect_play(
	    SHARED "parallel {\nA: store(p, 1)\nA: store(p, 0)\n}\nalways {\nB: load(q, 1) = 0\n}\n"
		   "A: store(p, 1)\n",
	    SCN_PASSED, "");
	/* Who has ended is not asked. */
	expect_play(SHARED
		    "always {\nB: load(q, 1) = 0\n}\nparallel {\nB: exit(0)\nA: store(p, 1)\n}\n",
		    SCN_PASSED, "");
	expect_play(
	    SHARED
	    "always {\nexpect {grants=1}\n}\nparallel {\nA: close(ga)\nA: munmap(p, 4096)\n}\n",
	    SCN_PASSED, "");
	expect_play(
	    SHARED
	    "always {\nexpect {vmas=2}\n}\nparallel {\nA: close(ga)\nA: munmap(p, 4096)\n}\n",
	    SCN_FAILED, "expected another number of vmas, got 1");
}

static void who_died(void)
{
	expect_play(SHARED
		    "kill -9 A\nif A died: B: load(q, 1) = 0\nif A lives: B: load(q, 1) = 1\n",
		    SCN_PASSED, "");
	expect_play(SHARED "if A died: B: load(q, 1) = 1\nif A lives: B: load(q, 1) = 2\n",
		    SCN_FAILED, "expected 2, got 0");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"good blocks", good_blocks},
	    {"blocks that are not whole", blocks_that_are_not_whole},
	    {"nesting", nesting},
	    {"what a branch may not do", what_a_branch_may_not_do},
	    {"names of two branches", names_of_two_branches},
	    {"wait and stop", wait_and_stop},
	    {"results in branches are looked at", results_in_branches_are_looked_at},
	    {"a branch waits", a_branch_waits},
	    {"a branch stops", a_branch_stops},
	    {"always is looked at", always_is_looked_at},
	    {"who died", who_died},
	};

	return lang_run("lang-parallel", tests, sizeof(tests) / sizeof(tests[0]));
}
