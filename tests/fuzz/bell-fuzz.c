/* SPDX-License-Identifier: MIT */
/* Programs that scribble over the page that they share with the broker (wire_bell.h), all the time and
 * while it looks there: it neither ends, nor hangs, nor answers another one wrongly. Two of them do, each
 * with a thread that writes anything anywhere in its page and one that asks, rings, hangs up and comes
 * again; a third keeps to the rules, and what it is answered is exact. Afterwards the machine is
 * consistent, and empty.
 *
 * usage: bell-fuzz [SEED [CALLS]] */
#define _GNU_SOURCE
#include "bell-caller.h"
#include "broker/broker-internal.h"
#include "fronts/fronts.h"
#include "uapi.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIBBLERS 2
#define LIMIT_S    100

static const char *socket_path;
static atomic_bool over, served_out;
static atomic_ulong asked_badly, hung_up;

static uint32_t roll(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33) % n;
}

/* The port's event, and no other. */
static void read_event(const struct caller *c, uint32_t port)
{
	uint32_t found = 0;

	need(recv(c->device, &found, sizeof(found), MSG_DONTWAIT) == sizeof(found) && found == port,
	     "an event that does not come, or another");
	need(recv(c->device, &found, sizeof(found), MSG_DONTWAIT) < 0, "an event too many");
}

/* A port's word: of the only file that he has. */
static void hear_oneself(struct caller *c, uint32_t port)
{
	struct ioctl_evtchn_bind_interdomain bind = {.remote_port = port};
	struct ioctl_evtchn_notify notify = {.port = port};
	int64_t heard = caller_call(c, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind, sizeof(bind));
	struct ioctl_evtchn_unbind unbind = {.port = (uint32_t)heard};
	uint32_t word = 0, fired;

	need(heard > 0 && wire_port_word(0, (uint32_t)heard, &word), "BIND_INTERDOMAIN");
	read_event(c, (uint32_t)heard);
	fired = word | WIRE_PORT_FIRED;
	need(atomic_compare_exchange_strong(wire_port_at(c->page, word), &fired,
					    word | WIRE_PORT_UNMASKED),
	     "a port whose event was read can't be unmasked");
	need(caller_call(c, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)) == 0, "NOTIFY");
	read_event(c, (uint32_t)heard);
	/* Another one waits: that it is unmasked must be said. */
	need(caller_call(c, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)) == 0, "NOTIFY");
	need((atomic_load(wire_port_at(c->page, word)) & ~WIRE_PORT_SAYS) != word,
	     "there is a word of a port for which an event waits");
	need(caller_call(c, IOCTL_EVTCHN_UNBIND, &unbind, sizeof(unbind)) == 0, "UNBIND");
}

/* Each answer is that to its own question. */
static void keep_to_the_rules(struct caller *c, unsigned long calls)
{
	for (unsigned long i = 0; i < calls; i++) {
		struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
		int64_t port = caller_call(c, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind, sizeof(bind));
		struct ioctl_evtchn_notify notify = {.port = (uint32_t)port};
		struct ioctl_evtchn_unbind unbind = {.port = (uint32_t)port};

		need(port > 0, "BIND_UNBOUND_PORT");
		need(caller_call(c, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)) == 0, "NOTIFY");
		hear_oneself(c, (uint32_t)port);
		need(caller_call(c, IOCTL_EVTCHN_UNBIND, &unbind, sizeof(unbind)) == 0, "UNBIND");
		need(caller_call(c, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify)) == -ENOTCONN,
		     "NOTIFY of a port that is gone");
	}
}

struct scribbler {
	struct caller caller;
	struct wire_bell *_Atomic page;
	uint64_t state;
	atomic_bool writes, may_write;
	pthread_t asks, scribbles;
};

/* Anything, anywhere; lengths that a careless reader goes astray by more often than others. */
static void *scribble(void *arg)
{
	static const uint32_t words[] = {0,    1,    32,         1407,       1408,
					 1409, 2048, 0x7fffffff, 0x80000000, UINT32_MAX};
	struct scribbler *s = arg;

	while (!atomic_load(&over)) {
		unsigned char *bytes;

		atomic_store(&s->writes, true);
		bytes = (unsigned char *)atomic_load(&s->page);
		for (int i = 0; i < 1000 && bytes && atomic_load(&s->may_write); i++) {
			size_t at = roll(&s->state, sizeof(struct wire_bell) / 4) * 4;
			uint32_t word = roll(&s->state, 2) ? words[roll(&s->state, 10)]
							   : roll(&s->state, UINT32_MAX);

			/* The words at the beginning, and the heads of what is asked. */
			if (roll(&s->state, 2))
				at = roll(&s->state, 64) * 4;
			/* (Not this test's own view of whether it is to come again.) */
			if (at != offsetof(struct wire_bell, ended))
				memcpy(bytes + at, &word, sizeof(word));
		}
		atomic_store(&s->writes, false);
		sched_yield();
	}
	return NULL;
}

