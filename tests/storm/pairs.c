/* SPDX-License-Identifier: MIT */
/* What becomes of a pair: both sides start, one ends, what the other has seen of it is compared with what it
 * must have, the other ends too. */
#include "storm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Most pairs have so long to get their link. */
#define LINKING_NS 2000000000ull

static struct actor *shared_of(struct storm *s, unsigned int actor)
{
	return &s->shared->actors[actor];
}

static bool has_child(const struct storm *s, unsigned int actor)
{
	return s->children[actor].pid && !s->children[actor].gone;
}

static void start(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];
	uint32_t domid[2] = {storm_roll(s, s->n_domains), 0};

	/* One odd, one even: what random calls do to ports is between two of a kind. */
	domid[1] = 2 * storm_roll(s, s->n_domains / 2) + (domid[0] + 1) % 2;
	if (s->nests[domid[0]].going || s->nests[domid[1]].going)
		return;
	*p = (struct pair){.state = STARTING, .deadline = storm_now() + s->patience_ns};
	for (unsigned int side = 0; side < 2; side++) {
		struct actor *a = shared_of(s, 2 * pair + side);

		s->calls += a->calls;
		memset(a, 0, sizeof(*a));
		a->domid = domid[side];
		a->other_domid = domid[!side];
		a->life = ++s->lives;
		a->seed = (uint64_t)storm_roll(s, UINT32_MAX) << 32 | storm_roll(s, UINT32_MAX);
		s->actors[2 * pair + side] = s->children[2 * pair + side] =
		    (struct process){.pidfd = -1};
	}
	for (unsigned int side = 0; side < 2; side++)
		nest_ask(s, domid[side], 2 * pair + side, storm_roll(s, 8) == 0);
}

static void let_go_on(struct storm *s, unsigned int pair)
{
	for (unsigned int side = 0; side < 2; side++)
		if (s->pairs[pair].stopped[side])
			process_signal(&s->actors[2 * pair + side], SIGCONT);
	memset(s->pairs[pair].stopped, 0, sizeof(s->pairs[pair].stopped));
}

static void clear(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];

	for (unsigned int side = 0; side < 2; side++) {
		process_signal(&s->actors[2 * pair + side], SIGKILL);
		process_signal(&s->children[2 * pair + side], SIGKILL);
		s->kills += !s->actors[2 * pair + side].gone;
	}
	p->state = CLEARING;
	p->deadline = storm_now() + s->patience_ns;
}

/* The victim is about to end: who is not linked by now, and is so later, may be linked with somebody else. */
static void must_be_linked(struct storm *s, unsigned int pair, unsigned int victim)
{
	s->pairs[pair].unsure |= shared_of(s, victim ^ 1)->stage != STAGE_LINKED;
}

static void begin_death(struct storm *s, unsigned int pair, unsigned int side, enum order how)
{
	struct pair *p = &s->pairs[pair];
	unsigned int victim = 2 * pair + side;

	must_be_linked(s, pair, victim);
	p->victim = victim;
	p->state = DYING;
	p->how = OTHER_GONE;
	p->deadline = storm_now() + s->patience_ns;
	if (how == ORDER_LIVE) {
		process_signal(&s->actors[victim], SIGKILL);
		s->kills++;
		p->both = storm_roll(s, 2);
		if (p->both)
			process_signal(&s->children[victim], SIGKILL);
	} else {
		if (p->stopped[side])
			let_go_on(s, pair);
		shared_of(s, victim)->order = how;
		s->executions += how == ORDER_EXEC;
		s->exits += how == ORDER_EXIT;
	}
}

static void act_on(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];
	unsigned int side = storm_roll(s, 2), actor = 2 * pair + side, die = storm_roll(s, 100);

	p->due = storm_now() + 2000000ull * storm_roll(s, 20);
	if (s->nests[shared_of(s, actor)->domid].going ||
	    s->nests[shared_of(s, actor)->other_domid].going) {
		let_go_on(s, pair);
		return;
	}
	if (die < 50) {
		begin_death(s, pair, side, ORDER_LIVE);
	} else if (die < 57) {
		begin_death(s, pair, side, ORDER_EXIT);
	} else if (die < 63 && !p->forked[side]) {
		begin_death(s, pair, side, ORDER_EXEC);
	} else if (die < 70) {
		clear(s, pair);
	} else if (die < 78 && !p->forked[side]) {
		shared_of(s, actor)->order = ORDER_GIVE_UP;
		/* No child may come that has its mappings, too. */
		p->forked[side] = true;
		s->given_up++;
	} else if (die < 86 && !p->forked[side]) {
		/* Before all is there the child has a part of it. */
		p->unsure |= shared_of(s, actor)->stage != STAGE_LINKED;
		shared_of(s, actor)->order = ORDER_FORK;
		p->forked[side] = true;
		s->forks++;
	} else if (!p->stopped[side]) {
		process_signal(&s->actors[actor], SIGSTOP);
		p->stopped[side] = true;
		s->stops++;
	} else {
		let_go_on(s, pair);
	}
}

