/* SPDX-License-Identifier: MIT */
/* Many clients of one broker: crowd-bench GNTSIM [CLIENTS [FILES]]
 *
 * Runs itself as a client of GNTSIM, which measures with evtchn's NOTIFY:
 *  - what CLIENTS processes that call without pause get done in a second, and how long a call takes them;
 *  - what a quiet client's call takes beside one that calls without pause, against the same alone, in turns;
 *  - what a call takes with FILES evtchn files open, a port bound in each, against the same with one, and what
 *    it takes to open and to close them. */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The kernel's header takes these two from Xen's. */
typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>

#define TURNS      9u
#define SECONDS    2.0
#define QUIET      100u /* calls of a quiet client in a turn */
#define QUIET_NS   1000000
#define WARM_UPS   16u
#define STEPS      16u /* of a histogram, to twice the time */
#define BUCKETS    (40u * STEPS)
#define FILE_CALLS 2000u

static struct shared {
	_Atomic bool floods, stop;
	_Atomic unsigned ready;
	_Atomic uint64_t calls;
	_Atomic uint32_t took[BUCKETS]; /* calls, by the logarithm of their nanoseconds */
} * shared;

struct channel {
	int fd;
	struct ioctl_evtchn_notify notify;
};

static struct channel open_channel(void)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	struct channel c = {.fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC)};
	int port;

	measure_need(c.fd >= 0, "/dev/xen/evtchn");
	port = ioctl(c.fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	measure_need(port > 0, "BIND_UNBOUND_PORT");
	c.notify.port = (unsigned)port;
	return c;
}

static void notify(struct channel *c)
{
	measure_need(!ioctl(c->fd, IOCTL_EVTCHN_NOTIFY, &c->notify), "NOTIFY");
}

static double timed_notify(struct channel *c)
{
	double begin = measure_now();

	notify(c);
	return measure_now() - begin;
}

static unsigned bucket_of(double seconds)
{
	uint64_t ns = (uint64_t)(seconds * 1e9) + 1;
	unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
	unsigned part = (unsigned)((ns << STEPS / 4 >> octave) - STEPS);
	unsigned b = octave * STEPS + part;

	return b < BUCKETS ? b : BUCKETS - 1;
}

/* The most that a call in it takes. */
static double bucket_us(unsigned b)
{
	return (double)(UINT64_C(1) << b / STEPS) * (1.0 + (b % STEPS + 1.0) / STEPS) / 1e3;
}

static double took_us(double part)
{
	uint64_t all = 0, below = 0;
	unsigned b = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		all += shared->took[i];
	while (b < BUCKETS - 1 && (double)(below += shared->took[b]) < part * (double)all)
		b++;
	return bucket_us(b);
}

static void call_until_stopped(void)
{
	struct channel c = open_channel();
	uint64_t n = 0;

	for (unsigned i = 0; i < WARM_UPS; i++)
		notify(&c);
	shared->ready++;
	while (!shared->floods)
		usleep(1000);
	for (; !shared->stop; n++)
		shared->took[bucket_of(timed_notify(&c))]++;
	shared->calls += n;
	_exit(0);
}

static void measure_crowd(unsigned clients)
{
	double begin, seconds;

	memset(shared, 0, sizeof(*shared));
	for (unsigned i = 0; i < clients; i++) {
		pid_t pid = fork();

		measure_need(pid >= 0, "fork");
		if (!pid)
			call_until_stopped();
	}
	while (shared->ready < clients)
		usleep(1000);
	begin = measure_now();
	shared->floods = true;
	usleep((useconds_t)(SECONDS * 1e6));
	shared->stop = true;
	seconds = measure_now() - begin;
	for (unsigned i = 0; i < clients; i++) {
		int status;

		measure_need(wait(&status) > 0 && status == 0, "a client");
	}
	printf("%u clients: %.0f calls/s, p50 %.1f us, p99 %.1f us\n", clients,
	       (double)shared->calls / seconds, took_us(0.5), took_us(0.99));
}

static void flood(void)
{
	struct channel c = open_channel();

	while (!shared->stop) {
		if (shared->floods)
			notify(&c);
		else
			usleep(1000);
	}
	_exit(0);
}

/* The median of a turn, in microseconds. */
static double quiet_turn(struct channel *c, bool floods)
{
	const struct timespec pause = {.tv_nsec = QUIET_NS};
	double us[QUIET];

	shared->floods = floods;
	nanosleep(&(struct timespec){.tv_nsec = 10 * QUIET_NS}, NULL);
	for (unsigned i = 0; i < QUIET; i++) {
		nanosleep(&pause, NULL);
		us[i] = timed_notify(c) * 1e6;
	}
	return measure_median(us, QUIET);
}

