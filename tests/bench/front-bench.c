/* SPDX-License-Identifier: MIT */
/* A front, from a client's side: front-bench GNTSIM [FRONT]; the socket front, if none is said.
 *
 * Runs itself as a client of GNTSIM, which measures, in turns:
 *  - one ioctl through the front (UNMAP_GRANT_REF of an index that is not there, and evtchn's
 *    NOTIFY), against a bare round trip over a SOCK_SEQPACKET pair to another process, with messages
 *    of the size that the wire uses;
 *  - copying through 64 mapped grants, both ways, against a MAP_SHARED memfd.
 * In three places, since a round trip costs most where the other process runs: with client and
 * answering process on one processor; on two, the broker where the echo is; and as the scheduler
 * likes, which may treat the two differently. Of fronts other than the socket front only NOTIFY, as
 * scheduled. */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's header takes these two from Xen's. */
typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define TURNS    121u
#define CALLS    200u
#define REQUEST  72u /* bytes: header, call and one region of the wire */
#define REPLY    32u
#define PAGES    64u
#define BYTES    ((size_t)PAGES * 4096)
#define COPIES   40u
#define REGIONS  11u
#define WARM_UPS 10u

static int echo_socket;

static void echo(int fd)
{
	char message[REQUEST];

	while (recv(fd, message, sizeof(message), 0) > 0)
		if (send(fd, message, REPLY, 0) < 0)
			break;
	_exit(0);
}

static void run_on(int processor)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)processor, &cpus);
	measure_need(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

/* A process that answers, on a processor of its own unless `processor` is -1. */
static pid_t start_echo(int processor)
{
	int pair[2];
	pid_t pid;

	measure_need(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
	pid = fork();
	measure_need(pid >= 0, "fork");
	if (!pid) {
		close(pair[0]);
		if (processor >= 0)
			run_on(processor);
		echo(pair[1]);
	}
	close(pair[1]);
	echo_socket = pair[0];
	return pid;
}

static void round_trip(void)
{
	char message[REQUEST] = {0};

	measure_need(send(echo_socket, message, sizeof(message), 0) == REQUEST, "send");
	measure_need(recv(echo_socket, message, sizeof(message), 0) == REPLY, "recv");
}

static int gntdev, evtchn;
static struct ioctl_evtchn_notify notify;

static void call_unmap(void)
{
	struct ioctl_gntdev_unmap_grant_ref op = {.index = UINT64_C(1) << 40, .count = 1};

	measure_need(ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op) == -1 && errno == ENOENT,
		     "UNMAP_GRANT_REF");
}

static void call_notify(void)
{
	measure_need(!ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &notify), "NOTIFY");
}

/* Microseconds a call, over many. */
static double time_of(void (*call)(void))
{
	double begin = measure_now();

	for (unsigned i = 0; i < CALLS; i++)
		call();
	return (measure_now() - begin) / CALLS * 1e6;
}

/* Of sorted values. */
static void say_spread(const char *what, const double *sorted)
{
	printf("%s, middle half of the turns: %.3g to %.3g\n", what,
	       measure_percentile(sorted, TURNS, 25), measure_percentile(sorted, TURNS, 75));
}

/* The least is what a busy machine leaves of it. */
static void say_time(const char *what, double *us)
{
	double median = measure_median(us, TURNS);

	printf("  %-30s median %.2f us, least %.2f us\n", what, median, us[0]);
}

