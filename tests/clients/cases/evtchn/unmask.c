/* SPDX-License-Identifier: MIT */
/*
 * A write of a port unmasks it at that moment, whoever of those that share the file does it, and whatever becomes of
 * him: the event that has come meanwhile is read then, the next one when it comes. Where nothing has come the machine
 * need not be asked.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OWN_CALLS = 8, /* before there is a page */
	MANY = 300,    /* ports, more than it has words */
	ROUNDS = 3,
};

static struct peer *peer;
static struct channel c;

static void send_event(void)
{
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	evtchn_settle(HERE, c.fd[0]);
}

static void take_masked(int fd, uint32_t port)
{
	uint32_t found;

	CHECK(call_poll(HERE, fd, POLLIN, 0) & POLLIN, "no event of port %u", port);
	CHECK_IS(call_read(HERE, fd, &found, sizeof(found)), sizeof(found));
	CHECK_IS(found, port);
}

static void unmask(int fd, uint32_t port)
{
	CHECK_IS(call_write(HERE, fd, &port, sizeof(port)), sizeof(port));
}

static void asks_nobody(void)
{
	pid_t machine = machine_process();

	send_event();
	take_masked(c.fd[0], c.port[0]);
	CHECK_IS(kill(machine, SIGSTOP), 0);
	unmask(c.fd[0], c.port[0]);
	CHECK_IS(kill(machine, SIGCONT), 0);
}

static void comes_when_unmasked(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		send_event();
		take_masked(c.fd[0], c.port[0]);
		send_event();
		send_event();
		evtchn_quiet(HERE, c.fd[0]);
		unmask(c.fd[0], c.port[0]);
		take_masked(c.fd[0], c.port[0]);
		unmask(c.fd[0], c.port[0]);
		unmask(c.fd[0], c.port[0]);
		evtchn_quiet(HERE, c.fd[0]);
	}
}

/* A child that has unmasked, and waits to be killed; it had a page of its own when the event came. */
static pid_t start_child(int *go, int *done)
{
	int in[2], out[2];
	char byte;
	pid_t pid;

	CHECK_IS(pipe(in), 0);
	CHECK_IS(pipe(out), 0);
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		limit_time();
		for (int i = 0; i < OWN_CALLS; i++)
			evtchn_settle(HERE, c.fd[0]);
		CHECK_IS(write(out[1], "", 1), 1);
		CHECK_IS(read(in[0], &byte, 1), 1);
		unmask(c.fd[0], c.port[0]);
		CHECK_IS(write(out[1], "", 1), 1);
		for (;;)
			pause();
	}
	close(in[0]);
	close(out[1]);
	CHECK_IS(read(out[0], &byte, 1), 1);
	*go = in[1];
	*done = out[0];
	return pid;
}

static void end(pid_t pid)
{
	CHECK_IS(kill(pid, SIGKILL), 0);
	CHECK_IS(waitpid(pid, NULL, 0), pid);
}

static void by_a_child(bool dies)
{
	int go, done;
	pid_t pid = start_child(&go, &done);
	char byte;

	send_event();
	take_masked(c.fd[0], c.port[0]);
	CHECK_IS(write(go, "", 1), 1);
	CHECK_IS(read(done, &byte, 1), 1);
	if (dies)
		end(pid);
	send_event();
	take_masked(c.fd[0], c.port[0]);
	if (!dies)
		end(pid);
	evtchn_quiet(HERE, c.fd[0]);
	unmask(c.fd[0], c.port[0]);
	send_event();
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	close(go);
	close(done);
}

static void of_others_is_nothing(void)
{
	int other = device_open(HERE, "evtchn");
	int reader = open("/dev/xen/evtchn", O_RDONLY | O_CLOEXEC);

	send_event();
	take_masked(c.fd[0], c.port[0]);
	unmask(other, c.port[0]);
	CHECK(reader >= 0, "evtchn: %s", strerror(errno));
	CHECK_IS(call_write(HERE, reader, &c.port[0], sizeof(c.port[0])), -EBADF);
	send_event();
	evtchn_quiet(HERE, c.fd[0]);
	unmask(c.fd[0], c.port[0]);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	close(other);
	close(reader);
}

static void of_many(void)
{
	int here = device_open(HERE, "evtchn"), there = device_open(HERE, "evtchn");
	static uint32_t ports[MANY], remote[MANY];

	for (int i = 0; i < MANY; i++) {
		int port = evtchn_bind_unbound(HERE, here, us()->id);

		CHECK(port > 0, "bind: %d", port);
		ports[i] = (uint32_t)port;
		port = evtchn_bind_interdomain(HERE, there, us()->id, ports[i]);
		CHECK(port > 0, "bind: %d", port);
		remote[i] = (uint32_t)port;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < MANY; i++)
			CHECK_IS(evtchn_notify(HERE, there, remote[i]), 0);
		for (int i = 0; i < MANY; i++)
			take_masked(here, ports[i]);
		/* Of each third another event waits. */
		for (int i = 0; i < MANY; i += 3)
			CHECK_IS(evtchn_notify(HERE, there, remote[i]), 0);
		evtchn_quiet(HERE, here);
		for (int i = MANY - 1; i >= 0; i--)
			unmask(here, ports[i]);
		for (int i = (MANY - 1) / 3 * 3; i >= 0; i -= 3)
			CHECK_IS(evtchn_take(HERE, here), ports[i]);
		evtchn_quiet(HERE, here);
	}
	close(there);
	close(here);
}

/* The same number, bound anew, is unmasked. */
static void of_a_port_before(void)
{
	int here = device_open(HERE, "evtchn"), there = device_open(HERE, "evtchn");

	for (int i = 0; i < 2 * ROUNDS; i++) {
		int port = evtchn_bind_unbound(HERE, here, us()->id), remote;

		CHECK(port > 0, "bind: %d", port);
		remote = evtchn_bind_interdomain(HERE, there, us()->id, (uint32_t)port);
		CHECK(remote > 0, "bind: %d", remote);
		CHECK_IS(evtchn_notify(HERE, there, (uint32_t)remote), 0);
		take_masked(here, (uint32_t)port);
		if (i % 2)
			unmask(here, (uint32_t)port);
		CHECK_IS(evtchn_unbind(HERE, here, (uint32_t)port), 0);
		CHECK_IS(evtchn_unbind(HERE, there, (uint32_t)remote), 0);
		unmask(here, (uint32_t)port);
	}
	close(there);
	close(here);
}

void test(void)
{
	peer = peer_start(them());
	c = connect_channel(HERE, us(), peer, them());
	for (int i = 0; i < OWN_CALLS; i++)
		evtchn_settle(HERE, c.fd[0]);
	comes_when_unmasked();
	if (!machine_shares_no_page())
		asks_nobody();
	by_a_child(false);
	by_a_child(true);
	of_others_is_nothing();
	of_many();
	of_a_port_before();
}
