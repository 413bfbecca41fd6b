/* SPDX-License-Identifier: MIT */
/* Every system call of a command's fails once, and then for ever: what comes of it is what comes of it where none does,
 * or a clear word, never a verdict on the subject, a descriptor or file that is left, or a wait without an end. What a
 * signal interrupts, or what is done a byte at a time, changes nothing at all. */
#include "command.h"
#include "failing-calls.h"
#include "failing.h"
#include "fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform/main.h"
#include "kit/main.h"
#include "lang/options.h"

#define SKIPPED 77
/* What does not end by then waits for ever. */
#define HANG_S 60

static char *alone, *corpus, *agent; /* scenarios */
static char dir[] = "/tmp/calls-test-XXXXXX", tmp[sizeof(dir) + 4], out[sizeof(dir) + 4];

struct work {
	struct command command;
	char *expected; /* what it says where nothing fails */
};

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	bool empty = d != NULL;

	while (empty && (entry = readdir(d)))
		empty = entry->d_name[0] == '.';
	if (d)
		closedir(d);
	return empty;
}

static int run(const struct work *w)
{
	int status;

	alarm(HANG_S);
	status = command_run(&w->command);
	alarm(0);
	return status;
}

static const char *do_work(void *ctx)
{
	const struct work *w = ctx;
	int status = run(w);
	const char *said = command_said(), *wrong = NULL;

	if (status != w->command.status && status != SCN_STATUS_ERROR && status != SKIPPED)
		wrong = "its status is another one";
	else if (status != w->command.status && !*said)
		wrong = "it says nothing";
	else if (!is_empty(tmp))
		wrong = "a file is left";
	if (wrong)
		printf("\nstatus %d: %s", status, said);
	return wrong;
}

static const char *do_the_same(void *ctx)
{
	const struct work *w = ctx;
	int status = run(w);
	const char *said = command_said(), *wrong = NULL;

	if (status != w->command.status || strcmp(said, w->expected) != 0)
		wrong = "something else comes of it";
	else if (!is_empty(tmp))
		wrong = "a file is left";
	if (wrong)
		printf("\nstatus %d: %s", status, said);
	return wrong;
}

static void each_call_fails(const char *what, struct work *w)
{
	failing->at = 0;
	/* (The first time who counts coverage may have a word.) */
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(run(w), w->command.status);
	w->expected = strdup(command_said());
	failing_calls(FAILING_ERRORS);
	each_fails(what, do_work, w, 12);
	failing_calls(FAILING_INTERRUPTED);
	each_fails(what, do_the_same, w, 3);
	failing_calls(FAILING_SHORT);
	each_fails(what, do_the_same, w, 3);
	free(w->expected);
}

static void real_xen_plays(void)
{
	struct work w = {.command = {command_play,
				     {"play", "--on", "xen", "--leg", "pv+pvh", "--kernel-image",
				      "/bzImage", corpus},
				     0}};

	each_call_fails("play --on xen", &w);
}

static void real_xen_plays_one_by_one(void)
{
	struct work w = {
	    .command = {
		command_play, {"play", "--on", "xen", "--leg", "pv+pvh", "--jobs", "2", alone}, 0}};

	each_call_fails("play --on xen, alone", &w);
}

static void workers_play(void)
{
	struct work w = {.command = {command_play, {"play", "-j", "2", corpus}, 0}};

	each_call_fails("play -j 2", &w);
}

static void devices_play(void)
{
	struct work w = {.command = {command_play,
				     {"play", "--on", "device", "--device-dir", dir, "--domid", "0",
				      "--host", "pv", "--verbose", agent},
				     0}};

	each_call_fails("play --on device", &w);
}

static void random_calls_on_real_xen(void)
{
	struct work w = {.command = {command_fuzz,
				     {"fuzz", "--against", "xen", "--ops", "60", "--length", "30",
				      "--write", out},
				     0}};

	each_call_fails("fuzz --against xen", &w);
}

static void a_verdict(void)
{
	struct work w = {.command = {gntsim_conform_main,
				     {"conform", "-o", out, "--scenarios", corpus, "--ops", "10",
				      "--kernel", "newest"},
				     0}};

	each_call_fails("conform", &w);
}

static void a_kit(void)
{
	char archive[sizeof(out) + 10];
	struct work w = {
	    .command = {gntsim_kit_main, {"kit", "-o", archive, "--scenarios", corpus}, 0}};

	snprintf(archive, sizeof(archive), "%s/kit.tar", out);
	each_call_fails("kit", &w);
}

/* In gntsim's place, to compare random calls. */
static int be_fuzzer(void)
{
	puts("10 calls in 1 sequences, seed 1: 0 differences");
	return 0;
}

static bool make_places(void)
{
	static const char *const nodes[] = {"gntalloc", "gntdev", "evtchn"};

	if (!mkdtemp(dir))
		return false;
	snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char node[sizeof(dir) + 10];

		snprintf(node, sizeof(node), "%s/%s", dir, nodes[i]);
		if (symlink("/dev/null", node))
			return false;
	}
	return !mkdir(tmp, 0700) && !mkdir(out, 0700) && !setenv("TMPDIR", tmp, 1);
}

int main(int argc, char **argv)
{
	static const struct lang_test tests[] = {
	    {"real Xen plays", real_xen_plays},
	    {"real Xen plays one by one", real_xen_plays_one_by_one},
	    {"workers play", workers_play},
	    {"devices play", devices_play},
	    {"random calls on real Xen", random_calls_on_real_xen},
	    {"a verdict", a_verdict},
	    {"a kit", a_kit},
	};
	char *const remove[] = {(char[]){"rm"}, (char[]){"-rf"}, dir, NULL};
	int status;

	failing_calls_begin();
	if (argc == 4 && !strcmp(argv[2], "--agent"))
		return command_play(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "fuzz"))
		return be_fuzzer();
	if (argc < 5 || !make_places()) {
		fprintf(stderr,
			"usage: lang-calls-test LAB DIRECTORY ALONE AGENT.SCN [STATIC-PLAYER]\n");
		return 2;
	}
	setenv("GNTSIM_XEN_LAB", argv[1], 1);
	setenv("GNTSIM_PLAY_STATIC", argc > 5 ? argv[5] : "/bin/true", 1);
	corpus = argv[2];
	alone = argv[3];
	agent = argv[4];
	status = lang_run("calls", tests, sizeof(tests) / sizeof(tests[0]) - (argc > 5 ? 0 : 1));
	if (fork() == 0)
		execvp(remove[0], remove);
	wait(NULL);
	return status;
}