static void *ask(void *arg)
{
	static const uint32_t commands[] = {IOCTL_EVTCHN_BIND_UNBOUND_PORT, IOCTL_EVTCHN_NOTIFY,
					    IOCTL_EVTCHN_UNBIND, IOCTL_EVTCHN_RESET,
					    IOCTL_EVTCHN_BIND_VIRQ};
	struct scribbler *s = arg;
	struct caller *c = &s->caller;

	while (!atomic_load(&over)) {
		caller_begin(c, socket_path);
		atomic_store(&s->page, c->page);
		atomic_store(&s->may_write, true);
		while (!atomic_load(&over) && !atomic_load(&c->page->ended) &&
		       roll(&c->state, 2000)) {
			uint64_t bytes[4] = {roll(&c->state, 8)};
			size_t n = caller_compose(c->page->requested, commands[roll(&c->state, 5)],
						  bytes, sizeof(bytes));

			bool bad = roll(&c->state, 200) == 0;

			/* Now and then longer than the page, or of another kind than may be asked here. */
			if (bad && roll(&c->state, 2))
				n = WIRE_BELL_REQUEST + 1 + roll(&c->state, 1u << 31);
			else if (bad)
				c->page->requested[offsetof(struct wire_msg, op)] = WIRE_FORK;
			atomic_store(&c->page->request, (uint32_t)n);
			atomic_fetch_add(&c->page->asked, 1);
			/* (Its own count may be full.) */
			if (write(c->rings, &(uint64_t){1}, 8) < 0 && errno != EAGAIN)
				need(false, "ring");
			atomic_fetch_add(&asked_badly, 1);
			for (int i = 0; i < 50; i++)
				wire_bell_pause();
			/* (If it comes before the next one.) */
			for (int i = 0; bad && i < 100 && !atomic_load(&c->page->ended); i++)
				sched_yield();
		}
		atomic_store(&s->may_write, false);
		atomic_store(&s->page, NULL);
		while (atomic_load(&s->writes))
			sched_yield();
		atomic_fetch_add(&hung_up, atomic_load(&c->page->ended) != 0);
		munmap(c->page, sizeof(*c->page));
		caller_end(c);
	}
	return NULL;
}

static void *serve(void *arg)
{
	while (!atomic_load(&served_out))
		need(broker_serve(arg, 50) >= 0, "the event loop failed");
	return NULL;
}

static void ignore_hazard(const char *name)
{
	(void)name;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/bell-fuzz-XXXXXX", path[64];
	struct broker_config config = {.fronts = &fakedev_fronts,
				       .socket_path = path,
				       .virtual_time = true,
				       .on_hazard = ignore_hazard};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	static struct scribbler scribblers[SCRIBBLERS];
	static struct caller good;
	struct gntsim_totals t;
	pthread_t server;
	struct broker *b;
	struct failure f;
	const char *wrong;

	alarm(LIMIT_S);
	need(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/s", dir);
	socket_path = path;
	need(broker_new(&config, &b, &f) == 0, "no broker");
	need(pthread_create(&server, NULL, serve, b) == 0, "thread");
	caller_begin(&good, socket_path);
	for (int i = 0; i < SCRIBBLERS; i++) {
		scribblers[i].state = seed * 1000 + (uint64_t)i;
		scribblers[i].caller.state = ~scribblers[i].state;
		need(pthread_create(&scribblers[i].asks, NULL, ask, &scribblers[i]) == 0 &&
			 pthread_create(&scribblers[i].scribbles, NULL, scribble, &scribblers[i]) ==
			     0,
		     "thread");
	}
	keep_to_the_rules(&good, argc > 2 ? strtoul(argv[2], NULL, 10) : 1000);
	atomic_store(&over, true);
	for (int i = 0; i < SCRIBBLERS; i++) {
		pthread_join(scribblers[i].asks, NULL);
		pthread_join(scribblers[i].scribbles, NULL);
	}
	caller_end(&good);
	atomic_store(&served_out, true);
	pthread_join(server, NULL);
	while (broker_serve(b, 0) > 0)
		;
	wrong = gntsim_machine_check(b->machine);
	gntsim_machine_totals(b->machine, &t);
	printf(
	    "asked badly %lu times, hung up on %lu times; at the end: files %u, mms %u, ports %u\n",
	    atomic_load(&asked_badly), atomic_load(&hung_up), t.files, t.mms, t.ports);
	need(!wrong, wrong ? wrong : "");
	need(asked_badly > 1000 && hung_up > 0, "nobody has scribbled");
	need(!t.files && !t.mms, "something is left in the machine");
	broker_free(b);
	rmdir(dir);
	return 0;
}
