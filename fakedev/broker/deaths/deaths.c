/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "broker/deaths.h"

#include "broker/processes/catch.h"
#include "broker/processes/program.h"
#include "broker/trace-internal.h"
#include "bytes.h"
#include "calls.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_GENERATIONS 64
/* Of one program, at a point of time. */
#define MOST_PROCESSES 64
/* Until a thread that was asked to stop has. */
#define AWAIT_MS 2000u

const char *death_end_name(enum death_end end)
{
	static const char *const names[DEATH_ENDS] = {"kill", "exit", "abort", "destroy", "stop"};

	return names[end];
}

const char *death_point_text(const struct death_point *p, char text[DEATH_POINT_TEXT])
{
	if (p->kind)
		snprintf(text, DEATH_POINT_TEXT, "call:%s#%" PRIu64 "%s", p->kind, p->n,
			 p->at == DEATH_CALL_DONE ? "+" : "");
	else if (p->at == DEATH_TIME)
		snprintf(text, DEATH_POINT_TEXT, "time:%" PRIu64 "ns", p->n);
	else
		snprintf(text, DEATH_POINT_TEXT, "%s:%" PRIu64 "%s",
			 p->at == DEATH_WAIT    ? "wait"
			 : p->at == DEATH_STORE ? "store"
						: "call",
			 p->n, p->at == DEATH_CALL_DONE ? "+" : "");
	return text;
}

int deaths_program_of(const struct deaths *d, uint32_t pid)
{
	for (unsigned int i = 0; pid && i < MOST_GENERATIONS; i++) {
		for (unsigned int k = 0; k < d->n; k++)
			if (d->programs[k].pid == pid)
				return (int)k;
		pid = program_parent(pid);
	}
	return -1;
}

void deaths_leak(struct deaths *d, int part, uint32_t pid)
{
	if (d && part < 0)
		part = deaths_program_of(d, pid);
	if (d && part >= 0 && d->programs[part].victim != pid && !d->programs[part].felled)
		d->programs[part].leaks++;
}

bool deaths_counts(uint16_t op, const struct wire_before *before)
{
	static const bool calls[WIRE_OP_MAX] = {
	    [WIRE_OPEN] = true,    [WIRE_IOCTL] = true,  [WIRE_WRITE] = true,
	    [WIRE_MMAP] = true,    [WIRE_MUNMAP] = true, [WIRE_MPROTECT] = true,
	    [WIRE_MADVISE] = true, [WIRE_MREMAP] = true};

	if (op == WIRE_BEFORE)
		return before->file != WIRE_NO_FILE;
	return op < WIRE_OP_MAX && calls[op];
}

/* What is said to xenstored is no device call, nor what is asked of the place. */
static bool is_of_another(struct client *c, const struct wire_in *in)
{
	const struct device_file *f;
	struct wire_open o;
	uint32_t file;

	if (in->msg.op == WIRE_OPEN)
		return client_payload(in, &o, sizeof(o)) && o.device > WIRE_DEV_PRIVCMD;
	if ((in->msg.op != WIRE_WRITE && in->msg.op != WIRE_IOCTL) ||
	    in->msg.payload < sizeof(file))
		return false;
	/* Either begins with it. */
	memcpy(&file, in->payload, sizeof(file));
	f = client_file(c, file);
	return f && f->device > WIRE_DEV_PRIVCMD;
}

static bool is_call(struct client *c, const struct wire_in *in, struct wire_before *before)
{
	*before = (struct wire_before){.file = WIRE_NO_FILE};
	if (in->msg.op == WIRE_BEFORE)
		client_payload(in, before, sizeof(*before));
	return deaths_counts(in->msg.op, before) && !is_of_another(c, in);
}

