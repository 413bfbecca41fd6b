/* SPDX-License-Identifier: MIT */
/* What a program pays, under GNTSIM, for calls on files that are no devices: others-bench GNTSIM [TURNS]
 *
 * Runs itself there. Each call is made by its name, which the preloaded library interposes, and, in turns
 * with that, as the C library has it. The process has no device, and no Unix socket. */
#include "measure.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_TURNS 1000u
#define CALLS      4000u

static struct calls {
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*write)(int, const void *, size_t);
	int (*poll)(struct pollfd *, nfds_t, int);
	int (*stat)(const char *, struct stat *);
	int (*open)(const char *, int, ...);
	int (*close)(int);
} interposed, plain;

static int zero, null;
/* No literal: what a program opens is rarely one of its own. */
static char path[64], relative[16];

static void do_read(const struct calls *c)
{
	char byte;

	measure_need(c->read(zero, &byte, 1) == 1, "read");
}

static void do_write(const struct calls *c)
{
	measure_need(c->write(null, "", 1) == 1, "write");
}

static void do_poll(const struct calls *c)
{
	struct pollfd p = {.fd = zero, .events = POLLIN};

	measure_need(c->poll(&p, 1, -1) == 1, "poll");
}

static void do_stat(const struct calls *c)
{
	struct stat st;

	measure_need(c->stat(path, &st) == 0, "stat");
}

static void do_stat_relative(const struct calls *c)
{
	struct stat st;

	measure_need(c->stat(relative, &st) == 0, "stat");
}

static void do_open(const struct calls *c)
{
	int fd = c->open(path, O_RDONLY);

	measure_need(fd >= 0 && c->close(fd) == 0, "open");
}

static const struct {
	const char *name;
	void (*call)(const struct calls *c);
} tried[] = {
    {"read", do_read},
    {"write", do_write},
    {"poll", do_poll},
    {"stat", do_stat},
    {"stat_relative", do_stat_relative},
    {"open_close", do_open},
};

/* Nanoseconds of processor time a call: none of them waits. */
static double time_of(void (*call)(const struct calls *c), const struct calls *c)
{
	double begin = measure_cpu_now();

	for (unsigned i = 0; i < CALLS; i++)
		call(c);
	return (measure_cpu_now() - begin) / CALLS * 1e9;
}

static void find_plain(void)
{
	void *c = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

	measure_need(c != NULL, "libc.so.6");
	plain.read = (__typeof__(plain.read))dlsym(c, "read");
	plain.write = (__typeof__(plain.write))dlsym(c, "write");
	plain.poll = (__typeof__(plain.poll))dlsym(c, "poll");
	plain.stat = (__typeof__(plain.stat))dlsym(c, "stat");
	plain.open = (__typeof__(plain.open))dlsym(c, "open");
	plain.close = (__typeof__(plain.close))dlsym(c, "close");
	measure_need(plain.read && plain.write && plain.poll && plain.stat && plain.open &&
			 plain.close,
		     "the C library's calls");
	interposed = (struct calls){read, write, poll, stat, open, close};
}

static int client(unsigned turns)
{
	static double a[MOST_TURNS], b[MOST_TURNS], ratio[MOST_TURNS];

	find_plain();
	measure_need(interposed.read != plain.read, "no library was preloaded");
	strcpy(path, "/etc/passwd");
	strcpy(relative, "etc");
	measure_need(chdir("/") == 0, "/");
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	measure_need(zero >= 0 && null >= 0, "/dev/zero");
	for (size_t k = 0; k < sizeof(tried) / sizeof(tried[0]); k++) {
		time_of(tried[k].call, &interposed);
		for (unsigned i = 0; i < turns; i++) {
			if (i % 2)
				a[i] = time_of(tried[k].call, &interposed);
			b[i] = time_of(tried[k].call, &plain);
			if (i % 2 == 0)
				a[i] = time_of(tried[k].call, &interposed);
			ratio[i] = a[i] / b[i];
		}
		printf("%-13s median %.1f ns, plain %.1f ns\n", tried[k].name,
		       measure_median(a, turns), measure_median(b, turns));
		measure_verdict("  against plain (median of turns)", measure_median(ratio, turns),
				"x", 1.05, 1);
		printf("  middle half of the turns: %.3g to %.3g\n",
		       measure_percentile(ratio, turns, 25), measure_percentile(ratio, turns, 75));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *turns = argc > 2 ? argv[2] : "45";
	static char self[4096];

	if (argc == 3 && strcmp(argv[1], "--client") == 0)
		return client((unsigned)atoi(argv[2]));
	if (argc < 2 || argc > 3 || atoi(turns) < 1 || atoi(turns) > (int)MOST_TURNS) {
		fprintf(stderr, "usage: others-bench GNTSIM [TURNS]\n");
		return 2;
	}
	measure_need(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "/proc/self/exe");
	execl(argv[1], argv[1], "run", "--", self, "--client", turns, (char *)NULL);
	measure_need(0, argv[1]);
	return 2;
}
