/* SPDX-License-Identifier: MIT */
/*
 * Other processes of this program, in any domain of the stage, that do what they are told: a test
 * is one function that reads from top to bottom, and what it has another process do is a function
 * of the same program, called there. Nothing runs at the same time unless peer_begin() is used.
 */
#ifndef CLIENTS_PEER_H
#define CLIENTS_PEER_H

#include "stage.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The stage's domains: the test runs in us(), them() is the one it deals with. */
const struct stage_domain *us(void);
const struct stage_domain *them(void);
const struct stage_domain *third(void);
/* The domain this process is in. */
const struct stage_domain *home(void);

struct peer;
/* "Here": the calling process, where a peer may be named. */
#define HERE ((struct peer *)NULL)

/* A function that a peer can run. The argument is copied there and back. */
typedef long peer_fn(void *arg);

/* Starts a peer in a domain of the stage, under its own gntsim run. */
struct peer *peer_start(const struct stage_domain *domain);
/* Has the peer fork(): the child is a peer too. */
struct peer *peer_fork(struct peer *parent);

/* Calls fn there (or here) and returns its result. */
long peer_call(struct peer *p, peer_fn *fn, void *arg, size_t size);
/* The same, where the peer may die of it: the result is then -ESRCH. */
long peer_try(struct peer *p, peer_fn *fn, void *arg, size_t size);
/* The same in two parts: between them the peer runs by itself. */
void peer_begin(struct peer *p, peer_fn *fn, const void *arg, size_t size);
long peer_end(struct peer *p, void *arg, size_t size);

/* Sends a descriptor of this process to the peer; returns its number there. */
int peer_give_fd(struct peer *p, int fd);
/* Gets a descriptor of the peer; returns its number here. */
int peer_take_fd(struct peer *p, int fd);

/* The next call to the peer is its last: it is killed this long after it was told. The call returns
 * -ESRCH, whatever became of it. */
void peer_doom(struct peer *p, unsigned spin);

/* SIGKILL; returns when every thread of the process is gone, with its memory and its files. */
void peer_kill(struct peer *p);
/* Lets the peer exit(0); returns when it is gone. */
void peer_stop(struct peer *p);
/* Returns when the process is gone, for a reason of its own. */
void peer_wait(struct peer *p);

/* The machine's totals now. */
struct stage_totals machine_totals(void);
/* Returns when one of the totals has this value: when the broker has seen the end of a process, or
 * a timer has run. Fails after some seconds. */
#define MACHINE_AWAIT(total, value)                                                                \
	machine_await(#total, offsetof(struct stage_totals, total), (uint64_t)(value))
void machine_await(const char *name, size_t offset, uint64_t value);
/* Ends the machine, as a crash would. */
void machine_kill(void);
/** The process that serves the machine. */
pid_t machine_process(void);
/** The page that a program shares with the machine is the library's: where the kernel serves the devices there is none,
 * nor where who traces does. */
bool machine_shares_no_page(void);
/* The descriptor that leads to the stage. A test that closes descriptors spares it, or does
 * without peers afterwards. */
int stage_socket(void);

/* What main() needs. */
void peer_init(void);
void peer_serve(int fd);
void peers_finish(void);

#endif
