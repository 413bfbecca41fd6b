/* SPDX-License-Identifier: MIT */
/*
 * Programs that race, for schedule-test.sh:
 *   race N                  N device calls
 *   waiter FLAG | waker FLAG  the waiter loses the waker's event if it comes between its look at the flag
 *                           (a byte of a file) and the draining of its events: then it exits with 1
 *   woken FLAG | wakes FLAG a process is woken while its waker goes on alone: exits with 1 if it sees that
 *   talk IN OUT N           N times: a device call, and a byte each way through FIFOs; OUT is opened first
 *   answer IN OUT N         the same, IN first
 *   victim FILE             leaves its number in FILE and makes calls until somebody kills it
 *   killer FILE             makes a call, and kills who is named there
 *   spin FLAG | waves FLAG  a call; reads the flag until the other has set it between his calls; a call
 *   fork                    a call, and two children that make three each
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint16_t domid_t;
#include <xen/evtchn.h>

/* A machine under load may be slow, and nobody but who has lost his event waits for so long. */
#define LOST_MS 10000

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int devices(void)
{
	int fd = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);

	if (fd < 0)
		die("evtchn");
	return fd;
}

static uint32_t bind_port(int fd, unsigned int domid)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = domid};
	int port = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);

	if (port <= 0)
		die("bind");
	return (uint32_t)port;
}

static int race(int n)
{
	int fd = devices();

	while (n-- > 0)
		bind_port(fd, 0);
	return 0;
}

static volatile unsigned char *flag_in(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *p;

	if (fd < 0 || ftruncate(fd, 1) < 0)
		die(path);
	p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static int waiter(const char *path)
{
	volatile unsigned char *flag = flag_in(path);
	struct pollfd p = {.fd = devices(), .events = POLLIN};
	uint32_t port = bind_port(p.fd, 1), drained[8];

	*flag = 0;
	printf("port %u\n", port);
	fflush(stdout);
	bind_port(p.fd, 0);
	if (*flag)
		return 0;
	/* Between these two the waker must not come. */
	bind_port(p.fd, 0);
	while (read(p.fd, drained, sizeof(drained)) > 0)
		;
	if (poll(&p, 1, LOST_MS) == 1 && *flag)
		return 0;
	puts("lost");
	return 1;
}

static int waker(const char *path)
{
	struct ioctl_evtchn_bind_interdomain bind = {.remote_domain = 0, .remote_port = 1};
	struct ioctl_evtchn_notify notify;
	volatile unsigned char *flag = flag_in(path);
	int fd = devices(), port = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);

	if (port <= 0)
		die("bind");
	*flag = 1;
	notify.port = (uint32_t)port;
	return ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify);
}

/* What the flag is when the event comes: the waker sets it to 2 after its call, long after. */
static int woken(const char *path)
{
	volatile unsigned char *flag = flag_in(path);
	struct pollfd p = {.fd = devices(), .events = POLLIN};
	uint32_t port = bind_port(p.fd, 1);

	*flag = 0;
	printf("port %u\n", port);
	fflush(stdout);
	if (poll(&p, 1, LOST_MS) == 1 && *flag == 2)
		return 0;
	printf("woken by %u\n", *flag);
	return 1;
}

static int waker_alone(const char *path)
{
	volatile unsigned char *flag = flag_in(path);
	int failed = waker(path);
	clock_t end = clock() + CLOCKS_PER_SEC / 10;

	while (clock() < end)
		;
	*flag = 2;
	return failed;
}

static int talk(const char *in, const char *out, int n, int first)
{
	int fd = devices(), ends[2];
	char c = 0;

	ends[first] = open(first ? out : in, first ? O_WRONLY : O_RDONLY);
	ends[!first] = open(first ? in : out, first ? O_RDONLY : O_WRONLY);
	if (ends[0] < 0 || ends[1] < 0)
		die("fifo");
	while (n-- > 0) {
		bind_port(fd, 0);
		if ((first && write(ends[1], &c, 1) != 1) || read(ends[0], &c, 1) != 1 ||
		    (!first && write(ends[1], &c, 1) != 1))
			die("talk");
	}
	return 0;
}

static int victim(const char *path)
{
	FILE *f = fopen(path, "w");
	int fd = devices();

	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f) != 0)
		die(path);
	for (int i = 0; i < 100; i++)
		bind_port(fd, 0);
	return 0;
}

static int killer(const char *path)
{
	int fd = devices(), pid;
	FILE *f;

	bind_port(fd, 0);
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &pid) == 1 && kill(pid, SIGKILL) < 0)
		die("kill");
	bind_port(fd, 0);
	return 0;
}

/* Gets nothing but a processor until the flag waves. */
static int spin(const char *path)
{
	const volatile unsigned char *flag = flag_in(path);
	int fd = devices();

	bind_port(fd, 0);
	while (!*flag)
		;
	bind_port(fd, 0);
	return 0;
}

static int waves(const char *path)
{
	volatile unsigned char *flag = flag_in(path);
	int fd = devices();

	bind_port(fd, 0);
	*flag = 1;
	bind_port(fd, 0);
	return 0;
}

static int forks(void)
{
	int fd = devices(), status, failed = 0;

	bind_port(fd, 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			_exit(race(3));
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *path = argc > 2 ? argv[2] : "";

	if (strcmp(what, "race") == 0)
		return race(atoi(path));
	if (strcmp(what, "waiter") == 0)
		return waiter(path);
	if (strcmp(what, "waker") == 0)
		return waker(path);
	if (strcmp(what, "woken") == 0)
		return woken(path);
	if (strcmp(what, "wakes") == 0)
		return waker_alone(path);
	if (argc == 5 && strcmp(what, "talk") == 0)
		return talk(path, argv[3], atoi(argv[4]), 1);
	if (argc == 5 && strcmp(what, "answer") == 0)
		return talk(path, argv[3], atoi(argv[4]), 0);
	if (strcmp(what, "victim") == 0)
		return victim(path);
	if (strcmp(what, "killer") == 0)
		return killer(path);
	if (strcmp(what, "spin") == 0)
		return spin(path);
	if (strcmp(what, "waves") == 0)
		return waves(path);
	if (strcmp(what, "fork") == 0)
		return forks();
	return 2;
}
