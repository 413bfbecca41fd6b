/* SPDX-License-Identifier: MIT */
/* The output of several programs: which of it goes through the relay, and with which tag. */
#define _GNU_SOURCE
#include "run.h"

#include "broker/processes/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int describe(const struct run_options *o, unsigned int i, struct run_output *out)
{
	const struct run_program *p = &o->programs[i];

	if (p->wait_for)
		out->sources[i].wanted = &p->wanted;
	if (!o->tag)
		return 0;
	if (asprintf(&out->tags[i], "dom%u %s| ", p->domid, last_part(p->argv[0])) < 0) {
		out->tags[i] = NULL;
		return -ENOMEM;
	}
	program_printable(out->tags[i]);
	out->sources[i].tag = out->tags[i];
	return 0;
}

int run_output_open(const struct run_options *o, struct run_output *out, struct failure *f)
{
	int err = 0;

	*out = (struct run_output){.relay = {.control = -1},
				   .sources = calloc(o->n_programs, sizeof(*out->sources)),
				   .tags = calloc(o->n_programs, sizeof(*out->tags))};
	if (!out->sources || !out->tags)
		return fail(f, -ENOMEM, "out of memory");
	for (unsigned int i = 0; err == 0 && i < o->n_programs; i++)
		err = describe(o, i, out);
	return err < 0 ? fail(f, err, "out of memory")
		       : relay_start(&out->relay, out->sources, o->n_programs, f);
}

/* Whoever reads may take his time; so long a signal ends it. */
static void wait_for_relay(pid_t pid, bool hurry)
{
	const struct timespec grace = {.tv_sec = 5};
	sigset_t set;
	int signal = SIGCHLD;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (signal != SIGCHLD)
			kill(pid, SIGKILL);
		signal = sigtimedwait(&set, NULL, hurry ? &grace : NULL);
	}
}

void run_output_close(const struct run_options *o, struct run_output *out)
{
	relay_finish(&out->relay);
	for (unsigned int i = 0; out->sources && i < o->n_programs; i++)
		relay_source_close(&out->sources[i]);
	for (unsigned int i = 0; out->tags && i < o->n_programs; i++)
		free(out->tags[i]);
	free(out->tags);
	free(out->sources);
	if (out->relay.pid > 0)
		wait_for_relay(out->relay.pid, out->hurry);
	*out = (struct run_output){.relay = {.control = -1}};
}
