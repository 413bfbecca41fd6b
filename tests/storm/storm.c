/* SPDX-License-Identifier: MIT */
/*
 * Many processes in many domains make random calls, fork, execute, exit, are stopped, let go on and killed, and
 * domains are destroyed and made. Of each end it is known which notifications must come of it: each once. The
 * machine's books are right throughout; at the end it is empty, with the memory and the descriptors it began
 * with. With --kill-broker it is killed in the middle: each process has its errors in time, none hangs or spins,
 * and the next machine starts at the same socket.
 * usage: storm GNTSIM CHECKED ACTOR [--front F] [--processes N] [--domains N] [--seconds N] [--seed N]
 *        [--kill-broker] [--errors-within SECONDS] [--trace FILE]
 */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process hangs that has had so long, on whatever machine. */
#define PATIENCE_NS 60000000000ull
/* What tables of the broker that do not shrink may have grown by, however long the storm. */
#define TABLES         131072u
#define LEAST_COMPUTED 3
#define MEMORY_EACH    50000 /* a process */

static struct storm storm;

uint32_t storm_roll(struct storm *s, uint32_t sides)
{
	return storm_random(&s->random) % sides;
}

static void kill_children(void)
{
	char path[64];
	int pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid != storm.machine.pid)
			kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

/* Nothing outlives the storm. */
static void end_all(void)
{
	for (unsigned int i = 0; i < storm.n_actors; i++) {
		process_signal(&storm.actors[i], SIGKILL);
		process_signal(&storm.children[i], SIGKILL);
	}
	for (unsigned int i = 0; i < storm.n_domains; i++)
		if (storm.nests[i].pid > 0)
			kill(storm.nests[i].pid, SIGKILL);
	if (storm.machine.pid > 0)
		kill(storm.machine.pid, SIGTERM);
	/* A nest may have been about to tell of one. */
	do {
		usleep(1000);
		kill_children();
	} while (waitpid(-1, NULL, WNOHANG) >= 0);
	unlink(storm.machine.socket);
	rmdir(storm.dir);
}

void storm_failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("storm: FAILED: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	end_all();
	exit(1);
}

static void blow(struct storm *s, double seconds)
{
	uint64_t now = storm_now(), end = now + (uint64_t)(seconds * 1e9),
		 destroy = now + 300000000ull;
	unsigned long long at_least = s->computed + LEAST_COMPUTED;
	unsigned int gone = 0; /* a domain that was destroyed; 0: none, as that one never is */

	s->winding_up = false;
	/* However slow the machine, some ends are seen. */
	while ((now = storm_now()) < end ||
	       (s->computed < at_least && now < end + s->patience_ns)) {
		nests_listen(s, 1);
		for (unsigned int i = 0; i < s->n_actors / 2; i++)
			pair_step(s, i);
		if (now < destroy)
			continue;
		if (!gone) {
			unsigned int domain = 1 + storm_roll(s, s->n_domains - 1);

			if (s->nests[domain].heard) {
				pairs_destroy_domain(s, domain);
				gone = domain;
			}
		} else if (machine_totals(&s->machine).zombies == 0) {
			nest_start(s, gone);
			gone = 0;
		}
		destroy = storm_now() + 1000000ull * (gone ? 10 : storm_roll(s, 1000));
	}
}

static void calm_down(struct storm *s)
{
	unsigned int busy;

	s->winding_up = true;
	do {
		busy = 0;
		nests_listen(s, 1);
		for (unsigned int i = 0; i < s->n_actors / 2; i++) {
			pair_step(s, i);
			busy += s->pairs[i].state != FREE;
		}
	} while (busy);
}

static unsigned long long must_be_empty(struct storm *s, const struct totals *first)
{
	uint64_t end = storm_now() + s->patience_ns;
	unsigned long long grown;
	struct totals t;

	for (unsigned int i = 1; i < s->n_domains; i++)
		if (!s->nests[i].absent)
			machine_destroy(&s->machine, i);
	/* What is deferred is looked at once a second. */
	do {
		usleep(20000);
		machine_sync(&s->machine);
		t = machine_totals(&s->machine);
		grown = t.bytes - first->bytes;
		t.bytes = first->bytes;
	} while (memcmp(&t, first, sizeof(t)) != 0 && storm_now() < end);
	if (memcmp(&t, first, sizeof(t)) != 0)
		storm_failed("left: domains %llu zombies %llu files %llu mms %llu vmas %llu frames "
			     "%llu grants %llu "
			     "deferred %llu gntdev_maps %llu maptrack %llu ports %llu",
			     t.domains, t.zombies, t.files, t.mms, t.vmas, t.frames, t.grants,
			     t.deferred, t.gntdev_maps, t.maptrack, t.ports);
	/* Domain 0's tables are as large as they once were. */
	if (grown > TABLES)
		storm_failed("the machine's books have grown by %llu bytes", grown);
	return grown;
}

static void kill_broker(struct storm *s, double within)
{
	uint64_t killed, longest;

	for (unsigned int i = 0; i < s->n_actors; i++)
		process_signal(&s->actors[i], SIGCONT);
	s->shared->machine_gone = 1;
	killed = storm_now();
	machine_end(&s->machine, true);
	longest = pairs_without_machine(s, killed);
	printf("the broker was killed: the last process had its error after %.0f ms\n",
	       (double)longest / 1e6);
	if ((double)longest > within * 1e9)
		storm_failed("that is more than %g s", within);
	nests_end(s);
	s->shared->machine_gone = 0;
	machine_start(&s->machine, s->memory);
}

