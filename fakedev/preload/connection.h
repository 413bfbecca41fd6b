/* SPDX-License-Identifier: MIT */
/**
 * @file connection.h
 * What the control connection (connection.c) and its way through a fork (fork.c) share.
 */
#ifndef FAKEDEV_PRELOAD_CONNECTION_H
#define FAKEDEV_PRELOAD_CONNECTION_H

#include "library.h"

#include <pthread.h>
#include <stdatomic.h>

struct lib_connection {
	int fd;          /* -1: not connected */
	uint64_t cookie; /* of fd: somebody may have closed it and reused the number */
	bool broken;     /* the broker is gone; for good */
	bool traced, watched;
	_Atomic unsigned int said; /* a word: of less not all can exchange it */
	bool handlers;             /* pthread_atfork done */
	int child_fd;              /* between lib_fork_prepare() and its end */
	int arena[2];              /* of the page frames, read-only and read-write; -1: not kept */
	long pid;                  /* that called last; another in the child of vfork */
	/* Who is inside, where signals can't be blocked: a handler of its own may come in between. */
	_Atomic uintptr_t inside;
	_Atomic int nested;
	sigset_t at_fork; /* the signal mask to go back to */
	/* A page that fork (but not vfork) clears: 0 in a child that was forked past us. */
	_Atomic uint32_t *same;
	/* Where reads are put (wire_reads.h); NULL: there is none, and then whether it was asked for. */
	struct wire_reads *_Atomic reads;
	bool reads_asked;
	bool told; /* what is not answered, since the last answer */
	struct lib_bell {
		struct wire_bell
		    *_Atomic page; /* NULL: there is none, and then whether it was asked for */
		bool wanted;
		int rings;      /* the eventfd, or -1 */
		uint32_t asked; /* requests, as in the page */
		unsigned int calls;
	} bell;
	pthread_mutex_t lock;
	unsigned char buffer[WIRE_BUFFER];
};
extern struct lib_connection lib;

long lib_mask(int how, const sigset_t *set, sigset_t *old);
long lib_own_pid(void);
/** 0 if there is none, or if nobody tells. */
uint64_t lib_cookie_of(int fd);
/** Moves a descriptor to a high number, out of the program's way. @return its number */
int lib_settle(int fd);
int lib_say_hello(int fd, enum wire_role role);

/* ---- pages.c ---- */
/** Which of the library's own pages. */
enum lib_page { LIB_PAGE_SAME, LIB_PAGE_BELL, LIB_PAGE_READS };
/** Maps what this process shares with the broker; not in its children: a place that a fork keeps would be two
 * processes'. @return NULL if that can't be had */
void *lib_map_alone(enum lib_page which, int fd);
/** Makes the page that a child of fork finds cleared; once in a program. @return NULL if that can't be had */
void *lib_map_cleared(void);

/** Is the connection's number still the connection's? */
bool lib_is_connected(void);

/**
 * A request and its reply by the doorbell (bell.c). @p of_program: which piece lies in the
 * program's memory, -1 none
 * @param[out] err as wire_recv(); -EFAULT: a piece is a bad pointer, and nothing was asked
 * @return false: it is to be asked in the socket
 */
bool lib_bell_call(enum wire_op op, const struct iovec *pieces, int n, int of_program,
		   struct wire_in *in, int *err);
/** The connection is another from now on: whatever there was is left as it is. */
void lib_bell_forget(void);

#endif