/* @p most: what a NOTIFY may cost, in round trips. */
static void measure_ioctls(int echo_processor, double most)
{
	static double bare[TURNS], unmap[TURNS], notes[TURNS], unmap_ratio[TURNS],
	    note_ratio[TURNS];
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	pid_t pid = start_echo(echo_processor);
	int port;

	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	measure_need(gntdev >= 0, "/dev/xen/gntdev");
	evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	measure_need(evtchn >= 0, "/dev/xen/evtchn");
	port = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	measure_need(port > 0, "BIND_UNBOUND_PORT");
	notify.port = (unsigned)port;
	for (unsigned i = 0; i < WARM_UPS; i++) {
		time_of(round_trip);
		time_of(call_unmap);
	}
	for (unsigned i = 0; i < TURNS; i++) {
		bare[i] = time_of(round_trip);
		unmap[i] = time_of(call_unmap);
		notes[i] = time_of(call_notify);
		unmap_ratio[i] = unmap[i] / bare[i];
		note_ratio[i] = notes[i] / bare[i];
	}
	say_time("round trip over a socket pair:", bare);
	say_time("UNMAP_GRANT_REF, ENOENT:", unmap);
	say_time("NOTIFY:", notes);
	measure_verdict("  UNMAP_GRANT_REF against a round trip (median of turns)",
			measure_median(unmap_ratio, TURNS), "x", 1.3, 1);
	measure_verdict("  NOTIFY against a round trip (median of turns)",
			measure_median(note_ratio, TURNS), "x", most, 1);
	say_spread("  NOTIFY against a round trip", note_ratio);
	close(echo_socket);
	waitpid(pid, NULL, 0);
}

/* 64 pages that this domain grants to itself and maps. */
static void *map_grants(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[PAGES];
	} alloc = {.op = {.domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = PAGES}};
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref more[PAGES];
	} map = {.op = {.count = PAGES}};
	int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	unsigned char *refs, *grants;
	void *p;

	measure_need(fd >= 0, "/dev/xen/gntalloc");
	measure_need(!ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc), "ALLOC_GREF");
	refs = (unsigned char *)&alloc + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids);
	grants = (unsigned char *)&map + offsetof(struct ioctl_gntdev_map_grant_ref, refs);
	for (unsigned i = 0; i < PAGES; i++) {
		struct ioctl_gntdev_grant_ref grant = {.domid = 0};

		memcpy(&grant.ref, refs + i * sizeof(grant.ref), sizeof(grant.ref));
		memcpy(grants + i * sizeof(grant), &grant, sizeof(grant));
	}
	measure_need(!ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map), "MAP_GRANT_REF");
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.op.index);
	measure_need(p != MAP_FAILED, "mmap of grants");
	return p;
}

static void *map_memfd(void)
{
	int fd = memfd_create("plain", MFD_CLOEXEC);
	void *p;

	measure_need(fd >= 0 && !ftruncate(fd, BYTES), "memfd");
	p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	measure_need(p != MAP_FAILED, "mmap of the memfd");
	return p;
}

/* GB a second, into the memory and out of it. */
static double copy_both_ways(void *memory, void *own)
{
	double begin = measure_now();

	for (unsigned i = 0; i < COPIES; i++) {
		memcpy(memory, own, BYTES);
		__asm__ volatile("" ::: "memory");
		memcpy(own, memory, BYTES);
		__asm__ volatile("" ::: "memory");
	}
	return 2.0 * COPIES * BYTES / (measure_now() - begin) / 1e9;
}

/* Which physical pages a region gets changes what its copies cost, so there are several of each. */
static void measure_copying(void)
{
	static double plain[TURNS], granted[TURNS], ratio[TURNS];
	void *grants[REGIONS], *memfd[REGIONS], *own = aligned_alloc(4096, BYTES);

	measure_need(own != NULL, "memory");
	memset(own, 0x5A, BYTES);
	for (unsigned i = 0; i < REGIONS; i++) {
		grants[i] = map_grants();
		memfd[i] = map_memfd();
		copy_both_ways(grants[i], own);
		copy_both_ways(memfd[i], own);
	}
	for (unsigned i = 0; i < TURNS; i++) {
		if (i % 2) {
			plain[i] = copy_both_ways(memfd[i % REGIONS], own);
			granted[i] = copy_both_ways(grants[i % REGIONS], own);
		} else {
			granted[i] = copy_both_ways(grants[i % REGIONS], own);
			plain[i] = copy_both_ways(memfd[i % REGIONS], own);
		}
		ratio[i] = granted[i] / plain[i];
	}
	printf("  copying, plain shared memory:  median %.2f GB/s\n", measure_median(plain, TURNS));
	printf("  copying, 64 mapped grants:     median %.2f GB/s\n",
	       measure_median(granted, TURNS));
	measure_verdict("  copying through grants against plain (median of turns)",
			measure_median(ratio, TURNS), "x", 0.97, 0);
	free(own);
}

