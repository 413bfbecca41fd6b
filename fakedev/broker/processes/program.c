/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "program.h"

#include "process-status.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The bytes of a character that is no command to a terminal; 0: there is none. */
static size_t character(const unsigned char *at)
{
	size_t n = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (n == 1)
		return at[0] >= ' ' && at[0] != 127;
	/* A first byte below is none, or of what one byte would do for; C2 80 to C2 9F are commands. */
	if (at[0] < 0xc2 || at[0] > 0xf4 || (at[0] == 0xc2 && at[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

void program_printable(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at;) {
		size_t n = character(at);

		if (n == 0)
			*at = '?';
		at += n ? n : 1;
	}
}

void program_look(struct program *p, uint32_t pid)
{
	char path[32], line[sizeof(p->name) + 1]; /* with the kernel's newline */
	ssize_t n = -1;
	int fd;

	*p = (struct program){.pid = pid};
	if (pid == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, sizeof(p->name));
		close(fd);
	}
	if (n > 0)
		memcpy(p->name, line, (size_t)n - 1);
	program_printable(p->name);
}

uint32_t process_of_thread(uint32_t thread)
{
	struct process_status s;

	return process_status(thread, 0, &s) ? s.process : 0;
}

bool program_is_exiting(uint32_t thread)
{
	struct process_status s;

	return !process_status(thread, 0, &s) || !s.has_memory;
}

uint32_t program_parent(uint32_t pid)
{
	struct process_status s;

	return process_status(pid, 0, &s) ? s.parent : 0;
}

/* Of who executes no program any more. stat: pid (comm), …, the last number. */
int program_exit_status(uint32_t pid)
{
	char path[32], line[1024];
	const char *p;
	ssize_t n = -1;
	int fd, status;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, sizeof(line) - 1);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	p = strrchr(line, ')');
	p = p ? strrchr(p, ' ') : NULL;
	return p && sscanf(p, "%d", &status) == 1 ? status : -1;
}

const char *program_text(const struct program *p, char text[PROGRAM_TEXT])
{
	if (p->pid == 0)
		snprintf(text, PROGRAM_TEXT, "an unknown process");
	else
		snprintf(text, PROGRAM_TEXT, "%s (process %u)", *p->name ? p->name : "?", p->pid);
	return text;
}
