/* SPDX-License-Identifier: MIT */
/* gntsim serve: keeps a machine until it is told to end. */
#define _GNU_SOURCE
#include "command/command.h"
#include "command/machine-options.h"
#include "command/record/recording.h"
#include "command/trace/trace.h"
#include "fronts/fronts.h"
#include "lang/options.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void usage(FILE *out)
{
	fputs("usage: gntsim serve --socket PATH [OPTION...]\n\n"
	      "Keeps a machine that programs join with 'gntsim run --socket PATH'. Prints\n"
	      "'gntsim: serving PATH' on stdout once they can. Ends on SIGTERM or SIGINT.\n\n"
	      "  --socket PATH   where to listen\n"
	      "  --guest KIND    domain 0's: pv or pvh (default pv)\n"
	      "  --domain N      --guest and limits that follow are that domain's\n"
	      "  --mount DIR     show the device files there, in a folder for each domain, to\n"
	      "                  programs that map them without help, static ones too\n"
	      "  --assist=yes    with --mount: for programs with the preloaded library only\n"
	      "  --xenstore[=xenstored|oxenstored]\n"
	      "                  start it in domain 0 (package xen-utils-4.17)\n"
	      "  --end-programs  kill the programs that have joined when it ends\n"
	      "  --virtual-time  time passes only by 'gntsim control advance'\n"
	      "  --leaks[=error] report what each process still had granted or mapped at its\n"
	      "                  end; with =error exit with 1 if there was any\n"
	      "  --hazards       say 'hazard NAME' on stdout, for each harm to a real kernel,\n"
	      "                  instead of a warning on stderr\n"
	      "  --hazards=error exit with 1 if there was any\n"
	      "  --trace FILE    write every device call, and what it did; - for stderr\n"
	      "  --trace-format F  text (default) or json\n"
	      "  --record FILE   write a scenario that does what the programs did\n"
	      "  --stores WHICH  with it: changed (default), all or none\n",
	      out);
	machine_options_help(out);
	fputs("\nExit status: 0 when told to end, 1 for --leaks=error or --hazards=error, 125 if "
	      "gntsim failed.\n",
	      out);
}

struct serve_options {
	struct broker_config config;
	struct machine_options machine;
	const char *dir;
	int domid; /* of which the next is said; -1: none was named */
	const char *trace, *trace_format, *record, *stores;
	struct recording *recording;
	enum xenstore_kind xenstore;
	bool assisted, leaks_fail, hazards_fail, end_programs;
};

struct serving {
	int signals;
	bool ended;
	int failed;
	struct broker *broker;
	struct xenstore *xenstore;
};

static void on_signal(void *ctx)
{
	struct serving *s = ctx;
	struct signalfd_siginfo info;
	ssize_t n;

	while ((n = read(s->signals, &info, sizeof(info))) == sizeof(info)) {
		int status;
		pid_t pid;

		if (info.ssi_signo != SIGCHLD) {
			s->ended = true;
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != s->xenstore->pid)
				continue;
			xenstore_ended(s->xenstore, status);
		}
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		s->failed = complain("cannot read signals: %s", strerror(errno));
		/* They would be ready for ever. */
		broker_unwatch(s->broker, s->signals);
	}
}

/* For a player that has our output in a pipe: it must not have to read before we go on. */
static void say_hazard(const char *name)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	char line[80];
	int n = snprintf(line, sizeof(line), "hazard %s\n", name);

	if (poll(&p, 1, 0) == 1 && write(STDOUT_FILENO, line, (size_t)n) < 0)
		complain("cannot write 'hazard %s': %s", name, strerror(errno));
}

/* Who lives on is told of. */
static bool power_off(struct broker *b, const struct xenstore *x)
{
	const char *survivors = broker_end_programs(b, (uint32_t)x->pid);

	for (const char *line = survivors, *end; line && (end = strchr(line, '\n')); line = end + 1)
		complain("%.*s", (int)(end - line), line);
	return survivors == NULL;
}

