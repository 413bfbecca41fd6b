/* SPDX-License-Identifier: MIT */
#include "link.h"

#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE       4096u
#define CLEAR_SEND 3u
/* Where the bytes are: of a side's own page, and of its mapping, in the other's page. */
static const uint32_t byte_of[NOTES] = {16, 32};
/* And whose page it is. */
#define LIFE_AT 64u
static const char *const name_of[NOTES] = {"page", "mapping"};
/* An event that must come has this long: the machine may be one of many things on two processors. */
#define PATIENCE_MS 20000

/* Each call comes back. */
static void leave(const struct link *l)
{
	uint32_t port;

	if (l->evtchn >= 0) {
		fcntl(l->evtchn, F_SETFL, 0);
		while (read(l->evtchn, &port, sizeof(port)) > 0)
			;
	}
	if (l->own)
		munmap((void *)(uintptr_t)l->own, PAGE);
	if (l->mapped)
		munmap((void *)(uintptr_t)l->mapped, PAGE);
	close(l->map);
	close(l->alloc);
	close(l->evtchn);
	l->self->stage = STAGE_LEFT;
	_exit(0);
}

_Noreturn void wrong(struct link *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->self->text, sizeof(l->self->text), format, args);
	va_end(args);
	l->self->error_at = storm_now();
	if (l->shared->machine_gone)
		leave(l);
	l->self->stage = STAGE_WRONG;
	for (;;)
		pause();
}

/* A reference or a port that the other side has told of may be a third's by now: the next to get the number,
 * and to mean our domain. Then the other side has ended, or the third has taken its port, for which it need not. */
static _Noreturn void stray(struct link *l)
{
	if (l->shared->machine_gone)
		leave(l);
	l->self->stage = STAGE_STRAYED;
	for (;;)
		pause();
}

/* Of the calls that must succeed. */
static int must(struct link *l, int result, const char *what)
{
	l->self->calls++;
	if (result < 0)
		wrong(l, "%s: %s", what, strerror(errno));
	return result;
}

void link_begin(struct link *l, struct storm_shared *shared, uint32_t actor)
{
	*l = (struct link){.shared = shared,
			   .self = &shared->actors[actor],
			   .other = &shared->actors[actor ^ 1],
			   .first = actor % 2 == 0,
			   .alloc = -1,
			   .map = -1,
			   .evtchn = -1};
}

static void grant_page(struct link *l)
{
	union {
		struct ioctl_gntalloc_alloc_gref op;
		char room[sizeof(struct ioctl_gntalloc_alloc_gref) + 8];
	} u = {.op = {.domid = (uint16_t)l->self->other_domid,
		      .flags = GNTALLOC_FLAG_WRITABLE,
		      .count = 1}};
	uint32_t ref;
	void *at;

	l->evtchn =
	    must(l, open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK), "open evtchn");
	l->alloc = must(l, open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC), "open gntalloc");
	must(l, ioctl(l->alloc, IOCTL_GNTALLOC_ALLOC_GREF, &u), "ALLOC_GREF");
	l->own_index = u.op.index;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, l->alloc, (off_t)l->own_index);
	must(l, at == MAP_FAILED ? -1 : 0, "mmap of gntalloc");
	l->own = at;
	l->own[byte_of[OF_PAGE]] = 1;
	l->own[byte_of[OF_MAPPING]] = 1;
	memcpy((void *)(uintptr_t)(l->own + LIFE_AT), &l->self->life, sizeof(l->self->life));
	memcpy(&ref, u.room + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids), 4);
	l->self->ref = ref;
}

static void map_page(struct link *l)
{
	struct ioctl_gntdev_map_grant_ref op = {
	    .count = 1, .refs = {{.domid = l->self->other_domid, .ref = l->other->ref}}};
	uint32_t life;
	void *at;

	l->map = must(l, open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC), "open gntdev");
	must(l, ioctl(l->map, IOCTL_GNTDEV_MAP_GRANT_REF, &op), "MAP_GRANT_REF");
	l->map_index = op.index;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, l->map, (off_t)l->map_index);
	must(l, at == MAP_FAILED ? -1 : 0, "mmap of gntdev");
	l->mapped = at;
	memcpy(&life, (char *)at + LIFE_AT, sizeof(life));
	if (life != l->other->life)
		stray(l);
}

static void bind(struct link *l)
{
	uint32_t i = l->n_ports;
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = l->self->other_domid};
	struct ioctl_evtchn_bind_interdomain bound = {.remote_domain = l->self->other_domid,
						      .remote_port = l->other->port[i]};
	int port;

	port = l->first ? ioctl(l->evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound)
			: ioctl(l->evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bound);
	if (port < 0 && errno == EINVAL && !l->first)
		stray(l);
	l->port[i] = (uint32_t)must(l, port, l->first ? "BIND_UNBOUND_PORT" : "BIND_INTERDOMAIN");
	l->self->port[i] = l->port[i];
	l->n_ports++;
}

