/* SPDX-License-Identifier: MIT */
/*
 * The server has a helper, a child that knows nothing of the page and has it mapped all the same: a page's end is that
 * of its last mapping, and the notification waits for it.
 */
#include "pair.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start_helper(struct side *s)
{
	int ready[2];
	char word;
	pid_t helper;

	CHECK(pipe(ready) == 0);
	helper = fork();
	CHECK(helper >= 0);
	if (helper == 0) {
#ifdef MENDED
		munmap(s->page, PAGE_SIZE);
		close(s->memory);
		close(s->events);
#else
		(void)s;
#endif
		close(ready[1]);
		close(ready[0]);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK(read(ready[0], &word, 1) == 0);
	close(ready[0]);
	return helper;
}

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};
	pid_t helper;

	CHECK(share(&s, 1));
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	helper = start_helper(&s);
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	wait_event(&s);
	if (!s.page->asked)
		return gone(&s, "client");
	work(&s); /* here */
	strcpy(s.page->text, MESSAGE);
	s.page->produced = 1;
	notify(&s);
	if (!await(&s, &s.page->consumed, &s.page->client_live))
		return gone(&s, "client");
	kill(helper, SIGKILL);
	waitpid(helper, NULL, 0);
	leave(&s);
	return 0;
}

int client(void)
{
	return asking_client();
}
