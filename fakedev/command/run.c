/* SPDX-License-Identifier: MIT */
/* gntsim run: a program on the fake devices of a private machine, or of one that is served. */
#define _GNU_SOURCE
#include "command.h"
#include "fronts/fronts.h"
#include "lang/options.h"
#include "program.h"
#include "substrates/fronts.h"
#include "trace.h"
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
	unsigned long domid, limit;
	unsigned int patience;
	uint32_t guest;
	const char *socket, *trace, *trace_format;
	enum { CHOOSE, CHOSEN } front_choice, assist_choice;
	enum front_kind front;
	bool unassisted;
	bool xenstore, verbose;
	enum { LEAKS_IGNORED, LEAKS_REPORTED, LEAKS_FAIL } leaks;
	char **program;
};

static void usage(FILE *out)
{
	fputs("usage: gntsim run [OPTION...] [--] PROGRAM [ARGUMENT...]\n\n"
	      "Runs a program with /dev/xen/gntalloc, gntdev and evtchn of a simulated domain.\n"
	      "Without --socket it gets a machine of its own, which ends with the program.\n\n"
	      "  --domain N      the program's domain (default 0)\n"
	      "  --guest KIND    pv or pvh (default: domain 0 is pv, others are pvh)\n"
	      "  --front KIND    auto, socket, fuse or cuse (default auto)\n"
	      "  --assist=no     with fuse: no preloaded library (default for static programs)\n"
	      "  --socket PATH   join the machine that 'gntsim serve' keeps there\n"
	      "  --patience N    seconds that it may take to answer (default 20)\n"
	      "  --limit N       gntalloc's limit of pages per domain (default 1024)\n"
	      "  --xenstore      start xenstored in domain 0 (package xen-utils-4.17)\n"
	      "  --leaks[=error] report what the program still had granted or mapped at its\n"
	      "                  end; with =error exit with 1 if there was any\n"
	      "  --trace FILE    write every device call, and what it did; - for stderr\n"
	      "  --trace-format F  text (default) or json\n"
	      "  --verbose       say what was chosen and why\n"
	      "  --help\n\n"
	      "Exit status: the program's own; 128 + N if signal N killed it; 125 if gntsim\n"
	      "failed; 126 or 127 if the program could not be run or found.\n",
	      out);
}

static bool parse_front(const char *name, struct options *o)
{
	static const char *const names[] = {"socket", "fuse", "cuse"};

	o->front_choice = CHOSEN;
	if (strcmp(name, "auto") == 0) {
		o->front_choice = CHOOSE;
		return true;
	}
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			o->front = (enum front_kind)i;
			return true;
		}
	}
	complain("--front: expected auto, socket, fuse or cuse, found '%s'", name);
	return false;
}

