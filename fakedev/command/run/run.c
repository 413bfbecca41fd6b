/* SPDX-License-Identifier: MIT */
/* gntsim run: programs on the fake devices of a private machine, or of one that is served. */
#define _GNU_SOURCE
#include "run.h"
#include "command/command.h"
#include "command/record/recording.h"
#include "command/trace/trace.h"
#include "crash/order.h"
#include "deaths.h"
#include "fronts/fronts.h"
#include "left.h"
#include "points.h"
#include "ptrace/front.h"
#include "schedule.h"
#include "stops.h"
#include "substrates/agent/temporary.h"
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int run_become(const struct run_options *o, const struct run_program *p, const struct run_place *at)
{
	struct joining j = {.socket = at->socket,
			    .domid = p->domid,
			    .guest = p->guest,
			    .front = o->front,
			    .unassisted = o->unassisted,
			    .tree = at->tree,
			    .patience = o->patience};
	struct failure f;
	int err;

	if (*at->rundir) {
		xenstore_environment(at->rundir, j.domid);
		err = xenstore_introduce(&j, &f);
		/* A program goes on without a xenstored, as those do that were there. */
		if (err < 0 && err != -ENOTCONN)
			return complain("%s", f.text);
	}
	/* In another mount namespace a chroot hides from us where our own file is: that comes last. */
	if (join_environment(&j, &f) < 0 || (j.front == FRONT_FUSE && mount_own(&j, &f) < 0) ||
	    (j.front == FRONT_CUSE && mount_cuse(&j, &f) < 0))
		return complain("%s", f.text);
	if (*at->rundir && (j.front == FRONT_FUSE || j.front == FRONT_CUSE))
		mount_store();
	if (j.front == FRONT_PTRACE &&
	    ptrace_front_enter(
		&(struct ptrace_front){.socket = j.socket,
				       .domid = j.domid,
				       .guest = j.guest,
				       .store = *at->rundir ? getenv("XENSTORED_PATH") : NULL},
		&f) < 0)
		return complain("%s", f.text);
	if (run_stops_follow(o, p, at->stops, &f) < 0)
		return complain("%s: %s", p->argv[0], f.text);
	restore_limits();
	return exec_program(p->found, p->argv);
}

/* The program's start, with what it takes. */
struct start {
	const struct run_options *o;
	const struct run_place *at;
};

static int start(void *ctx)
{
	const struct start *s = ctx;

	return run_become(s->o, &s->o->programs[0], s->at);
}

/* Whether no more comes before its program than its environment. */
static bool starts_at_once(const struct run_options *o, const struct run_place *at)
{
	return o->front == FRONT_SOCKET && !*at->rundir && !at->stops;
}

/* Who is killed in so many milliseconds leaves little, and who ends in them need not wait for us. */
#define CLEARS_AFTER_MS 20

/* Until something happens; where nothing does there is time for what others left. */
static int serve_one(const struct run_place *at, bool *cleared)
{
	int n = broker_serve(at->broker, *cleared ? -1 : CLEARS_AFTER_MS);

	if (n == 0 && !*cleared) {
		run_clear_left(at->socket);
		*cleared = true;
	}
	return n;
}

/* One program as our child. */
static int run_one(const struct run_options *o, const struct run_place *at)
{
	struct start s = {.o = o, .at = at};
	bool cleared = false;
	struct running r;
	int n = 0, status;

	if (running_prepare(&r, at->xenstore) < 0 ||
	    (at->broker && broker_watch(at->broker, r.signals, running_signal, &r) < 0))
		return complain("cannot watch for signals: %s", strerror(errno));
	if ((starts_at_once(o, at) ? running_start_sharing : running_start)(&r, start, &s) < 0) {
		status = complain("cannot fork: %s", strerror(errno));
	} else {
		if (!at->broker)
			running_await(&r);
		while (!r.ended && n >= 0)
			n = serve_one(at, &cleared);
		status = r.ended ? exit_status(r.status)
				 : complain("the event loop failed: %s", strerror(-n));
	}
	/* The machine is served on: for others' ends it must not look here any more. */
	if (at->broker)
		broker_unwatch(at->broker, r.signals);
	return status;
}

