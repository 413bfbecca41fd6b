/* SPDX-License-Identifier: MIT */
/* The same for players with somebody else at the other end: a player in another domain, a machine of gntsim's. Each
 * system call of one of them fails: the other sees that it is gone, or hears why, and ends. */
#include "command.h"
#include "failing-calls.h"
#include "failing.h"
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lang/options.h"

/* What does not end by then waits for ever. */
#define HANG_S 60

static char *script, *machine;
static char tmp[] = "/tmp/peers-test-XXXXXX";
static bool second_fails; /* of two players */

/* Nobody has to wait for a lab that tells of a crash. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

static void be_player(const char *role, const char *domid, const char *peer, int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	setenv("GNTSIM_LAB", "pv+pv", 1);
	setenv("GNTSIM_LAB_KERNEL", "6.1", 1);
	setenv("GNTSIM_LAB_ROLE", role, 1);
	setenv("GNTSIM_LAB_DOMID", domid, 1);
	setenv("GNTSIM_LAB_PEER", peer, 1);
	setenv("GNTSIM_LAB_CHANNEL", number, 1);
}

/* The first plays, the second serves; its status goes to *second. */
static int play_pair(const struct command *c, int *second)
{
	const struct command serve = {command_play, {"play", "--on", "pair"}, 0};
	int ends[2], status = -1;
	pid_t pid;

	failing_calls_nowhere();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	pid = fork();
	if (!second_fails == (pid > 0))
		failing_calls_here();
	if (pid == 0) {
		alarm(HANG_S);
		command_apart();
		close(ends[0]);
		be_player("domU", "1", "0", ends[1]);
		_exit(command_run(&serve));
	}
	close(ends[1]);
	be_player("dom0", "0", "1", ends[0]);
	if (pid > 0)
		status = command_run(c);
	close(ends[0]);
	waitpid(pid, second, 0);
	return status;
}

struct work {
	struct command command;
	bool pair;
	char *expected;
};

static const char *do_work(void *ctx)
{
	const struct work *w = ctx;
	int second = 0, status;
	const char *wrong = NULL;
	bool same;

	alarm(HANG_S);
	status = w->pair ? play_pair(&w->command, &second) : command_run(&w->command);
	alarm(0);
	failing_calls_here();
	same = status == w->command.status && !strcmp(command_said(), w->expected);
	if (!WIFEXITED(second) || (WEXITSTATUS(second) && WEXITSTATUS(second) != SCN_STATUS_ERROR))
		wrong = "the second one's status is another one";
	else if (failing_is_harmless() && (!same || second))
		wrong = "something else comes of it";
	else if (status != w->command.status && status != SCN_STATUS_ERROR)
		wrong = "its status is another one";
	else if (!*command_said())
		wrong = "it says nothing";
	if (wrong)
		printf("\nstatus %d, the second's %#x: %s", status, (unsigned int)second,
		       command_said());
	return wrong;
}

static void each_call_fails(const char *what, struct work *w)
{
	int second;

	failing->at = 0;
	/* (The first time who counts coverage may have a word.) */
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(w->pair ? play_pair(&w->command, &second)
					: command_run(&w->command),
				w->command.status);
	w->expected = strdup(command_said());
	failing_calls(FAILING_ERRORS);
	each_fails(what, do_work, w, 12);
	failing_calls(FAILING_INTERRUPTED);
	each_fails(what, do_work, w, 3);
	failing_calls(FAILING_SHORT);
	each_fails(what, do_work, w, 3);
	free(w->expected);
}

static void two_players(void)
{
	struct work w = {
	    .command = {command_play, {"play", "--on", "pair", "--verbose", script}, 0},
	    .pair = true};

	each_call_fails("the first of two players", &w);
	second_fails = true;
	each_call_fails("the second of two players", &w);
	second_fails = false;
}

static void a_machine(void)
{
	struct work w = {.command = {command_play, {"play", "--on", "socket", machine}, 0}};

	each_call_fails("play --on socket", &w);
}

int main(int argc, char **argv)
{
	static const struct lang_test tests[] = {
	    {"two players", two_players},
	    {"a machine", a_machine},
	};
	char of_domain_1[sizeof(tmp) + 20];
	int status;

	failing_calls_begin();
	if (argc == 4 && !strcmp(argv[2], "--agent"))
		return command_play(argc - 1, argv + 1);
	if (argc != 4 || !mkdtemp(tmp)) {
		fprintf(stderr, "usage: lang-peers-test SCENARIO SCENARIO FAKE-GNTSIM\n");
		return 2;
	}
	script = argv[1];
	machine = argv[2];
	setenv("GNTSIM", argv[3], 1);
	setenv("TMPDIR", tmp, 1);
	status = lang_run("peers", tests, sizeof(tests) / sizeof(tests[0]));
	snprintf(of_domain_1, sizeof(of_domain_1), "%s/of-domain-1", tmp);
	unlink(of_domain_1);
	if (rmdir(tmp)) {
		printf("something is left in %s\n", tmp);
		status = 1;
	}
	return status;
}
