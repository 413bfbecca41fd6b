/* SPDX-License-Identifier: MIT */
/* A call through the doorbell that is answered late: a watch that is set while xenstored is stopped. Who waits rings
 * again and again until it goes on; the call is made once. Prints what differs. */
#include "xenbus/xs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARM_UPS 8 /* before there is a doorbell */
#define RINGS    3
#define WAIT_S   60

static void need(bool good, const char *what)
{
	if (good)
		return;
	printf("%s (errno %s)\n", what, strerror(errno));
	exit(1);
}

/* Another of the machine's children. */
static pid_t xenstored(void)
{
	char path[64], name[32];
	FILE *children, *comm;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getppid(), getppid());
	children = fopen(path, "re");
	need(children != NULL, path);
	while (fscanf(children, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = fopen(path, "re");
		if (comm && fscanf(comm, "%31s", name) == 1 && strcmp(name, "xenstored") == 0) {
			fclose(comm);
			fclose(children);
			return pid;
		}
		if (comm)
			fclose(comm);
	}
	need(false, "no xenstored");
	return -1;
}

/* The doorbell's: this program has no other. -1: there is none */
static int find_rings(void)
{
	char path[64], to[64];

	for (int fd = 3; fd < 4096; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		if (strcmp(to, "anon_inode:[eventfd]") == 0)
			return fd;
	}
	return -1;
}

/* How often it was rung: nobody takes that away. */
static unsigned long times_rung(int fd)
{
	unsigned long n = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	need(f != NULL, path);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "eventfd-count: %lx", &n);
	fclose(f);
	return n;
}

static struct late {
	pid_t xenstored;
	int rings;
	unsigned long before;
	atomic_bool over;
} late;

/* Lets xenstored go on when it has been rung for often enough. */
static void *let_go_on(void *arg)
{
	(void)arg;
	while (times_rung(late.rings) < late.before + RINGS && !atomic_load(&late.over))
		usleep(1000);
	kill(late.xenstored, SIGCONT);
	return NULL;
}

struct message {
	struct xs_msg head;
	char body[XS_PAYLOAD_MAX + 1];
};

static void say(int fd, uint32_t type, uint32_t number, const char *body, size_t len)
{
	struct message m = {.head = {type, number, 0, (uint32_t)len}};
	ssize_t n = (ssize_t)(sizeof(m.head) + len);

	memcpy(m.body, body, len);
	need(write(fd, &m, (size_t)n) == n, "write");
}

static void hear(int fd, uint32_t type, uint32_t number)
{
	static struct message m;

	need(read(fd, &m.head, sizeof(m.head)) == sizeof(m.head), "read");
	need(m.head.len == 0 || read(fd, m.body, m.head.len) == (ssize_t)m.head.len, "read");
	if (m.head.type == type && m.head.req_id == number)
		return;
	printf("heard %u of %u, not %u of %u\n", m.head.type, m.head.req_id, type, number);
	exit(1);
}

int main(void)
{
	int fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);
	struct pollfd more = {.fd = fd, .events = POLLIN};
	pthread_t thread;

	need(fd >= 0, "/dev/xen/xenbus");
	alarm(WAIT_S);
	for (uint32_t i = 0; i < WARM_UPS; i++) {
		say(fd, XS_GET_DOMAIN_PATH, i, "0", 2);
		hear(fd, XS_GET_DOMAIN_PATH, i);
	}
	late.rings = find_rings();
	need(late.rings >= 0, "there is no doorbell: nothing of this is tried");
	late.xenstored = xenstored();
	late.before = times_rung(late.rings);
	need(kill(late.xenstored, SIGSTOP) == 0, "SIGSTOP");
	need(pthread_create(&thread, NULL, let_go_on, NULL) == 0, "thread");
	say(fd, XS_WATCH, 100, "/tool\0token", 12);
	need(times_rung(late.rings) >= late.before + RINGS, "it was answered at once");
	atomic_store(&late.over, true);
	pthread_join(thread, NULL);
	/* The answer and the first event, once; then what is asked next. */
	hear(fd, XS_WATCH, 100);
	hear(fd, XS_WATCH_EVENT, 0);
	say(fd, XS_GET_DOMAIN_PATH, 101, "0", 2);
	hear(fd, XS_GET_DOMAIN_PATH, 101);
	need(poll(&more, 1, 0) == 0, "there is more to hear");
	return 0;
}
