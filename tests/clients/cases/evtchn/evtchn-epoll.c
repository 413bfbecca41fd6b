/* SPDX-License-Identifier: MIT */
/*
 * epoll on evtchn: level-triggered, an event is reported until it is read; edge-triggered and
 * one-shot, once; the descriptor's duplicates and its close behave as any file's.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct peer *peer;
static struct channel c;

static int reported(int ep, int timeout_ms)
{
	struct epoll_event e[4] = {0};
	int n = epoll_wait(ep, e, 4, timeout_ms);

	CHECK(n >= 0 && n <= 1, "%d reports: %s", n, strerror(errno));
	if (n)
		CHECK_IS(e[0].data.u64, 0x1234567890);
	return n ? (int)e[0].events : 0;
}

static int watching(int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u64 = 0x1234567890};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK_IS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	return ep;
}

static void notify(void)
{
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
}

static void level(void)
{
	int ep = watching(c.fd[0], EPOLLIN);

	CHECK_IS(reported(ep, 0), 0);
	notify();
	CHECK_IS(reported(ep, 20000), EPOLLIN);
	CHECK_IS(reported(ep, 0), EPOLLIN);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	CHECK_IS(reported(ep, 0), 0);
	close(ep);
}

static void edge(void)
{
	int ep = watching(c.fd[0], EPOLLIN | EPOLLET);

	for (int i = 0; i < 3; i++) {
		CHECK_IS(reported(ep, 0), 0);
		notify();
		CHECK_IS(reported(ep, 20000), EPOLLIN);
		CHECK_IS(reported(ep, 0), 0);
		CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	}
	close(ep);

	/* What is there already is an edge when the watch begins. */
	notify();
	ep = watching(c.fd[0], EPOLLIN | EPOLLOUT | EPOLLET);
	CHECK_IS(reported(ep, 20000), EPOLLIN | EPOLLOUT);
	CHECK_IS(reported(ep, 0), 0);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	close(ep);
}

static void one_shot(void)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 0x1234567890};
	int ep = watching(c.fd[0], EPOLLIN | EPOLLONESHOT);

	notify();
	CHECK_IS(reported(ep, 20000), EPOLLIN);
	CHECK_IS(reported(ep, 0), 0);
	CHECK_IS(epoll_ctl(ep, EPOLL_CTL_MOD, c.fd[0], &e), 0);
	CHECK_IS(reported(ep, 20000), EPOLLIN);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	close(ep);
}

static void duplicates(void)
{
	int copy = dup(c.fd[0]);
	int ep = watching(copy, EPOLLIN);

	CHECK_IS(epoll_ctl(ep, EPOLL_CTL_ADD, copy, &(struct epoll_event){0}), -1);
	CHECK_IS(errno, EEXIST);
	notify();
	CHECK_IS(reported(ep, 20000), EPOLLIN);
	CHECK_IS(close(copy), 0);
	/* The file is still open, so it is still watched. */
	CHECK_IS(reported(ep, 0), EPOLLIN);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	close(ep);
}

void test(void)
{
	peer = peer_start(them());
	c = connect_channel(HERE, us(), peer, them());
	level();
	edge();
	one_shot();
	duplicates();
}