/* 0 to go on, 1 done, EXIT_GNTSIM. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"domain", required_argument, NULL, 'd'},
						{"guest", required_argument, NULL, 'g'},
						{"front", required_argument, NULL, 'f'},
						{"socket", required_argument, NULL, 's'},
						{"assist", required_argument, NULL, 'a'},
						{"patience", required_argument, NULL, 'p'},
						{"limit", required_argument, NULL, 'l'},
						{"xenstore", no_argument, NULL, 'x'},
						{"leaks", optional_argument, NULL, 'L'},
						{"verbose", no_argument, NULL, 'v'},
						{"trace", required_argument, NULL, 't'},
						{"trace-format", required_argument, NULL, 'F'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	bool assisted;
	int c;

	while ((c = scn_option_next("run", argc, argv, "+h", options)) != -1) {
		switch (c) {
		case 'd':
			if (!scn_option_number("run", "--domain", optarg, 0, 0x7FEF, &o->domid))
				return EXIT_GNTSIM;
			break;
		case 'g':
			if (!parse_guest(optarg, &o->guest))
				return EXIT_GNTSIM;
			break;
		case 'f':
			if (!parse_front(optarg, o))
				return EXIT_GNTSIM;
			break;
		case 'a':
			if (!parse_yes_no("--assist", optarg, &assisted))
				return EXIT_GNTSIM;
			o->assist_choice = CHOSEN;
			o->unassisted = !assisted;
			break;
		case 'p':
			if (!parse_patience("run", optarg, &o->patience))
				return EXIT_GNTSIM;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'l':
			if (!scn_option_number("run", "--limit", optarg, 1, INT_MAX, &o->limit))
				return EXIT_GNTSIM;
			break;
		case 'x':
			o->xenstore = true;
			break;
		case 'L':
			if (optarg && strcmp(optarg, "error"))
				return complain("--leaks: expected nothing or =error, found '=%s'",
						optarg);
			o->leaks = optarg ? LEAKS_FAIL : LEAKS_REPORTED;
			break;
		case 't':
			o->trace = optarg;
			break;
		case 'F':
			o->trace_format = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			return EXIT_GNTSIM;
		}
	}
	o->program = argv + optind;
	if (!*o->program)
		return complain("no program to run; see 'gntsim run --help'");
	if (o->socket && (o->limit || o->xenstore))
		return complain("--limit and --xenstore belong to the machine: give them to "
				"'gntsim serve'");
	return 0;
}

static const char *const fronts[] = {
    [FRONT_SOCKET] = "socket", [FRONT_FUSE] = "fuse", [FRONT_CUSE] = "cuse"};

static void say_lacks(const struct options *o)
{
	static const enum scn_front assisted[] = {[FRONT_SOCKET] = SCN_FRONT_SOCKET,
						  [FRONT_FUSE] = SCN_FRONT_FUSE,
						  [FRONT_CUSE] = SCN_FRONT_CUSE};
	enum scn_front front = o->unassisted ? SCN_FRONT_FUSE_UNASSISTED : assisted[o->front];
	const struct scn_lack *l;

	for (size_t i = 0; (l = scn_front_lack(front, i)); i++)
		fprintf(stderr, "gntsim: it lacks %s: %s\n", scn_capability_name(l->capability),
			l->what);
}

/* Why no library can be preloaded. */
static int complain_of(const struct options *o, enum program_kind kind, const char *loader)
{
	const char *program = o->program[0], *front = fronts[o->front];

	if (kind == PROGRAM_OTHER_MACHINE)
		return complain(
		    "%s is a program of another architecture, or of 32 bits: it gets no devices",
		    program);
	if (kind == PROGRAM_OTHER_LOADER)
		return complain(
		    "%s is loaded by %s, which is neither glibc's loader nor musl's: the "
		    "%s front works through a preloaded library, which only they load",
		    program, loader, front);
	return complain("%s is a static program: the %s front works through a preloaded library, "
			"which the kernel does not load into it",
			program, front);
}

/* What the user left open, by what the program is and, if there is one, by the machine to join. */
static int choose_front(struct options *o, const struct machine_about *about)
{
	char loader[PATH_MAX];
	enum program_kind kind = program_kind(o->program[0], loader);
	bool dynamic = kind == PROGRAM_DYNAMIC;
	const char *why = "as asked for";

	if (kind == PROGRAM_OTHER_MACHINE)
		return complain_of(o, kind, loader);

	if (about && about->unassisted) {
		if (o->assist_choice == CHOSEN && !o->unassisted)
			return complain("the machine at %s serves unassisted programs only (it has "
					"--mount without --assist=yes)",
					o->socket);
		o->assist_choice = CHOSEN;
		o->unassisted = true;
	}

	if (o->front_choice == CHOOSE) {
		bool fuse = !dynamic || (o->assist_choice == CHOSEN && o->unassisted);

		o->front = fuse ? FRONT_FUSE : FRONT_SOCKET;
		why = kind == PROGRAM_STATIC
			  ? "the program is static: no library can be preloaded into it"
		      : !dynamic
			  ? "the program's loader is neither glibc's nor musl's: no library can "
			    "be preloaded into it"
		      : fuse ? "it needs no preloaded library"
			     : "the program is dynamic, and it needs nothing of the host";
	}
	if (o->assist_choice == CHOOSE)
		o->unassisted = o->front == FRONT_FUSE && !dynamic;
	if (!o->unassisted && !dynamic)
		return complain_of(o, kind, loader);
	if (o->unassisted && o->front != FRONT_FUSE)
		return complain("unassisted programs need the fuse front");
	if (about && o->unassisted && !about->unassisted)
		return complain("the machine at %s does not serve unassisted programs (they and "
				"static ones need 'gntsim serve --mount')",
				o->socket);
	if (o->verbose) {
		fprintf(stderr, "gntsim: front: %s%s (%s)\n", fronts[o->front],
			o->unassisted ? ", unassisted" : "", why);
		say_lacks(o);
	}
	return 0;
}