static void say(const struct death_program *p, uint32_t pid)
{
	static const char *const done[DEATH_ENDS] = {"killed", "made to exit", "aborted",
						     "destroyed with its domain", "stopped"};
	char point[DEATH_POINT_TEXT], name[PROGRAM_TEXT];
	struct program who;

	program_look(&who, pid);
	fprintf(stderr, "gntsim: %s is %s at %s%s%s\n", program_text(&who, name), done[p->end],
		death_point_text(&p->point, point), p->call ? ": " : "", p->call ? p->call : "");
}

/* The number can't be another's: the process waits for us, or is our child's. (And it takes no descriptor, of which
 * there may be none.) */
static void kill_process(uint32_t pid)
{
	if (kill((pid_t)pid, SIGKILL) < 0)
		fprintf(stderr, "gntsim: process %u can't be killed: %s\n", pid, strerror(errno));
}

static void signal_thread(uint32_t pid, uint32_t tid, int signal)
{
	syscall(SYS_tgkill, pid, tid, signal);
}

/* Those that use devices, or if none does its first. */
static unsigned int processes_of(const struct broker *b, unsigned int program,
				 uint32_t pids[static MOST_PROCESSES])
{
	const struct deaths *d = b->config.deaths;
	unsigned int n = 0;

	for (const struct link *l = b->endpoints.next; l != &b->endpoints && n < MOST_PROCESSES;
	     l = l->next) {
		const struct client *c = client_of_link(l);

		if (c && c->mm && c->program.pid &&
		    deaths_program_of(d, c->program.pid) == (int)program)
			pids[n++] = c->program.pid;
	}
	if (n == 0 && !d->programs[program].ended)
		pids[n++] = d->programs[program].pid;
	return n;
}

/* With all its programs: who uses no device, or is not helped, is not the domain's to see. */
static void destroy_domain(struct broker *b, const struct death_program *p)
{
	struct deaths *d = b->config.deaths;
	uint32_t pids[MOST_PROCESSES];

	request_destroy_domain(b, p->domid);
	for (unsigned int i = 0; i < d->n; i++) {
		struct death_program *other = &d->programs[i];
		unsigned int n;

		if (other->domid != p->domid || !other->pid || other->ended)
			continue;
		other->felled = true;
		n = processes_of(b, i, pids);
		for (unsigned int k = 0; k < n; k++)
			kill_process(pids[k]);
		kill((pid_t)other->pid, SIGKILL);
	}
}

/* One that is stopped in our hands, or can't be. */
static void end_process(struct broker *b, struct death_program *p, uint32_t pid, uint32_t tid,
			bool caught)
{
	enum death_end end = p->end;

	if ((end == DEATH_BY_EXIT && (!caught || catch_exit(tid) < 0)) ||
	    (end == DEATH_BY_ABORT && !caught)) {
		fprintf(stderr,
			"gntsim: process %u can't be traced, so that it is killed instead (--end "
			"%s)\n",
			pid, death_end_name(end));
		end = DEATH_BY_KILL;
	}
	switch (end) {
	case DEATH_BY_DESTROY:
		destroy_domain(b, p);
		kill_process(pid);
		return;
	case DEATH_BY_ABORT:
		catch_unmask(tid);
		signal_thread(pid, tid, SIGABRT);
		break;
	case DEATH_BY_STOP:
		signal_thread(pid, tid, SIGSTOP);
		p->stopped = true;
		break;
	case DEATH_BY_EXIT:
		break;
	case DEATH_BY_KILL:
	case DEATH_ENDS:
		/* Once it is traced, it goes nowhere but into its end. */
		kill_process(pid);
		return;
	}
	if (caught)
		catch_release(tid);
}

/* A process has come to the point of its program. It does not get beyond: either it is caught, and
 * ended when it can be looked at (deaths_finish()), or ended now. */
static void doom(struct broker *b, struct death_program *p, uint32_t pid, uint32_t tid)
{
	bool look =
	    b->config.deaths->snapshots || p->end == DEATH_BY_EXIT || p->end == DEATH_BY_ABORT;

	if (tid == 0)
		tid = pid;
	p->reached = true;
	p->victim = pid;
	p->thread = tid;
	deaths_look(b);
	say(p, pid);
	if (look && catch_begin(tid) == 0)
		b->doomed = (struct doomed){.program = p, .pid = pid, .tid = tid};
	else
		end_process(b, p, pid, tid, false);
}