/* The byte that the other's end clears: of its page, or of its mapping of ours. Nobody looks at what he
 * gave up himself. */
static int byte_there(const struct link *l, uint32_t note)
{
	volatile unsigned char *page = note == OF_PAGE ? l->mapped : l->own;

	return page ? page[byte_of[note]] : -1;
}

/* Nothing is armed that would clear it. */
static void must_be_set(struct link *l, uint32_t note, const char *when)
{
	int byte = byte_there(l, note);

	if (byte == 0)
		wrong(l,
		      "the byte of the other's %s is cleared, %s; the page's others are %d and %d",
		      name_of[note], when, (note == OF_PAGE ? l->mapped : l->own)[byte_of[!note]],
		      (note == OF_PAGE ? l->mapped : l->own)[0]);
}

/* Takes the events that are there. */
static void take(struct link *l, int patience_ms)
{
	struct pollfd p = {.fd = l->evtchn, .events = POLLIN};
	uint32_t port;

	if (patience_ms && poll(&p, 1, patience_ms) <= 0)
		return;
	for (;;) {
		ssize_t n = read(l->evtchn, &port, sizeof(port));

		l->self->calls++;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n != sizeof(port))
			wrong(l, "read of evtchn: %s", n < 0 ? strerror(errno) : "not a port");
		for (uint32_t i = 0; i < NOTES; i++)
			if (port == l->port[i])
				l->got[i]++;
		if (port != l->port[OF_PAGE] && port != l->port[OF_MAPPING])
			wrong(l, "an event of port %u, which is none of its own", port);
		if (write(l->evtchn, &port, sizeof(port)) != sizeof(port))
			wrong(l, "write of port %u: %s", port, strerror(errno));
	}
}

bool link_setup(struct link *l)
{
	if (l->self->stage == STAGE_LINKED)
		return true;
	if (!l->own)
		grant_page(l);
	else if (l->n_ports < NOTES && (l->first || l->other->port[l->n_ports]))
		bind(l);
	else if (!l->mapped && l->other->ref)
		map_page(l);
	else if (l->n_ports == NOTES && !l->first && l->quiet < NOTES) {
		/* Who binds to a port has an event of it at once. */
		take(l, 0);
		l->quiet = (l->got[0] > 0 ? 1u : 0u) + (l->got[1] > 0 ? 1u : 0u);
	} else if (l->n_ports == NOTES && l->mapped && l->other->port[NOTES - 1]) {
		l->got[0] = l->got[1] = 0;
		/* The other arms nothing until we say so. */
		must_be_set(l, OF_PAGE, "which was never armed");
		must_be_set(l, OF_MAPPING, "which was never armed");
		l->self->stage = STAGE_LINKED;
	}
	return l->self->stage == STAGE_LINKED;
}

static int notify(const struct link *l, uint32_t note, uint32_t action)
{
	struct ioctl_gntalloc_unmap_notify op = {
	    .index = (note == OF_PAGE ? l->own_index : l->map_index) + byte_of[note],
	    .action = action,
	    .event_channel_port = l->port[note],
	};

	return note == OF_PAGE ? ioctl(l->alloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &op)
			       : ioctl(l->map, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op);
}

void link_arm(struct link *l, uint32_t random)
{
	uint32_t note = random % NOTES;
	_Atomic uint32_t *state = &l->self->note[note];

	if (l->other->stage != STAGE_LINKED)
		return;
	if (*state == NOTE_NONE) {
		*state = NOTE_ARMING;
		must(l, notify(l, note, CLEAR_SEND), "SET_UNMAP_NOTIFY");
		*state = NOTE_ARMED;
	} else if (*state == NOTE_ARMED && random / NOTES % 8 == 0) {
		*state = NOTE_DISARMING;
		must(l, notify(l, note, 0), "SET_UNMAP_NOTIFY of nothing");
		*state = NOTE_NONE;
	}
}

void link_give_up(struct link *l, bool page_first)
{
	for (int turn = 0; turn < NOTES; turn++) {
		uint32_t note = (turn == 0) == page_first ? OF_PAGE : OF_MAPPING;
		struct ioctl_gntalloc_dealloc_gref op = {
		    .index = note == OF_PAGE ? l->own_index : l->map_index, .count = 1};
		volatile unsigned char **at = note == OF_PAGE ? &l->own : &l->mapped;
		void *gone = (void *)(uintptr_t)*at;

		if (l->self->note[note] == NOTE_ARMED)
			l->self->note[note] = NOTE_ENDING;
		*at = NULL;
		must(l, munmap(gone, PAGE), "munmap");
		must(l,
		     note == OF_PAGE ? ioctl(l->alloc, IOCTL_GNTALLOC_DEALLOC_GREF, &op)
				     : ioctl(l->map, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op),
		     "giving up");
		if (l->self->note[note] == NOTE_ENDING)
			l->self->note[note] = NOTE_ENDED;
	}
}