/* The process turns into the program. */
static int become(const struct options *o, const char *socket, const char *rundir, const char *tree)
{
	struct joining j = {.socket = socket,
			    .domid = (uint32_t)o->domid,
			    .guest = o->guest,
			    .front = o->front,
			    .unassisted = o->unassisted,
			    .tree = tree,
			    .patience = o->patience};
	struct failure f;

	if (*rundir) {
		xenstore_environment(rundir);
		if (xenstore_introduce(rundir, j.domid, &f) < 0)
			return complain("%s", f.text);
	}
	/* In another mount namespace a chroot hides from us where our own file is: that comes last. */
	if (join_environment(&j, &f) < 0 || (j.front == FRONT_FUSE && mount_own(&j, &f) < 0) ||
	    (j.front == FRONT_CUSE && mount_cuse(&j, &f) < 0))
		return complain("%s", f.text);
	restore_limits();
	return exec_program(o->program);
}

/* The program's start, with what it takes. */
struct start {
	const struct options *o;
	const char *socket, *rundir, *tree;
};

static int start(void *ctx)
{
	const struct start *s = ctx;

	return become(s->o, s->socket, s->rundir, s->tree);
}

/* Leaks count where the program itself found nothing wrong. */
static int status_with_leaks(const struct options *o, int status, unsigned int leaks)
{
	if (leaks && o->leaks == LEAKS_FAIL && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	return exit_status(status);
}

static int serve_program(const struct options *o, struct broker *b, const char *socket,
			 struct xenstore *x)
{
	struct start s = {.o = o, .socket = socket, .rundir = x->rundir};
	struct running r;
	unsigned int leaks;
	int n = 0;

	if (running_prepare(&r, x) < 0 || broker_watch(b, r.signals, running_signal, &r) < 0)
		return complain("cannot watch for signals: %s", strerror(errno));
	if (running_start(&r, start, &s) < 0)
		return complain("cannot fork: %s", strerror(errno));
	while (!r.ended && n >= 0)
		n = broker_serve(b, -1);
	/* The kernel closed all that was the program's before it could be waited for. */
	while (n >= 0 && broker_serve(b, 0) > 0)
		;
	xenstore_stop(x, b);
	if (!r.ended)
		return complain("the event loop failed: %s", strerror(-n));
	leaks = broker_report_leaks(b);
	return status_with_leaks(o, r.status, leaks);
}

/* What the machine has noted of the processes below us, on stderr. @return how many leaks, or -1 after
 * a complaint */
static int report_noted(const struct joining *j, int fd)
{
	const struct machine_question nothing = {0};
	struct wire_in in;
	struct failure f;
	int n = 0;

	/* What has ended by now has ended for the machine too. */
	if (machine_ask(j, fd, WIRE_SYNC, &nothing, &in, &f) < 0)
		return complain("what leaked is not known: %s", f.text), -1;
	wire_in_done(&in);
	if (machine_ask(j, fd, WIRE_LEAKS, &nothing, &in, &f) < 0)
		return complain("what leaked is not known: %s", f.text), -1;
	fwrite(in.payload, 1, in.msg.payload, stderr);
	for (uint32_t i = 0; i < in.msg.payload; i++)
		n += in.payload[i] == '\n';
	if (n)
		fprintf(stderr, "gntsim: %d leak%s%s\n", n, n == 1 ? "" : "s",
			in.msg.result ? ", and more than could be noted" : "");
	wire_in_done(&in);
	return n;
}

/* The program as our child, so that its end is seen, and who it leaves behind stays below us. */
static int run_noted(const struct options *o, const struct joining *j, int fd, struct start *s)
{
	const struct machine_question nothing = {0};
	struct wire_in in;
	struct running r;
	struct failure f;
	int leaks;

	if (machine_ask(j, fd, WIRE_WATCH, &nothing, &in, &f) < 0)
		return complain("%s", f.text);
	wire_in_done(&in);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (running_prepare(&r, NULL) < 0)
		return complain("cannot watch for signals: %s", strerror(errno));
	if (running_start(&r, start, s) < 0)
		return complain("cannot fork: %s", strerror(errno));
	running_await(&r);
	leaks = report_noted(j, fd);
	if (leaks < 0)
		return EXIT_GNTSIM;
	return status_with_leaks(o, r.status, (unsigned int)leaks);
}

static int run_joined(struct options *o)
{
	struct joining j = {.socket = o->socket,
			    .domid = (uint32_t)o->domid,
			    .guest = o->guest,
			    .patience = o->patience};
	struct machine_about about = {0};
	char path[PATH_MAX];
	struct failure f;
	struct start s;
	int fd = machine_connect(&j, WIRE_ROLE_COMMAND, &about, &f), status;

	if (fd < 0)
		return complain("%s", f.text);
	status = choose_front(o, &about);
	/* The program may change its directory. */
	if (status == 0 && !realpath(o->socket, path))
		status = complain("%s: %s", o->socket, strerror(errno));
	if (status == 0 && strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		status = complain("the socket's path is too long: %s", path);
	s = (struct start){.o = o,
			   .socket = path,
			   .rundir = about.rundir,
			   .tree = o->unassisted ? about.tree : NULL};
	if (status == 0 && o->leaks != LEAKS_IGNORED)
		status = run_noted(o, &j, fd, &s);
	else if (status == 0) {
		close(fd);
		return start(&s);
	}
	close(fd);
	return status;
}

static int run_private(const struct options *o, const struct broker_trace *trace)
{
	char dir[80], socket[100], room[PATH_MAX];
	struct xenstore x = {0};
	struct broker_config config = {.fronts = &fakedev_fronts,
				       .socket_path = socket,
				       .trace = trace,
				       .gntalloc_limit = (uint32_t)o->limit,
				       .domain0_guest = o->domid == 0 ? o->guest : 0,
				       .unassisted = o->unassisted,
				       .leaks = o->leaks != LEAKS_IGNORED};
	struct broker *b;
	struct failure f;
	int status;

	if (raise_limits(&f) < 0)
		return complain("%s", f.text);
	snprintf(dir, sizeof(dir), "%s/gntsim-XXXXXX", temporary_directory(room));
	if (!mkdtemp(dir))
		return complain("cannot make a directory %s: %s", dir, strerror(errno));
	/* The program may give up its privileges: its name protects the socket, not its mode. */
	chmod(dir, 0711);
	config.open_to_all = true;
	snprintf(socket, sizeof(socket), "%s/socket", dir);
	if (broker_new(&config, &b, &f) < 0 ||
	    (o->xenstore && xenstore_start(&x, socket, b, &f) < 0)) {
		status = complain("%s", f.text);
		if (b)
			xenstore_stop(&x, b);
	} else {
		status = broker_add_domain(b, (uint32_t)o->domid, o->guest) < 0
			     ? complain("cannot make domain %lu", o->domid)
			     : serve_program(o, b, socket, &x);
	}
	broker_free(b);
	rmdir(dir);
	return status;
}

/* What was the program's goes before what was the trace's. */
static int run_traced(const struct options *o)
{
	struct tracer *t = o->trace ? trace_open(o->trace, o->trace_format) : NULL;
	int status;

	if (o->trace && !t)
		return EXIT_GNTSIM;
	status = run_private(o, trace_hooks(t));
	return trace_end_writing(t) || status ? status : EXIT_GNTSIM;
}

int run_main(int argc, char **argv)
{
	struct options o = {.trace_format = "text"};
	int status = parse(argc, argv, &o);

	if (status)
		return status == 1 ? 0 : status;
	if (o.socket && o.trace)
		return complain("--trace is of a whole machine: give it to gntsim serve");
	if (o.socket)
		return run_joined(&o);
	status = choose_front(&o, NULL);
	return status ? status : run_traced(&o);
}