static int client(int echo_processor, const char *most, bool copies)
{
	measure_ioctls(echo_processor, atof(most));
	if (copies)
		measure_copying();
	return 0;
}

static char self[4096];

/* What a NOTIFY may cost in each place (issue 17), in round trips; elsewhere nothing is demanded. */
#define ONE_PROCESSOR  "0.75"
#define TWO_PROCESSORS "0.05"
#define AS_SCHEDULED   "0.3"
#define ANYTHING       "1e9"

static int exit_status(pid_t pid)
{
	int status;

	measure_need(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* The client in a machine of its own, on one processor or as scheduled (-1). */
static int run_alone(const char *gntsim, const char *front, int processor, const char *most)
{
	pid_t pid = fork();

	measure_need(pid >= 0, "fork");
	if (!pid) {
		if (processor >= 0)
			run_on(processor);
		execl(gntsim, gntsim, "run", "--front", front, "--", self, "--client", "-1", most,
		      strcmp(front, "socket") ? (char *)NULL : "copies", (char *)NULL);
		measure_need(0, gntsim);
	}
	return exit_status(pid);
}

/* A broker that serves `path`, on that processor; returns when it does. */
static pid_t start_broker(const char *gntsim, const char *path, int processor)
{
	int out[2];
	char byte;
	pid_t pid;

	measure_need(!pipe(out), "pipe");
	pid = fork();
	measure_need(pid >= 0, "fork");
	if (!pid) {
		run_on(processor);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execl(gntsim, gntsim, "serve", "--socket", path, (char *)NULL);
		measure_need(0, gntsim);
	}
	close(out[1]);
	do
		measure_need(read(out[0], &byte, 1) == 1, "gntsim serve");
	while (byte != '\n');
	close(out[0]);
	return pid;
}

/* The client on one processor, broker and echo on the other. */
static int run_apart(const char *gntsim, int here, int there)
{
	char dir[] = "/tmp/front-bench.XXXXXX", path[64], number[16];
	pid_t broker, pid;
	int r;

	measure_need(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(number, sizeof(number), "%d", there);
	broker = start_broker(gntsim, path, there);
	pid = fork();
	measure_need(pid >= 0, "fork");
	if (!pid) {
		run_on(here);
		execl(gntsim, gntsim, "run", "--front", "socket", "--socket", path, "--", self,
		      "--client", number, TWO_PROCESSORS, "copies", (char *)NULL);
		measure_need(0, gntsim);
	}
	r = exit_status(pid);
	kill(broker, SIGTERM);
	waitpid(broker, NULL, 0);
	unlink(path);
	rmdir(dir);
	return r;
}

/* Two processors of those allowed; returns how many there are. */
static int two_processors(int *first, int *second)
{
	cpu_set_t cpus;
	int n = 0;

	measure_need(!sched_getaffinity(0, sizeof(cpus), &cpus), "sched_getaffinity");
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++) {
		if (!CPU_ISSET((size_t)i, &cpus))
			continue;
		*(n ? second : first) = i;
		n++;
	}
	return n;
}

static void say(const char *where)
{
	printf("%s:\n", where);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int first = 0, second = 0, processors, r;
	ssize_t n;

	if (argc >= 4 && !strcmp(argv[1], "--client"))
		return client(atoi(argv[2]), argv[3], argc > 4);
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: front-bench GNTSIM [FRONT]\n");
		return 2;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	measure_need(n > 0, "/proc/self/exe");
	if (argc == 3) {
		say("as scheduled");
		return run_alone(argv[1], argv[2], -1, ANYTHING);
	}
	processors = two_processors(&first, &second);
	say("on one processor");
	r = run_alone(argv[1], "socket", first, ONE_PROCESSOR);
	if (!r && processors == 2) {
		say("on two processors");
		r = run_apart(argv[1], first, second);
	}
	if (!r) {
		say("as scheduled");
		r = run_alone(argv[1], "socket", -1, AS_SCHEDULED);
	}
	return r;
}
