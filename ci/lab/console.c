/* SPDX-License-Identifier: MIT */
/*
 * Console of a Xen domain on a pseudo-terminal: dom0's end of the channel to the program in domain
 * 1.
 *
 *     console DOMID RING-REF PORT LOG
 *
 * Prints the terminal's name, closes its output, and serves. It stands in for xenconsoled, which
 * limits each guest to 30 events in 200 ms: too few for a protocol of one line per call.
 *
 * What the domain writes goes to the terminal and to LOG, until an EOT (0x04): that closes the
 * terminal and empties LOG. What follows is the domain's last report: it goes to LOG alone, until
 * a second EOT ends the service.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "foreign.h"

enum { END_OF_CHANNEL = 4, SYSRQ = 15 };

struct console_ring {
	char in[1024];
	char out[2048];
	uint32_t in_consumed, in_produced;
	uint32_t out_consumed, out_produced;
};

struct bind_interdomain {
	unsigned int domain, port;
};

#define BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct bind_interdomain))
#define NOTIFY           _IOC(_IOC_NONE, 'E', 4, sizeof(unsigned int))

static struct console_ring *ring;
static int events, log_file, terminal = -1;
static unsigned int local_port;

static struct console_ring *map_ring(unsigned int domain, uint64_t frame)
{
	int privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (privcmd < 0)
		err(1, "/dev/xen/privcmd");
	void *page = mmap(NULL, FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
	if (page == MAP_FAILED)
		err(1, "mmap");
	int error = 0;
	struct map_foreign_frames map = {
	    .count = 1,
	    .domain = (uint16_t)domain,
	    .address = (uintptr_t)page,
	    .frames = &frame,
	    .errors = &error,
	};
	if (ioctl(privcmd, MAP_FOREIGN_FRAMES, &map) < 0 || error)
		err(1, "cannot map frame %#llx of domain %u", (unsigned long long)frame, domain);
	return page;
}

static void bind_port(unsigned int domain, unsigned int port)
{
	events = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (events < 0)
		err(1, "/dev/xen/evtchn");
	struct bind_interdomain bind = {domain, port};
	int bound = ioctl(events, BIND_INTERDOMAIN, &bind);
	if (bound < 0)
		err(1, "cannot bind to port %u of domain %u", port, domain);
	local_port = (unsigned int)bound;
}

static void notify(void)
{
	ioctl(events, NOTIFY, &local_port);
}

/* The program's end is held open too, else the terminal hangs up whenever nobody has it open. */
static const char *open_terminal(void)
{
	struct termios raw;
	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		err(1, "pseudo-terminal");
	const char *name = ptsname(terminal);
	int program_end = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (program_end < 0 || tcgetattr(program_end, &raw))
		err(1, "%s", name);
	cfmakeraw(&raw);
	tcsetattr(program_end, TCSANOW, &raw);
	return name;
}

static void to_log(const char *bytes, size_t count)
{
	if (write(log_file, bytes, count) < 0)
		warn("log");
}

static void end_channel(void)
{
	close(terminal);
	terminal = -1;
	if (ftruncate(log_file, 0))
		warn("log");
}

/* Takes what the terminal has room for from the ring; returns whether anything was taken. */
static int ring_to_terminal(void)
{
	uint32_t consumed = ring->out_consumed;
	uint32_t available = __atomic_load_n(&ring->out_produced, __ATOMIC_ACQUIRE) - consumed;
	uint32_t start = consumed % sizeof(ring->out);
	if (available > sizeof(ring->out) - start)
		available = (uint32_t)(sizeof(ring->out) - start);
	if (available == 0)
		return 0;

	const char *bytes = ring->out + start;
	const char *end = memchr(bytes, END_OF_CHANNEL, available);
	size_t wanted = end ? (size_t)(end - bytes) : available;
	ssize_t taken = (ssize_t)wanted;
	if (terminal >= 0 && wanted > 0)
		taken = write(terminal, bytes, wanted);
	if (taken < 0)
		return 0;
	to_log(bytes, (size_t)taken);
	if (end && (size_t)taken == wanted) {
		if (terminal < 0)
			exit(0);
		end_channel();
		taken++;
	}
	__atomic_store_n(&ring->out_consumed, consumed + (uint32_t)taken, __ATOMIC_RELEASE);
	return 1;
}

static int ring_holds_output(void)
{
	return __atomic_load_n(&ring->out_produced, __ATOMIC_ACQUIRE) != ring->out_consumed;
}

static size_t ring_room(void)
{
	return sizeof(ring->in) -
	       (ring->in_produced - __atomic_load_n(&ring->in_consumed, __ATOMIC_ACQUIRE));
}

/* A lone SYSRQ would make the kernel take the next byte as a command; two stand for the byte. */
static int terminal_to_ring(void)
{
	uint32_t produced = ring->in_produced;
	size_t room = ring_room();
	char bytes[sizeof(ring->in) / 2];
	if (terminal < 0 || room < sizeof(bytes))
		return 0;
	ssize_t taken = read(terminal, bytes, room / 2);
	if (taken <= 0)
		return 0;
	for (ssize_t i = 0; i < taken; i++) {
		ring->in[produced++ % sizeof(ring->in)] = bytes[i];
		if (bytes[i] == SYSRQ)
			ring->in[produced++ % sizeof(ring->in)] = SYSRQ;
	}
	__atomic_store_n(&ring->in_produced, produced, __ATOMIC_RELEASE);
	return 1;
}

/* Lets the domain send the next event; returns whether there was one. */
static int take_event(void)
{
	unsigned int port;
	int any = 0;
	while (read(events, &port, sizeof(port)) == sizeof(port)) {
		any = 1;
		if (write(events, &port, sizeof(port)) < 0)
			err(1, "evtchn");
	}
	return any;
}

/*
 * The domain moves 16 bytes at a time and sends an event for each. To answer each would cost two
 * switches between domains, so the next event is let in only after a pause, in which the domain
 * goes on alone.
 */
static void serve(void)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000};
	for (;;) {
		int moved = 0;
		while (ring_to_terminal() | terminal_to_ring())
			moved = 1;
		if (moved)
			notify();
		if (moved || ring_room() < sizeof(ring->in) / 2) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (take_event())
			continue;

		struct pollfd waits[] = {
		    {.fd = events, .events = POLLIN},
		    {.fd = terminal,
		     .events = (short)(POLLIN | (ring_holds_output() ? POLLOUT : 0))},
		};
		if (poll(waits, 2, -1) < 0)
			err(1, "poll");
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: console DOMID RING-REF PORT LOG");
	unsigned int domain = (unsigned int)strtoul(argv[1], NULL, 10);
	ring = map_ring(domain, strtoull(argv[2], NULL, 10));
	bind_port(domain, (unsigned int)strtoul(argv[3], NULL, 10));
	log_file = open(argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_file < 0)
		err(1, "%s", argv[4]);
	puts(open_terminal());
	fclose(stdout);
	serve();
}
