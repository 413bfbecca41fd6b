/* SPDX-License-Identifier: MIT */
/*
 * A client whose descriptors stay open when it is dead, until the server has ended: another process has them in
 * common with it. So it is with who dies on a busy machine, too: whoever has it from a socket that it is dead may be
 * gone before the kernel has closed the devices. With the mistake of cases/live-first.c.
 */
#define _GNU_SOURCE
#include "pair.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	publish(meeting, &s);
	if (hear(meeting))
		wait_event(&s);
	leave(&s);
	return 0;
}

/* Without libraries: these take it for the client. `ended`: is closed by the server's end. */
static void keep_open(int meeting, int ended)
{
	struct pollfd dead = {.fd = (int)syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN};
	char byte;

	CHECK(dead.fd >= 0);
	if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL) != 0)
		return;
	syscall(SYS_ppoll, &dead, 1, NULL, NULL, 0);
#ifdef MENDED
	/* All but the devices, which were opened next: that it is dead is known, too. */
	syscall(SYS_close_range, dead.fd + 3, ~0U, 0);
#endif
	if (syscall(SYS_close, meeting) == 0)
		syscall(SYS_read, ended, &byte, 1);
	syscall(SYS_exit_group, 0);
}

int client(void)
{
	int meeting = meet();
	struct side s = {0};
	struct offer offer;

	keep_open(meeting, meet());
	if (!take_offer(meeting, &offer) || !map(&s, 0, offer))
		return gone(&s, "server");
#ifdef MENDED
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
#else
	s.page->client_live = 1;
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
#endif
	work(&s);
	report(meeting);
	leave(&s);
	return 0;
}
