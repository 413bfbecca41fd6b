/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void program_look(struct program *p, uint32_t pid)
{
	char path[32];
	ssize_t n = -1;
	int fd;

	*p = (struct program){.pid = pid};
	if (pid == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, p->name, sizeof(p->name) - 1);
		close(fd);
	}
	p->name[n > 0 ? n : 0] = '\0';
	/* Its last byte is a newline. Whatever else the program put there is for a terminal. */
	p->name[strcspn(p->name, "\n")] = '\0';
	for (char *c = p->name; *c; c++)
		if (*c < ' ' || *c == 127)
			*c = '?';
}

#define PF_EXITING 0x4ul

/* /proc/PID/stat: pid (comm), from here: state ppid pgrp session tty tpgid flags … exit_code. */
static const char *read_stat_line(uint32_t pid, char *line, size_t room)
{
	char path[32];
	const char *p;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, room - 1);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	p = strrchr(line, ')');
	return p ? p : "";
}

static bool read_stat(uint32_t pid, uint32_t *parent, unsigned long *flags)
{
	char line[1024];

	return sscanf(read_stat_line(pid, line, sizeof(line)), ") %*c %u %*d %*d %*d %*d %lu",
		      parent, flags) == 2;
}

int program_exit_status(uint32_t pid)
{
	char line[1024];
	const char *p = read_stat_line(pid, line, sizeof(line));
	int status;

	p = strrchr(p, ' ');
	return p && sscanf(p, "%d", &status) == 1 ? status : -1;
}

bool program_is_exiting(uint32_t pid)
{
	unsigned long flags;
	uint32_t parent;

	return !read_stat(pid, &parent, &flags) || (flags & PF_EXITING) != 0;
}

uint32_t program_parent(uint32_t pid)
{
	unsigned long flags;
	uint32_t parent;

	return read_stat(pid, &parent, &flags) ? parent : 0;
}

const char *program_text(const struct program *p, char text[PROGRAM_TEXT])
{
	if (p->pid == 0)
		snprintf(text, PROGRAM_TEXT, "an unknown process");
	else
		snprintf(text, PROGRAM_TEXT, "%s (process %u)", *p->name ? p->name : "?", p->pid);
	return text;
}
