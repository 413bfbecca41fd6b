/* SPDX-License-Identifier: MIT */
/* A program for deaths-test.sh to end.
 *
 *   calls            makes these device calls: open, three ioctls, a read that finds an event, a write,
 *                    an ioctl; says what failed, with its errno
 *   wait read|poll|select|epoll   waits for an event that never comes, in that way
 *   bind             binds a port
 *   map              allocates a grant for itself, maps it, and says what the mmap said
 *   map twice        maps two grants, each in a call of its own
 *   map again        maps it, and where that fails again, gives the index up and maps it anew; says how each mmap went
 *   blocked          as calls, with SIGABRT blocked
 *   handled          as calls, with a handler of SIGABRT that says so and ends the process with status 6
 *   threads          as calls, while another thread sleeps
 *   sleep            waits for a second, and not for an event
 *   child            has a child make its calls
 * Where a mode ends by itself it says "done". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOMID_SELF 0x7FF0

typedef uint16_t domid_t;
typedef uint32_t evtchn_port_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

static int evtchn;
static uint32_t ports[2];

static void check(const char *what, long result)
{
	if (result >= 0)
		return;
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(3);
}

static void open_and_bind(bool both)
{
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = DOMID_SELF};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = unbound.remote_domain};

	evtchn = open("/dev/xen/evtchn", O_RDWR);
	check("open", evtchn);
	ports[0] = (uint32_t)ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	check("unbound", (int)ports[0]);
	if (!both)
		return;
	inter.remote_port = ports[0];
	ports[1] = (uint32_t)ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter);
	check("interdomain", (int)ports[1]);
}

__attribute__((noinline)) static void calls(void)
{
	struct ioctl_evtchn_notify notify;
	uint32_t port;

	open_and_bind(true);
	notify.port = ports[0];
	check("notify", ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &notify));
	check("read", read(evtchn, &port, sizeof(port)));
	check("write", write(evtchn, &port, sizeof(port)));
	check("again", ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &notify));
}

static int gntdev;

static int map_index(uint64_t index)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, gntdev, (off_t)index);

	return p == MAP_FAILED ? -1 : 0;
}

static void map_own(bool twice)
{
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	struct ioctl_gntalloc_alloc_gref alloc = {.flags = 1, .count = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};

	gntdev = open("/dev/xen/gntdev", O_RDWR);
	check("alloc", ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc));
	map.refs[0].ref = alloc.gref_ids[0];
	check("map", ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map));
	check("mmap", map_index(map.index));
	if (!twice)
		return;
	check("map", ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map));
	check("second mmap", map_index(map.index));
}

static void say_mmap(uint64_t index)
{
	printf("mmap: %s\n", map_index(index) < 0 ? strerrorname_np(errno) : "mapped");
}

static void map_again(void)
{
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	struct ioctl_gntalloc_alloc_gref alloc = {.flags = 1, .count = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	struct ioctl_gntdev_unmap_grant_ref unmap = {.count = 1};

	gntdev = open("/dev/xen/gntdev", O_RDWR);
	check("alloc", ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc));
	map.refs[0].ref = alloc.gref_ids[0];
	check("map", ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map));
	say_mmap(map.index);
	say_mmap(map.index);
	unmap.index = map.index;
	check("unmap", ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap));
	check("map", ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map));
	say_mmap(map.index);
}

static void aborted(int signal)
{
	static const char text[] = "handled\n";

	(void)signal;
	_exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 4 : 6);
}

static void *sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

__attribute__((noinline)) static void wait_by(const char *how)
{
	uint32_t port;

	if (strcmp(how, "read") == 0) {
		check("read", read(evtchn, &port, sizeof(port)));
	} else if (strcmp(how, "poll") == 0) {
		struct pollfd p = {.fd = evtchn, .events = POLLIN};

		check("poll", poll(&p, 1, -1));
	} else if (strcmp(how, "select") == 0) {
		fd_set set;

		FD_ZERO(&set);
		FD_SET(evtchn, &set);
		check("select", select(evtchn + 1, &set, NULL, NULL, NULL));
	} else {
		struct epoll_event e = {.events = EPOLLIN};
		int epoll = epoll_create1(0);

		check("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, evtchn, &e));
		check("epoll_wait", epoll_wait(epoll, &e, 1, -1));
	}
}

static void at_exit(void)
{
	static const char text[] = "ran to its end\n";

	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(4);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	sigset_t abort_alone;
	pthread_t thread;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	atexit(at_exit);
	if (strcmp(mode, "calls") == 0) {
		calls();
	} else if (strcmp(mode, "wait") == 0 && argc == 3) {
		open_and_bind(false);
		puts("ready");
		wait_by(argv[2]);
	} else if (strcmp(mode, "bind") == 0) {
		open_and_bind(false);
	} else if (strcmp(mode, "map") == 0 && argc == 3 && strcmp(argv[2], "again") == 0) {
		map_again();
	} else if (strcmp(mode, "map") == 0) {
		map_own(argc == 3);
	} else if (strcmp(mode, "blocked") == 0) {
		sigemptyset(&abort_alone);
		sigaddset(&abort_alone, SIGABRT);
		sigprocmask(SIG_BLOCK, &abort_alone, NULL);
		calls();
	} else if (strcmp(mode, "handled") == 0) {
		signal(SIGABRT, aborted);
		calls();
	} else if (strcmp(mode, "threads") == 0) {
		check("thread", pthread_create(&thread, NULL, sleeper, NULL) ? -1 : 0);
		calls();
	} else if (strcmp(mode, "sleep") == 0) {
		open_and_bind(false);
		sleep(1);
	} else if (strcmp(mode, "child") == 0) {
		if (fork() == 0)
			calls();
		else if (wait(&status) < 0 || status != 0)
			return 5;
	} else {
		fprintf(stderr, "usage: points calls|wait HOW|bind|map "
				"[twice|again]|blocked|handled|threads|sleep|child\n");
		return 2;
	}
	puts("done");
	return 0;
}
