/* SPDX-License-Identifier: MIT */
#include "hazards.h"

#include "uapi.h"

#include <gntsim/machine.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program that finds ever new causes is told of no more. */
#define MOST_CAUSES 256u
#define PLACE_MAX   64
#define CALL_MAX    160

struct hazard {
	const char *name;
	uint32_t domid;
	char program[sizeof(((struct program *)0)->name)];
	char place[PLACE_MAX];
	unsigned long again;
};

static const char *const devices[WIRE_DEV_MAX] = {
    [WIRE_DEV_GNTALLOC] = "gntalloc",
    [WIRE_DEV_GNTDEV] = "gntdev",
    [WIRE_DEV_EVTCHN] = "evtchn",
};

static const char *device_name(enum wire_device device)
{
	return device < WIRE_DEV_MAX && devices[device] ? devices[device] : "?";
}

static const char *ioctl_name(uint32_t cmd)
{
	switch (cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		return "IOCTL_GNTALLOC_ALLOC_GREF";
	case IOCTL_GNTALLOC_DEALLOC_GREF:
		return "IOCTL_GNTALLOC_DEALLOC_GREF";
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		return "IOCTL_GNTDEV_MAP_GRANT_REF";
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		return "IOCTL_GNTDEV_UNMAP_GRANT_REF";
	case IOCTL_GNTDEV_GRANT_COPY:
		return "IOCTL_GNTDEV_GRANT_COPY";
	default:
		return "another command";
	}
}

static bool fetch(const struct cause *c, void *out, size_t size)
{
	return c->memory && c->memory->read(c->memory->ctx, c->arg, out, size) == 0;
}

static void write_argument(const struct cause *c, char *out, size_t room)
{
	struct ioctl_gntalloc_alloc_gref alloc;
	struct ioctl_gntdev_map_grant_ref map;
	struct ioctl_gntdev_unmap_grant_ref range; /* as gntalloc's DEALLOC_GREF has it */

	snprintf(out, room, "%#" PRIx64, c->arg);
	switch (c->cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		if (fetch(c, &alloc, sizeof(alloc)))
			snprintf(out, room, "{domid=%u, flags=%u, count=%u}", alloc.domid,
				 alloc.flags, alloc.count);
		break;
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		if (fetch(c, &map, sizeof(map)))
			snprintf(out, room, "{count=%u, refs=[{domid=%u, ref=%u}%s]}", map.count,
				 map.refs[0].domid, map.refs[0].ref, map.count > 1 ? ", ..." : "");
		break;
	case IOCTL_GNTALLOC_DEALLOC_GREF:
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		if (fetch(c, &range, sizeof(range)))
			snprintf(out, room, "{index=%#" PRIx64 ", count=%u}", (uint64_t)range.index,
				 range.count);
		break;
	default:
		break;
	}
}

/* The place is the call without what changes from one to the next. */
static void describe_request(const struct wire_in *in, char *place, char *call)
{
	struct wire_map map;
	struct wire_range range;
	struct wire_remap remap;

	switch (in->msg.op) {
	case WIRE_MMAP:
		strcpy(place, "mmap");
		if (in->msg.payload != sizeof(map))
			break;
		memcpy(&map, in->payload, sizeof(map));
		snprintf(
		    call, CALL_MAX,
		    "mmap(%#" PRIx64 ", %" PRIu64 ", prot %#x, flags %#x, offset %#" PRIx64 ")",
		    map.addr, map.len, (unsigned int)map.prot, (unsigned int)map.flags, map.offset);
		return;
	case WIRE_MREMAP:
		strcpy(place, "mremap");
		if (in->msg.payload != sizeof(remap))
			break;
		memcpy(&remap, in->payload, sizeof(remap));
		snprintf(call, CALL_MAX, "mremap(%#" PRIx64 ", %" PRIu64 ", %" PRIu64 ")",
			 remap.old_addr, remap.old_len, remap.new_len);
		return;
	case WIRE_MUNMAP:
	case WIRE_MPROTECT:
	case WIRE_MADVISE:
		strcpy(place, in->msg.op == WIRE_MUNMAP     ? "munmap"
			      : in->msg.op == WIRE_MPROTECT ? "mprotect"
							    : "madvise");
		if (in->msg.payload != sizeof(range))
			break;
		memcpy(&range, in->payload, sizeof(range));
		snprintf(call, CALL_MAX, "%s(%#" PRIx64 ", %" PRIu64 ")", place, range.addr,
			 range.len);
		return;
	case WIRE_DESTROY:
		strcpy(place, "the end of a domain");
		break;
	case WIRE_ADVANCE:
		strcpy(place, "time that passes");
		break;
	default:
		strcpy(place, "another call");
		break;
	}
	strcpy(call, place);
}

