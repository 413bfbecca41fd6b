/* SPDX-License-Identifier: MIT */
/* A broker that looks at a doorbell, and a program on another processor that asks at each moment of that: it is
 * seen without ringing while it is looked at, and the broker does not sleep over a request that was not rung for.
 * There is no other processor here, nor time: the broker's own steps are where the program asks. */
#define _GNU_SOURCE
#include "bell-caller.h"
#include "broker/bells/patience.h"
#include "broker/broker-internal.h"
#include "fronts/fronts.h"
#include "uapi.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ROUNDS    200
#define SERVINGS  5
#define LIMIT_S   60
#define ELSEWHERE 4000 /* a processor's number */
#define LOOK_NS   100000u
#define STEP_NS   5000u

enum moment { LOOKING, LOOKING_AWAY, LOOKED_AWAY, SLEEPING, MOMENTS, NEVER };
static const char *const names[] = {"while it looks", "as it looks away", "when it has looked away",
				    "as it goes to sleep"};

static struct caller caller;
static atomic_bool begun; /* till then there is another thread */
static uint32_t port;
static enum moment when = NEVER;
static unsigned long unrung[MOMENTS], asked[MOMENTS];

static void ask(void)
{
	struct ioctl_evtchn_notify notify = {.port = port};

	caller_ask(&caller, IOCTL_EVTCHN_NOTIFY, &notify, sizeof(notify));
}

static void comes(enum moment now)
{
	unsigned long before = caller.unrung;

	if (now != when)
		return;
	when = NEVER;
	ask();
	asked[now]++;
	unrung[now] += caller.unrung - before;
}

/* In place of the broker's judgement, its clock, its processor's other work, and its steps. */
bool __wrap_patience_has_room(struct patience *p, unsigned int looking);
uint64_t __wrap_patience_for(uint32_t usual);
uint64_t __wrap_patience_now(void);
int __wrap_sched_yield(void);
void __real_bell_look_away(const struct bell *b);
void __wrap_bell_look_away(const struct bell *b);
int __real_epoll_wait(int epoll, struct epoll_event *events, int most, int ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most, int ms);

bool __wrap_patience_has_room(struct patience *p, unsigned int looking)
{
	(void)p;
	(void)looking;
	return true;
}

uint64_t __wrap_patience_for(uint32_t usual)
{
	(void)usual;
	return LOOK_NS;
}

uint64_t __wrap_patience_now(void)
{
	static uint64_t now = 1;

	return now += STEP_NS;
}

int __wrap_sched_yield(void)
{
	comes(LOOKING);
	return 0;
}

void __wrap_bell_look_away(const struct bell *b)
{
	comes(LOOKING_AWAY);
	__real_bell_look_away(b);
	comes(LOOKED_AWAY);
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most, int ms)
{
	int n;

	if (ms == 0)
		return __real_epoll_wait(epoll, events, most, 0);
	comes(SLEEPING);
	/* It would sleep if there were nothing. */
	n = __real_epoll_wait(epoll, events, most, 0);
	need(n != 0 || !atomic_load(&begun) || caller_is_answered(&caller),
	     "it sleeps over a request that was not rung for");
	return n;
}

static void serve(struct broker *b, const char *moment)
{
	for (int i = 0; i < SERVINGS && (when != NEVER || !caller_is_answered(&caller)); i++)
		need(broker_serve(b, 1000) >= 0, "the event loop failed");
	need(when == NEVER, moment);
	need(caller_is_answered(&caller), "a request is not answered");
	need(caller_take(&caller) == 0, "NOTIFY");
}

static void *serve_beginning(void *arg)
{
	while (!atomic_load(&begun))
		need(broker_serve(arg, 1000) >= 0, "the event loop failed");
	return NULL;
}

/* What waits for an answer needs somebody else to serve. */
static void begin(struct broker *b, const char *path)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	pthread_t server;
	int64_t result;

	need(pthread_create(&server, NULL, serve_beginning, b) == 0, "thread");
	caller_begin(&caller, path);
	result = caller_call(&caller, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind, sizeof(bind));
	need(result > 0, "BIND_UNBOUND_PORT");
	port = (uint32_t)result;
	atomic_store(&begun, true);
	pthread_join(server, NULL);
	atomic_store(&caller.page->asker, ELSEWHERE);
}

int main(void)
{
	char dir[] = "/tmp/bell-looks-XXXXXX", path[64];
	struct broker_config config = {
	    .fronts = &fakedev_fronts, .socket_path = path, .virtual_time = true};
	struct broker *b;
	struct failure f;

	alarm(LIMIT_S);
	need(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/s", dir);
	need(broker_new(&config, &b, &f) == 0, "no broker");
	begin(b, path);
	for (int i = 0; i < ROUNDS * MOMENTS; i++) {
		/* Who has asked just now is looked at. */
		ask();
		serve(b, "");
		when = (enum moment)(i % MOMENTS);
		serve(b, names[i % MOMENTS]);
	}
	for (int i = 0; i < MOMENTS; i++)
		printf("%s: %lu, of which %lu were not rung for\n", names[i], asked[i], unrung[i]);
	need(unrung[LOOKING] == ROUNDS && unrung[LOOKING_AWAY] == ROUNDS, "it was rung for");
	need(unrung[LOOKED_AWAY] == 0 && unrung[SLEEPING] == 0, "it was not rung for");
	caller_end(&caller);
	while (broker_serve(b, 0) > 0)
		;
	broker_free(b);
	rmdir(dir);
	return 0;
}
