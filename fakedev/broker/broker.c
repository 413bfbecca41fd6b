/* SPDX-License-Identifier: MIT */
/* The event loop. */
#define _GNU_SOURCE
#include "broker/place/shadow.h"
#include "broker/processes/catch.h"
#include "ports.h"
#include "reads.h"
#include "store.h"
#include "trace-clock.h"
#include "trace-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

int fail(struct failure *f, int err, const char *format, ...)
{
	va_list args;

	if (!f)
		return err;
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
	return err;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int broker_add_endpoint(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = e};

	if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, e->fd, &ev) < 0)
		return -errno;
	link_add(&b->endpoints, &e->link);
	return 0;
}

void broker_end_endpoint(struct broker *b, struct endpoint *e)
{
	if (e->dead)
		return;
	e->dead = true;
	/* Closing alone would not do: a process that was forked meanwhile may still have it open. */
	if (e->fd >= 0) {
		epoll_ctl(b->epoll, EPOLL_CTL_DEL, e->fd, NULL);
		close(e->fd);
	}
	link_del(&e->link);
	link_add(&b->dying, &e->link);
}

static struct endpoint *endpoint_of(struct link *l)
{
	return (struct endpoint *)(void *)((char *)l - offsetof(struct endpoint, link));
}

static void bury(struct broker *b)
{
	while (b->dying.next != &b->dying) {
		struct endpoint *e = endpoint_of(b->dying.next);

		link_del(&e->link);
		e->destroy(e);
	}
}

static void take_client(struct broker *b, void *ctx, int fd)
{
	struct client *c;

	(void)ctx;
	/* While there are descriptors; where there are none it is tried again by who needs it. */
	(void)arena_open_readonly(&b->arena);
	if (client_add(b, fd, &c) < 0)
		close(fd);
}

static void refuse_client(int fd)
{
	wire_send(fd, WIRE_HELLO, -ENFILE, NULL, 0, NULL, 0);
}

struct watch {
	struct endpoint endpoint; /* first */
	void (*ready)(void *ctx);
	void *ctx;
};

static void watch_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct watch *w = (struct watch *)e;

	(void)b;
	(void)events;
	w->ready(w->ctx);
}

static void watch_destroy(struct endpoint *e)
{
	free(e);
}

int broker_watch(struct broker *b, int fd, void (*ready)(void *ctx), void *ctx)
{
	struct watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->endpoint = (struct endpoint){
	    .ready = watch_ready, .destroy = watch_destroy, .fd = fd, .kind = ENDPOINT_OTHER};
	w->ready = ready;
	w->ctx = ctx;
	err = broker_add_endpoint(b, &w->endpoint, EPOLLIN);
	if (err < 0)
		free(w);
	return err;
}

bool broker_unwatch(struct broker *b, int fd)
{
	for (struct link *l = b->endpoints.next; l != &b->endpoints; l = l->next) {
		struct endpoint *e = endpoint_of(l);

		if (e->ready == watch_ready && e->fd == fd) {
			broker_end_endpoint(b, e);
			return true;
		}
	}
	return false;
}

static int guests_can_be(const struct broker_config *config, struct failure *f)
{
	for (unsigned int i = 0; i < config->n_domains; i++)
		if (config->arch == GNTSIM_ARCH_ARM64 && config->domains[i].guest == 1)
			return fail(f, -EINVAL,
				    "arm64 has no PV guests, and domain %u is to be one",
				    config->domains[i].domid);
	return 0;
}

/* A page of Xen's can't be mapped alone where the kernel's pages are larger. */
static int pages_are_xens(struct failure *f)
{
	long size = sysconf(_SC_PAGESIZE);

	if (size == (long)GNTSIM_PAGE_SIZE)
		return 0;
	return fail(f, -ENOTSUP,
		    "this host's pages are of %ld bytes and Xen's of %u: no front can give a "
		    "program one of those here",
		    size, GNTSIM_PAGE_SIZE);
}

