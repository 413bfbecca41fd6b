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

/* Of /proc/PID/stat, and of all else that is for who may trace it, nothing is told while the process
 * executes a program, and that may wait for us. */
struct status {
	uint32_t process, parent;
	bool
	    has_memory; /* lost early at an exit, before any file; a thread of the kernel's has none */
};

static bool read_status(uint32_t thread, struct status *s)
{
	char path[32], line[256];
	unsigned int number;
	FILE *f;

	*s = (struct status){0};
	snprintf(path, sizeof(path), "/proc/%u/status", thread);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!s->has_memory && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Tgid: %u", &number) == 1)
			s->process = number;
		else if (sscanf(line, "PPid: %u", &number) == 1)
			s->parent = number;
		else
			s->has_memory = strncmp(line, "VmSize:", 7) == 0;
	}
	fclose(f);
	return s->process != 0;
}

uint32_t process_of_thread(uint32_t thread)
{
	struct status s;

	return read_status(thread, &s) ? s.process : 0;
}

bool program_is_exiting(uint32_t thread)
{
	struct status s;

	return !read_status(thread, &s) || !s.has_memory;
}

uint32_t program_parent(uint32_t pid)
{
	struct status s;

	return read_status(pid, &s) ? s.parent : 0;
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
