/* SPDX-License-Identifier: MIT */
/* By which front the devices reach the programs of gntsim run. */
#include "ptrace/front.h"
#include "options.h"
#include "program.h"
#include "substrates/fronts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subject {
	const char *program;
	enum program_kind kind;
	char detail[PATH_MAX];
};

static const char *const fronts[] = {[FRONT_SOCKET] = "socket",
				     [FRONT_FUSE] = "fuse",
				     [FRONT_CUSE] = "cuse",
				     [FRONT_PTRACE] = "ptrace"};

static void say_lacks(const struct run_options *o)
{
	static const enum scn_front assisted[] = {[FRONT_SOCKET] = SCN_FRONT_SOCKET,
						  [FRONT_FUSE] = SCN_FRONT_FUSE,
						  [FRONT_CUSE] = SCN_FRONT_CUSE,
						  [FRONT_PTRACE] = SCN_FRONT_PTRACE};
	enum scn_front front = o->unassisted ? SCN_FRONT_FUSE_UNASSISTED : assisted[o->front];
	const struct scn_lack *l;

	for (size_t i = 0; (l = scn_front_lack(front, i)); i++)
		fprintf(stderr, "gntsim: it lacks %s: %s\n", scn_capability_name(l->capability),
			l->what);
}

/* Why no library can be preloaded. */
static int complain_of(const struct run_options *o, const struct subject *s)
{
	const char *front = fronts[o->front];

	if (s->kind == PROGRAM_OTHER_MACHINE)
		return complain(
		    "%s is a program of another architecture, or of 32 bits: it gets no devices",
		    s->program);
	if (s->kind == PROGRAM_OTHER_LOADER)
		return complain(
		    "%s is loaded by %s, which is neither glibc's loader nor musl's: the "
		    "%s front works through a preloaded library, which only they load",
		    s->program, s->detail, front);
	if (s->kind == PROGRAM_SET_ID)
		return complain("%s is executed with rights of its own (set-user-ID, set-group-ID "
				"or capabilities): the %s front works through a preloaded library, "
				"which the loader does not load into it",
				s->program, front);
	return complain("%s is a static program: the %s front works through a preloaded library, "
			"which the kernel does not load into it",
			s->program, front);
}

/* The program that decides: one machine serves all, and what one needs that no library can be
 * preloaded into holds for the others too. */
static void find_subject(struct run_options *o, struct subject *s)
{
	for (unsigned int i = 0; i < o->n_programs; i++) {
		struct subject next = {.program = o->programs[i].argv[0]};

		free(o->programs[i].found);
		o->programs[i].found = NULL;
		next.kind = program_kind(next.program, next.detail, &o->programs[i].found);
		if (i == 0 || next.kind > s->kind)
			*s = next;
	}
}

/* What is asked of another who traces. */
static bool wants_stores(const struct run_options *o)
{
	for (unsigned int i = 0; i < o->n_programs; i++)
		if (o->programs[i].kill_at.at == DEATH_STORE)
			return true;
	return o->count_stores || (o->stores && strcmp(o->stores, "exact") == 0);
}

/* What the ptrace front is not for, whatever the program. */
static int check_traced(const struct run_options *o, const struct subject *s)
{
	if (s->kind == PROGRAM_SET_ID)
		return complain(
		    "%s is executed with rights of its own (set-user-ID, set-group-ID "
		    "or capabilities): the ptrace front traces it, and the kernel gives "
		    "a traced program none",
		    s->program);
	if (o->unassisted)
		return complain(
		    "--assist, and a machine that serves unassisted programs, belong to "
		    "the fuse front");
	if (wants_stores(o))
		return complain(
		    "--kill-at store:N, --count-stores and --stores exact do not work on "
		    "the ptrace front: a program is traced by one alone");
	return 0;
}

static int say_front(const struct run_options *o, const char *why)
{
	if (!o->verbose)
		return 0;
	fprintf(stderr, "gntsim: front: %s%s (%s)\n", fronts[o->front],
		o->unassisted ? ", unassisted" : "", why);
	say_lacks(o);
	/* What the library has to say later. */
	setenv("GNTSIM_VERBOSE", "1", 1);
	return 0;
}

static void say_why(const struct subject *s, char *text, size_t room)
{
	const char *what = s->kind == PROGRAM_STATIC ? "the program is static"
			   : s->kind == PROGRAM_SET_ID
			       ? "the program is executed with rights of its own"
			       : "the program's loader is neither glibc's nor musl's";

	if (s->kind == PROGRAM_OWN_CALLS)
		snprintf(text, room,
			 "the program %.64s, and makes system calls of its own: a preloaded "
			 "library does not see them",
			 s->detail);
	else
		snprintf(text, room, "%s: no library can be preloaded into it", what);
}

/* For whom a preloaded library is no help: the front that has the most to give. */
static enum front_kind choose_without_library(const struct run_options *o, const struct subject *s,
					      const char **why)
{
	static char text[sizeof(((struct failure *)NULL)->text) + 256];
	enum program_kind kind = s->kind;
	const char *but = NULL;
	struct failure f;
	size_t n;

	if (kind == PROGRAM_SET_ID)
		but = "a traced program has none";
	else if (o->assist_choice == CHOSEN)
		but = "--assist, or the machine, is for the fuse front";
	else if (wants_stores(o))
		but = "stores are not to be stopped at on the ptrace front";
	else if (ptrace_front_try(&f) < 0)
		but = f.text;
	say_why(s, text, sizeof(text));
	n = strlen(text);
	if (but)
		snprintf(text + n, sizeof(text) - n, "; %s", but);
	*why = text;
	return but ? FRONT_FUSE : FRONT_PTRACE;
}

int run_choose_front(struct run_options *o, const struct machine_about *about)
{
	struct subject subject = {.kind = PROGRAM_DYNAMIC};
	const char *why = "as asked for";
	bool dynamic, preloads;

	find_subject(o, &subject);
	dynamic = subject.kind == PROGRAM_DYNAMIC;
	preloads = dynamic || subject.kind == PROGRAM_OWN_CALLS;
	if (subject.kind == PROGRAM_OTHER_MACHINE)
		return complain_of(o, &subject);

	if (about && about->unassisted) {
		if (o->assist_choice == CHOSEN && !o->unassisted)
			return complain("the machine at %s serves unassisted programs only (it has "
					"--mount without --assist=yes)",
					o->socket);
		o->assist_choice = CHOSEN;
		o->unassisted = true;
	}

	if (o->front_choice == CHOOSE && !dynamic) {
		o->front = choose_without_library(o, &subject, &why);
	} else if (o->front_choice == CHOOSE) {
		bool fuse = o->assist_choice == CHOSEN && o->unassisted;

		o->front = fuse ? FRONT_FUSE : FRONT_SOCKET;
		why = fuse ? "it needs no preloaded library"
			   : "the program is dynamic, and it needs nothing of the host";
	}
	if (o->assist_choice == CHOOSE)
		o->unassisted = o->front == FRONT_FUSE && !dynamic;
	if (o->front == FRONT_PTRACE)
		return check_traced(o, &subject) ? EXIT_GNTSIM : say_front(o, why);
	if (!o->unassisted && !preloads)
		return complain_of(o, &subject);
	if (o->unassisted && o->front != FRONT_FUSE)
		return complain("unassisted programs need the fuse front");
	if (about && o->unassisted && !about->unassisted)
		return complain("the machine at %s does not serve unassisted programs (they and "
				"static ones need 'gntsim serve --mount')",
				o->socket);
	return say_front(o, why);
}
