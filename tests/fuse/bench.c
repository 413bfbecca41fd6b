/* SPDX-License-Identifier: MIT */
/*
 * The FUSE front's figures, as ratios within one run.
 *
 *   fuse-bench ioctl|copy   on /dev/xen (gntsim run --front fuse)
 *   fuse-bench grants N     allocates N pages, prints a line, waits for the end of its input
 *
 * A null FUSE ioctl is one on a tree of our own whose server answers at once, on the same library.
 */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Short rounds: some fall between what else the machine does; on a busy one, few. */
#define LEAST_ROUNDS 101u
#define MOST_ROUNDS  1500u
#define CALLS        200
/* 1.25 on some hosts and 1.36 on others, of the same code: more is a fault of ours. */
#define MOST_TIMES  1.5
#define PAGES       64u
#define COPIES      50
#define LEAST_TIMES 0.97
/* Of each kind: which pages they are, and what caches make of that, is chance. */
#define PLACES 10
#define BYTES  (PAGES * 4096ul)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "fuse-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.ino = 2, .attr = {.st_mode = S_IFREG | 0666, .st_nlink = 1}};

	(void)parent;
	(void)name;
	fuse_reply_entry(req, &e);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = {.st_ino = ino, .st_mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0666};

	(void)fi;
	fuse_reply_attr(req, &st, 1);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fuse_reply_open(req, fi);
}

static void null_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
		       struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_len,
		       size_t out_len)
{
	(void)ino;
	(void)cmd;
	(void)arg;
	(void)fi;
	(void)flags;
	(void)in;
	(void)in_len;
	(void)out_len;
	fuse_reply_ioctl(req, 0, NULL, 0);
}

static void serve_null(int fd)
{
	static const struct fuse_lowlevel_ops operations = {
	    .lookup = null_lookup, .getattr = null_getattr, .open = null_open, .ioctl = null_ioctl};
	char *argv[] = {(char[]){"null"}, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *s = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	char name[32];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (s && fuse_session_mount(s, name) == 0)
		fuse_session_loop(s);
	_exit(0);
}

/* A file of a null tree in a namespace of our own, over a directory that is of no use here. */
static int open_null(void)
{
	char options[96];
	int fd, file;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("no mount namespace");
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("null", "/mnt", "fuse", 0, options) < 0)
		die("cannot mount");
	if (fork() == 0)
		serve_null(fd);
	close(fd);
	file = open("/mnt/null", O_RDWR);
	if (file < 0)
		die("/mnt/null");
	return file;
}

static double time_ioctls(int fd, unsigned long cmd, void *arg)
{
	double start = now();

	for (int i = 0; i < CALLS; i++)
		if (ioctl(fd, cmd, arg) < 0)
			die("ioctl");
	return (now() - start) / CALLS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int compare_ioctls(void)
{
	int null, evtchn = open("/dev/xen/evtchn", O_RDWR);
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	struct ioctl_evtchn_notify notify;
	double best = 0, one = 0, ratio[MOST_ROUNDS];
	unsigned int rounds = 0;

	notify.port = (unsigned int)ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	null = open_null();
	while (rounds < LEAST_ROUNDS || (one > MOST_TIMES * best && rounds < MOST_ROUNDS)) {
		double n = time_ioctls(null, IOCTL_EVTCHN_NOTIFY, &notify);
		double g = time_ioctls(evtchn, IOCTL_EVTCHN_NOTIFY, &notify);

		if (rounds == 0 || n < best)
			best = n;
		if (rounds == 0 || g < one)
			one = g;
		ratio[rounds++] = g / n;
	}
	qsort(ratio, rounds, sizeof(ratio[0]), compare);
	printf(
	    "ioctl: null %.1f us, NOTIFY %.1f us: %.2f times (median round %.2f), at most %.2f\n",
	    best * 1e6, one * 1e6, one / best, ratio[rounds / 2], MOST_TIMES);
	return one > MOST_TIMES * best;
}

static double time_copies(void *to, const void *from)
{
	double start = now();

	for (int i = 0; i < COPIES; i++) {
		memcpy(to, from, BYTES);
		__asm__ volatile("" ::: "memory");
	}
	return now() - start;
}

static char *map_granted(int fd)
{
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[PAGES];
	} alloc = {.op = {.domid = 0, .flags = 1, .count = PAGES}};
	void *p;

	if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
		die("ALLOC_GREF");
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)alloc.op.index);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static char *map_plain(void)
{
	int fd = memfd_create("plain", MFD_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)BYTES) == 0)
		p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("memfd");
	return p;
}

static int compare_copies(void)
{
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	char *granted[PLACES], *plain[PLACES], *source = malloc(BYTES);
	double best_plain = 0, best_granted = 0;

	if (!source)
		die("malloc");
	memset(source, 1, BYTES);
	for (unsigned int i = 0; i < PLACES; i++) {
		granted[i] = map_granted(fd);
		plain[i] = map_plain();
		time_copies(granted[i], source);
		time_copies(plain[i], source);
	}
	for (unsigned int i = 0;
	     i < LEAST_ROUNDS || (best_plain < LEAST_TIMES * best_granted && i < MOST_ROUNDS);
	     i++) {
		double p = time_copies(plain[i % PLACES], source),
		       g = time_copies(granted[i % PLACES], source);

		if (i == 0 || p < best_plain)
			best_plain = p;
		if (i == 0 || g < best_granted)
			best_granted = g;
	}
	printf("copy: plain %.0f MiB/s, mapped grant %.0f MiB/s: %.2f times, at least %.2f\n",
	       COPIES * BYTES / best_plain / 1048576, COPIES * BYTES / best_granted / 1048576,
	       best_plain / best_granted, LEAST_TIMES);
	return best_plain < LEAST_TIMES * best_granted;
}

static int hold_grants(unsigned int n)
{
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[1000];
	} alloc = {.op = {.domid = 1, .flags = 1}};
	char byte;

	for (unsigned int done = 0; done < n; done += alloc.op.count) {
		alloc.op.count = n - done < 1000 ? n - done : 1000;
		if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
			die("ALLOC_GREF");
	}
	puts("held");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) < 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "ioctl") == 0)
		return compare_ioctls();
	if (argc == 2 && strcmp(argv[1], "copy") == 0)
		return compare_copies();
	if (argc == 3 && strcmp(argv[1], "grants") == 0)
		return hold_grants((unsigned int)strtoul(argv[2], NULL, 10));
	fputs("usage: fuse-bench ioctl|copy|grants N\n", stderr);
	return 1;
}
