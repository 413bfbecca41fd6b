/* SPDX-License-Identifier: MIT */
/* Every allocation fails once, and then for ever, while scripts are found, parsed, played, explored and fuzzed (as
 * SQLite's tests do). What comes of it is what comes of it with memory, or a word that there was none: never a
 * verdict on the subject, a crash, or memory that is left. */
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
#include "fuzz/main.h"
#include "lang/options.h"
#include "lang/parse/parser.h"
#include "lang/source.h"
#include "player/variant.h"
#include "substrates/play/play_main.h"
#include "substrates/substrates.h"

/* ---- memory (the linker leads here: --wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

#define MAX_LIVE (1u << 16)

static struct {
	unsigned long at; /* which one fails; 0: none */
	bool ever;
	unsigned long made;
	unsigned int failed;
	void *live[MAX_LIVE]; /* by address */
	unsigned int n_live;
} memory;

static void **slot_of(const void *p)
{
	size_t i = (uintptr_t)p / 16 * 2654435761u % MAX_LIVE;

	while (memory.live[i] && memory.live[i] != p)
		i = (i + 1) % MAX_LIVE;
	return &memory.live[i];
}

static void *born(void *p)
{
	if (p) {
		*slot_of(p) = p;
		memory.n_live++;
	}
	return p;
}

/* What was not allocated here is not counted. */
static void gone(const void *p)
{
	void **slot = slot_of(p), *moved;

	if (!p || !*slot)
		return;
	*slot = NULL;
	memory.n_live--;
	for (size_t i = (size_t)(slot - memory.live);
	     (moved = memory.live[i = (i + 1) % MAX_LIVE]);) {
		memory.live[i] = NULL;
		*slot_of(moved) = moved;
	}
}

