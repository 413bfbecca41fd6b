/* SPDX-License-Identifier: MIT */
/*
 * A nest, which starts actors in its domain when it is told, and tells of their ends; and an actor: a process
 * that makes random calls, and is one side of a pair (link.h).
 * usage: storm-actor nest MEMORY SOCKET DOMAINS | actor MEMORY NUMBER DOMAINS | replaced MEMORY NUMBER
 */
#include "link.h"
#include "noise.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct storm_shared *shared;
static int memory;
static uint32_t domains;

static struct noise quiet_noise(uint32_t domid, uint64_t *random)
{
	return (struct noise){.shared = shared,
			      .domid = domid,
			      .domains = domains,
			      .random = random,
			      .alloc = -1,
			      .map = -1,
			      .evtchn = -1};
}

/* Has the parent's files, and goes on when it ends. */
static _Noreturn void child(struct actor *self, uint32_t life, uint64_t seed)
{
	struct noise n = quiet_noise(self->domid, &seed);

	if (self->life == life)
		self->child = (uint64_t)life << 32 | (uint32_t)getpid();
	while (self->life == life && !shared->machine_gone) {
		noise_step(&n);
		usleep(500);
	}
	_exit(0);
}

/* Another order may have come meanwhile. */
static void obeyed(struct actor *self, uint32_t order)
{
	atomic_compare_exchange_strong(&self->order, &order, ORDER_LIVE);
}

static void fork_child(struct actor *self, uint64_t *random)
{
	uint64_t seed = *random + 1;
	pid_t pid;

	self->forking = 1;
	pid = fork();
	if (pid == 0)
		child(self, self->life, seed);
	if (pid > 0)
		self->child = (uint64_t)self->life << 32 | (uint32_t)pid;
	obeyed(self, ORDER_FORK);
	self->forking = 0;
}

static _Noreturn void execute(const char *role, uint32_t actor)
{
	char words[3][16];

	snprintf(words[0], sizeof(words[0]), "%d", memory);
	snprintf(words[1], sizeof(words[1]), "%u", actor);
	snprintf(words[2], sizeof(words[2]), "%u", domains);
	execl("/proc/self/exe", "storm-actor", role, words[0], words[1], words[2], (char *)NULL);
	snprintf(shared->actors[actor].text, sizeof(shared->actors[actor].text), "cannot execute");
	shared->actors[actor].stage = STAGE_WRONG;
	_exit(1);
}

static void obey(struct link *l, uint32_t actor, uint64_t *random)
{
	switch ((enum order)l->self->order) {
	case ORDER_LIVE:
		break;
	case ORDER_GIVE_UP:
		if (l->self->stage != STAGE_LINKED || l->other->stage != STAGE_LINKED)
			break;
		obeyed(l->self, ORDER_GIVE_UP);
		link_give_up(l, storm_random(random) % 2);
		break;
	case ORDER_EXIT:
		exit(0);
	case ORDER_EXEC:
		execute("replaced", actor);
	case ORDER_FORK:
		fork_child(l->self, random);
		break;
	}
}

static _Noreturn void act(uint32_t actor)
{
	struct actor *self = &shared->actors[actor];
	uint64_t random = self->seed;
	struct noise n = quiet_noise(self->domid, &random);
	struct link l;
	bool stands = false;

	self->stage = STAGE_STARTED;
	link_begin(&l, shared, actor);
	for (;;) {
		enum other other = (enum other)self->other;

		if (other == OTHER_HALF_GONE && stands && !self->half_seen) {
			link_verify(&l, other);
			self->half_seen = 1;
		} else if (other >= OTHER_GONE && stands && self->stage == STAGE_LINKED) {
			link_verify(&l, other);
		} else if (other == OTHER_LIVES) {
			stands = link_setup(&l);
			obey(&l, actor, &random);
			if (stands && storm_random(&random) % 2)
				link_look(&l);
			if (stands && l.own && storm_random(&random) % 3 == 0)
				link_arm(&l, storm_random(&random));
			noise_step(&n);
			if (stands || storm_random(&random) % 16 == 0)
				usleep(storm_random(&random) % 2000);
			self->calls++;
			link_pulse(&l);
			continue;
		}
		link_pulse(&l);
		usleep(2000);
	}
}

static void tell(int socket, uint32_t actor, pid_t pid)
{
	struct nest_word word = {.actor = actor, .pid = pid};

	if (send(socket, &word, sizeof(word), MSG_NOSIGNAL) < 0)
		exit(0);
}

static void start(int socket, const struct nest_word *word, const sigset_t *children)
{
	pid_t pid = fork();

	if (pid > 0) {
		tell(socket, word->actor, pid);
		return;
	}
	if (pid < 0)
		exit(1);
	sigprocmask(SIG_UNBLOCK, children, NULL);
	close(socket);
	if (word->pid)
		execute("actor", word->actor);
	act(word->actor);
}

static int nest(int socket)
{
	struct nest_word word;
	sigset_t children;
	struct pollfd p[2] = {{.fd = socket, .events = POLLIN}};

	/* What an actor leaves behind comes here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	p[1] = (struct pollfd){.fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK),
			       .events = POLLIN};
	for (;;) {
		struct signalfd_siginfo signals[8];
		pid_t pid;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents && read(p[1].fd, signals, sizeof(signals)) < 0)
			continue;
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			tell(socket, 0, -pid);
		if (!p[0].revents)
			continue;
		if (recv(socket, &word, sizeof(word), 0) != sizeof(word))
			return 0;
		start(socket, &word, &children);
	}
}

int main(int argc, char **argv)
{
	memory = argc > 3 ? atoi(argv[2]) : -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (shared == MAP_FAILED) {
		fprintf(stderr, "usage: storm starts this\n");
		return 2;
	}
	domains = argc > 4 ? (uint32_t)atoi(argv[4]) : 1;
	if (!strcmp(argv[1], "nest"))
		return nest(atoi(argv[3]));
	if (!strcmp(argv[1], "actor"))
		act((uint32_t)atoi(argv[3]));
	shared->actors[atoi(argv[3])].stage = STAGE_REPLACED;
	for (;;)
		pause();
}
