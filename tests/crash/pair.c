/* SPDX-License-Identifier: MIT */
/* The roles' main, and what cases are made of. */
#define _GNU_SOURCE
#include "pair.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

void check(bool true_it_is, const char *condition, const char *file, int line)
{
	if (true_it_is)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

static void *map_page(const struct side *s)
{
	void *page =
	    mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, (off_t)s->index);

	return page == MAP_FAILED ? NULL : page;
}

bool share(struct side *s, uint16_t other)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = other, .flags = 1, .count = 1};
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = other};
	int port;

	s->grants = true;
	s->other = other;
	s->memory = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	s->events = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	if (s->memory < 0 || s->events < 0 || ioctl(s->memory, IOCTL_GNTALLOC_ALLOC_GREF, &alloc))
		return false;
	s->index = alloc.index;
	s->ref = alloc.gref_ids[0];
	s->page = map_page(s);
	port = ioctl(s->events, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	s->port = (uint32_t)port;
	return s->page && port > 0;
}

bool map(struct side *s, uint16_t other, struct offer offer)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1, .refs = {{other, offer.ref}}};
	struct ioctl_evtchn_bind_interdomain bind = {other, offer.port};
	int port;

	s->grants = false;
	s->other = other;
	s->ref = offer.ref;
	s->memory = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	s->events = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	if (s->memory < 0 || s->events < 0)
		return false;
	port = ioctl(s->events, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
	if (port < 0 || ioctl(s->memory, IOCTL_GNTDEV_MAP_GRANT_REF, &map))
		return false;
	s->port = (uint32_t)port;
	s->index = map.index;
	s->page = map_page(s);
	return s->page;
}

bool arm(struct side *s, size_t offset, uint32_t action)
{
	struct ioctl_gntdev_unmap_notify set = {s->index + offset, action, s->port};

	/* One number and one structure in both drivers. */
	return ioctl(s->memory, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &set) == 0;
}

void notify(struct side *s)
{
	struct ioctl_evtchn_notify it = {.port = s->port};

	CHECK(ioctl(s->events, IOCTL_EVTCHN_NOTIFY, &it) == 0);
}

void wait_event(struct side *s)
{
	uint32_t port;

	CHECK(read(s->events, &port, sizeof(port)) == sizeof(port));
	CHECK(write(s->events, &port, sizeof(port)) == sizeof(port));
}

void work(struct side *s)
{
	for (int i = 0; i < 6; i++)
		CHECK(write(s->events, &s->port, sizeof(s->port)) == sizeof(s->port));
}

bool await(struct side *s, const _Atomic uint32_t *word, const _Atomic uint8_t *live)
{
	for (;;) {
		/* Asked before: what the other has done before its end counts. */
		bool alive = *live;

		if (*word)
			return true;
		if (!alive)
			return false;
		wait_event(s);
	}
}

void give_up(struct side *s)
{
	struct ioctl_gntalloc_dealloc_gref it = {.index = s->index, .count = 1};

	CHECK(ioctl(s->memory, IOCTL_GNTALLOC_DEALLOC_GREF, &it) == 0);
	s->ref = 0;
}

void leave(struct side *s)
{
	struct ioctl_gntdev_unmap_grant_ref it = {.index = s->index, .count = 1};

	if (s->page)
		munmap(s->page, PAGE_SIZE);
	if (s->grants && s->ref)
		give_up(s);
	else if (!s->grants && s->page)
		ioctl(s->memory, IOCTL_GNTDEV_UNMAP_GRANT_REF, &it);
	if (s->memory > 0)
		close(s->memory);
	if (s->events > 0)
		close(s->events);
	*s = (struct side){0};
}

void copy_in(struct side *s, size_t offset, const char *message)
{
	struct gntdev_grant_copy_segment segment = {.flags = 2 /* GNTCOPY_dest_gref */,
						    .len = (uint16_t)(strlen(message) + 1)};
	struct ioctl_gntdev_grant_copy copy = {.count = 1, .segments = &segment};
	char room[sizeof(s->page->text)];

	snprintf(room, sizeof(room), "%s", message);
	segment.source.virt = room;
	segment.dest.foreign.ref = s->ref;
	segment.dest.foreign.offset = (uint16_t)(offsetof(struct page, text) + offset);
	segment.dest.foreign.domid = s->other;
	CHECK(ioctl(s->memory, IOCTL_GNTDEV_GRANT_COPY, &copy) == 0);
}

/* The machine has a path of its own: its programs meet nobody else's. */
static socklen_t meeting_place(struct sockaddr_un *at)
{
	const char *machine = getenv("GNTSIM_SOCKET");
	int n;

	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(at->sun_path + 1, sizeof(at->sun_path) - 1, "%s-meeting",
		     machine ? machine : "");
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int meet_open(void)
{
	int place = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at;
	socklen_t len = meeting_place(&at);

	CHECK(place >= 0 && bind(place, (struct sockaddr *)&at, len) == 0 && listen(place, 5) == 0);
	puts("ready");
	fflush(stdout);
	return place;
}

int meet_accept(int place)
{
	int meeting = accept4(place, NULL, NULL, SOCK_CLOEXEC);

	CHECK(meeting >= 0);
	return meeting;
}

int meet(void)
{
	int meeting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at;
	socklen_t len = meeting_place(&at);

	CHECK(meeting >= 0);
	if (connect(meeting, (struct sockaddr *)&at, len) == 0) {
		puts("met");
		fflush(stdout);
		return meeting;
	}
	close(meeting);
	return -1;
}

bool publish(int meeting, const struct side *s)
{
	struct offer offer = {s->ref, s->port};

	return send(meeting, &offer, sizeof(offer), MSG_NOSIGNAL) == sizeof(offer);
}

bool take_offer(int meeting, struct offer *offer)
{
	return meeting >= 0 && recv(meeting, offer, sizeof(*offer), MSG_WAITALL) == sizeof(*offer);
}

void report(int meeting)
{
	/* If nobody hears it, that is found out soon. */
	send(meeting, "", 1, MSG_NOSIGNAL);
	close(meeting);
}

bool hear(int meeting)
{
	char word;
	bool heard = recv(meeting, &word, 1, 0) == 1;

	close(meeting);
	return heard;
}

int gone(struct side *s, const char *other)
{
	printf("the %s is gone\n", other);
	leave(s);
	return 1;
}

int asking_client(void)
{
	int meeting = meet();
	struct side s = {0};
	struct offer offer;

	if (!take_offer(meeting, &offer) || !map(&s, 0, offer))
		return gone(&s, "server");
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
	report(meeting);
	s.page->asked = 1;
	notify(&s);
	if (!await(&s, &s.page->produced, &s.page->server_live))
		return gone(&s, "server");
	CHECK(!strcmp(s.page->text, MESSAGE));
	s.page->consumed = 1;
	notify(&s);
	leave(&s);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "server"))
		return server();
	if (argc == 2 && !strcmp(argv[1], "client"))
		return client();
	fprintf(stderr, "usage: %s server|client\n", argv[0]);
	return 2;
}
