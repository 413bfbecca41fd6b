/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_NUMBERS 64

struct peer {
	pid_t pid; /* 0: behind a channel, which outlives it */
	FILE *to, *from;
	unsigned n_numbers;
	uint32_t numbers[MAX_NUMBERS];
};

/* Each command has up to five numbers and returns its first answer; more go to answer[]. */
static struct gntshr *shr;
static struct gnttab *tab;
static struct evtchn *events;
static struct gntshr_share *share;
static struct gnttab_mapping *mapping;
static uint32_t answer[MAX_NUMBERS];
static unsigned n_answers;

static long do_share(const uint32_t *n)
{
	int status = gntshr_try_share(shr, (uint16_t)n[0], n[1], n[2] != 0, &share);

	if (!status)
		status = gntshr_refs(share, answer, n[1]);
	n_answers = status ? 0 : n[1];
	return status;
}

static long do_unshare(const uint32_t *n)
{
	(void)n;
	return gntshr_unshare(share);
}

/* Gives up all that was shared. */
static long do_reopen(const uint32_t *n)
{
	(void)n;
	if (gntshr_close(shr) < 0)
		return -errno;
	return gntshr_try_open(&shr);
}

static long do_map(const uint32_t *n)
{
	return gnttab_try_map(tab, (uint16_t)n[0], n[1], n[2] != 0, &mapping);
}

static long do_unmap(const uint32_t *n)
{
	(void)n;
	return gnttab_unmap(mapping);
}

static unsigned char *at(uint32_t offset)
{
	unsigned char *bytes = gnttab_bytes(mapping);

	if (!bytes)
		bytes = gntshr_bytes(share);
	return bytes + offset;
}

static long do_peek(const uint32_t *n)
{
	return *at(n[0]);
}

static long do_poke(const uint32_t *n)
{
	*at(n[0]) = (unsigned char)n[1];
	return 0;
}

static long do_offer(const uint32_t *n)
{
	n_answers = 1;
	return evtchn_bind_unbound(events, (uint16_t)n[0], &answer[0]);
}

static long do_bind(const uint32_t *n)
{
	n_answers = 1;
	return evtchn_bind_interdomain(events, (uint16_t)n[0], n[1], &answer[0]);
}

static long do_signal(const uint32_t *n)
{
	return evtchn_notify(events, n[0]);
}

static long do_await(const uint32_t *n)
{
	n_answers = 1;
	return evtchn_wait(events, (int)n[0], &answer[0]);
}

static long do_notify(const uint32_t *n)
{
	struct gnttab_notify notify = {.actions = n[0], .offset = n[1], .port = n[2]};

	return gnttab_bytes(mapping) ? gnttab_set_notify(mapping, &notify)
				     : gntshr_set_notify(share, &notify);
}

static long do_die(const uint32_t *n)
{
	(void)n;
	return raise(SIGKILL);
}

static long do_stop(const uint32_t *n)
{
	(void)n;
	exit(0);
}

static const struct {
	const char *name;
	long (*run)(const uint32_t *numbers);
} commands[] = {
    {"share", do_share},   {"unshare", do_unshare}, {"map", do_map},       {"unmap", do_unmap},
    {"peek", do_peek},     {"poke", do_poke},       {"offer", do_offer},   {"bind", do_bind},
    {"signal", do_signal}, {"await", do_await},     {"notify", do_notify}, {"die", do_die},
    {"stop", do_stop},     {"reopen", do_reopen},
};

static void do_line(const char *line)
{
	uint32_t n[5] = {0};
	char name[16] = "";

	sscanf(line, "%15s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, name, &n[0],
	       &n[1], &n[2], &n[3], &n[4]);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name))
			continue;
		n_answers = 0;
		printf("peer %ld", commands[i].run(n));
		for (unsigned j = 0; j < n_answers; j++)
			printf(" %" PRIu32, answer[j]);
		printf("\n");
		fflush(stdout);
		return;
	}
	fprintf(stderr, "peer: no command '%s'\n", name);
	exit(2);
}

int peer_main(void)
{
	char line[200];

	shr = gntshr_open();
	tab = gnttab_open();
	events = evtchn_open();
	if (!shr || !tab || !events) {
		perror("peer: cannot open the devices");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		do_line(line);
	return 0;
}

static void broken(const char *what)
{
	perror(what);
	exit(2);
}

struct peer *peer_start(char *const *command)
{
	char self[] = "/proc/self/exe", role[] = "--peer";
	char *const own[] = {self, role, NULL};
	struct peer *p = calloc(1, sizeof(*p));
	int to[2], from[2];

	if (!p || pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		broken("peer");
	p->pid = fork();
	if (p->pid < 0)
		broken("fork");
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(command ? command[0] : own[0], command ? command : own);
		perror("peer");
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	if (!p->to || !p->from)
		broken("fdopen");
	return p;
}

struct peer *peer_behind(FILE *to, FILE *from)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		broken("peer");
	p->to = to;
	p->from = from;
	fputs("start\n", to);
	return p;
}

/* Another domain's process: peer_serve() says when it is gone. */
static void await_end(struct peer *p)
{
	char line[200];

	do {
		if (!fgets(line, sizeof(line), p->from))
			broken("channel");
	} while (strcmp(line, "ended\n"));
}

static void reap(struct peer *p)
{
	fflush(p->to);
	if (p->pid) {
		fclose(p->to);
		waitpid(p->pid, NULL, 0);
		fclose(p->from);
	} else {
		await_end(p);
	}
	free(p);
}

void peer_stop(struct peer *p)
{
	fputs("stop\n", p->to);
	reap(p);
}

void peer_die(struct peer *p)
{
	fputs("die\n", p->to);
	reap(p);
}

/* By single bytes: what comes after the line is for the process that it starts. */
static bool read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n] = 0;
			return true;
		}
	return false;
}

int peer_serve(int fd)
{
	char line[200];
	pid_t pid;
	int status;

	while (read_line(fd, line, sizeof(line))) {
		if (sscanf(line, "over %d", &status) == 1)
			return status;
		if (strcmp(line, "start\n"))
			continue;
		pid = fork();
		if (pid < 0)
			broken("fork");
		if (pid == 0) {
			dup2(fd, 0);
			dup2(fd, 1);
			exit(peer_main());
		}
		waitpid(pid, NULL, 0);
		if (dprintf(fd, "ended\n") < 0)
			break;
	}
	fputs("the other side ended\n", stderr);
	return 1;
}

long peer_ask(struct peer *p, const char *format, ...)
{
	char line[2000], *text, *end;
	va_list args;
	long first;

	va_start(args, format);
	vfprintf(p->to, format, args);
	va_end(args);
	fputc('\n', p->to);
	fflush(p->to);
	/* A console may echo, and have other things to say. */
	do {
		if (!fgets(line, sizeof(line), p->from) || strcmp(line, "ended\n") == 0) {
			fprintf(stderr, "the peer ended\n");
			exit(2);
		}
	} while (strncmp(line, "peer ", 5));
	first = strtol(line + 5, &text, 10);
	for (p->n_numbers = 0; p->n_numbers < MAX_NUMBERS; text = end) {
		unsigned long n = strtoul(text, &end, 10);

		if (end == text)
			break;
		p->numbers[p->n_numbers++] = (uint32_t)n;
	}
	return first;
}

uint32_t peer_number(const struct peer *p, unsigned i)
{
	return i < p->n_numbers ? p->numbers[i] : 0;
}
