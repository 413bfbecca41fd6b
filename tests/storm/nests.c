/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void nest_start(struct storm *s, unsigned int domain)
{
	char domid[16], memory[16], socket_number[16], domains[16];
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		storm_failed("socketpair: %s", strerror(errno));
	snprintf(domid, sizeof(domid), "%u", domain);
	snprintf(memory, sizeof(memory), "%d", s->memory);
	snprintf(socket_number, sizeof(socket_number), "%d", ends[1]);
	snprintf(domains, sizeof(domains), "%u", s->n_domains);
	pid = fork();
	if (pid == 0) {
		fcntl(ends[1], F_SETFD, 0);
		fcntl(s->memory, F_SETFD, 0);
		execl(s->gntsim, s->gntsim, "run", "--socket", s->machine.socket, "--front",
		      s->machine.front, "--domain", domid, "--guest", domain / 2 % 2 ? "pvh" : "pv",
		      "--", s->actor, "nest", memory, socket_number, domains, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		storm_failed("fork: %s", strerror(errno));
	s->nests[domain] = (struct nest){.pid = pid, .socket = ends[0]};
}

void nest_ask(struct storm *s, unsigned int domain, uint32_t actor, bool execute)
{
	struct nest_word word = {.actor = actor, .pid = execute};

	if (send(s->nests[domain].socket, &word, sizeof(word), MSG_NOSIGNAL) < 0)
		storm_failed("the nest in domain %u has ended", domain);
}

void process_signal(struct process *p, int signal)
{
	if (p->pidfd >= 0 && !p->gone)
		syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, 0);
}

static void process_has_gone(struct process *p)
{
	p->gone = true;
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
}

void process_look(struct process *p)
{
	struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};

	if (p->pidfd >= 0 && !p->gone && poll(&ended, 1, 0) > 0)
		process_has_gone(p);
}

static void process_is(struct process *p, pid_t pid)
{
	*p = (struct process){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
	/* It was told of before it was noticed. */
	p->gone = p->pidfd < 0;
}

static void ended(struct storm *s, pid_t pid)
{
	for (unsigned int i = 0; i < s->n_actors; i++) {
		if (s->actors[i].pid == pid && !s->actors[i].gone)
			process_has_gone(&s->actors[i]);
		if (s->children[i].pid == pid && !s->children[i].gone)
			process_has_gone(&s->children[i]);
	}
}

void storm_notice_children(struct storm *s)
{
	for (unsigned int i = 0; i < s->n_actors; i++) {
		uint64_t word = s->shared->actors[i].child;
		pid_t pid = (pid_t)(uint32_t)word;

		if (word >> 32 == s->shared->actors[i].life && pid && s->children[i].pid != pid)
			process_is(&s->children[i], pid);
	}
}

void nests_listen(struct storm *s, int timeout_ms)
{
	struct pollfd p[STORM_DOMAINS];
	struct nest_word word;
	pid_t pid;
	int status;

	for (unsigned int i = 0; i < s->n_domains; i++)
		p[i] = (struct pollfd){.fd = s->nests[i].socket, .events = POLLIN};
	poll(p, s->n_domains, timeout_ms);
	storm_notice_children(s);
	for (unsigned int i = 0; i < s->n_domains; i++)
		while (recv(p[i].fd, &word, sizeof(word), MSG_DONTWAIT) == sizeof(word)) {
			s->nests[i].heard = true;
			if (word.pid < 0)
				ended(s, -word.pid);
			else
				process_is(&s->actors[word.actor], word.pid);
		}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->machine.pid)
			storm_failed("the broker ended with status %#x", (unsigned)status);
		for (unsigned int i = 0; i < s->n_domains; i++)
			if (s->nests[i].pid == pid) {
				/* It may have been on its way to a machine that is no more. */
				if (!s->nests[i].going &&
				    !(s->shared->machine_gone && WIFEXITED(status) &&
				      WEXITSTATUS(status) == 125))
					storm_failed("the nest in domain %u ended with status %#x",
						     i, (unsigned)status);
				s->nests[i].pid = 0;
			}
		ended(s, pid);
	}
}

/* Of the nest's process and, where it has one, its tracer. */
static unsigned long ticks(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64], text[512], *after;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fgets(text, sizeof(text), f) && (after = strrchr(text, ')')))
		sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		       &system);
	if (f)
		fclose(f);
	return user + system;
}

void nests_end(struct storm *s)
{
	unsigned long before[STORM_DOMAINS];
	uint64_t end;

	for (unsigned int i = 0; i < s->n_domains; i++)
		before[i] = ticks(s->nests[i].pid);
	usleep(200000);
	for (unsigned int i = 0; i < s->n_domains; i++)
		if (ticks(s->nests[i].pid) > before[i] + 10)
			storm_failed("domain %u: %lu ticks of the processor's time in 0.2 s, with "
				     "nothing to do",
				     i, ticks(s->nests[i].pid) - before[i]);
	for (unsigned int i = 0; i < s->n_domains; i++) {
		s->nests[i].going = true;
		close(s->nests[i].socket);
		s->nests[i].socket = -1;
	}
	end = storm_now() + s->patience_ns;
	for (unsigned int i = 0; i < s->n_domains; i++)
		while (s->nests[i].pid) {
			nests_listen(s, 5);
			if (storm_now() > end)
				storm_failed(
				    "the nest in domain %u, or who traces it, does not end", i);
		}
}
