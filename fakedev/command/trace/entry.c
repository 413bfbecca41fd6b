/* SPDX-License-Identifier: MIT */
/* Most members of both structures are 0 in most calls: of their words those are kept that are not, behind a
 * set of bits that tells which. What is not written yet is a third of what it would be, and with it what
 * the broker pays for memory that it has not touched before. */
#include "entry.h"

#include <string.h>

#define WORDS(type) (sizeof(type) / sizeof(uint64_t))

_Static_assert(sizeof(struct trace_call) % sizeof(uint64_t) == 0 && WORDS(struct trace_call) <= 64,
	       "a bit for each word");
_Static_assert(sizeof(struct gntsim_observation) % sizeof(uint64_t) == 0 &&
		   WORDS(struct gntsim_observation) <= 64,
	       "a bit for each word");

struct head {
	uint64_t words;         /* which are there */
	uint64_t us;            /* of a call; else NOT_A_CALL */
	uint32_t read, written; /* bytes of memory, behind the ports */
};
#define NOT_A_CALL UINT64_MAX

/* @return how many there are, which are in @p out */
static size_t pack(uint64_t *out, const void *from, size_t n, uint64_t *words)
{
	size_t there = 0;

	*words = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(&out[there], (const char *)from + i * sizeof(*out), sizeof(*out));
		if (out[there]) {
			*words |= UINT64_C(1) << i;
			there++;
		}
	}
	return there;
}

static unsigned char *unpack(unsigned char *from, uint64_t words, void *to, size_t size)
{
	memset(to, 0, size);
	for (size_t i = 0; words; i++, words >>= 1) {
		if (!(words & 1))
			continue;
		memcpy((char *)to + i * sizeof(words), from, sizeof(words));
		from += sizeof(words);
	}
	return from;
}

bool entry_give_saw(struct spool *s, const struct gntsim_observation *o)
{
	uint64_t packed[WORDS(*o) + 1];
	struct head head = {.us = NOT_A_CALL};
	size_t size = pack(packed, o, WORDS(*o), &head.words) * sizeof(*packed);
	unsigned char *out = spool_reserve(s, sizeof(head) + size);

	if (!out)
		return false;
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), packed, size);
	spool_give(s);
	return true;
}

bool entry_give_call(struct spool *s, const struct trace_call *call, uint64_t us)
{
	uint64_t packed[WORDS(*call) + 1];
	struct head head = {.us = us};
	struct trace_call kept = *call;
	size_t ports = call->n_ports * sizeof(*call->ports), size;
	const struct trace_memory *m = call->memory;
	unsigned char *out;

	kept.mm = NULL;
	kept.frames = NULL;
	kept.ports = NULL;
	if (m) {
		head.read = (uint32_t)m->read.used;
		head.written = (uint32_t)m->written.used;
	}
	size = pack(packed, &kept, WORDS(kept), &head.words) * sizeof(*packed);
	out = spool_reserve(s, sizeof(head) + size + ports + head.read + head.written);
	if (!out)
		return false;
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), packed, size);
	out += sizeof(head) + size;
	if (ports)
		memcpy(out, call->ports, ports);
	if (head.read)
		memcpy(out + ports, m->read.bytes, head.read);
	if (head.written)
		memcpy(out + ports + head.read, m->written.bytes, head.written);
	spool_give(s);
	return true;
}

bool entry_next(struct spool *s, struct entry *out)
{
	unsigned char *from = spool_next(s);
	struct head head;
	size_t ports;

	if (!from)
		return false;
	memcpy(&head, from, sizeof(head));
	from += sizeof(head);
	out->is_call = head.us != NOT_A_CALL;
	if (!out->is_call) {
		unpack(from, head.words, &out->saw, sizeof(out->saw));
		return true;
	}
	out->us = head.us;
	from = unpack(from, head.words, &out->call, sizeof(out->call));
	ports = out->call.n_ports * sizeof(*out->call.ports);
	out->call.ports = (const uint32_t *)(const void *)from;
	from += ports;
	out->memory = (struct trace_memory){
	    .read = {.bytes = from, .used = head.read},
	    .written = {.bytes = from + head.read, .used = head.written},
	};
	if (out->call.memory)
		out->call.memory = &out->memory;
	return true;
}
