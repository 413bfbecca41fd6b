/* SPDX-License-Identifier: MIT */
/* One of gntsim's commands, run in this process. */
#ifndef LANG_COMMAND_H
#define LANG_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#define COMMAND_WORDS 16

struct command {
	int (*main)(int argc, char **argv);
	const char *word[COMMAND_WORDS];
	int status; /* where nothing fails */
};

/* Its status; what it says, on both, is kept. */
int command_run(const struct command *c);
/* Of the last one: the end of it is cut. */
const char *command_said(void);
bool command_has_said(const char *word);

/* In a child: what it says is kept for itself. */
void command_apart(void);

int command_fuzz(int argc, char **argv);
int command_play(int argc, char **argv);

#endif
