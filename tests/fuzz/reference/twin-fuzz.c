/* SPDX-License-Identifier: MIT */
/* The same sequence on the model and on the reference: every result, and what there is after every call. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "reference.h"

/* What some kernels or hypervisors do otherwise, and the reference does not know. */
static void settle(struct setup *s)
{
	s->fail_at = 0;
	if (s->xen == GNTSIM_XEN_4_21)
		s->xen = GNTSIM_XEN_DEFAULT;
	s->config.max_maptrack_frames = s->config.max_grant_frames = 0;
}

static void show(const char *who, const struct outcome *out)
{
	fprintf(stderr, "  %-9s ", who);
	if (out->skipped)
		fprintf(stderr, "nothing to do");
	else
		fprintf(stderr, "%" PRId64, out->value);
	for (unsigned int i = 0; i < out->n; i++)
		fprintf(stderr, " %" PRIu64, out->out[i]);
	fprintf(stderr, "\n");
}

static void show_call(unsigned int at, const struct call *c)
{
	fprintf(stderr, "%3u %s self=%u a=%u b=%u c=%u d=%u e=%u\n", at, call_name(c->op), c->self,
		c->a, c->b, c->c, c->d, c->e);
}

static void differ(const struct sequence *s, unsigned int at, const char *what)
{
	fprintf(stderr, "twin-fuzz: %s differ after call %u\n", what, at);
	for (unsigned int i = 0; i <= at; i++)
		if (reference_knows(s->calls[i].op))
			show_call(i, &s->calls[i]);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->skipped == b->skipped &&
	       (a->skipped || (a->value == b->value && a->n == b->n &&
			       !memcmp(a->out, b->out, a->n * sizeof(*a->out))));
}

#define COMPARE(member)                                                                            \
	do {                                                                                       \
		if (here.member != there.member) {                                                 \
			differ(s, at, #member);                                                    \
			fprintf(stderr, "  model %u, reference %u\n", here.member, there.member);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void compare_totals(const struct sequence *s, unsigned int at, const struct world *w,
			   const struct reference *r)
{
	struct gntsim_totals here, there;

	gntsim_machine_totals(w->m, &here);
	reference_totals(r, &there);
	COMPARE(domains);
	COMPARE(zombies);
	COMPARE(files);
	COMPARE(mms);
	COMPARE(vmas);
	COMPARE(frames);
	COMPARE(grants);
	COMPARE(deferred);
	COMPARE(gntdev_maps);
	COMPARE(maptrack);
	COMPARE(ports);
}

/* A real driver would misbehave now: what it would do then is no rule. */
static bool misbehaves(struct world *w)
{
	struct gntsim_effect effect;
	bool found = false;

	while (gntsim_next_effect(w->m, &effect))
		found |= effect.kind == GNTSIM_EFFECT_HAZARD;
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static struct reference r;
	static struct sequence s;
	static struct outcome here, there;

	sequence_read(data, size, &s);
	settle(&s.setup);
	if (!world_begin(&w, &s.setup))
		return 0;
	reference_begin(&r, &s.setup);
	for (unsigned int i = 0; i < s.n; i++) {
		if (!reference_knows(s.calls[i].op))
			continue;
		world_call(&w, &s.calls[i], &here);
		reference_call(&r, &s.calls[i], &there);
		if (misbehaves(&w) || r.open_question)
			break;
		if (!same(&here, &there)) {
			differ(&s, i, "results");
			show("model", &here);
			show("reference", &there);
			abort();
		}
		compare_totals(&s, i, &w, &r);
	}
	world_end(&w);
	return 0;
}
