/* SPDX-License-Identifier: MIT */
/* Every allocation fails once, and then for ever, while scripts are found, parsed, played, explored and fuzzed (as
 * SQLite's tests do). What comes of it is what comes of it with memory, or a word that there was none: never a
 * verdict on the subject, a crash, or memory that is left. */
#include "command.h"
#include "failing.h"
#include "fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "explore/main.h"
#include "lang/options.h"
#include "lang/parse/parser.h"
#include "lang/source.h"
#include "player/variant.h"
#include "substrates/substrates.h"

/* ---- the work ---- */

struct script {
	const char *name, *text;
	size_t len;
	enum scn_verdict verdict;
};

static char *syntax; /* a file's: it says whatever can be said */
static size_t syntax_len;

static bool says_memory(const struct scn_buf *text)
{
	const char *said = scn_buf_text(text);

	return text->failed || strstr(said, "memory") || strstr(said, "Cannot allocate");
}

static const char *play_variant(const struct scn_scenario *s, const struct script *script,
				uint32_t n)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	scn_cleanup_buf struct scn_buf name = {0}, why = {0};
	struct scn_options options = {0};
	const struct scn_filter filter = {0};
	struct scn_platform platform;
	struct scn_outcome outcome;
	struct scn_setup setup;
	const char *wrong = NULL;
	void *self;

	if (ops->open(&options, &self, &why) != SCN_OK)
		return failing->failed && says_memory(&why) ? NULL : "the model can't be opened";
	platform = ops->platform(self);
	scn_variant(s, &filter, ops->kernel(self), &platform, n, &setup, &name);
	scn_play(s, &setup, ops, self, &outcome);
	if (outcome.verdict == SCN_BROKEN && script->verdict != SCN_BROKEN) {
		if (!failing->failed || !says_memory(&outcome.message))
			wrong = "it is an error that does not speak of memory";
	} else if (outcome.verdict != script->verdict) {
		wrong = scn_verdict_name(outcome.verdict);
	}
	if (wrong)
		printf("%s\n", scn_buf_text(&outcome.message));
	scn_outcome_free(&outcome);
	ops->close(self);
	return wrong;
}

static const char *play_script(void *ctx)
{
	const struct script *script = ctx;
	struct scn_source src = {script->name, script->text, script->len};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	const struct scn_filter filter = {0};
	int err = scn_parse(&src, &s, &errors);
	const char *wrong = NULL;

	if (err == -ENOMEM && failing->failed)
		return NULL;
	if (err)
		return "the script is refused";
	for (uint32_t i = 0; i < scn_variant_count(&s, &filter) && !wrong; i++)
		wrong = play_variant(&s, script, i);
	return wrong;
}

static void a_script_plays(void)
{
	struct script script = {"memory.scn", syntax, syntax_len, SCN_PASSED};

	each_fails(script.name, play_script, &script, 20);
}

/* What it says of why may be cut short. */
static void a_script_fails(void)
{
	static const char text[] =
	    "domain dom0\nprocess A, B in dom0\nA: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\nB: "
	    "close(9) = -1 EBADF\n"
	    "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0 {gref_ids=[9]}\n";
	struct script script = {"fails", text, sizeof(text) - 1, SCN_FAILED};

	each_fails(script.name, play_script, &script, 20);
}

static const char *refuse_script(void *ctx)
{
	const char *text = ctx;
	struct scn_source src = {"t.scn", text, strlen(text)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	int err = scn_parse(&src, &s, &errors);

	if (err == -ENOMEM)
		return failing->failed ? NULL : "there was memory";
	return err == -EINVAL && errors.count == 3 && strstr(scn_buf_text(&errors.text), "t.scn:3:")
		   ? NULL
		   : "the errors are others";
}

static void scripts_are_refused(void)
{
	static char text[] =
	    "domain dom0\nprocess A in dom0\nA: close(x)\nA: nothing(1)\nA: close(3) = -1 EWHAT\n";

	each_fails("errors", refuse_script, text, 20);
}

/* ---- commands ---- */

static char *corpus, *protocols; /* directories */

static const char *run_command(void *ctx)
{
	const struct command *c = ctx;
	int status = command_run(c);

	if (status == c->status)
		return NULL;
	if (status == SCN_STATUS_ERROR && failing->failed &&
	    (command_has_said("memory") || command_has_said("Cannot allocate")))
		return NULL;
	printf("\nstatus %d: %s", status, command_said());
	return status == SCN_STATUS_ERROR ? "it does not speak of memory"
					  : "its status is another one";
}

static void a_directory_is_played(void)
{
	struct command c = {command_play, {"play", corpus}, 0};

	each_fails("play", run_command, &c, 20);
}

static void a_directory_is_played_by_workers(void)
{
	struct command c = {command_play, {"play", "-j", "2", "--junit", "/dev/null", corpus}, 0};

	each_fails("play -j 2", run_command, &c, 20);
}

static void orders_are_explored(void)
{
	char good[PATH_MAX], bad[PATH_MAX];
	struct command passes = {gntsim_explore_main, {"explore", "--states", good}, 0};
	struct command fails = {gntsim_explore_main, {"explore", "-o", "/dev/null", bad}, 1};

	snprintf(good, sizeof(good), "%s/notify-before-publish.scn", protocols);
	snprintf(bad, sizeof(bad), "%s/publish-before-notify.scn", protocols);
	each_fails("explore", run_command, &passes, 20);
	each_fails("explore what fails", run_command, &fails, 20);
}

static void random_calls(void)
{
	struct command c = {
	    command_fuzz, {"fuzz", "--ops", "60", "--length", "30", "--statistics"}, 0};

	each_fails("fuzz", run_command, &c, 20);
}

/* Two kernels differ: that is found, shrunk and written, or there was no memory for it. */
static void random_calls_that_differ(void)
{
	char dir[] = "/tmp/memory-test-XXXXXX", path[sizeof(dir) + 20];
	struct command c = {command_fuzz,
			    {"fuzz", "--against-kernel", "6.12", "--seed", "2", "--ops", "60",
			     "--length", "30", "--max", "1", "--write", dir},
			    1};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	each_fails("fuzz that differs", run_command, &c, 10);
	/* Another one where it was shrunk less. */
	for (int i = 1; i < 1000; i++) {
		snprintf(path, sizeof(path), i == 1 ? "%s/fuzz-2-1.scn" : "%s/fuzz-2-1-%d.scn", dir,
			 i);
		if (unlink(path))
			break;
	}
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
	static const struct lang_test tests[] = {
	    {"a script plays", a_script_plays},
	    {"a script fails", a_script_fails},
	    {"scripts are refused", scripts_are_refused},
	    {"a directory is played", a_directory_is_played},
	    {"a directory is played by workers", a_directory_is_played_by_workers},
	    {"orders are explored", orders_are_explored},
	    {"random calls", random_calls},
	    {"random calls that differ", random_calls_that_differ},
	};

	syntax = argc == 4 ? scn_read_file(argv[1], &syntax_len) : NULL;
	if (!syntax) {
		fprintf(stderr, "usage: lang-memory-test SCENARIO DIRECTORY PROTOCOLS\n");
		return 2;
	}
	corpus = argv[2];
	protocols = argv[3];
	return lang_run("memory", tests, sizeof(tests) / sizeof(tests[0]));
}
