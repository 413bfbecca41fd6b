/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "deaths.h"

#include "broker-internal.h"
#include "program.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_GENERATIONS 64

const char *death_point_text(const struct death_point *p, char text[DEATH_POINT_TEXT])
{
	snprintf(text, DEATH_POINT_TEXT, "%s:%" PRIu64 "%s",
		 p->at == DEATH_STORE ? "store" : "call", p->n,
		 p->at == DEATH_CALL_DONE ? "+" : "");
	return text;
}

int deaths_program_of(const struct deaths *d, uint32_t pid)
{
	for (unsigned int i = 0; pid && i < MOST_GENERATIONS; i++) {
		for (unsigned int k = 0; k < d->n; k++)
			if (d->programs[k].pid == pid)
				return (int)k;
		pid = program_parent(pid);
	}
	return -1;
}

/* What a program can be seen to do: the calls that a trace shows as such. */
static bool is_call(uint16_t op)
{
	static const bool calls[WIRE_OP_MAX] = {
	    [WIRE_OPEN] = true,    [WIRE_IOCTL] = true,  [WIRE_WRITE] = true,
	    [WIRE_MMAP] = true,    [WIRE_MUNMAP] = true, [WIRE_MPROTECT] = true,
	    [WIRE_MADVISE] = true, [WIRE_MREMAP] = true};

	return op < WIRE_OP_MAX && calls[op];
}

/* The process may have ended meanwhile, but its number can't be another's: it waits for us. */
static void end_process(struct death_program *p, uint32_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	char text[DEATH_POINT_TEXT];
	struct program who;
	char name[PROGRAM_TEXT];

	program_look(&who, pid);
	fprintf(stderr, "gntsim: killed at %s: %s\n", death_point_text(&p->point, text),
		program_text(&who, name));
	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		fprintf(stderr, "gntsim: %s can't be killed: %s\n", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	p->reached = true;
	p->victim = pid;
}

/* One more call. @return whether it is the one before which the process ends */
static bool count(struct death_program *p)
{
	return ++p->calls == p->point.n && p->point.at == DEATH_CALL;
}

static bool ends_after(const struct death_program *p)
{
	return p->point.at == DEATH_CALL_DONE && p->calls == p->point.n && !p->reached;
}

static struct death_program *program_of_client(struct client *c)
{
	struct deaths *d = c->broker->config.deaths;

	if (c->part < 0)
		c->part = deaths_program_of(d, c->program.pid);
	return c->part < 0 ? NULL : &d->programs[c->part];
}

bool deaths_before(struct client *c, const struct wire_in *in)
{
	struct death_program *p;

	c->broker->dying_call = NULL;
	if (!c->mm || !is_call(in->msg.op))
		return false;
	p = program_of_client(c);
	if (!p)
		return false;
	if (count(p)) {
		end_process(p, c->program.pid);
		return true;
	}
	c->broker->dying_call = ends_after(p) ? p : NULL;
	return false;
}

bool deaths_after(struct client *c)
{
	struct death_program *p = c->broker->dying_call;

	c->broker->dying_call = NULL;
	if (!p)
		return false;
	end_process(p, c->program.pid);
	return true;
}

/* The program of a thread whose call came through the kernel; NULL: none. */
static struct death_program *program_of_thread(struct broker *b, uint32_t thread)
{
	struct deaths *d = b->config.deaths;
	int i;

	b->dying_call = NULL;
	if (!d)
		return NULL;
	b->dying_process = process_of_thread(thread);
	i = deaths_program_of(d, b->dying_process);
	return i < 0 ? NULL : &d->programs[i];
}

bool deaths_file_before(struct broker *b, uint32_t thread)
{
	struct death_program *p = program_of_thread(b, thread);

	if (!p)
		return false;
	if (count(p)) {
		end_process(p, b->dying_process);
		return true;
	}
	b->dying_call = ends_after(p) ? p : NULL;
	return false;
}

void deaths_file_again(struct broker *b, uint32_t thread)
{
	struct death_program *p = program_of_thread(b, thread);

	b->dying_call = p && ends_after(p) ? p : NULL;
}

void deaths_file_after(struct broker *b)
{
	struct death_program *p = b->dying_call;

	b->dying_call = NULL;
	if (p)
		end_process(p, b->dying_process);
}
