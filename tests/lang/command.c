/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/main.h"
#include "substrates/play/play_main.h"

static int said = -1;

/* Where memory comes to lie is another matter: an address is as good as any other. */
static void forget_addresses(char *text)
{
	char *to = text;

	while (*text) {
		size_t n = 0;

		if (text[0] == '0' && text[1] == 'x')
			while (isxdigit((unsigned char)text[2 + n]))
				n++;
		*to++ = *text++;
		if (n >= 10)
			text += n + 1;
	}
	*to = '\0';
}

const char *command_said(void)
{
	static char text[1 << 16];
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	forget_addresses(text);
	return text;
}

void command_apart(void)
{
	said = -1;
}

bool command_has_said(const char *word)
{
	return strstr(command_said(), word);
}

/* Its memory is its own, not stdio's. */
int command_run(const struct command *c)
{
	static char words[COMMAND_WORDS][PATH_MAX];
	char *argv[COMMAND_WORDS + 1] = {NULL};
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), argc = 0, status;

	for (; argc < COMMAND_WORDS && c->word[argc]; argc++) {
		snprintf(words[argc], sizeof(words[argc]), "%s", c->word[argc]);
		argv[argc] = words[argc];
	}
	fflush(stdout);
	if (said < 0)
		said = memfd_create("said", MFD_CLOEXEC);
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

int command_fuzz(int argc, char **argv)
{
	return gntsim_fuzz_main(argc, argv, NULL);
}

int command_play(int argc, char **argv)
{
	return gntsim_play_main(argc, argv, NULL);
}

/* (Where the linker leads here nothing takes time, so that what is said is the same each time.) */
double __wrap_scn_now(void);

double __wrap_scn_now(void)
{
	return 1000;
}