int broker_new(const struct broker_config *config, struct broker **out, struct failure *f)
{
	struct gntsim_config mc;
	struct endpoint *listener;
	struct broker *b;
	int fd, err;

	*out = NULL;
	err = pages_are_xens(f);
	if (err < 0)
		return err;
	b = calloc(1, sizeof(*b));
	if (!b)
		return fail(f, -ENOMEM, "out of memory");
	link_init(&b->endpoints);
	link_init(&b->dying);
	link_init(&b->syncs);
	link_init(&b->watchers);
	link_init(&b->reading);
	link_init(&b->destroying);
	link_init(&b->hosts);
	link_init(&b->bells.recent);
	link_init(&b->deaf);
	for (unsigned int i = 0; i < COOKIE_BUCKETS; i++)
		link_init(&b->cookies[i]);
	for (unsigned int i = 0; i < PROCESS_BUCKETS; i++)
		link_init(&b->processes[i]);
	b->config = *config;
	b->listening.lock = -1;
	b->epoll = b->spare = -1;
	b->arena.memory = NULL;
	b->arena.rw = b->arena.ro = -1;
	b->buffer = malloc(WIRE_BUFFER);
	*out = b;
	if (!b->buffer) {
		err = fail(f, -ENOMEM, "out of memory");
		goto undo;
	}
	err = arena_init(&b->arena, f);
	if (err < 0)
		goto undo;
	mc = (struct gntsim_config){.frames = b->arena.memory,
				    .n_frames = (uint32_t)(b->arena.size / GNTSIM_PAGE_SIZE),
				    .xen = config->xen,
				    .xsm = config->xsm,
				    .arch = config->arch,
				    .dmabufs = config->dmabufs};
	if (config->limits[GNTSIM_LIMIT_FRAMES] > mc.n_frames) {
		err = fail(f, -ENOMEM, "cannot map memory for %u page frames, only for %u",
			   config->limits[GNTSIM_LIMIT_FRAMES], mc.n_frames);
		goto undo;
	}
	if (config->limits[GNTSIM_LIMIT_FRAMES])
		mc.n_frames = config->limits[GNTSIM_LIMIT_FRAMES];
	err = guests_can_be(config, f);
	if (err < 0)
		goto undo;
	err = gntsim_machine_new(&mc, &b->machine);
	if (err == 0 && config->trace)
		gntsim_machine_observe(b->machine, config->trace->saw, config->trace->ctx);
	if (err == 0)
		ports_start(b);
	if (err == 0)
		origins_start(b);
	if (err == 0)
		err = broker_add_domain(b, 0, 0, NULL);
	if (err < 0) {
		fail(f, err, "cannot make a machine: %s", strerror(-err));
		goto undo;
	}
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll < 0) {
		err = fail(f, -errno, "cannot make an epoll set: %s", strerror(errno));
		goto undo;
	}
	b->spare = fcntl(b->epoll, F_DUPFD_CLOEXEC, 0);
	if (b->spare < 0) {
		err = fail(f, -errno, "cannot set a descriptor aside: %s", strerror(errno));
		goto undo;
	}
	err = fd = listen_start(&b->listening, config->socket_path, config->own_path, f);
	if (err < 0)
		goto undo;
	/* A killed machine's; none had our own name. */
	if (!config->own_path)
		shadow_remove(config->socket_path);
	if (config->open_to_all)
		chmod(config->socket_path, 0666);
	err = broker_listen(b, fd, take_client, refuse_client, NULL, &listener);
	if (err < 0) {
		close(fd);
		fail(f, err, "cannot watch the socket: %s", strerror(-err));
		goto undo;
	}
	trace_clock_start(b);
	b->last_time = clock_ns();
	return 0;
undo:
	broker_free(b);
	*out = NULL;
	return err;
}

void broker_free(struct broker *b)
{
	if (!b)
		return;
	if (b->listening.path && b->listening.bound && b->shadows)
		shadow_remove(b->listening.path);
	listen_end(&b->listening);
	hazards_end(&b->hazards);
	b->config.fronts->unmount(b);
	reads_take(b);
	while (b->endpoints.next != &b->endpoints)
		broker_end_endpoint(b, endpoint_of(b->endpoints.next));
	bury(b);
	store_free(b);
	turns_end(b->turns);
	if (b->config.trace)
		b->config.trace->flush(b->config.trace->ctx, TRACE_FLUSH_ALL);
	if (b->machine)
		gntsim_machine_free(b->machine);
	arena_done(&b->arena);
	origins_end(&b->origins);
	if (b->epoll >= 0)
		close(b->epoll);
	if (b->spare >= 0)
		close(b->spare);
	free(b->buffer);
	free(b->rundir);
	snapshot_free(b->looked);
	free(b);
}

