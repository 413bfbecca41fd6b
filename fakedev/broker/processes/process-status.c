/* SPDX-License-Identifier: MIT */
#include "process-status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

bool process_status(uint32_t pid, uint32_t tid, struct process_status *out)
{
	char path[64], text[8192];
	const char *state;
	ssize_t n;
	int fd;

	*out = (struct process_status){0};
	if (tid)
		snprintf(path, sizeof(path), "/proc/%u/task/%u/status", pid, tid);
	else
		snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* A file of /proc comes in one read. */
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strstr(text, "\nState:\t");
	if (!state)
		return false;
	*out = (struct process_status){
	    .process = (uint32_t)number(text, "\nTgid:"),
	    .parent = (uint32_t)number(text, "\nPPid:"),
	    .threads = (uint32_t)number(text, "\nThreads:"),
	    .state = state[strlen("\nState:\t")],
	    .has_memory = strstr(text, "\nVmSize:"),
	    .switches = number(text, "\nvoluntary_ctxt_switches:") +
			number(text, "\nnonvoluntary_ctxt_switches:"),
	};
	return true;
}
