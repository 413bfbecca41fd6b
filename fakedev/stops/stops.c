/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "end.h"
#include "supervisor.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct stops {
	struct board *board;
	struct stops_config config;
	int control, told, ends, questions; /* ours of each pair; -1: none */
	pid_t pid;
	bool lost;
};

static struct board *make_board(void)
{
	pthread_mutexattr_t how;
	struct board *b =
	    mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&b->lock, &how);
	pthread_mutexattr_destroy(&how);
	return b;
}

/* What others wait for the end of must not stay open here. */
static void close_others(const struct supervisor *me)
{
	const int kept[] = {me->control, me->tell, me->ends, me->ask};
	int last = 3;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		last = last > kept[i] ? last : kept[i];
	for (int fd = 3; fd < last; fd++)
		if (fd != me->control && fd != me->tell && fd != me->ends && fd != me->ask)
			close(fd);
	close_range((unsigned int)last + 1, ~0u, 0);
}

static void be_supervisor(const struct supervisor *as, pid_t parent)
{
	struct supervisor me = *as;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_others(&me);
	_exit(supervise(&me));
}

static int pair(int *ours, int *theirs)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*ours = ends[0];
	*theirs = ends[1];
	return 0;
}

static int start(struct stops *s)
{
	struct supervisor me = {.config = &s->config,
				.board = s->board,
				.control = -1,
				.tell = -1,
				.ends = -1,
				.ask = -1};
	int err = pair(&s->control, &me.control);
	pid_t parent = getpid();

	if (err == 0)
		err = pair(&s->ends, &me.ends);
	if (err == 0 && s->config.tell)
		err = pair(&s->told, &me.tell);
	if (err == 0 && s->config.ask)
		err = pair(&s->questions, &me.ask);
	if (err == 0) {
		s->pid = fork();
		if (s->pid == 0)
			be_supervisor(&me, parent);
		err = s->pid < 0 ? -errno : 0;
	}
	if (me.control >= 0)
		close(me.control);
	if (me.ends >= 0)
		close(me.ends);
	if (me.tell >= 0)
		close(me.tell);
	if (me.ask >= 0)
		close(me.ask);
	return err;
}

int stops_start(const struct stops_config *config, struct stops **out, struct failure *f)
{
	struct stops *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		*s = (struct stops){.config = *config,
				    .control = -1,
				    .told = -1,
				    .ends = -1,
				    .questions = -1,
				    .board = make_board()};
		if (s->board)
			err = start(s);
	}
	if (err == 0) {
		*out = s;
		return 0;
	}
	stops_end(s);
	return fail(f, err, "cannot start who stops programs at their stores: %s", strerror(-err));
}

