/* SPDX-License-Identifier: MIT */
/* What the files of the process that traces share. */
#ifndef FAKEDEV_STOPS_SUPERVISOR_H
#define FAKEDEV_STOPS_SUPERVISOR_H

#include "stops.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "tracee/tracee.h"

#define PAGE 4096ull

/* The options of ptrace(2) for all that is followed. */
#define STOPS_TRACED                                                                               \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

/* A ring that a death has left. */
struct watched_ring {
	_Atomic bool left, misread;
	struct death_ring ring;
	uint64_t indexes, data; /* pages, in the file of the page frames */
};

/* What the process that traces and the one that started it both see. */
struct board {
	pthread_mutex_t lock; /* held while a store is carried out and told */
	_Atomic uint64_t stores[STOPS_PROGRAMS];
	_Atomic bool refused;
	char why[256];
	struct watched_ring rings[DEATH_RINGS];
};

/* Shared memory of an address space. */
struct region {
	uint64_t start, end, offset;
	int prot; /* what the program asked for */
};

struct space {
	unsigned int refs;
	pid_t pid;
	struct region *regions; /* in no order */
	unsigned int n, room;
	uint64_t syscall_at; /* an instruction that makes a system call; 0: not looked for yet */
	bool confined;       /* a seccomp filter may forbid what we have it do */
	unsigned int kept;   /* rings whose pages are kept from it, as bits */
	bool read_by_calls;  /* none may be any more */
};

/* What a process does with signals that we cause: struct kernel_sigaction, as it gave it. */
#define SIGACTION_BYTES 32u
struct handlers {
	unsigned int refs;
	struct {
		bool set; /* neither is it the default */
		bool ignored;
		unsigned char action[SIGACTION_BYTES];
	} segv, trap;
};

/* Memory that a system call is to store to, and where it does instead. */
struct piece {
	uint64_t to, from; /* from 0: it stores there itself */
	uint64_t len;
};

/* A system call on its way. */
struct call {
	uint64_t nr, args[6];
	struct piece *pieces; /* of one whose stores are redirected */
	unsigned int n_pieces;
	bool redirected, all_or_nothing; /* else what it returns is how many bytes */
	bool skipped;                    /* made to fail, to be made again after we have had ours */
	bool frames;                     /* mmap of the page frames, mprotect of a region */
	bool changed;                    /* it was begun with other arguments */
	uint64_t message, message_at;    /* recvmsg: the program's struct, and ours */
};

/* The indexes of a ring, when the thread has last loaded one of them. */
struct loaded {
	bool no_ring; /* they were none's */
	uint32_t producer, consumer;
};

struct thread {
	struct thread *next;
	pid_t tid, pid;
	unsigned int program;
	struct space *space; /* NULL: nobody has said yet whose it is */
	struct handlers *handlers;
	enum { RUNS, STOPPED } state;
	bool in_call;
	bool queued;      /* stopped, with a status that nobody has looked at */
	bool interrupted; /* it was told to stop; it may be still to come */
	int status;
	struct call call;
	uint64_t bounce, bounce_len; /* memory of the program that is ours */
	bool segv_blocked;
	uint64_t clear_tid;
	uint64_t postponed; /* signals that came in between, as bits */
	bool stood;         /* its process was stopped in between */
	bool dying;
	enum { AT_NO_STORE, AT_OWN_STORE, AT_KERNELS_STORE } asks; /* whether it may store there */
	bool may_store; /* the next one, without asking */
	int64_t result; /* AT_KERNELS_STORE: of the call */
	struct loaded loaded[DEATH_RINGS];
};

struct supervisor {
	const struct stops_config *config;
	struct board *board;
	int control, tell, ends, ask;
	struct thread *threads;
	/* The page frames. */
	unsigned char *frames;
	uint64_t n_frames_bytes, device, inode;
};

/* ---- spaces.c ---- */
/* Of that process; a copy of another one's, or empty. */
struct space *space_new(pid_t pid, const struct space *copy);
void space_release(struct space *s);
struct handlers *handlers_new(const struct handlers *copy);
void handlers_release(struct handlers *h);
bool space_add(struct space *s, struct region r);
/* False without memory. */
bool space_remove(struct space *s, uint64_t start, uint64_t end);
/* The region that an address is in, or NULL. */
const struct region *space_at(const struct space *s, uint64_t addr);
/* The first byte of a region that may be stored to, at addr or above, below end; or end. */
uint64_t space_first_writable(const struct space *s, uint64_t addr, uint64_t end);
/* Is the page frames' file behind a descriptor? They are mapped here at the first. */
bool space_is_frames(struct supervisor *s, const struct thread *t, int fd);
/* The program has bits of a range changed: PROT_*. */
void space_protect(struct space *s, uint64_t start, uint64_t end, int prot);

