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

/* What the model told of after a call. */
struct told {
	const char *hazard[R_HAZARDS];
	unsigned int n_hazards;
	bool wait[N_WAITS];
};

static void take_effects(struct world *w, struct told *t)
{
	struct gntsim_effect effect;
	int wait;

	memset(t, 0, sizeof(*t));
	while (gntsim_next_effect(w->m, &effect)) {
		if (effect.kind == GNTSIM_EFFECT_HAZARD && t->n_hazards < R_HAZARDS)
			t->hazard[t->n_hazards++] = effect.hazard;
		wait = world_told(w, &effect);
		if (wait >= 0)
			t->wait[wait] = true;
	}
}

static bool has(const char *const *names, unsigned int n, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void compare_told(const struct sequence *s, unsigned int at, const struct told *t,
			 struct reference *r)
{
	bool same_hazards = t->n_hazards == r->n_hazards;

	for (unsigned int i = 0; i < t->n_hazards; i++)
		same_hazards &= has(r->hazard, r->n_hazards, t->hazard[i]);
	if (!same_hazards) {
		differ(s, at, "hazards");
		for (unsigned int i = 0; i < t->n_hazards; i++)
			fprintf(stderr, "  model     %s\n", t->hazard[i]);
		for (unsigned int i = 0; i < r->n_hazards; i++)
			fprintf(stderr, "  reference %s\n", r->hazard[i]);
		abort();
	}
	for (unsigned int i = 0; i < N_WAITS; i++) {
		if (t->wait[i] != r->wait[i].told) {
			differ(s, at, "ends of waits");
			fprintf(stderr, "  wait %u: model %d, reference %d\n", i, t->wait[i],
				r->wait[i].told);
			abort();
		}
		r->wait[i].told = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static struct reference r;
	static struct sequence s;
	static struct outcome here, there;
	struct told told;

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
		take_effects(&w, &told);
		if (r.open_question)
			break;
		compare_told(&s, i, &told, &r);
		/* What a real driver does after that is no rule. */
		if (told.n_hazards)
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