static int wait_until_seized(int fd)
{
	int32_t err;
	ssize_t n;

	do
		n = recv(fd, &err, sizeof(err), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(err) ? err : -EPIPE;
}

int stops_follow(struct stops *s, unsigned int program, struct failure *f)
{
	int32_t who[2] = {(int32_t)getpid(), (int32_t)program};
	int ends[2], err;

	/* Where only an ancestor may trace (the Yama module), or whom one has named. */
	prctl(PR_SET_PTRACER, s->pid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(f, -errno, "cannot make a socket: %s", strerror(errno));
	err = wire_send(s->control, WIRE_ATTACH, 0, who, sizeof(who), &ends[1], 1);
	close(ends[1]);
	if (err == 0)
		err = wait_until_seized(ends[0]);
	close(ends[0]);
	if (err == -EPERM)
		return fail(f, err,
			    "stores can't be stopped at: ptrace(2) is forbidden here, or the "
			    "program is traced already");
	return err < 0 ? fail(f, err, "stores can't be stopped at: %s", strerror(-err)) : 0;
}

uint64_t stops_count(const struct stops *s, unsigned int program)
{
	return atomic_load(&s->board->stores[program]);
}

int stops_ends(const struct stops *s)
{
	return s->ends;
}

static struct snapshot *read_look(const struct end_told *told, const unsigned char *rest)
{
	struct snapshot *look = told->looked ? calloc(1, sizeof(*look)) : NULL;

	if (!look)
		return NULL;
	look->pid = told->pid;
	look->tid = told->tid;
	memcpy(look->registers, told->registers, sizeof(look->registers));
	look->n_registers = told->n_registers;
	look->sp = told->sp;
	look->stack = told->n_stack ? malloc(told->n_stack) : NULL;
	look->n_stack = look->stack ? told->n_stack : 0;
	if (look->stack)
		memcpy(look->stack, rest, told->n_stack);
	if (told->n_maps)
		look->maps = strndup((const char *)rest + told->n_stack, told->n_maps);
	return look;
}

/* Nobody it has stopped would go on: with it goes whom it traces. */
static void lose(struct stops *s, const char *what, int err)
{
	if (s->lost)
		return;
	s->lost = true;
	fprintf(stderr,
		"gntsim: %s who stops programs at their stores: %s: it is killed, and they are\n",
		what, strerror(-err));
	kill(s->pid, SIGKILL);
}

bool stops_are_lost(const struct stops *s)
{
	return s->lost;
}

bool stops_take_end(struct stops *s, struct stops_end *out)
{
	static unsigned char buffer[WIRE_BUFFER];
	struct end_told told;
	struct wire_in in;
	int err = wire_recv(s->ends, MSG_DONTWAIT, buffer, &in);

	if (err < 0 && err != -EAGAIN && err != -EINTR)
		lose(s, "cannot hear", err);
	if (err < 0)
		return false;
	if (in.msg.payload < sizeof(told)) {
		wire_in_done(&in);
		return false;
	}
	memcpy(&told, in.payload, sizeof(told));
	*out = (struct stops_end){.program = told.program, .pid = told.pid, .tid = told.tid};
	if (in.msg.payload == sizeof(told) + told.n_stack + told.n_maps)
		out->look = read_look(&told, in.payload + sizeof(told));
	wire_in_done(&in);
	return true;
}

static void tell(struct stops *s, int fd, const void *what, size_t len)
{
	ssize_t n;

	do
		n = send(fd, what, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		lose(s, "cannot tell", -errno);
}

void stops_let_end(struct stops *s)
{
	tell(s, s->ends, "", 1);
}

int stops_questions(const struct stops *s)
{
	return s->questions;
}

bool stops_take_question(struct stops *s, struct stops_question *out)
{
	ssize_t n = recv(s->questions, out, sizeof(*out), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		lose(s, "cannot hear", n < 0 ? -errno : -EPIPE);
	return n == sizeof(*out);
}

void stops_answer(struct stops *s, uint32_t tid)
{
	tell(s, s->questions, &tid, sizeof(tid));
}

const char *stops_refused(const struct stops *s)
{
	return atomic_load(&s->board->refused) ? s->board->why : NULL;
}

static bool take_one(const struct stops *s, void (*each)(void *, const struct stops_store *),
		     void *ctx)
{
	struct stops_store store;
	ssize_t n = recv(s->told, &store, sizeof(store), MSG_DONTWAIT);

	if (n < (ssize_t)offsetof(struct stops_store, bytes))
		return n < 0 && errno == EINTR;
	each(ctx, &store);
	return true;
}

void stops_take(struct stops *s, bool until_now, void (*each)(void *, const struct stops_store *),
		void *ctx)
{
	struct pollfd p = {.fd = s->told, .events = POLLIN};
	int err = EBUSY;

	while (s->told >= 0 && err == EBUSY) {
		while (take_one(s, each, ctx))
			;
		if (!until_now)
			return;
		/* Who traces may be in the midst of a store, and wait for us to take what is told. */
		err = pthread_mutex_trylock(&s->board->lock);
		if (err == EBUSY)
			poll(&p, 1, 1);
	}
	if (err == EBUSY)
		return;
	/* It can have died in the midst: nobody stores any more then. */
	if (err == EOWNERDEAD)
		pthread_mutex_consistent(&s->board->lock);
	while (take_one(s, each, ctx))
		;
	pthread_mutex_unlock(&s->board->lock);
}

int stops_descriptor(const struct stops *s)
{
	return s->told;
}

void stops_watch_ring(struct stops *s, unsigned int ring, const struct death_ring *what,
		      uint64_t indexes, uint64_t data)
{
	struct watched_ring *w = &s->board->rings[ring];

	w->ring = *what;
	w->indexes = indexes;
	w->data = data;
	atomic_store(&w->left, true);
	/* Who makes no call comes to no stop by itself. */
	wire_send(s->control, WIRE_ATTACH, 0, NULL, 0, NULL, 0);
}

bool stops_ring_misread(const struct stops *s, unsigned int ring)
{
	return atomic_load(&s->board->rings[ring].misread);
}

void stops_end(struct stops *s)
{
	if (!s)
		return;
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	if (s->control >= 0)
		close(s->control);
	if (s->told >= 0)
		close(s->told);
	if (s->ends >= 0)
		close(s->ends);
	if (s->questions >= 0)
		close(s->questions);
	if (s->board)
		munmap(s->board, sizeof(*s->board));
	free(s);
}
