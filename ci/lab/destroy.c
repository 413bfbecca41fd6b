/* SPDX-License-Identifier: MIT */
/*
 * Destroys a domain, as xl does it in the end:
 *
 *     destroy DOMID
 *
 * To start xl would take most of a short boot's time. The one that made the domain, and waits for its end, is
 * killed; who started it (guest/start-domU.sh) then ends the console. After that nothing of the lab's has a page of
 * the domain.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DOMCTL = 36, DESTROY_DOMAIN = 2, GET_DOMAIN_INFO = 5 };

/* The interface's number of Xen 4.8, and one that is far to come. */
enum { FIRST_VERSION = 0xc, LAST_VERSION = 0x60 };

enum { CONSOLE_MS = 10000, GONE_MS = 50 };

struct hypercall {
	uint64_t op, arg[5];
};

#define HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))

struct domctl {
	uint32_t command, version;
	uint16_t domain, pad[3];
	uint8_t rest[256];
};

static int privcmd;

static int domctl(struct domctl *d)
{
	struct hypercall call = {DOMCTL, {(uintptr_t)d}};

	return ioctl(privcmd, HYPERCALL, &call);
}

/* Leaves the version that this Xen takes in *d. */
static void destroy(struct domctl *d, uint16_t domain)
{
	int r;

	for (d->version = FIRST_VERSION; d->version <= LAST_VERSION; d->version++) {
		d->command = DESTROY_DOMAIN;
		d->domain = domain;
		do
			r = domctl(d);
		while (r < 0 && (errno == EAGAIN || errno == EINTR));
		if (r == 0)
			return;
		if (errno != EACCES)
			break;
	}
	err(1, "cannot destroy domain %u", domain);
}

/* The information of the next domain from there on. */
static int is_there(struct domctl *d, uint16_t domain)
{
	memset(d->rest, 0, sizeof(d->rest));
	d->command = GET_DOMAIN_INFO;
	d->domain = domain;
	return domctl(d) == 0 && d->domain == domain;
}

static pid_t pid_in(const char *path)
{
	FILE *f = fopen(path, "re");
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1 || pid <= 0)
		errx(1, "%s: no process", path);
	fclose(f);
	return pid;
}

static void await_end(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (end.fd >= 0 && poll(&end, 1, CONSOLE_MS) != 1)
		errx(1, "the console does not end");
}

int main(int argc, char **argv)
{
	static struct domctl d;
	const struct timespec pause = {.tv_nsec = 1000000};
	pid_t xl, console;
	uint16_t domain;

	if (argc != 2)
		errx(2, "usage: destroy DOMID");
	xl = pid_in("/tmp/xl.pid");
	console = pid_in("/tmp/console.pid");
	domain = (uint16_t)strtoul(argv[1], NULL, 10);
	privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (privcmd < 0 || mlock(&d, sizeof(d)))
		err(1, "/dev/xen/privcmd");
	destroy(&d, domain);
	kill(xl, SIGKILL);
	await_end(console);
	/* A scenario's processes may have pages of it, and hold it for longer. */
	for (int ms = 0; ms < GONE_MS && is_there(&d, domain); ms++)
		nanosleep(&pause, NULL);
	return 0;
}