void deaths_at_store(struct broker *b, struct death_program *p, uint32_t pid, uint32_t tid,
		     struct snapshot *look)
{
	p->reached = true;
	p->victim = pid;
	p->thread = tid;
	p->snapshot = look;
	deaths_look(b);
	if (look)
		look->behind = true;
	p->stopped = p->end == DEATH_BY_STOP;
	say(p, pid);
	if (p->end == DEATH_BY_DESTROY)
		destroy_domain(b, p);
}

void deaths_finish(struct broker *b)
{
	struct doomed d = b->doomed;
	bool caught;

	if (!d.program)
		return;
	b->doomed.program = NULL;
	caught = catch_await(d.tid, AWAIT_MS) == 0;
	if (caught && b->config.deaths->snapshots)
		d.program->snapshot = catch_look(d.pid, d.tid);
	end_process(b, d.program, d.pid, d.tid, caught);
}

static bool ends_at_call(const struct death_program *p, enum death_at at, uint64_t number)
{
	return p->point.at == at && p->due && p->due == number && !p->reached;
}

static bool ends_at_wait(struct death_program *p)
{
	return ++p->waits == p->point.n && p->point.at == DEATH_WAIT && !p->reached;
}

/* What the call fails with, 0: it does not. */
static int failure_of(struct death_program *p)
{
	for (unsigned int i = 0; i < p->n_failures; i++) {
		if (p->failures[i].of_map ||
		    !death_calls_is(p, p->failures[i].kind, p->failures[i].n))
			continue;
		p->failures[i].reached = true;
		return -p->failures[i].err;
	}
	return 0;
}

/* The maps that the call asked for, which is over, were its program's. */
static void settle_maps(struct broker *b)
{
	struct death_program *p = b->mapping;

	if (!p)
		return;
	b->mapping = NULL;
	p->maps += gntsim_maps_asked(b->machine) - b->maps_before;
	for (unsigned int i = 0; i < p->n_failures; i++)
		p->failures[i].reached |= p->failures[i].of_map && p->failures[i].n <= p->maps;
	gntsim_refuse_maps(b->machine, NULL, NULL);
}

static enum gntsim_gntst refused(void *ctx, uint64_t number)
{
	const struct broker *b = ctx;
	const struct death_program *p = b->mapping;
	uint64_t n = p->maps + (number - b->maps_before);

	for (unsigned int i = 0; i < p->n_failures; i++)
		if (p->failures[i].of_map && p->failures[i].n == n)
			return (enum gntsim_gntst)p->failures[i].err;
	return GNTSIM_GNTST_OKAY;
}

/* A call of the program begins: maps of its that are to fail may be in it. */
static void watch_maps(struct broker *b, struct death_program *p)
{
	b->mapping = p;
	b->maps_before = gntsim_maps_asked(b->machine);
	gntsim_refuse_maps(b->machine, refused, b);
}

static struct death_program *program_of_client(struct client *c)
{
	struct deaths *d = c->broker->config.deaths;

	if (c->part < 0)
		c->part = deaths_program_of(d, c->program.pid);
	return c->part < 0 ? NULL : &d->programs[c->part];
}

struct naming {
	const struct deaths *deaths;
	struct death_program *program;
};

static void name_call(void *ctx, const struct trace_call *call)
{
	const struct naming *n = ctx;

	free(n->program->call);
	n->program->call = n->deaths->describe(call);
}

static uint32_t thread_of(const struct wire_in *in)
{
	return in->msg.result > 0 ? (uint32_t)in->msg.result : 0;
}