static int run_programs(const struct run_options *o, const struct run_place *at)
{
	struct failure f;

	if (running_may_wait(&f) < 0)
		return complain("%s", f.text);
	if (!run_is_several(o))
		return run_one(o, at);
	if (at->broker)
		run_clear_left(at->socket);
	return run_several(o, at);
}

/* Each has a line, and more about it below. */
static int count_leaks(const char *text, size_t len)
{
	static const char begin[] = "gntsim: leak: ";
	const char *end = text + len, *line = text;
	int n = 0;

	while (line && line < end) {
		n += (size_t)(end - line) >= sizeof(begin) &&
		     memcmp(line, begin, sizeof(begin) - 1) == 0;
		line = memchr(line, '\n', (size_t)(end - line));
		line = line ? line + 1 : NULL;
	}
	return n;
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
	n = count_leaks((const char *)in.payload, in.msg.payload);
	if (n)
		fprintf(stderr, "gntsim: %d leak%s%s\n", n, n == 1 ? "" : "s",
			in.msg.result ? ", and more than could be noted" : "");
	wire_in_done(&in);
	return n;
}

/* The programs as our children, so that their end is seen, and who they leave behind stays below us. */
static int run_noted(const struct run_options *o, const struct joining *j, int fd,
		     const struct run_place *at)
{
	const struct machine_question nothing = {0};
	struct wire_in in;
	struct failure f;
	int status, leaks;

	if (machine_ask(j, fd, WIRE_WATCH, &nothing, &in, &f) < 0)
		return complain("%s", f.text);
	wire_in_done(&in);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	status = run_programs(o, at);
	leaks = report_noted(j, fd);
	if (leaks < 0)
		return EXIT_GNTSIM;
	/* Leaks count where the programs themselves found nothing wrong. */
	return status == 0 && leaks > 0 && o->leaks == LEAKS_FAIL ? 1 : status;
}