static void usage(void)
{
	fputs("usage: storm GNTSIM CHECKED ACTOR [--front F] [--processes N] [--domains N] "
	      "[--seconds N] [--seed N] "
	      "[--kill-broker] [--errors-within SECONDS] [--trace FILE]\n",
	      stderr);
	exit(2);
}

struct wanted {
	double seconds, errors_within;
	uint64_t seed;
	bool kill_broker;
};

static struct wanted parse(struct storm *s, int argc, char **argv)
{
	static const struct option options[] = {{"front", required_argument, NULL, 'f'},
						{"processes", required_argument, NULL, 'p'},
						{"domains", required_argument, NULL, 'd'},
						{"seconds", required_argument, NULL, 's'},
						{"seed", required_argument, NULL, 'r'},
						{"trace", required_argument, NULL, 't'},
						{"kill-broker", no_argument, NULL, 'k'},
						{"errors-within", required_argument, NULL, 'w'},
						{0}};
	struct wanted w = {.seconds = 1, .errors_within = 1, .seed = (uint64_t)getpid()};

	s->n_actors = 12;
	s->n_domains = 4;
	s->machine.front = "socket";
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'f')
			s->machine.front = optarg;
		else if (c == 'p')
			s->n_actors = (unsigned int)atoi(optarg) & ~1u;
		else if (c == 'd')
			s->n_domains = (unsigned int)atoi(optarg) & ~1u;
		else if (c == 's')
			w.seconds = atof(optarg);
		else if (c == 'r')
			w.seed = strtoull(optarg, NULL, 0);
		else if (c == 'w')
			w.errors_within = atof(optarg);
		else if (c == 't')
			s->machine.trace = optarg;
		else if (c == 'k')
			w.kill_broker = true;
		else
			usage();
	}
	if (argc - optind != 3 || s->n_actors < 2 || s->n_actors > STORM_ACTORS ||
	    s->n_domains < 2 || s->n_domains > STORM_DOMAINS)
		usage();
	s->gntsim = argv[optind];
	s->machine.command = argv[optind + 1];
	s->actor = argv[optind + 2];
	return w;
}

static void prepare(struct storm *s)
{
	static char dir[] = "/tmp/storm-XXXXXX", path[64];

	if (!mkdtemp(dir))
		storm_failed("%s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/s", dir);
	s->dir = dir;
	s->machine.socket = path;
	s->patience_ns = PATIENCE_NS;
	s->memory = memfd_create("storm", MFD_CLOEXEC);
	if (s->memory < 0 || ftruncate(s->memory, sizeof(*s->shared)) < 0)
		storm_failed("memfd: %s", strerror(errno));
	s->shared = s->machine.shared =
	    mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	/* Whom a nest leaves behind comes here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static void begin(struct storm *s, double seconds)
{
	for (unsigned int i = 0; i < s->n_domains; i++)
		nest_start(s, i);
	blow(s, seconds);
}

static void report(struct storm *s, unsigned long long memory, unsigned long long grown,
		   unsigned long long tables)
{
	for (unsigned int i = 0; i < s->n_actors; i++)
		s->calls += s->shared->actors[i].calls;
	printf("%s: %u processes in %u domains: %u lives, %llu kills, %llu ends computed, "
	       "%llu exits, %llu executions, %llu forks, %llu stops, %llu given up, %llu strayed, "
	       "%llu domains destroyed, %llu calls, %llu checks\n",
	       s->machine.front, s->n_actors, s->n_domains, s->lives, s->kills, s->computed,
	       s->exits, s->executions, s->forks, s->stops, s->given_up, s->strayed, s->destroyed,
	       s->calls, (unsigned long long)s->shared->checks);
	printf("the broker's memory %llu and then %lld more, its machine's %llu of them; longest "
	       "answer %.1f ms\n",
	       memory, (long long)grown, tables, (double)s->worst_sync_ns / 1e6);
}

int main(int argc, char **argv)
{
	struct storm *s = &storm;
	struct wanted w = parse(s, argc, argv);
	unsigned long long memory, tables, grown;
	unsigned int descriptors;
	struct totals first;

	s->random = w.seed;
	prepare(s);
	printf("seed %llu\n", (unsigned long long)w.seed);
	machine_start(&s->machine, s->memory);
	if (w.kill_broker) {
		w.seconds /= 2;
		begin(s, w.seconds);
		kill_broker(s, w.errors_within);
	}
	first = machine_totals(&s->machine);
	memory = machine_memory(&s->machine);
	descriptors = machine_descriptors(&s->machine);
	begin(s, w.seconds);
	calm_down(s);
	nests_end(s);
	tables = must_be_empty(s, &first);
	if (machine_descriptors(&s->machine) != descriptors)
		storm_failed("the broker has %u descriptors, and had %u",
			     machine_descriptors(&s->machine), descriptors);
	grown = machine_memory(&s->machine) - memory;
	report(s, memory, grown, tables);
	if ((long long)grown > MEMORY_EACH * (long long)s->n_actors)
		storm_failed("the broker's memory has grown by %llu bytes", grown);
	/* A call that always fails so would be no accident. */
	if (s->strayed > 10 + s->lives / 100)
		storm_failed("%llu pairs of %u lives found somebody else", s->strayed, s->lives);
	if (s->computed < LEAST_COMPUTED)
		storm_failed("%llu ends were computed", s->computed);
	machine_end(&s->machine, false);
	end_all();
	return 0;
}