static void describe(const struct cause *c, char *place, char *call)
{
	char argument[80];

	switch (c->kind) {
	case CAUSE_REQUEST:
		describe_request(c->request, place, call);
		return;
	case CAUSE_IOCTL:
		snprintf(place, PLACE_MAX, "ioctl(%s, %s)", device_name(c->device),
			 ioctl_name(c->cmd));
		write_argument(c, argument, sizeof(argument));
		snprintf(call, CALL_MAX, "ioctl(%s, %s, %s)", device_name(c->device),
			 ioctl_name(c->cmd), argument);
		return;
	case CAUSE_CLOSE:
		snprintf(place, PLACE_MAX, "close of the last descriptor of a %s file",
			 device_name(c->device));
		break;
	case CAUSE_END:
		strcpy(place, "the end of the process, or its exec");
		break;
	case CAUSE_NONE:
		strcpy(place, "no call of a program's");
		break;
	}
	snprintf(call, CALL_MAX, "%s", place);
}

static struct hazard *find(struct hazards *h, const char *name, uint32_t domid,
			   const struct program *program, const char *place)
{
	for (unsigned int i = 0; i < h->n; i++) {
		struct hazard *s = &h->seen[i];

		if (s->name == name && s->domid == domid &&
		    strcmp(s->program, program->name) == 0 && strcmp(s->place, place) == 0)
			return s;
	}
	return NULL;
}

static struct hazard *add(struct hazards *h)
{
	if (h->n == h->room && h->room < MOST_CAUSES) {
		unsigned int room = h->room ? h->room * 2 : 8;
		struct hazard *seen = reallocarray(h->seen, room, sizeof(*seen));

		if (!seen)
			return NULL;
		h->seen = seen;
		h->room = room;
	}
	return h->n < h->room ? &h->seen[h->n++] : NULL;
}

void hazard_note(struct hazards *h, const char *name, const struct cause *c)
{
	char place[PLACE_MAX], call[CALL_MAX], who[PROGRAM_TEXT];
	struct program program = c->program;
	struct hazard *s;

	if (c->thread)
		program_look(&program, process_of_thread(c->thread));
	describe(c, place, call);
	s = find(h, name, c->domid, &program, place);
	if (s) {
		s->again++;
		return;
	}
	s = add(h);
	if (!s) {
		h->untold++;
		return;
	}
	*s = (struct hazard){.name = name, .domid = c->domid};
	memcpy(s->program, program.name, sizeof(s->program));
	memcpy(s->place, place, sizeof(place));
	fprintf(stderr,
		"gntsim: warning: harm to a real kernel: %s: domain %u, %s: %s "
		"(see HAZARDS in gntsim(1))\n",
		name, c->domid, program_text(&program, who), call);
}

const char *hazard_text(const struct hazards *h, unsigned int i, char *out, size_t room)
{
	const struct hazard *s = i < h->n ? &h->seen[i] : NULL;

	if (!s)
		return NULL;
	snprintf(out, room, "%s: domain %u, %s: %s", s->name, s->domid,
		 *s->program ? s->program : "?", s->place);
	return out;
}

void hazards_end(struct hazards *h)
{
	for (unsigned int i = 0; i < h->n; i++) {
		const struct hazard *s = &h->seen[i];

		if (s->again)
			fprintf(stderr,
				"gntsim: warning: %s came %lu time%s more: domain %u, %s: %s\n",
				s->name, s->again, s->again == 1 ? "" : "s", s->domid,
				*s->program ? s->program : "?", s->place);
	}
	if (h->untold)
		fprintf(stderr,
			"gntsim: warning: harm to a real kernel came %lu time%s more, of other "
			"causes\n",
			h->untold, h->untold == 1 ? "" : "s");
	free(h->seen);
	*h = (struct hazards){0};
}