/* Who traces may hear of an end after the parent. */
static void settle(struct storm *s)
{
	uint64_t began = storm_now(), took;

	machine_sync(&s->machine);
	took = storm_now() - began;
	if (took > s->worst_sync_ns)
		s->worst_sync_ns = took;
	if (!strcmp(s->machine.front, "ptrace")) {
		usleep(3000);
		machine_sync(&s->machine);
	}
}

static void verify(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];
	struct actor *left = shared_of(s, p->victim ^ 1);

	let_go_on(s, pair);
	if (left->stage != STAGE_LINKED || p->unsure) {
		clear(s, pair);
		return;
	}
	left->other = p->how;
	p->state = VERIFYING;
	p->deadline = storm_now() + s->patience_ns;
}

static void victim_dies(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];
	struct actor *victim = shared_of(s, p->victim), *left = shared_of(s, p->victim ^ 1);

	process_look(&s->actors[p->victim]);
	if (!s->actors[p->victim].gone && victim->stage != STAGE_REPLACED)
		return;
	storm_notice_children(s);
	/* It died in its fork: whether there is a child nobody can say. */
	p->unsure |= victim->forking && !has_child(s, p->victim);
	if (p->both && has_child(s, p->victim)) {
		process_signal(&s->children[p->victim], SIGKILL);
		process_look(&s->children[p->victim]);
		return;
	}
	settle(s);
	if (!has_child(s, p->victim) || p->unsure) {
		verify(s, pair);
		return;
	}
	let_go_on(s, pair);
	left->other = OTHER_HALF_GONE;
	p->state = HALF;
	p->deadline = storm_now() + s->patience_ns;
}

/* What the kernel tells of a process that hangs. */
static void show(pid_t pid)
{
	static const char *const names[] = {"status", "wchan", "syscall", "stack"};
	char path[64], line[256];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (i || strstr(line, "State") || strstr(line, "Pnd") ||
			    strstr(line, "PPid") || strstr(line, "Name") || strstr(line, "Thr"))
				fprintf(stderr, "%d %s: %s%s", pid, names[i], line,
					strchr(line, '\n') ? "" : "\n");
		if (f)
			fclose(f);
	}
}

static void failed(struct storm *s, unsigned int pair, unsigned int side, const char *what)
{
	struct actor *a = shared_of(s, 2 * pair + side), *other = shared_of(s, 2 * pair + !side);

	show(s->actors[2 * pair].pid);
	show(s->actors[2 * pair + 1].pid);
	storm_failed(
	    "domain %u, against %u (pair %u, state %d, how %d, the other's notes %u and %u, "
	    "order %u, process %d%s; victim %d): %s%s%s",
	    a->domid, a->other_domid, pair, s->pairs[pair].state, s->pairs[pair].how,
	    other->note[0], other->note[1], other->order, s->actors[2 * pair + !side].pid,
	    s->actors[2 * pair + !side].gone ? ", which is gone" : "",
	    s->pairs[pair].victim == 2 * pair + !side, what, *a->text ? ": " : "", a->text);
}

/* What is wrong whoever ends: a second event of one end, a byte that nothing was to clear. */
static bool is_always_wrong(const char *text)
{
	return !strncmp(text, "doubled", 7) || !strncmp(text, "the byte", 8);
}

/* A call that failed is wrong unless the other side, which it needs, was ending. */
static void look_at_texts(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];

	for (unsigned int side = 0; side < 2; side++) {
		struct actor *a = shared_of(s, 2 * pair + side);

		if (a->stage != STAGE_WRONG)
			continue;
		if (p->state == RUNNING || p->state == VERIFYING || p->state == HALF ||
		    (p->state == DYING && is_always_wrong(a->text)))
			failed(s, pair, side, "wrong");
	}
}

static bool has_strayed(struct storm *s, unsigned int pair)
{
	return shared_of(s, 2 * pair)->stage == STAGE_STRAYED ||
	       shared_of(s, 2 * pair + 1)->stage == STAGE_STRAYED;
}

static void start_anew(struct storm *s, unsigned int pair)
{
	s->strayed++;
	clear(s, pair);
}