/* Nobody but who traces it can catch it: he is told. What is stopped has its result before it, unseen. */
static void doom_traced(struct client *c, struct death_program *p, const struct wire_in *in,
			bool done)
{
	uint32_t pid = c->program.pid, tid = thread_of(in) ? thread_of(in) : pid;
	bool look = c->broker->config.deaths->snapshots;
	enum death_end end = p->end;

	p->reached = true;
	p->victim = pid;
	p->thread = tid;
	deaths_look(c->broker);
	say(p, pid);
	/* It goes on as soon as that is told. */
	if (end == DEATH_BY_STOP)
		end_process(c->broker, p, pid, tid, false);
	if (!done || end != DEATH_BY_STOP)
		wire_send(c->endpoint.fd, WIRE_END, (int64_t)end | (look ? WIRE_END_LOOK : 0), NULL,
			  0, NULL, 0);
	if (!look && (end == DEATH_BY_KILL || end == DEATH_BY_DESTROY))
		end_process(c->broker, p, pid, tid, false);
}

void deaths_take_look(struct client *c, const struct wire_in *in)
{
	struct death_program *p = c->broker->config.deaths ? program_of_client(c) : NULL;

	if (!p || !p->reached || p->victim != c->program.pid || p->snapshot)
		return;
	p->snapshot = snapshot_unpack(in->payload, in->msg.payload);
	if (p->end == DEATH_BY_KILL || p->end == DEATH_BY_DESTROY)
		end_process(c->broker, p, p->victim, p->thread, false);
}

static void doom_client(struct client *c, struct death_program *p, const struct wire_in *in,
			bool done)
{
	struct naming n = {c->broker->config.deaths, p};

	trace_describe(c, in, name_call, &n);
	if (c->traced)
		doom_traced(c, p, in, done);
	else
		doom(c->broker, p, c->program.pid, thread_of(in));
}

static const struct device_file *call_file(struct client *c, const struct wire_in *in)
{
	struct wire_ioctl i;

	if (in->msg.payload < sizeof(i))
		return NULL;
	memcpy(&i, in->payload, sizeof(i));
	return client_file(c, i.file);
}

static int before_call(struct client *c, struct death_program *p, const struct wire_in *in)
{
	struct trace_call call;

	death_calls_look(c, in, &call);
	death_calls_count(c->broker->config.deaths, p, &call);
	death_bytes_call(c->broker, p, &call, call.kind == TRACE_IOCTL ? call_file(c, in) : NULL);
	watch_maps(c->broker, p);
	if (ends_at_call(p, DEATH_CALL, p->calls)) {
		doom_client(c, p, in, false);
		return DEATHS_NO_ANSWER;
	}
	/* Of a read the end is told by itself. */
	if (in->msg.op != WIRE_BEFORE && ends_at_call(p, DEATH_CALL_DONE, p->calls))
		c->broker->dying_call = p;
	return failure_of(p);
}

int deaths_before(struct client *c, const struct wire_in *in)
{
	struct deaths *d = c->broker->config.deaths;
	struct death_program *p;
	struct wire_before before;
	struct wire_read r;
	int err = 0;

	deaths_look(c->broker);
	settle_maps(c->broker);
	c->broker->dying_call = NULL;
	c->broker->arming.program = NULL;
	p = c->mm ? program_of_client(c) : NULL;
	if (!p)
		return 0;
	d->progress++;
	if (is_call(c, in, &before))
		err = before_call(c, p, in);
	if (err == 0 && before.waits && ends_at_wait(p)) {
		doom_client(c, p, in, false);
		return DEATHS_NO_ANSWER;
	}
	if (in->msg.op == WIRE_READ && in->msg.payload >= sizeof(r)) {
		memcpy(&r, in->payload, sizeof(r));
		if (ends_at_call(p, DEATH_CALL_DONE, r.call))
			c->broker->dying_call = p;
	}
	return err;
}

uint32_t deaths_call_number(const struct client *c)
{
	const struct deaths *d = c->broker->config.deaths;

	return d && c->part >= 0 ? (uint32_t)d->programs[c->part].calls & INT32_MAX : 0;
}

