/* SPDX-License-Identifier: MIT */
/*
 * What ci/xen-lab does for two domains, without domains: runs a command at each end of a channel.
 *
 *     two-ends LEG COMMAND… :: COMMAND…
 *
 * The first is dom0's, the second domU's; fails if one of them does.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char **argv, const char *role, const char *domid, const char *peer, int end)
{
	char number[16];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(number, sizeof(number), "%d", dup(end));
	setenv("GNTSIM_LAB_ROLE", role, 1);
	setenv("GNTSIM_LAB_DOMID", domid, 1);
	setenv("GNTSIM_LAB_PEER", peer, 1);
	setenv("GNTSIM_LAB_CHANNEL", number, 1);
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

int main(int argc, char **argv)
{
	int ends[2], status[2] = {-1, -1}, second = 2;
	pid_t pids[2];

	while (second < argc && strcmp(argv[second], "::") != 0)
		second++;
	if (second + 1 >= argc || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		errx(2, "usage: two-ends LEG COMMAND... :: COMMAND...");
	argv[second] = NULL;
	setenv("GNTSIM_LAB", argv[1], 1);
	setenv("GNTSIM_LAB_KERNEL", "6.1", 1);
	pids[0] = start(argv + 2, "dom0", "0", "1", ends[0]);
	pids[1] = start(argv + second + 1, "domU", "1", "0", ends[1]);
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 2; i++)
		waitpid(pids[i], &status[i], 0);
	return status[0] || status[1];
}