static bool fails(void)
{
	memory.made++;
	if (!memory.at || (memory.ever ? memory.made < memory.at : memory.made != memory.at))
		return false;
	memory.failed++;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : born(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : born(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	gone(p);
	return born(__real_realloc(p, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : born(__real_strdup(s));
}

void __wrap_free(void *p)
{
	gone(p);
	__real_free(p);
}

/* ---- the loop ---- */

static void complain(const char *what, const char *wrong)
{
	printf("\n%s, allocation %lu%s of %lu: %s\n", what, memory.at,
	       memory.ever ? " and all after it" : "", memory.made, wrong);
	CU_FAIL("see above");
}

/* Does the work with each of its allocations failing. It returns what is wrong, or NULL; where none fails nothing
 * may be. */
static void each_fails(const char *what, const char *(*work)(void *ctx), void *ctx)
{
	unsigned int before = memory.n_live;
	const char *wrong;
	unsigned int complaints = 0;

	for (int ever = 0; ever < 2; ever++) {
		memory.ever = ever;
		memory.at = 0;
		do {
			/* Of the first ones each; of many not all. */
			memory.at += 1 + memory.at / 20;
			memory.made = memory.failed = 0;
			wrong = work(ctx);
			if (!wrong && memory.n_live != before)
				wrong = "memory is left";
			if (wrong && complaints++ < 20)
				complain(what, wrong);
			before = memory.n_live;
		} while (memory.failed > 0);
	}
	memory.at = 0;
}

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
		return memory.failed && says_memory(&why) ? NULL : "the model can't be opened";
	platform = ops->platform(self);
	scn_variant(s, &filter, ops->kernel(self), &platform, n, &setup, &name);
	scn_play(s, &setup, ops, self, &outcome);
	if (outcome.verdict == SCN_BROKEN && script->verdict != SCN_BROKEN) {
		if (!memory.failed || !says_memory(&outcome.message))
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

	if (err == -ENOMEM && memory.failed)
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

	each_fails(script.name, play_script, &script);
}

/* What it says of why may be cut short. */
static void a_script_fails(void)
{
	static const char text[] =
	    "domain dom0\nprocess A, B in dom0\nA: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\nB: "
	    "close(9) = -1 EBADF\n"
	    "A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0 {gref_ids=[9]}\n";
	struct script script = {"fails", text, sizeof(text) - 1, SCN_FAILED};

	each_fails(script.name, play_script, &script);
}

static const char *refuse_script(void *ctx)
{
	const char *text = ctx;
	struct scn_source src = {"t.scn", text, strlen(text)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	int err = scn_parse(&src, &s, &errors);

	if (err == -ENOMEM)
		return memory.failed ? NULL : "there was memory";
	return err == -EINVAL && errors.count == 3 && strstr(scn_buf_text(&errors.text), "t.scn:3:")
		   ? NULL
		   : "the errors are others";
}

static void scripts_are_refused(void)
{
	static char text[] =
	    "domain dom0\nprocess A in dom0\nA: close(x)\nA: nothing(1)\nA: close(3) = -1 EWHAT\n";

	each_fails("errors", refuse_script, text);
}

/* ---- commands ---- */

struct command {
	int (*main)(int argc, char **argv);
	const char *word[8];
	int status; /* with memory */
};

static char *corpus, *protocols; /* directories */
static int said = -1;            /* what a command prints */

static const char *what_was_said(void)
{
	static char text[1 << 16];
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool has_said(const char *word)
{
	return strstr(what_was_said(), word);
}

/* Its memory is its own, not stdio's. */
static int run_quietly(const struct command *c)
{
	char words[8][PATH_MAX], *argv[9] = {NULL};
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), argc = 0, status;

	for (; c->word[argc]; argc++) {
		snprintf(words[argc], sizeof(words[argc]), "%s", c->word[argc]);
		argv[argc] = words[argc];
	}
	fflush(stdout);
	CU_ASSERT_EQUAL_FATAL(ftruncate(said, 0), 0);
	lseek(said, 0, SEEK_SET);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	status = c->main(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	return status;
}

static const char *run_command(void *ctx)
{
	const struct command *c = ctx;
	int status = run_quietly(c);

	if (status == c->status)
		return NULL;
	if (status == SCN_STATUS_ERROR && memory.failed &&
	    (has_said("memory") || has_said("Cannot allocate")))
		return NULL;
	printf("\nstatus %d: %s", status, what_was_said());
	return status == SCN_STATUS_ERROR ? "it does not speak of memory"
					  : "its status is another one";
}

static int fuzz(int argc, char **argv)
{
	return gntsim_fuzz_main(argc, argv, NULL);
}

static int play(int argc, char **argv)
{
	return gntsim_play_main(argc, argv, NULL);
}

static void a_directory_is_played(void)
{
	struct command c = {play, {"play", corpus}, 0};

	each_fails("play", run_command, &c);
}

static void orders_are_explored(void)
{
	char good[PATH_MAX], bad[PATH_MAX];
	struct command passes = {gntsim_explore_main, {"explore", "--states", good}, 0};
	struct command fails = {gntsim_explore_main, {"explore", "-o", "/dev/null", bad}, 1};

	snprintf(good, sizeof(good), "%s/notify-before-publish.scn", protocols);
	snprintf(bad, sizeof(bad), "%s/publish-before-notify.scn", protocols);
	each_fails("explore", run_command, &passes);
	each_fails("explore what fails", run_command, &fails);
}

static void random_calls(void)
{
	struct command c = {fuzz, {"fuzz", "--ops", "60", "--length", "30", "--statistics"}, 0};

	each_fails("fuzz", run_command, &c);
}

int main(int argc, char **argv)
{
	static const struct lang_test tests[] = {
	    {"a script plays", a_script_plays},
	    {"a script fails", a_script_fails},
	    {"scripts are refused", scripts_are_refused},
	    {"a directory is played", a_directory_is_played},
	    {"orders are explored", orders_are_explored},
	    {"random calls", random_calls},
	};

	syntax = argc == 4 ? scn_read_file(argv[1], &syntax_len) : NULL;
	said = memfd_create("said", MFD_CLOEXEC);
	if (!syntax || said < 0) {
		fprintf(stderr, "usage: lang-memory-test SCENARIO DIRECTORY PROTOCOLS\n");
		return 2;
	}
	corpus = argv[2];
	protocols = argv[3];
	return lang_run("memory", tests, sizeof(tests) / sizeof(tests[0]));
}
