/* SPDX-License-Identifier: MIT */
/* What the tests of the scenario language share. */
#ifndef LANG_FIXTURE_H
#define LANG_FIXTURE_H

#include "player/player.h"
#include <CUnit/Basic.h>
#include <stddef.h>

struct lang_test {
	const char *name;
	void (*run)(void);
};

/* Runs the tests of one file; returns the exit status. */
int lang_run(const char *suite, const struct lang_test *tests, size_t n);

/* The script has exactly these messages, "" for none. Its name in them is "t.scn". */
void expect_errors(const char *script, const char *messages);

/* Plays every variant on the model; the verdict of the first that did not pass, with its message
 * in `message` if that is not NULL. */
enum scn_verdict play_text(const char *script, struct scn_buf *message);
/* The script plays like that, and the message contains the text. */
void expect_play(const char *script, enum scn_verdict verdict, const char *message);

#define EXPECT_TEXT(got, expected) expect_text(got, expected, __LINE__)
void expect_text(const char *got, const char *expected, int line);

#endif
