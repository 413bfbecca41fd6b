/* SPDX-License-Identifier: MIT */
/* The exact messages of the parser and the checker. */
#include <string.h>

#include "fixture.h"

#define HEAD "domain dom0\nprocess A in dom0\n"

static void good_scripts(void)
{
	expect_errors("", "");
	expect_errors("# nothing\n", "");
	expect_errors(
	    HEAD "A: fd = open(\"/dev/xen/evtchn\", O_RDWR|O_NONBLOCK)\nA: close(fd) = 0\n", "");
	expect_errors("domain dom0 pv|pvh gntalloc_limit=4 ports=8\nprocess A, B in dom0\n"
		      "kernel >= 5.17 and kernel < 7.0\nneeds advance, inspect\nmachine frames=16\n"
		      "advance 1s\nkill -9 A\nif pv: kill -9 B\nexpect {grants=0, ports=_}\n"
		      "set dom0 gntalloc_limit=2\nfail allocation 3\nfail mmap 2\nraise "
		      "VIRQ_DOM_EXC in dom0\n"
		      "destroy dom0\n",
		      "");
}

static void unknown_statement(void)
{
	expect_errors("proces A in dom0\n",
		      "t.scn:1:1: expected a statement: 'domain', 'process', 'PROCESS: CALL(…)', "
		      "'kill', …, found 'proces'\n"
		      "    proces A in dom0\n"
		      "    ^\n");
}

static void all_errors_are_reported(void)
{
	expect_errors(HEAD "A: frob(1)\nA: close(1\nA: close()\nA: store(q, 1)\n",
		      "t.scn:3:4: expected a call (open, ioctl, mmap, load, …), found 'frob'\n"
		      "    A: frob(1)\n"
		      "       ^\n"
		      "t.scn:4:11: expected ')' or ',' after the argument, found the end of the "
		      "line\n"
		      "    A: close(1\n"
		      "              ^\n"
		      "t.scn:5:4: expected close(FD), found 0 arguments\n"
		      "    A: close()\n"
		      "       ^\n"
		      "t.scn:6:10: expected a name that an earlier step defined, found 'q'\n"
		      "    A: store(q, 1)\n"
		      "             ^\n");
}

static void the_caret_stands_under_its_column_after_tabs(void)
{
	expect_errors(HEAD "A:\tclose(1,\t2)\n",
		      "t.scn:3:4: expected close(FD), found 2 arguments\n"
		      "    A:\tclose(1,\t2)\n"
		      "      \t^\n");
}

static void end_of_file(void)
{
	expect_errors(HEAD "A: close(", "t.scn:3:10: expected a value, found the end of the file\n"
					"    A: close(\n"
					"             ^\n");
}

static void strings(void)
{
	expect_errors(
	    HEAD "A: open(\"/dev/xen, 0)\n",
	    "t.scn:3:9: expected a value, found '\"/dev/xen, 0)': the string is not closed "
	    "on its line\n"
	    "    A: open(\"/dev/xen, 0)\n"
	    "            ^\n");
	expect_errors(HEAD "A: open(O_RDWR, O_RDWR)\n", "t.scn:3:9: expected a path in quotes\n"
							"    A: open(O_RDWR, O_RDWR)\n"
							"            ^\n");
}

static void names(void)
{
	expect_errors(HEAD "A: close(O_RDRW)\n",
		      "t.scn:3:10: expected a known constant, found 'O_RDRW' (a name of your own "
		      "begins with a small letter)\n"
		      "    A: close(O_RDRW)\n"
		      "             ^\n");
	expect_errors(HEAD "A: close(if)\n",
		      "t.scn:3:10: expected a value, found the keyword 'if'\n"
		      "    A: close(if)\n"
		      "             ^\n");
}

