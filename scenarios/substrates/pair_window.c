/* SPDX-License-Identifier: MIT */
#include "pair_window.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE   4096u
#define ROOM   (4 * PAGE) /* of a stream */
#define SIZE   (PAGE + 2 * ROOM)
#define FRAMES (SIZE / PAGE)

#define SCHED_OP       29
#define SCHEDOP_YIELD  0
#define PATIENT_YIELDS 1000
/* At a counter before a yield, where the other domain has a processor of its own. */
#define LOOKS  100000
#define NAP_NS 1000000

/* How many bytes there have been, ever. Each counter has one writer. */
struct counters {
	uint32_t written __attribute__((aligned(64)));
	uint32_t read __attribute__((aligned(64)));
};

/* The lab has it zero at first. */
struct window {
	union {
		struct counters counters[2];
		uint8_t page[PAGE];
	};
	uint8_t bytes[2][ROOM];
};

struct hypercall {
	uint64_t number, argument[5];
};

struct map_foreign_frames {
	unsigned int count;
	uint16_t domain;
	uint64_t address;
	const uint64_t *frames;
	int *errors;
};

#define HYPERCALL          _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define MAP_FOREIGN_FRAMES _IOC(_IOC_NONE, 'P', 4, sizeof(struct map_foreign_frames))

static bool read_frames(const char *path, uint64_t frames[FRAMES])
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0, page;
	unsigned long long frame;

	while (f && n < FRAMES && fscanf(f, "%u %llu", &page, &frame) == 2 && page == n)
		frames[n++] = frame;
	if (f)
		fclose(f);
	return n == FRAMES;
}

/* In dom0: the file has the numbers of domU's frames. */
static int map_foreign(struct scn_window *w, const char *path)
{
	const char *peer = getenv("GNTSIM_LAB_PEER");
	uint64_t frames[FRAMES];
	int errors[FRAMES];
	struct map_foreign_frames map = {FRAMES, (uint16_t)(peer ? atoi(peer) : 1),
					 (uintptr_t)w->memory, frames, errors};

	if (!read_frames(path, frames))
		return -EINVAL;
	return ioctl(w->privcmd, MAP_FOREIGN_FRAMES, &map) < 0 ? -errno : errors[0];
}

static int map_window(struct scn_window *w, const char *path)
{
	int fd = w->out ? open(path, O_RDWR | O_CLOEXEC) : w->privcmd;
	int err = 0;

	if (fd < 0)
		return -errno;
	w->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w->memory == MAP_FAILED) {
		w->memory = NULL;
		err = -errno;
	}
	if (w->out)
		close(fd);
	else if (!err)
		err = map_foreign(w, path);
	return err;
}

int scn_window_open(struct scn_window *w, int life, struct scn_buf *why)
{
	const char *path = getenv("GNTSIM_LAB_WINDOW"), *role = getenv("GNTSIM_LAB_ROLE");
	const char *processors = getenv("GNTSIM_LAB_PROCESSORS");
	int err;

	*w = (struct scn_window){.privcmd = -1, .life = life};
	if (!path || !*path)
		return 0;
	w->looks = processors && atoi(processors) > 1 ? LOOKS : 0;
	w->out = role && !strcmp(role, "domU");
	w->privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	err = w->privcmd < 0 ? -errno : map_window(w, path);
	if (!err)
		return 0;
	scn_buf_printf(why, "the lab's window %s: %s", path, strerror(-err));
	scn_window_close(w);
	return err;
}

void scn_window_close(struct scn_window *w)
{
	if (w->memory)
		munmap(w->memory, SIZE);
	if (w->privcmd >= 0)
		close(w->privcmd);
	w->memory = NULL;
	w->privcmd = -1;
}

static bool has_changed(const uint32_t *counter, uint32_t seen, unsigned int looks)
{
	while (looks-- > 0) {
		if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) != seen)
			return true;
	}
	return false;
}

/*
 * Waits a while for the other domain to move its counter. Where it has a processor of its own, to look is
 * cheapest: a yield is hundreds of microseconds in an emulator. Where the two share one it runs when this one yields,
 * and has then most often done its part: with nobody to wake, and no timer that would interrupt it. Where it sleeps
 * itself, a yield is over at once: now and then this one does, too, and looks whether there is another.
 */
static int give_way(const struct scn_window *w, const uint32_t *counter, uint32_t seen,
		    unsigned int *turns)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct hypercall yield = {SCHED_OP, {SCHEDOP_YIELD}};
	struct pollfd life = {.fd = w->life};

	if (has_changed(counter, seen, w->looks))
		return 0;
	if (++*turns % PATIENT_YIELDS && ioctl(w->privcmd, HYPERCALL, &yield) == 0)
		return 0;
	nanosleep(&nap, NULL);
	return poll(&life, 1, 0) > 0 ? -EPIPE : 0;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int scn_window_write(const struct scn_window *w, const void *data, size_t len)
{
	struct window *window = w->memory;
	struct counters *c = &window->counters[w->out];
	const uint8_t *at = data;
	unsigned int turns = 0;

	while (len > 0) {
		uint32_t read = __atomic_load_n(&c->read, __ATOMIC_ACQUIRE);
		uint32_t waiting = c->written - read;
		uint32_t start = c->written % ROOM;
		size_t n = smaller(smaller(ROOM - waiting, ROOM - start), len);
		int err = 0;

		if (waiting > ROOM)
			err = -EBADMSG;
		else if (n == 0)
			err = give_way(w, &c->read, read, &turns);
		if (err)
			return err;
		memcpy(window->bytes[w->out] + start, at, n);
		__atomic_store_n(&c->written, c->written + (uint32_t)n, __ATOMIC_RELEASE);
		at += n;
		len -= n;
	}
	return 0;
}

int scn_window_read(const struct scn_window *w, void *data, size_t len)
{
	struct window *window = w->memory;
	struct counters *c = &window->counters[!w->out];
	uint8_t *at = data;
	unsigned int turns = 0;

	while (len > 0) {
		uint32_t written = __atomic_load_n(&c->written, __ATOMIC_ACQUIRE);
		uint32_t waiting = written - c->read;
		uint32_t start = c->read % ROOM;
		size_t n = smaller(smaller(waiting, ROOM - start), len);
		int err = 0;

		if (waiting > ROOM)
			err = -EBADMSG;
		else if (n == 0)
			err = give_way(w, &c->written, written, &turns);
		if (err)
			return err;
		memcpy(at, window->bytes[!w->out] + start, n);
		__atomic_store_n(&c->read, c->read + (uint32_t)n, __ATOMIC_RELEASE);
		at += n;
		len -= n;
	}
	return 0;
}