/* ---- machine code and registers: inject.c ---- */
/*
 * Has the thread, which is stopped but not at the beginning of a system call, make one.
 * @param[out] result what the call returned
 * @return false: the thread is gone, or was killed; its status is queued
 */
bool inject(struct supervisor *s, struct thread *t, uint64_t nr, const uint64_t args[6],
	    int64_t *result);
/* Waits for a stop of that thread while it is single-stepped. 0: the step is done; 1: a fault is at hand
 * (*info); -1: it is gone. */
int step(struct supervisor *s, struct thread *t, void *info);
/* Blocks what could come in between; gives it back. */
uint64_t block_signals(const struct thread *t);
void unblock_signals(struct thread *t, uint64_t saved);
/* At its beginning or end: what the call is, and its arguments. */
void set_call(const struct thread *t, uint64_t nr, const uint64_t args[6]);
/* At its end: the call is to be made once more. */
void call_again(const struct thread *t, uint64_t nr);
uint64_t instruction_of(const struct thread *t);
uint64_t stack_of(const struct thread *t);
/* Can calls be injected past a seccomp filter? */
bool can_suspend_seccomp(const struct thread *t);

/* ---- store.c ---- */
/* A thread is stopped at a signal: if that is a store to a shared page, carries it out.
 * @return true if it was, and the thread goes on or is ended */
bool store_at_fault(struct supervisor *s, struct thread *t);
/* False: the thread is gone, or refused. */
bool protect_page(struct supervisor *s, struct thread *t, uint64_t page, int prot);

/* ---- watch.c ---- */
/* Of a thread that is stopped, but not at the beginning of a call: keeps from it what it is to be kept from now. False: it is
 * gone, or refused. */
bool watch_begins(struct supervisor *s, struct thread *t);
/* A call begins: whether it has to be begun again, when nothing is kept from the program any more. */
bool watch_ends_for_call(const struct thread *t);
/* Whether the page at that address of the region is kept from its program. */
bool watch_has(const struct supervisor *s, const struct space *space, const struct region *r,
	       uint64_t addr);
/* What protects a page of the region between two accesses. */
int watch_protection(const struct supervisor *s, const struct space *space, const struct region *r,
		     uint64_t addr);
/* The thread has loaded from there, of a page that is kept from it. */
void watch_load(struct supervisor *s, struct thread *t, const struct region *r, uint64_t addr);

/* ---- ask.c ---- */
/* @return false: the thread has to stay as it is, until answers_come() goes on with it */
bool may_store(struct supervisor *s, struct thread *t, bool by_kernel);
/* It is not stopped there any more. */
void ask_no_more(struct supervisor *s, struct thread *t);
void answers_come(struct supervisor *s);

/* ---- calls.c ---- */
void call_begins(struct supervisor *s, struct thread *t);
/* The call is begun again, once what is pending for the thread has been. */
void call_later(struct thread *t);
void call_ends(struct supervisor *s, struct thread *t, int64_t result);

/* ---- redirect.c ---- */
/* What the call stores to shared pages it stores elsewhere, if that is known of it. False: it must be begun
 * again. */
bool redirect_begin(struct supervisor *s, struct thread *t);
void redirect_end(struct supervisor *s, struct thread *t, int64_t result);

/* ---- last.c ---- */
/* The thread ends: what the kernel would store to shared pages then. */
void last_stores(struct supervisor *s, const struct thread *t);

/* ---- supervisor.c ---- */
int supervise(struct supervisor *s);
/* A signal for it; 0: none. */
void thread_resume(struct thread *t, int signal);
/* No count is worth anything any more: ends the program. */
void refuse(struct supervisor *s, const struct thread *t, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts a store that is told next. @return its number */
uint64_t count_store(struct supervisor *s, const struct thread *t);
/* Tells of bytes that were stored. */
void tell_store(struct supervisor *s, const struct thread *t, uint64_t number, uint64_t addr,
		const struct region *r, const unsigned char *bytes, uint64_t len, bool by_kernel);
/* ---- end.c ---- */
/* Ends the process if this was the last store that its program was to make. @return whether it was, and it does not
 * go on */
bool end_if_reached(struct supervisor *s, struct thread *t, uint64_t number);

#endif