static void measure_fairness(void)
{
	double alone[TURNS], beside[TURNS], ratio[TURNS];
	struct channel c = open_channel();
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	measure_need(pid >= 0, "fork");
	if (!pid)
		flood();
	for (unsigned i = 0; i < WARM_UPS; i++)
		notify(&c);
	for (unsigned i = 0; i < TURNS; i++) {
		alone[i] = quiet_turn(&c, false);
		beside[i] = quiet_turn(&c, true);
		ratio[i] = beside[i] / alone[i];
	}
	shared->stop = true;
	measure_need(waitpid(pid, NULL, 0) == pid, "waitpid");
	printf("quiet client: p50 alone %.1f us, beside a flood %.1f us\n",
	       measure_median(alone, TURNS), measure_median(beside, TURNS));
	measure_verdict("  beside a flood against alone (median of turns)",
			measure_median(ratio, TURNS), "x", 3, 1);
	printf("  middle half of the turns: %.3g to %.3g\n", measure_percentile(ratio, TURNS, 25),
	       measure_percentile(ratio, TURNS, 75));
	close(c.fd);
}

static double call_us(struct channel *c)
{
	double begin;

	for (unsigned i = 0; i < WARM_UPS; i++)
		notify(c);
	begin = measure_now();
	for (unsigned i = 0; i < FILE_CALLS; i++)
		notify(c);
	return (measure_now() - begin) / FILE_CALLS * 1e6;
}

/* Opens the files of these numbers. In microseconds each. */
static double open_us(struct channel *c, unsigned from, unsigned to)
{
	double begin = measure_now();

	for (unsigned i = from; i < to; i++)
		c[i] = open_channel();
	return (measure_now() - begin) / (to - from) * 1e6;
}

static double close_us(const struct channel *c, unsigned from, unsigned to)
{
	double begin = measure_now();

	for (unsigned i = from; i < to; i++)
		close(c[i].fd);
	return (measure_now() - begin) / (to - from) * 1e6;
}

static void measure_files(unsigned files)
{
	struct channel *c = calloc(files, sizeof(*c));
	double one[TURNS], many[TURNS], ratio[TURNS], opened[2], closed[2];
	unsigned tenth = files / 10;

	measure_need(c != NULL, "memory");
	c[0] = open_channel();
	/* (They can't be in turns with each other.) */
	for (unsigned i = 0; i < TURNS; i++)
		one[i] = call_us(&c[0]);
	opened[0] = open_us(c, 1, tenth + 1);
	open_us(c, tenth + 1, files - tenth);
	opened[1] = open_us(c, files - tenth, files);
	for (unsigned i = 0; i < TURNS; i++)
		many[i] = call_us(&c[files / TURNS * i]);
	for (unsigned i = 0; i < TURNS; i++)
		ratio[i] = many[i] / one[i];
	closed[0] = close_us(c, 0, tenth);
	close_us(c, tenth, files - tenth);
	closed[1] = close_us(c, files - tenth, files);
	printf("%u evtchn files: a call %.2f us, with one file %.2f us, ratio %.3g\n"
	       "  open and bind: the first tenth %.1f us each, the last %.1f us; "
	       "close: %.1f us, then %.1f us\n",
	       files, measure_median(many, TURNS), measure_median(one, TURNS),
	       measure_median(ratio, TURNS), opened[0], opened[1], closed[0], closed[1]);
	free(c);
}

static int client(unsigned clients, unsigned files)
{
	struct rlimit r;

	measure_need(getrlimit(RLIMIT_NOFILE, &r) == 0, "getrlimit");
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (files + 64 > r.rlim_max)
		files = (unsigned)r.rlim_max - 64;
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	measure_need(shared != MAP_FAILED, "memory");
	setvbuf(stdout, NULL, _IONBF, 0);
	measure_crowd(clients);
	measure_fairness();
	measure_files(files);
	return 0;
}

int main(int argc, char **argv)
{
	const char *clients = argc > 2 ? argv[2] : "200", *files = argc > 3 ? argv[3] : "10000";
	static char self[4096];

	if (argc == 4 && strcmp(argv[1], "--client") == 0)
		return client((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc < 2 || argc > 4 || atoi(clients) < 1 || atoi(files) < 20) {
		fprintf(stderr, "usage: crowd-bench GNTSIM [CLIENTS [FILES]]\n");
		return 2;
	}
	measure_need(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "/proc/self/exe");
	execl(argv[1], argv[1], "run", "--", self, "--client", clients, files, (char *)NULL);
	measure_need(0, argv[1]);
	return 2;
}