static void fields(void)
{
	expect_errors(HEAD "A: ioctl(3, IOCTL_GNTDEV_MAP_GRANT_REF, {cuont=1})\n",
		      "t.scn:3:42: expected a field of ioctl_gntdev_map_grant_ref (count, pad, "
		      "index, refs), found 'cuont'\n"
		      "    A: ioctl(3, IOCTL_GNTDEV_MAP_GRANT_REF, {cuont=1})\n"
		      "                                             ^\n");
	expect_errors(HEAD "A: ioctl(3, 0x1234, {count=1})\n",
		      "t.scn:3:21: expected bytes(…) or an address, found a struct: this ioctl "
		      "number has none that is known\n"
		      "    A: ioctl(3, 0x1234, {count=1})\n"
		      "                        ^\n");
	expect_errors(HEAD "A: ioctl(3, IOCTL_EVTCHN_NOTIFY)\n",
		      "t.scn:3:4: expected an argument {…} for IOCTL_EVTCHN_NOTIFY, found none\n"
		      "    A: ioctl(3, IOCTL_EVTCHN_NOTIFY)\n"
		      "       ^\n");
}

static void results(void)
{
	expect_errors(HEAD "A: close(3) = -1\n",
		      "t.scn:3:17: expected an error's name (such as EINVAL, or _ for any) after "
		      "-1, found the end of the line\n"
		      "    A: close(3) = -1\n"
		      "                    ^\n");
	expect_errors(HEAD "A: close(3) = -1 EINVALL\n",
		      "t.scn:3:18: expected an errno such as EINVAL, found 'EINVALL'\n"
		      "    A: close(3) = -1 EINVALL\n"
		      "                     ^\n");
	expect_errors(HEAD "A: close(3) = 0, -1 EBADF\n",
		      "t.scn:3:16: expected 'if' before another result (this one always holds), "
		      "found ','\n"
		      "    A: close(3) = 0, -1 EBADF\n"
		      "                   ^\n");
	expect_errors(
	    HEAD "A: close(3) = SIGBUS\n",
	    "t.scn:3:15: expected a value or an error: only load and store can end with a "
	    "signal\n"
	    "    A: close(3) = SIGBUS\n"
	    "                  ^\n");
	expect_errors(HEAD "A: write(3, [1]) = blocks\n",
		      "t.scn:3:20: expected a value or an error: only read can block\n"
		      "    A: write(3, [1]) = blocks\n"
		      "                       ^\n");
	expect_errors(HEAD "A: load(0, 1) = -1 EFAULT\n",
		      "t.scn:3:17: expected bytes, SIGSEGV or SIGBUS: loads and stores have no "
		      "errno\n"
		      "    A: load(0, 1) = -1 EFAULT\n"
		      "                    ^\n");
}

static void conditions(void)
{
	expect_errors(HEAD "A: close(3) = 0 if pv\n",
		      "t.scn:3:20: expected a domain before 'pv': no domain of this file is "
		      "pv|pvh\n"
		      "    A: close(3) = 0 if pv\n"
		      "                       ^\n");
	expect_errors("domain dom0 pv|pvh\ndomain dom1 pv|pvh\nprocess A in dom0\n"
		      "A: close(3) = 0 if pvh\n",
		      "t.scn:4:20: expected a domain before 'pvh': more than one domain of this "
		      "file is pv|pvh\n"
		      "    A: close(3) = 0 if pvh\n"
		      "                       ^\n");
	expect_errors(HEAD "A: close(3) = 0 if dom0 pv\n",
		      "t.scn:3:20: expected a domain with a stated guest: write \"domain dom0 "
		      "pv|pvh\"\n"
		      "    A: close(3) = 0 if dom0 pv\n"
		      "                       ^\n");
	expect_errors(
	    "kernel 6.1\n",
	    "t.scn:1:8: expected '<', '<=', '==', '!=', '>=' or '>' after 'kernel', found "
	    "'6'\n"
	    "    kernel 6.1\n"
	    "           ^\n");
	expect_errors("kernel >= six\n", "t.scn:1:11: expected a version such as 6.1, found 'six'\n"
					 "    kernel >= six\n"
					 "              ^\n");
}