static int serve(const struct serve_options *o, const char *dir)
{
	const struct broker_config *config = &o->config;
	struct xenstore x = {0};
	struct serving s = {.xenstore = &x};
	struct broker *b;
	struct failure f;
	sigset_t set;
	unsigned int id = 0;
	int n = 0, tree = -1;

	if (raise_limits(&f) < 0)
		return complain("%s", f.text);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever waits for our line may be gone: the tree must not stay without us. */
	be_told_of_pipes();
	if (broker_new(config, &b, &f) < 0)
		return complain("%s", f.text);
	s.broker = b;
	s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (dir) {
		tree = mount_shared(dir, &id, &f);
		if (tree >= 0 && broker_mount(b, tree) < 0) {
			close(tree);
			fail(&f, -EIO, "cannot serve the tree at %s", dir);
			unmount_shared(dir, id);
			tree = -1;
		}
	}
	/* xenstored's start waits for a child of its own: watch for children after it. */
	if (dir && tree < 0) {
		n = complain("%s", f.text);
	} else if (o->xenstore && xenstore_start(&x, o->xenstore, config->socket_path, b, &f) < 0) {
		n = complain("%s", f.text);
	} else if (s.signals < 0 || broker_watch(b, s.signals, on_signal, &s) < 0) {
		n = complain("cannot watch for signals: %s", strerror(errno));
	} else {
		recording_leave_out(o->recording, x.pid);
		printf("gntsim: serving %s\n", config->socket_path);
		fflush(stdout);
		while (!s.ended && !s.failed && n >= 0)
			n = broker_serve(b, -1);
		/* Who has ended by now has ended for the report too. */
		if (n >= 0)
			broker_catch_up(b);
		n = n < 0 ? complain("the event loop failed: %s", strerror(-n)) : s.failed;
		if (broker_report_leaks(b) && o->leaks_fail && n == 0)
			n = 1;
		if (broker_hazards(b) && o->hazards_fail && n == 0)
			n = 1;
		if (o->end_programs && !power_off(b, &x) && n == 0)
			n = EXIT_GNTSIM;
	}
	xenstore_stop(&x, b);
	if (tree >= 0)
		unmount_shared(dir, id);
	broker_free(b);
	return n;
}

/* A tree hides what lies in its directory: nobody could reach a socket there. */
static bool lies_below(const char *path, const char *dir)
{
	char folder[PATH_MAX], real[PATH_MAX];
	size_t n = strlen(dir);

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path + 1), path);
	return realpath(folder, real) && strncmp(real, dir, n) == 0 &&
	       (real[n] == '/' || real[n] == '\0');
}

static bool take(struct serve_options *o, int c)
{
	unsigned long n;
	uint32_t guest;

	switch (c) {
	case 's':
		o->config.socket_path = optarg;
		return true;
	case 'd':
		if (!scn_option_number("serve", "--domain", optarg, 0, 0x7FEF, &n))
			return false;
		o->domid = (int)n;
		return true;
	case 'g':
		return parse_guest(optarg, &guest) &&
		       machine_options_guest("serve", &o->machine,
					     o->domid < 0 ? 0 : (uint32_t)o->domid, guest);
	case 'm':
		o->dir = optarg;
		return true;
	case 'a':
		return parse_yes_no("--assist", optarg, &o->assisted);
	case 'x':
		return parse_xenstore("serve", optarg, &o->xenstore);
	case 'e':
		o->end_programs = true;
		return true;
	case 't':
		o->config.virtual_time = true;
		return true;
	case 'L':
		if (optarg && strcmp(optarg, "error")) {
			complain("--leaks: expected nothing or =error, found '=%s'", optarg);
			return false;
		}
		o->config.leaks = true;
		o->leaks_fail = optarg != NULL;
		return true;
	case 'T':
		o->trace = optarg;
		return true;
	case 'F':
		if (!trace_format_known(optarg))
			return false;
		o->trace_format = optarg;
		return true;
	case 'R':
		o->record = optarg;
		return true;
	case 'S':
		o->stores = optarg;
		return true;
	case 'H':
		if (optarg && strcmp(optarg, "error")) {
			complain("--hazards: expected nothing or =error, found '=%s'", optarg);
			return false;
		}
		if (optarg)
			o->hazards_fail = true;
		else
			o->config.on_hazard = say_hazard;
		return true;
	default:
		return machine_options_has(c) &&
		       machine_options_take("serve", &o->machine, c, optarg, o->domid);
	}
}

