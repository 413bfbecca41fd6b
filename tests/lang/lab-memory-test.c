/* SPDX-License-Identifier: MIT */
/* The same for what has a lab, or makes files: every allocation fails once, and then for ever, while real Xen is said to
 * play, random calls are compared with it, a verdict on it is written and a kit is packed. What comes of it is what
 * comes of it with memory, in every report and byte, or a word that there was none. */
#include "command.h"
#include "failing.h"
#include "fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conform/main.h"
#include "kit/main.h"
#include "lang/options.h"

static char *alone, *corpus; /* a directory with scenarios */
static char dir[] = "/tmp/lab-memory-test-XXXXXX";

/* A command, what it said when nothing failed, and files that it makes. */
struct work {
	struct command command;
	const char *file[4];
	char *expected_said, *expected[4];
	size_t len[4];
};

static bool speaks_of_memory(const char *text)
{
	return strstr(text, "memory") || strstr(text, "Cannot allocate");
}

#define LONGEST_FILE (1u << 24)

static char *read_made(const char *name, size_t *len)
{
	char path[PATH_MAX], *text = malloc(LONGEST_FILE);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f || !text) {
		free(text);
		return NULL;
	}
	*len = fread(text, 1, LONGEST_FILE - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* Of a file that speaks of memory a part may be missing. */
static const char *check_file(const struct work *w, size_t i)
{
	size_t len = 0;
	char *made = read_made(w->file[i], &len);
	const char *wrong = NULL;

	if (!made)
		wrong = "a file is missing";
	else if ((len != w->len[i] || memcmp(made, w->expected[i], len) != 0) &&
		 !speaks_of_memory(made))
		wrong = "a file is another one";
	if (wrong)
		printf("\n%s:\n%s", w->file[i], made && len < 10000 ? made : "");
	free(made);
	return wrong;
}

static const char *do_work(void *ctx)
{
	const struct work *w = ctx;
	int status = command_run(&w->command);
	const char *said = command_said(), *wrong = NULL;

	if (status != w->command.status &&
	    (status != SCN_STATUS_ERROR || !failing->failed || !speaks_of_memory(said))) {
		wrong = status == SCN_STATUS_ERROR ? "it does not speak of memory"
						   : "its status is another one";
	} else if (status == w->command.status) {
		unsigned long at = failing->at;

		failing->at = 0; /* what follows is ours */
		if (strcmp(said, w->expected_said) != 0 && !speaks_of_memory(said))
			wrong = "it says something else";
		for (size_t i = 0; w->file[i] && !wrong; i++)
			wrong = check_file(w, i);
		failing->at = at;
	}
	if (wrong)
		printf("\nstatus %d: %s", status, said);
	return wrong;
}

static void each_allocation_fails(const char *what, struct work *w, unsigned int sparse)
{
	failing->at = 0;
	/* (The first time who counts coverage may have a word.) */
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(command_run(&w->command), w->command.status);
	w->expected_said = strdup(command_said());
	for (size_t i = 0; w->file[i]; i++) {
		w->expected[i] = read_made(w->file[i], &w->len[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w->expected[i]);
	}
	each_fails(what, do_work, w, sparse);
	free(w->expected_said);
	for (size_t i = 0; w->file[i]; i++)
		free(w->expected[i]);
}

static void real_xen_plays(void)
{
	struct work w = {.command = {command_play,
				     {"play", "--on", "xen", "--leg", "pv+pvh", "--kernel", "6.1",
				      "--seed", "3", "--verbose", "--quiet", "5", corpus},
				     0}};

	each_allocation_fails("play --on xen", &w, 40);
}

static void real_xen_plays_one_by_one(void)
{
	struct work w = {
	    .command = {
		command_play, {"play", "--on", "xen", "--leg", "pv+pvh", "--jobs", "2", alone}, 0}};

	each_allocation_fails("play --on xen, alone", &w, 12);
}

static void random_calls_on_real_xen(void)
{
	struct work w = {.command = {command_fuzz,
				     {"fuzz", "--against", "xen", "--ops", "60", "--length", "30",
				      "--kernel-image", "/bzImage", "--write", dir},
				     0}};

	each_allocation_fails("fuzz --against xen", &w, 12);
}

static void a_verdict(void)
{
	struct work w = {.command = {gntsim_conform_main,
				     {"conform", "-o", dir, "--scenarios", corpus, "--ops", "10",
				      "--kernel", "newest", "--patience", "9"},
				     0},
			 .file = {"report.ktap", "report.xml", "report.html"}};

	each_allocation_fails("conform", &w, 12);
}

static void a_kit(void)
{
	char archive[sizeof(dir) + 10];
	struct work w = {
	    .command = {gntsim_kit_main, {"kit", "-o", archive, "--scenarios", corpus}, 0},
	    .file = {"kit.tar"}};

	snprintf(archive, sizeof(archive), "%s/kit.tar", dir);
	each_allocation_fails("kit", &w, 12);
}

/* In gntsim's place, to compare random calls. */
static int be_fuzzer(void)
{
	puts("10 calls in 1 sequences, seed 1: 0 differences");
	return 0;
}

static void remove_all(void)
{
	static const char *const names[] = {"report.ktap", "report.xml", "report.html", "kit.tar"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	if (rmdir(dir))
		printf("something is left in %s\n", dir);
}

int main(int argc, char **argv)
{
	static const struct lang_test tests[] = {
	    {"real Xen plays", real_xen_plays},
	    {"real Xen plays one by one", real_xen_plays_one_by_one},
	    {"random calls on real Xen", random_calls_on_real_xen},
	    {"a verdict", a_verdict},
	    {"a kit", a_kit},
	};
	int status;

	if (argc > 1 && !strcmp(argv[1], "fuzz"))
		return be_fuzzer();
	if (argc < 4 || !mkdtemp(dir)) {
		fprintf(stderr,
			"usage: lang-lab-memory-test LAB DIRECTORY ALONE [STATIC-PLAYER]\n");
		return 2;
	}
	setenv("GNTSIM_XEN_LAB", argv[1], 1);
	setenv("GNTSIM_PLAY_STATIC", argc > 4 ? argv[4] : "/bin/true", 1);
	corpus = argv[2];
	alone = argv[3];
	status = lang_run("memory", tests, sizeof(tests) / sizeof(tests[0]) - (argc > 4 ? 0 : 1));
	remove_all();
	return status;
}