int broker_mount(struct broker *b, int fd)
{
	return b->config.fronts->mount(b, fd);
}

int broker_store_start(struct broker *b, const char *rundir, bool listens)
{
	return store_start(b, rundir, listens);
}

void broker_store_program(struct broker *b, pid_t pid)
{
	b->xenstored = (uint32_t)pid;
}

int broker_store_settled(const struct broker *b)
{
	return store_settled(b, 0);
}

void broker_store_died(struct broker *b)
{
	store_died(b);
}

void broker_store_end(struct broker *b)
{
	store_free(b);
}

void broker_tick(struct broker *b)
{
	uint64_t now;

	if (b->config.virtual_time)
		return;
	now = clock_ns();
	gntsim_machine_advance(b->machine, now - b->last_time);
	b->last_time = now;
}

void broker_effects(struct broker *b)
{
	struct gntsim_effect e;

	while (ports_settle(b), gntsim_next_effect(b->machine, &e)) {
		struct device_file *f;
		struct client *c;

		switch (e.kind) {
		case GNTSIM_EFFECT_EVENT:
			f = gntsim_file_data(e.file);
			if (f && !(b->turns && turns_hold(f)))
				f->front->events(f);
			break;
		case GNTSIM_EFFECT_MM_DEAD:
			c = gntsim_mm_data(e.mm);
			/* The process dies with its domain. */
			if (c)
				domain_kill_process(&b->survivors, c->program.pid);
			break;
		case GNTSIM_EFFECT_HAZARD:
			b->n_hazards++;
			if (b->config.trace && b->config.trace->hazard)
				b->config.trace->hazard(b->config.trace->ctx, e.hazard);
			if (b->config.on_hazard)
				b->config.on_hazard(e.hazard);
			else
				hazard_note(&b->hazards, e.hazard, &b->cause);
			break;
		case GNTSIM_EFFECT_KERNEL_EVENT:
			store_event(b, e.dom);
			break;
		case GNTSIM_EFFECT_RELEASED:
			request_dmabuf_released(e.wait);
			break;
		case GNTSIM_EFFECT_FILE_DEAD: /* its calls fail; its end comes with its process */
			f = gntsim_file_data(e.file);
			if (f)
				ports_forget(f);
			break;
		case GNTSIM_EFFECT_REVOKED: /* told in the reply to the call that caused it */
			break;
		}
	}
}

unsigned int broker_hazards(const struct broker *b)
{
	return b->n_hazards;
}

const char *broker_hazard(const struct broker *b, unsigned int i, char *out, size_t room)
{
	return hazard_text(&b->hazards, i, out, room);
}

/* What was deferred is tried again at each; what then still is will be for ever. */
#define MOST_TIMERS 64

const char *broker_left(struct broker *b, char *out, size_t room)
{
	struct gntsim_totals t;
	size_t len = 0;

	for (int i = 0; i < MOST_TIMERS; i++) {
		uint64_t next = gntsim_machine_next_timer(b->machine);

		if (next == UINT64_MAX)
			break;
		gntsim_machine_advance(b->machine, next);
		broker_effects(b);
	}
	gntsim_machine_totals(b->machine, &t);
	const struct {
		uint32_t n;
		const char *what;
	} all[] = {
	    {t.files, "file"},
	    {t.mms, "address space"},
	    {t.vmas, "device mapping"},
	    {t.grants, "grant"},
	    {t.deferred, "grant to be ended"},
	    {t.gntdev_maps, "MAP_GRANT_REF"},
	    {t.maptrack, "maptrack handle"},
	    {t.ports, "port"},
	    {t.zombies, "destroyed domain"},
	};
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && len < room; i++)
		if (all[i].n)
			len += (size_t)snprintf(out + len, room - len, "%s%u %s%s", len ? ", " : "",
						all[i].n, all[i].what, all[i].n > 1 ? "s" : "");
	return out;
}