void pair_step(struct storm *s, unsigned int pair)
{
	struct pair *p = &s->pairs[pair];
	struct process *sides = &s->actors[2 * pair];
	uint64_t now = storm_now();

	if (p->state != FREE && p->state != RUNNING && now > p->deadline)
		failed(s, pair, p->victim == 2 * pair, "it hangs");
	look_at_texts(s, pair);
	switch (p->state) {
	case FREE:
		if (!s->winding_up)
			start(s, pair);
		break;
	case STARTING:
		if (!sides[0].pid || !sides[1].pid)
			break;
		p->state = RUNNING;
		p->due = now + 1000000ull * storm_roll(s, 40);
		p->linked_first = storm_roll(s, 8);
		p->deadline = now + s->patience_ns;
		break;
	case RUNNING:
		for (unsigned int side = 0; side < 2; side++)
			if (sides[side].gone)
				failed(s, pair, side, "it ended by itself");
		if (s->winding_up)
			clear(s, pair);
		else if (has_strayed(s, pair))
			start_anew(s, pair);
		else if (now > p->due && (!p->linked_first || now > p->due + LINKING_NS ||
					  (shared_of(s, 2 * pair)->stage == STAGE_LINKED &&
					   shared_of(s, 2 * pair + 1)->stage == STAGE_LINKED)))
			act_on(s, pair);
		break;
	case DYING:
		victim_dies(s, pair);
		break;
	case HALF:
		if (shared_of(s, p->victim ^ 1)->stage != STAGE_LINKED ||
		    shared_of(s, p->victim ^ 1)->half_seen)
			process_signal(&s->children[p->victim], SIGKILL);
		process_look(&s->children[p->victim]);
		if (!s->children[p->victim].gone)
			break;
		settle(s);
		verify(s, pair);
		break;
	case VERIFYING:
		if (shared_of(s, p->victim ^ 1)->stage != STAGE_VERIFIED)
			break;
		s->computed++;
		clear(s, pair);
		break;
	case CLEARING:
		for (unsigned int side = 0; side < 2; side++) {
			process_signal(&s->children[2 * pair + side], SIGKILL);
			process_look(&s->children[2 * pair + side]);
			process_look(&sides[side]);
			if (!sides[side].gone || has_child(s, 2 * pair + side))
				return;
		}
		p->state = FREE;
		break;
	}
}

static bool touches(struct storm *s, unsigned int pair, unsigned int domain)
{
	return shared_of(s, 2 * pair)->domid == domain ||
	       shared_of(s, 2 * pair)->other_domid == domain;
}

/* The one in the domain. */
static unsigned int victim_of(struct storm *s, unsigned int pair, unsigned int domain)
{
	return 2 * pair + (shared_of(s, 2 * pair)->domid != domain);
}

void pairs_destroy_domain(struct storm *s, unsigned int domain)
{
	unsigned int busy;
	uint64_t before;

	s->nests[domain].going = true;
	/* What is being computed of a death before comes first. */
	do {
		busy = 0;
		nests_listen(s, 1);
		for (unsigned int i = 0; i < s->n_actors / 2; i++) {
			enum state state = s->pairs[i].state;

			pair_step(s, i);
			busy += touches(s, i, domain) && state != FREE && state != RUNNING;
		}
	} while (busy);
	for (unsigned int i = 0; i < s->n_actors / 2; i++)
		if (touches(s, i, domain) && s->pairs[i].state == RUNNING)
			let_go_on(s, i);
	for (unsigned int i = 0; i < s->n_actors / 2; i++)
		if (touches(s, i, domain) && s->pairs[i].state == RUNNING)
			must_be_linked(s, i, victim_of(s, i, domain));
	before = storm_now();
	machine_destroy(&s->machine, domain);
	s->destroyed++;
	for (unsigned int i = 0; i < s->n_actors / 2; i++) {
		struct pair *p = &s->pairs[i];

		/* Nobody was told anything meanwhile; who can't be looked at takes seconds. */
		p->deadline += storm_now() - before;
		if (!touches(s, i, domain) || p->state != RUNNING)
			continue;
		p->victim = victim_of(s, i, domain);
		p->state = DYING;
		p->how = OTHER_DESTROYED;
		p->both = true;
		p->deadline = storm_now() + s->patience_ns;
	}
	for (uint64_t end = storm_now() + s->patience_ns; s->nests[domain].pid;) {
		nests_listen(s, 1);
		if (storm_now() > end)
			storm_failed("the nest in domain %u, which is destroyed, lives", domain);
	}
	close(s->nests[domain].socket);
	s->nests[domain].socket = -1;
	s->nests[domain].absent = true;
}

uint64_t pairs_without_machine(struct storm *s, uint64_t killed_at)
{
	uint64_t end = killed_at + s->patience_ns, longest = 0;
	unsigned int left;

	do {
		left = 0;
		nests_listen(s, 2);
		for (unsigned int i = 0; i < s->n_actors; i++) {
			struct actor *a = shared_of(s, i);

			if (!s->actors[i].pid || s->actors[i].gone)
				continue;
			/* Who makes no calls any more. */
			if (a->stage == STAGE_WRONG || a->stage == STAGE_REPLACED ||
			    a->stage == STAGE_STRAYED)
				process_signal(&s->actors[i], SIGKILL);
			if (s->children[i].pid && a->stage == STAGE_LEFT)
				process_signal(&s->children[i], SIGKILL);
			left++;
		}
		if (storm_now() > end)
			storm_failed("%u processes hang after their machine was killed", left);
	} while (left);
	for (unsigned int i = 0; i < s->n_actors; i++) {
		struct actor *a = shared_of(s, i);

		process_signal(&s->children[i], SIGKILL);
		if (a->stage == STAGE_LEFT && a->error_at > killed_at &&
		    a->error_at - killed_at > longest)
			longest = a->error_at - killed_at;
		s->pairs[i / 2].state = FREE;
	}
	return longest;
}