static void must_have(struct link *l, uint32_t note, const char *when)
{
	uint64_t end = storm_now() + PATIENCE_MS * 1000000ull;
	int byte;

	while (!l->got[note] && storm_now() < end)
		take(l, 100);
	byte = byte_there(l, note);
	if (!l->got[note])
		wrong(l, "lost: no event of the other's %s, %s; its byte is %d", name_of[note],
		      when, byte);
	if (byte > 0)
		wrong(l, "the event of the other's %s came, %s, and its byte is not cleared",
		      name_of[note], when);
}

static void must_not_have(struct link *l, uint32_t note, bool byte_too, const char *when)
{
	if (l->got[note])
		wrong(l, "an event of the other's %s, %s", name_of[note], when);
	if (byte_too)
		must_be_set(l, note, when);
}

/* An event came: then the storm, who killed it, says so yet, or it says that it gave something up. */
static void must_be_dying(struct link *l, uint32_t note)
{
	uint64_t end = storm_now() + PATIENCE_MS * 1000000ull;

	while (l->self->other == OTHER_LIVES && l->other->note[note] < NOTE_ENDING) {
		if (storm_now() > end)
			wrong(l, "an event of the other's %s, and it lives and has it",
			      name_of[note]);
		link_pulse(l);
		usleep(1000);
	}
}

/* It may be armed by now, and have come. */
static void look_at_unarmed(struct link *l, uint32_t note)
{
	if (byte_there(l, note) == 0 && l->other->note[note] == NOTE_NONE)
		must_be_set(l, note, "which is not armed");
}

void link_look(struct link *l)
{
	uint32_t state[NOTES];

	/* Before what came is taken: what it gives up later is none of it. */
	for (uint32_t i = 0; i < NOTES; i++)
		state[i] = l->other->note[i];
	take(l, 0);
	for (uint32_t i = 0; i < NOTES; i++) {
		if (state[i] == NOTE_ENDED)
			must_have(l, i, "which it gave up");
		if (state[i] == NOTE_NONE)
			look_at_unarmed(l, i);
		if (l->got[i] > 1)
			wrong(l, "doubled: %u events of the other's %s, which it gave up",
			      l->got[i], name_of[i]);
		if (l->got[i] && state[i] < NOTE_ENDING)
			must_be_dying(l, i);
	}
	link_pulse(l);
}

void link_verify(struct link *l, enum other how)
{
	static const char *const whens[] = {
	    [OTHER_HALF_GONE] = "of which a child has the files",
	    [OTHER_GONE] = "which has ended",
	    [OTHER_DESTROYED] = "whose domain was destroyed",
	};
	const char *when = whens[how];

	take(l, 0);
	for (uint32_t i = 0; i < NOTES; i++) {
		uint32_t state = l->other->note[i];
		bool unsure = state == NOTE_ARMING || state == NOTE_DISARMING;

		if (state == NOTE_ENDED)
			must_have(l, i, when);
		else if (state == NOTE_NONE || how == OTHER_HALF_GONE ||
			 (how == OTHER_DESTROYED && state != NOTE_ENDING))
			/* A PV kernel clears the byte with the address space. */
			must_not_have(l, i, how != OTHER_HALF_GONE, when);
		else if (how == OTHER_GONE && !unsure)
			must_have(l, i, when);
		else if (l->got[i] && byte_there(l, i) > 0)
			wrong(l,
			      "the event of the other's %s came, %s, and its byte is not cleared",
			      name_of[i], when);
		else if (how == OTHER_GONE && !l->got[i] && byte_there(l, i) == 0)
			/* Who traces may be hearing of the end now. */
			must_have(l, i, when);
	}
	/* What any call that returned sent is there after the next one. */
	link_pulse(l);
	take(l, 0);
	for (uint32_t i = 0; i < NOTES; i++)
		if (l->got[i] > 1)
			wrong(l, "doubled: %u events of the other's %s, %s", l->got[i], name_of[i],
			      when);
	if (how != OTHER_HALF_GONE)
		l->self->stage = STAGE_VERIFIED;
}

void link_pulse(struct link *l)
{
	struct ioctl_evtchn_unbind none = {.port = 0x7fffffff};

	if (l->evtchn < 0)
		return;
	l->self->calls++;
	if (ioctl(l->evtchn, IOCTL_EVTCHN_UNBIND, &none) == 0 || errno != EINVAL)
		wrong(l, "UNBIND of no port: %s", strerror(errno));
}