static void declarations(void)
{
	expect_errors("domain one\n",
		      "t.scn:1:8: expected dom0, dom1, … as a domain's name, found 'one'\n"
		      "    domain one\n"
		      "           ^\n");
	expect_errors("domain dom0 pvv\n", "t.scn:1:13: expected pv, pvh or a limit "
					   "(gntalloc_limit, gntdev_limit, free_per_iteration, "
					   "grant_frames, maptrack_frames, ports), found 'pvv'\n"
					   "    domain dom0 pvv\n"
					   "                ^\n");
	expect_errors("domain dom0\ndomain dom0\n",
		      "t.scn:2:8: expected a new domain, found 'dom0' again\n"
		      "    domain dom0\n"
		      "           ^\n");
	expect_errors("process A in dom0\n",
		      "t.scn:1:9: expected a domain, found 'dom0' (declare it: domain dom0)\n"
		      "    process A in dom0\n"
		      "            ^\n");
	expect_errors(HEAD "A: close(3)\ndomain dom1\n",
		      "t.scn:4:1: expected a step, found 'domain': declarations come before the "
		      "first step\n"
		      "    domain dom1\n"
		      "    ^\n");
	expect_errors("needs magic\n",
		      "t.scn:1:7: expected a capability (see gntsim-scenario(5)), found 'magic'\n"
		      "    needs magic\n"
		      "          ^\n");
	expect_errors(HEAD "set dom0 ports=3\n",
		      "t.scn:3:10: expected a module's parameter (gntalloc_limit, gntdev_limit, "
		      "free_per_iteration), found 'ports': it can "
		      "only be set where "
		      "the domain is declared\n"
		      "    set dom0 ports=3\n"
		      "             ^\n");
}

static void processes(void)
{
	expect_errors(HEAD "B: close(3)\n",
		      "t.scn:3:1: expected a process, found 'B' (declare it: process B in dom0)\n"
		      "    B: close(3)\n"
		      "    ^\n");
	expect_errors(HEAD "kill -9 A\nA: close(3)\n",
		      "t.scn:4:1: expected a living process, found A, which ended on line 3\n"
		      "    A: close(3)\n"
		      "    ^\n");
	expect_errors(HEAD "A: fork()\n",
		      "t.scn:3:4: expected the child's name before fork: C = fork()\n"
		      "    A: fork()\n"
		      "       ^\n");
	expect_errors("domain dom0\ndomain dom1\nprocess A in dom0\nprocess B in dom1\n"
		      "A: fcntl(3, F_SETOWN, B)\nA: fcntl(3, 3, 0)\nA: fcntl(3, F_SETOWN, 1)\n",
		      "t.scn:5:23: expected a process of the same domain\n"
		      "    A: fcntl(3, F_SETOWN, B)\n"
		      "                          ^\n"
		      "t.scn:6:13: expected F_SETFL or F_SETOWN\n"
		      "    A: fcntl(3, 3, 0)\n"
		      "                ^\n"
		      "t.scn:7:23: expected a process's name as third argument\n"
		      "    A: fcntl(3, F_SETOWN, 1)\n"
		      "                          ^\n");
	expect_errors(HEAD "kill A\n", "t.scn:3:6: expected '-9' after 'kill', found 'A'\n"
				       "    kill A\n"
				       "         ^\n");
	expect_errors(HEAD "destroy dom0\nA: close(3)\n",
		      "t.scn:4:1: expected a living process, found A, which ended on line 3\n"
		      "    A: close(3)\n"
		      "    ^\n");
}

static void too_deep(void)
{
	scn_cleanup_buf struct scn_buf script = {0}, message = {0};

	scn_buf_str(&script, HEAD "A: close(");
	for (int i = 0; i < 100000; i++)
		scn_buf_str(&script, "(");
	CU_ASSERT_EQUAL(play_text(scn_buf_text(&script), &message), SCN_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&message),
				      "t.scn:3:60: expected a simpler value, "
				      "found more than 100 levels in it\n"));
}

static void many_errors_are_cut(void)
{
	scn_cleanup_buf struct scn_buf script = {0}, message = {0};

	for (int i = 0; i < 80; i++)
		scn_buf_str(&script, "nonsense\n");
	CU_ASSERT_EQUAL(play_text(scn_buf_text(&script), &message), SCN_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&message), "30 more errors are not shown\n"));
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"good scripts", good_scripts},
	    {"unknown statement", unknown_statement},
	    {"all errors are reported", all_errors_are_reported},
	    {"the caret after tabs", the_caret_stands_under_its_column_after_tabs},
	    {"end of file", end_of_file},
	    {"strings", strings},
	    {"names", names},
	    {"fields", fields},
	    {"results", results},
	    {"conditions", conditions},
	    {"declarations", declarations},
	    {"processes", processes},
	    {"too deep", too_deep},
	    {"many errors are cut", many_errors_are_cut},
	};

	return lang_run("parser", tests, sizeof(tests) / sizeof(tests[0]));
}