uint64_t broker_next_waking(const struct broker *b)
{
	uint64_t death = b->config.deaths ? deaths_next_time(b->config.deaths) : UINT64_MAX;
	uint64_t now = gntsim_machine_now(b->machine);

	if (death == UINT64_MAX)
		return death;
	return death > now ? death - now : 0;
}

uint64_t broker_next_time(const struct broker *b)
{
	uint64_t timer = gntsim_machine_next_timer(b->machine), waking = broker_next_waking(b);

	return timer < waking ? timer : waking;
}

void broker_advance(struct broker *b, uint64_t ns)
{
	uint64_t now = gntsim_machine_now(b->machine);
	uint64_t death = b->config.deaths ? deaths_next_time(b->config.deaths) : UINT64_MAX;

	if (death != UINT64_MAX && death > now && death - now < ns) {
		broker_advance(b, death - now);
		ns -= death - now;
	}
	gntsim_machine_advance(b->machine, ns);
	broker_effects(b);
	if (b->config.deaths)
		deaths_time(b);
}

bool broker_owes_turn(const struct broker *b)
{
	return b->turns && turns_any(b->turns);
}

bool broker_has_evtchn(const struct broker *b, uint64_t inode)
{
	for (unsigned int i = 0; i < COOKIE_BUCKETS; i++) {
		const struct link *head = &b->cookies[i];

		for (const struct link *l = head->next; l != head; l = l->next) {
			const struct device_file *f =
			    (const struct device_file *)(const void *)((const char *)l -
								       offsetof(struct device_file,
										by_cookie));

			if (f->device == WIRE_DEV_EVTCHN && f->inode == inode)
				return true;
		}
	}
	return false;
}

static int wait_ms(const struct broker *b, int timeout_ms)
{
	uint64_t next = broker_next_time(b), ms;

	timeout_ms = broker_listen_wait_ms(b, timeout_ms);
	if (b->turns)
		timeout_ms = turns_wait_ms(b->turns, timeout_ms);
	if (b->config.virtual_time || next == UINT64_MAX)
		return timeout_ms;
	ms = next / 1000000 + 1;
	return timeout_ms < 0 || ms < (uint64_t)timeout_ms ? (int)ms : timeout_ms;
}

#define N_PHASES     4
#define ASKING_PHASE 2

/* What has ended comes first, address spaces before files, as a killed process loses them; a request
 * that is ready too was made later, or by somebody who cannot tell. */
static int phase_of(const struct endpoint *e, uint32_t events)
{
	switch (e->kind) {
	case ENDPOINT_CLIENT:
	case ENDPOINT_BELL:
		return events & (EPOLLHUP | EPOLLRDHUP) ? 0 : ASKING_PHASE;
	case ENDPOINT_DEVICE:
		return 1;
	case ENDPOINT_OTHER:
		break;
	}
	return 3;
}

int broker_serve(struct broker *b, int timeout_ms)
{
	struct epoll_event ev[BATCH];
	bool due = b->turns && turns_are_due(b->turns);
	int n = bells_wait(b, ev, BATCH, due ? 0 : wait_ms(b, timeout_ms)), rang = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	b->cause = (struct cause){0};
	broker_tick(b);
	trace_time(b);
	broker_listen_again(b);
	for (int phase = 0; phase < N_PHASES; phase++) {
		for (int i = 0; i < n; i++) {
			struct endpoint *e = ev[i].data.ptr;

			if (phase_of(e, ev[i].events) != phase || e->dead)
				continue;
			reads_take(b);
			e->ready(b, e, ev[i].events);
		}
		if (phase == ASKING_PHASE)
			rang = bells_serve(b);
	}
	if (n == 0 && due) {
		turns_next(b);
		n = 1;
	}
	broker_effects(b);
	if (b->config.deaths)
		deaths_time(b);
	/* What had ended when a client asked was ready before its request was: it is in this batch,
	 * unless the batch was full. */
	if (n < BATCH && b->syncs.next != &b->syncs) {
		b->config.fronts->drain(b);
		client_answer_syncs(b);
	}
	bury(b);
	return trace_clock_served(b, n + rang);
}

void broker_catch_up(struct broker *b)
{
	b->config.fronts->drain(b);
	while (broker_serve(b, 0) > 0)
		;
}