static int run_joined(struct run_options *o, struct run_output *output)
{
	const struct run_program *first = &o->programs[0];
	struct joining j = {.socket = o->socket,
			    .domid = first->domid,
			    .guest = first->guest,
			    .patience = o->patience};
	struct machine_about about = {0};
	char path[PATH_MAX];
	struct run_place at = {.socket = path, .rundir = about.rundir, .output = output};
	struct failure f;
	int fd = machine_connect(&j, WIRE_ROLE_COMMAND, &about, &f), status;

	if (fd < 0)
		return complain("%s", f.text);
	status = run_choose_front(o, &about);
	/* The program may change its directory. */
	if (status == 0 && !realpath(o->socket, path))
		status = complain("%s: %s", o->socket, strerror(errno));
	if (status == 0 && strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		status = complain("the socket's path is too long: %s", path);
	at.tree = o->unassisted ? about.tree : NULL;
	if (status == 0 && o->leaks != LEAKS_IGNORED)
		status = run_noted(o, &j, fd, &at);
	else if (status == 0 && run_is_several(o))
		status = run_programs(o, &at);
	else if (status == 0) {
		close(fd);
		return run_become(o, first, &at);
	}
	close(fd);
	return status;
}

/* What a run is looked at for. */
struct run_watch {
	struct deaths *deaths; /* NULL: none are wanted */
	struct run_last_words *last;
};

static struct json_object *harm_of(const struct broker *b)
{
	struct json_object *all = json_object_new_array();
	char text[256];

	for (unsigned int i = 0; broker_hazard(b, i, text, sizeof(text)); i++)
		json_object_array_add(all, json_object_new_string(text));
	return all;
}

/* What the machine has to say when the programs have ended. */
static int judge(const struct run_options *o, const struct run_place *at, int status,
		 struct run_last_words *last)
{
	unsigned int leaks;

	/* The kernel closed all that was the programs' before they could be waited for. */
	broker_catch_up(at->broker);
	if (o->check && run_check(o->check, at) && status == 0)
		status = 1;
	xenstore_stop(at->xenstore, at->broker);
	leaks = broker_report_leaks(at->broker);
	*last = (struct run_last_words){.known = true,
					.leaks_known = last->leaks_known,
					.leaks = leaks,
					.hazards = broker_hazards(at->broker),
					.harm = o->points ? harm_of(at->broker) : NULL};
	if (o->points)
		broker_left(at->broker, last->left, sizeof(last->left));
	if (status == 0 &&
	    ((leaks && o->leaks == LEAKS_FAIL) || (o->hazards_fail && broker_hazards(at->broker))))
		return 1;
	return status;
}

static bool add_domains(const struct run_options *o, struct broker *b)
{
	for (unsigned int i = 0; i < o->n_programs; i++) {
		const struct run_program *p = &o->programs[i];

		if (broker_add_domain(b, p->domid, p->guest, NULL) < 0) {
			complain("cannot make domain %u", p->domid);
			return false;
		}
	}
	return true;
}

/* Unassisted programs share one tree: it has to be mounted where all of them see it, and nobody else. */
static bool mount_tree_for_all(struct broker_config *config, char *tree, size_t room,
			       const char *socket, int *fd, struct failure *f)
{
	unsigned int id;

	snprintf(tree, room, "%s.tree", socket);
	if (namespace_enter(f) < 0)
		return false;
	if (mkdir(tree, 0755) < 0) {
		fail(f, -errno, "cannot make a directory %s: %s", tree, strerror(errno));
		return false;
	}
	*fd = mount_shared(tree, &id, f);
	config->tree = tree;
	return *fd >= 0;
}

/* As its programs will know it. A file alone, without a folder: to remove that one may wait for the disk. */
static bool name_socket(char *socket, size_t room, struct failure *f)
{
	char path[PATH_MAX];
	uint64_t name;

	if (getrandom(&name, sizeof(name), 0) != sizeof(name)) {
		fail(f, -errno, "cannot get a random number: %s", strerror(errno));
		return false;
	}
	snprintf(socket, room, "%s/" RUN_SOCKET_PREFIX "%016" PRIx64, scn_temporary(path), name);
	return true;
}

static int run_private(struct run_options *o, struct run_output *output,
		       const struct broker_trace *trace, struct recording *recording,
		       const struct run_watch *watch, struct stops *stops)
{
	char socket[100], tree[108];
	struct xenstore x = {0};
	struct broker_config config = {.fronts = &fakedev_fronts,
				       .socket_path = socket,
				       .own_path = true,
				       .trace = trace,
				       .open_to_all = true,
				       .unassisted = o->unassisted,
				       .deaths = watch->deaths,
				       .virtual_time = o->virtual_time,
				       .leaks = o->leaks != LEAKS_IGNORED};
	struct run_place at = {.socket = socket,
			       .rundir = x.rundir,
			       .xenstore = &x,
			       .output = output,
			       .deaths = watch->deaths,
			       .stops = stops};
	struct run_stops watched = {.stops = stops, .deaths = watch->deaths};
	struct failure f;
	int status, fd = -1;

	/* The program may give up its privileges: its name protects the socket, not its mode. */
	if (raise_limits(&f) < 0 || !name_socket(socket, sizeof(socket), &f))
		return complain("%s", f.text);
	machine_options_use(&o->machine, &config);
	recording_machine(recording, &config);
	if ((o->unassisted && run_is_several(o) &&
	     !mount_tree_for_all(&config, tree, sizeof(tree), socket, &fd, &f)) ||
	    broker_new(&config, &at.broker, &f) < 0 ||
	    (o->xenstore && xenstore_start(&x, o->xenstore, socket, at.broker, &f) < 0)) {
		status = complain("%s", f.text);
		if (at.broker)
			xenstore_stop(&x, at.broker);
	} else if (fd >= 0 && broker_mount(at.broker, fd) < 0) {
		status = complain("cannot serve the tree at %s", tree);
	} else if (!add_domains(o, at.broker) || !run_stops_watch(&watched, at.broker, recording)) {
		status = EXIT_GNTSIM;
	} else if (o->scheduled && turns_begin(at.broker, &o->schedule, (uint32_t)x.pid) < 0) {
		status = complain("out of memory");
	} else {
		at.tree = config.tree;
		recording_leave_out(recording, x.pid);
		status = judge(o, &at, run_programs(o, &at), watch->last);
	}
	broker_free(at.broker);
	run_stops_unwatch(&watched);
	if (config.tree) {
		umount2(tree, MNT_DETACH);
		rmdir(tree);
	}
	return status;
}

/* What was the programs' goes before what was the trace's. */
static int run_traced(struct run_options *o, struct run_output *output,
		      const struct run_watch *watch, struct stops *stops)
{
	struct recording *r = NULL;
	struct tracer *t;
	bool whole;
	int status;

	be_told_of_pipes();
	t = o->trace ? trace_open(o->trace, o->trace_format) : NULL;
	if (o->trace && !t)
		return EXIT_GNTSIM;
	if (!files_differ("--record", o->record, "--trace", o->trace) ||
	    (o->record && !(r = recording_open(o->record, o->stores, trace_hooks(t))))) {
		trace_end_writing(t);
		return EXIT_GNTSIM;
	}
	recording_stops(r, stops);
	status = run_private(o, output, recording_hooks(r, trace_hooks(t)), r, watch, stops);
	whole = recording_end(r);
	whole &= trace_end_writing(t);
	return whole || status ? status : EXIT_GNTSIM;
}

/* With who stops programs at their stores, if any is to be. */
static int run_stopped(struct run_options *o, struct run_output *output,
		       const struct run_watch *watch)
{
	struct stops *stops = NULL;
	int status;

	if (run_stops_begin(o, &stops) < 0)
		return EXIT_GNTSIM;
	status = run_stops_judge(stops, run_traced(o, output, watch, stops));
	/* Children may have stored when the program itself had ended. */
	for (unsigned int i = 0; i < o->n_programs; i++)
		run_stops_counted(o, stops, i, watch->deaths);
	run_stops_misread(stops, watch->deaths);
	stops_end(stops);
	return status;
}

/* With the points of the programs, if anybody asked for some. */
static int run_counted(struct run_options *o, struct run_output *output)
{
	FILE *points = o->points ? run_points_open(o->points) : NULL;
	struct run_last_words last = {.leaks_known = o->leaks != LEAKS_IGNORED};
	struct run_watch watch = {.last = &last};
	struct deaths deaths;
	int status = EXIT_GNTSIM;

	if (o->points && !points)
		return EXIT_GNTSIM;
	if (run_deaths_begin(o, &deaths)) {
		watch.deaths = deaths.n ? &deaths : NULL;
		status = run_deaths_judge(&deaths, run_stopped(o, output, &watch));
	}
	if (points &&
	    !run_points_write(points, o->points, &deaths, &last,
			      o->scheduled ? &o->schedule : NULL) &&
	    status == 0)
		status = EXIT_GNTSIM;
	if (last.harm)
		json_object_put(last.harm);
	run_deaths_end(&deaths);
	return status;
}

static int run(struct run_options *o)
{
	struct run_output output = {.relay = {.control = -1}};
	struct failure f;
	int status = 0;

	/* It must not hold what a machine has: it comes before. */
	if (run_is_several(o) && run_output_open(o, &output, &f) < 0)
		status = complain("%s", f.text);
	else if (o->socket)
		status = run_joined(o, &output);
	else
		status = run_choose_front(o, NULL);
	if (status == 0)
		status = run_schedule_check(o);
	if (status == 0 && !o->socket)
		status = run_counted(o, &output);
	if (run_is_several(o))
		run_output_close(o, &output);
	return status;
}

int run_main(int argc, char **argv)
{
	struct run_options o = {.records = strcmp(argv[0], "record") == 0};
	struct crash_words words;
	int status = crash_order_take(&argc, &argv, &words);

	if (status < 0)
		status = complain("cannot read what gntsim crash ordered: %s", strerror(-status));
	else
		status = run_options_parse(argc, argv, &o);
	if (status == 0)
		status = run(&o);
	else if (status == 1)
		status = 0;
	run_options_free(&o);
	crash_order_free(&words);
	return status;
}