/* 0 to go on, 1 done, EXIT_GNTSIM. */
static int parse(int argc, char **argv, struct serve_options *o)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
						{"guest", required_argument, NULL, 'g'},
						{"domain", required_argument, NULL, 'd'},
						{"mount", required_argument, NULL, 'm'},
						{"assist", required_argument, NULL, 'a'},
						{"xenstore", optional_argument, NULL, 'x'},
						{"end-programs", no_argument, NULL, 'e'},
						{"virtual-time", no_argument, NULL, 't'},
						{"hazards", optional_argument, NULL, 'H'},
						{"trace", required_argument, NULL, 'T'},
						{"trace-format", required_argument, NULL, 'F'},
						{"record", required_argument, NULL, 'R'},
						{"stores", required_argument, NULL, 'S'},
						{"leaks", optional_argument, NULL, 'L'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct machine_option_list list;
	int c;

	machine_options_list(&list, options);
	while ((c = scn_option_next("serve", argc, argv, "h", list.all)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		}
		if (c == SCN_OPTION_WRONG || !take(o, c))
			return EXIT_GNTSIM;
	}
	if (optind < argc)
		return scn_usage_error("serve", "expected no other word, found '%s'", argv[optind]);
	if (o->stores && !o->record)
		return complain("--stores belongs to --record");
	if (o->stores && strcmp(o->stores, "exact") == 0)
		return complain("--stores exact is of programs that 'gntsim run' starts");
	return o->config.socket_path ? 0 : complain("serve needs --socket PATH");
}

/* Of a dead machine's tree no more is known than where it is: what it is mounted at can't be looked at. */
static bool find_dead_tree(const char *dir, char real[PATH_MAX])
{
	char copy[PATH_MAX], parent[PATH_MAX];
	size_t n = strlen(dir);
	const char *name;
	char *slash;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n >= sizeof(copy))
		return false;
	memcpy(copy, dir, n);
	copy[n] = '\0';
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	if (!*name || !realpath(slash ? (*copy ? copy : "/") : ".", parent))
		return false;
	return snprintf(real, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "", name) <
	       PATH_MAX;
}

static int serve_at(struct serve_options *o)
{
	struct broker_config *config = &o->config;
	struct tracer *tracer = NULL;
	char path[PATH_MAX], real[PATH_MAX];
	int status;

	if (config->socket_path[0] != '/') {
		char here[PATH_MAX / 2];

		if (!getcwd(here, sizeof(here)))
			return complain("cannot tell the current directory: %s", strerror(errno));
		snprintf(path, sizeof(path), "%s/%s", here, config->socket_path);
		config->socket_path = path;
	}
	if (o->dir) {
		int err = look_at_directory(o->dir, real);

		if (err == -ETIMEDOUT)
			return complain(TREE_SILENT, o->dir);
		if (err && (err != -ENOTCONN || !find_dead_tree(o->dir, real)))
			return complain("cannot mount at %s: %s", o->dir, strerror(-err));
		config->tree = real;
		if (strlen(real) > 512)
			return complain("the path is too long: %s", o->dir);
		if (lies_below(config->socket_path, config->tree))
			return complain("--socket %s lies in --mount %s, which would hide it",
					config->socket_path, o->dir);
		config->unassisted = !o->assisted;
	}
	machine_options_use(&o->machine, config);
	if (o->trace && !(tracer = trace_open(o->trace, o->trace_format)))
		return EXIT_GNTSIM;
	if (!files_differ("--record", o->record, "--trace", o->trace) ||
	    (o->record &&
	     !(o->recording = recording_open(o->record, o->stores, trace_hooks(tracer))))) {
		trace_end_writing(tracer);
		return EXIT_GNTSIM;
	}
	recording_machine(o->recording, config);
	config->trace = recording_hooks(o->recording, trace_hooks(tracer));
	status = serve(o, config->tree);
	if (!recording_end(o->recording))
		status = EXIT_GNTSIM;
	return trace_end_writing(tracer) ? status : EXIT_GNTSIM;
}

int serve_main(int argc, char **argv)
{
	struct serve_options o = {
	    .config = {.fronts = &fakedev_fronts}, .trace_format = "text", .domid = -1};
	int status = parse(argc, argv, &o);

	if (status == 0)
		status = serve_at(&o);
	else if (status == 1)
		status = 0;
	machine_options_free(&o.machine);
	return status;
}