bool deaths_after(struct client *c, const struct wire_in *in)
{
	struct death_program *p = c->broker->dying_call;

	settle_maps(c->broker);
	death_bytes_called(c->broker);
	c->broker->dying_call = NULL;
	if (!p)
		return false;
	doom_client(c, p, in, true);
	/* What is stopped has its result before it, unseen. */
	return p->end != DEATH_BY_STOP;
}

/* The program of a thread whose call came through the kernel; NULL: none. */
static struct death_program *program_of_thread(struct broker *b, uint32_t thread)
{
	struct deaths *d = b->config.deaths;
	int i;

	b->dying_call = NULL;
	b->dying_thread = thread;
	b->dying_process = process_of_thread(thread);
	i = deaths_program_of(d, b->dying_process);
	return i < 0 ? NULL : &d->programs[i];
}

static void name_file_call(struct broker *b, struct death_program *p, uint32_t thread,
			   const struct device_file *f, struct trace_call *call)
{
	struct naming n = {b->config.deaths, p};

	trace_describe_file(f, thread, call, name_call, &n);
}

int deaths_file_before(struct broker *b, uint32_t thread, const struct device_file *f,
		       struct trace_call *call)
{
	struct death_program *p = program_of_thread(b, thread);
	bool before;

	deaths_look(b);
	settle_maps(b);
	b->dying_number = 0;
	if (!p)
		return 0;
	watch_maps(b, p);
	b->config.deaths->progress++;
	if (f)
		call->device = f->device;
	death_calls_count(b->config.deaths, p, call);
	death_bytes_call(b, p, call, f);
	b->dying_number = p->calls;
	before = ends_at_call(p, DEATH_CALL, p->calls);
	if (before || ends_at_call(p, DEATH_CALL_DONE, p->calls))
		name_file_call(b, p, thread, f, call);
	if (before) {
		doom(b, p, b->dying_process, thread);
		return -EINTR;
	}
	b->dying_call = ends_at_call(p, DEATH_CALL_DONE, p->calls) ? p : NULL;
	return failure_of(p);
}

void deaths_file_again(struct broker *b, uint32_t thread, uint64_t number)
{
	struct death_program *p = program_of_thread(b, thread);

	b->config.deaths->progress++;
	if (p && ends_at_call(p, DEATH_CALL_DONE, number ? number : p->calls))
		b->dying_call = p;
}

void deaths_file_after(struct broker *b)
{
	struct death_program *p = b->dying_call;

	settle_maps(b);
	death_bytes_called(b);
	b->dying_call = NULL;
	if (p)
		doom(b, p, b->dying_process, b->dying_thread);
}

bool deaths_file_wait(struct broker *b, uint32_t thread, const struct device_file *f,
		      struct trace_call *call)
{
	struct death_program *p = program_of_thread(b, thread);

	if (!p || !ends_at_wait(p))
		return false;
	if (call)
		name_file_call(b, p, thread, f, call);
	doom(b, p, b->dying_process, thread);
	return true;
}

/* ---- time ---- */

void deaths_time(struct broker *b)
{
	const struct deaths *d = b->config.deaths;
	uint64_t now = gntsim_machine_now(b->machine);
	uint32_t pids[MOST_PROCESSES];

	for (unsigned int i = 0; i < d->n; i++) {
		struct death_program *p = &d->programs[i];
		unsigned int n;

		if (p->point.at != DEATH_TIME || p->reached || !p->pid || p->ended ||
		    now < p->point.n)
			continue;
		n = processes_of(b, i, pids);
		for (unsigned int k = 0; k < n; k++) {
			doom(b, p, pids[k], 0);
			deaths_finish(b);
		}
	}
}

uint64_t deaths_next_time(const struct deaths *d)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < d->n; i++) {
		const struct death_program *p = &d->programs[i];

		if (p->point.at == DEATH_TIME && !p->reached && p->pid && !p->ended &&
		    p->point.n < next)
			next = p->point.n;
	}
	return next;
}
