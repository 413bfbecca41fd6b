/* SPDX-License-Identifier: MIT */
/* What the files of the process that traces share. */
#ifndef FAKEDEV_PTRACE_FOLLOWER_H
#define FAKEDEV_PTRACE_FOLLOWER_H

#include "calls/calls.h"
#include "front.h"
#include "numbers.h"
#include "registers.h"

#include "broker/deaths.h"

#include <sys/types.h>
#include <sys/un.h>

/* Which calls of a process stop it beside those of every program: filters can be added, never taken
 * away, and children and executed programs have them too. */
#define REACH_MOST 48u
struct reach {
	bool everything; /* whatever their arguments */
	bool polls;
	struct {
		uint32_t first, mask;
	} fds[REACH_MOST]; /* descriptors with (number & mask) == first */
	unsigned int n_fds;
	uint64_t windows[REACH_MOST]; /* memory of WINDOW bytes */
	unsigned int n_windows;
};

/* A call on memory goes by the address that it begins at, and may be as long as half a window: device
 * memory lies in the other half. What is longer stops in any case. */
#define WINDOW (8ull << 30)
#define LONG   (WINDOW / 2)

/* A socket over which a program brings what nobody may reach into it for (channel.c). */
struct channel {
	int theirs; /* a number of the program's; -1: there is none yet */
	int ours;
};

/* A process: threads with the same descriptors and filters. */
struct process {
	unsigned int refs;
	pid_t pid;
	int pidfd;   /* -1: not asked for yet */
	bool closed; /* its descriptors and memory are no one's to reach for but its own */
	struct channel channel;
	struct reach reach;
	bool strict;   /* it has taken from itself all calls but a few */
	bool confined; /* it has a filter of its own: what we have it do may be forbidden */
	int arena
	    [2]; /* descriptors of the page frames that it keeps, read-only and read-write; or -1 */
};

#define KNOWN 64u
struct known {
	uint64_t cookie;
	struct device device;
};

/* An address space, and its connection. */
struct space {
	unsigned int refs;
	pid_t pid; /* whose it was first */
	int fd;    /* -1: not connected */
	bool broken;
	bool traced, watched; /* as in struct wire_hello_reply */
	pid_t look;           /* this thread is to be looked at when it stops; 0: none */
	bool in_a_set;        /* an evtchn of its is in a set of epoll's, if it is watched */
	struct ranges ranges;
	/* Descriptors by their cookies: devices, and what is none. May lose any entry. */
	struct known known[KNOWN];
	uint64_t others[KNOWN];
	uint64_t place, place_end; /* where device memory goes next */
	uint64_t page;             /* of ours, there (channel.c); 0: none yet */
};

/* What is due when a call that the kernel makes has been made. */
enum after {
	AFTER_NOTHING,
	AFTER_SYNC,  /* what it closed is closed for the machine too */
	AFTER_COPY,  /* its result is a descriptor, a device's maybe; and AFTER_SYNC */
	AFTER_GETFL, /* of a device */
	AFTER_READ,  /* of an evtchn */
	AFTER_RECEIVE /* descriptors may have come */,
	AFTER_POLL,
	AFTER_STORE,    /* it was led to its own */
	AFTER_RELEASED, /* it waited for a dma-buf's release */
	AFTER_EXEC,     /* it failed, if it returns */
};

struct thread {
	struct thread *next;
	pid_t tid;
	struct process *process; /* NULL: nobody has said yet whose it is */
	struct space *space;     /* NULL: it has left it */
	bool queued;             /* stopped, with a status that nobody has looked at */
	int status;
	/* The call that it is stopped at. */
	struct call call;
	struct registers regs; /* at its beginning */
	bool standing;         /* at it, or at its end: it can be made to make others */
	bool held;             /* its signals are blocked */
	bool past;             /* it is behind a call of ours */
	bool gone;
	bool stood;               /* its process was stopped while it made calls of ours */
	uint64_t mask, postponed; /* signals, as bits */
	enum after after;
	struct device device; /* of AFTER_READ, AFTER_GETFL */
	uint32_t number;      /* of AFTER_READ, if programs are watched: what WIRE_BEFORE answered;
			    of AFTER_RELEASED: where it waited */
	uint64_t
	    interrupted; /* the stack where such a read was, which is made again; 0: none was */
};

struct follower {
	const struct ptrace_front *front;
	struct sockaddr_un addr;
	int control;  /* -1: it has said all */
	int signals;  /* signalfd: SIGCHLD */
	int listener; /* of the seccomp filter; -1: not there yet */
	int machine;  /* a connection of our own; -1: no program has had one yet */
	struct thread *threads;
	struct thread *now; /* whose call it is */
	/* Devices of all spaces: what was one is one still when the machine is gone. */
	struct known former[KNOWN];
	unsigned char buffer[WIRE_BUFFER];
	bool said; /* that the machine is gone */
	unsigned int calls_after;
	bool has_xenstored; /* one of its programs is it */
};
/* There is one in the process: what provides the ground of calls.h has no other way to know. */
extern struct follower *follower;

/* ---- filter.c: filters as the kernel takes them ---- */
struct sock_fprog;
/* The magic argument that has a call wait for a descriptor: the last of the open family, mmap's first. */
#define FILTER_MAGIC 0x676e7473696d6664ull
/* Of every program. @return 0 or a negative errno; the program's memory is the caller's to free */
int filter_base(bool with_store, struct sock_fprog *out);
/* Calls with a descriptor, and such as wait for several. */
enum filter_waits {
	FILTER_NO_WAITS,
	FILTER_POLLS,     /* poll's family, whose result is ours to correct */
	FILTER_ALL_WAITS, /* and whatever else waits for a descriptor */
};
int filter_fds(uint32_t first, uint32_t mask, enum filter_waits waits, struct sock_fprog *out);
/* What SECCOMP_MODE_STRICT allows; all else stops with the message FILTER_STRICT. */
#define FILTER_STRICT 1u
int filter_strict(struct sock_fprog *out);
/* Calls that would close a descriptor of ours in it. */
int filter_own(uint32_t fd, struct sock_fprog *out);
/* Calls on the memory from @p window on; @p mask 0: on any. */
int filter_memory(uint64_t window, uint64_t mask, struct sock_fprog *out);

/* ---- reach.c: what stops a process ---- */
/* From now on this descriptor of the thread's process may be a device. */
void reach_fd(struct thread *t, int fd, const struct device *d);
void reach_memory(struct thread *t, uint64_t addr, uint64_t len);
/* A descriptor of the program's that is ours is not closed by it. */
void reach_own(struct thread *t, int fd);
/* It is about to have a filter of its own: what could not be added later. */
void reach_everything(struct thread *t);
/* SECCOMP_MODE_STRICT, for which the kernel takes no thread that has filters. @return the call's result */
long reach_strictly(struct thread *t);

/* ---- inject.c: calls that a thread is made to make, stopped at one of its own ---- */
/* @return the call's result; -ESRCH: the thread is gone */
long call_inject(struct thread *t, uint64_t nr, const uint64_t args[6]);
/* Gives the process a descriptor. @return its number there or a negative errno */
int call_give(struct thread *t, int fd, int flags);
/* The same with a high number, out of the program's way. */
int call_give_high(struct thread *t, int fd);
/* The thread's own call has this result: it goes on. */
void call_finish(struct thread *t, long result);
/* The kernel makes the call, with other arguments maybe; what is due then. Where calls of ours went before, it
 * is begun once more. */
void call_pass(struct thread *t, enum after after);
void call_pass_as(struct thread *t, const struct call *c, enum after after);
/* The same of a call that is ours, not looked at where a filter stops it, where calls of ours went before; its signals
 * stay blocked. */
void call_begin(struct thread *t, const struct call *c, enum after after);
/* It stands at its own call again, as it did before calls of ours, and its signals are its own.
 * @return false: it is gone, or goes on already */
bool call_reenter(struct thread *t, const struct call *c);
/* What is due has been done: it goes on with the call's result. */
void call_made_go_on(struct thread *t, long result);
/* The thread does not come beyond this call: its process ends. @param how as in WIRE_END */
void call_last(struct thread *t, int how);
/* At its end. */
long call_result(const struct thread *t);
void call_end(struct thread *t, long result);

/* ---- look.c: what is told of a thread that has stopped ---- */
/* By a request that is not answered. */
void look_tell(const struct thread *t, enum wire_op op);
/* What the machine says unasked. Done with it. */
void look_note(struct space *s, struct wire_in *in);
/* It is about to be stopped by SIGSTOP. @return true: for us, it was looked at, and stays there */
bool look_at_stop(struct thread *t);
/* Whether a SIGSTOP of it may be for that. Nothing is read. */
bool look_may_be_due(const struct thread *t);

/* ---- keep.c: what a process is given before it takes from itself what it needs for it ---- */
void keep_arena(struct thread *t);
/* Is it a descriptor that was given then? Programs can't close those. */
bool keep_is_own(const struct process *p, int fd);
/* They are something else from now on, or nothing. */
void keep_replaced(struct process *p, uint32_t first, uint32_t last);
/* It is about to set the limits of a process: of descriptors maybe. */
void keep_before_limit(struct thread *t);

/* ---- channel.c: what the program brings itself, where it can't be taken from it ---- */
int channel_open(struct thread *t);
/* The process has no such descriptor any more. */
void channel_forget(struct process *p);
void channel_inherit(struct process *child, const struct process *parent);
/* A descriptor of the program. @return one of our own or a negative errno */
int channel_fd(struct thread *t, int fd);
/* A page of ours in the program, of which the first half is channel_fd()'s. @return its address; 0: none */
#define CHANNEL_PAGE 4096u
uint64_t channel_page(struct thread *t);
/* Its memory, as its own calls reach it. False: not all of it is there, or it can't be had. */
bool channel_read(struct thread *t, uint64_t addr, void *to, size_t n);
bool channel_write(struct thread *t, uint64_t addr, const void *from, size_t n);

/* ---- calls.c ---- */
void call_stopped(struct thread *t);
void call_made(struct thread *t);

/* ---- paths.c: calls with a path ---- */
/* @return false: it is none of those */
bool path_call(struct thread *t);

/* ---- futex.c ---- */
/* @return false: it is none, or the kernel's alone */
bool futex_call(struct thread *t);

/* ---- files.c: calls on descriptors ---- */
bool file_call(struct thread *t);
void file_call_made(struct thread *t);
/*
 * Is it a device?
 * @param[out] copy if it is, a descriptor of our own for it, to be closed; may be NULL
 */
bool file_device(struct thread *t, int fd, struct device *out, int *copy);
/* A descriptor that it has got, by whatever way, may be a device. */
void file_came(struct thread *t, int fd);
/* From now on that is known of it. */
void file_remember(struct space *s, uint64_t cookie, const struct device *d);

/* ---- waits.c: what the machine is told of where programs are to end at a wait of theirs ---- */
/* Its own ppoll() of a descriptor that @p number is of, which closes it (AFTER_RELEASED). @return false: no
 * memory */
bool wait_released(struct thread *t, int number, uint32_t ms);
/* A read(), or a wait for several (WIRE_NO_FILE), begins. @return the call's number, or what it fails with */
int64_t wait_tell(uint32_t file, size_t count, bool blocks);
/* poll, select, epoll_wait and their like. @return false: it is none, or there is nothing to tell of it */
bool wait_call(struct thread *t);

/* ---- ground.c: connections ---- */
/* Of the thread's space. @return 0 or a negative errno */
int space_connect(struct space *s);
struct space *space_begin(pid_t pid, const struct space *forked_from, int fd);
/* Its last thread's end is its end. */
void space_leave(struct thread *t);
/* What has ended by now has ended for the machine too. */
void machine_sync(void);
/* On the standard error of the thread's process. */
void say_to(struct thread *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A descriptor of the thread's process. @return one of our own, or a negative errno */
int thread_fd(struct thread *t, int fd);

/* ---- births.c ---- */
/* Makes a fork: the child's connection is there before the child. */
void fork_call(struct thread *t);
/* Its stop tells of a child. */
void birth_event(struct thread *t, int event);
/* It ends, in a call that has made a child maybe, of which it tells nobody any more: then the child is its.
 * @param fd as in space_begin() @return what of that is left: -1 if there was a child */
int birth_untold(struct thread *t, int fd);
/* Nobody has told of it yet. @return whether it is known whose it is, without that */
bool birth_look(struct thread *t);

/* ---- follow.c ---- */
/* The process's work. @return its exit status */
int follow(struct follower *f, pid_t first);
/* The filter's listener comes from the program, before it executes; then it has said all. */
void hear_program(void);
struct thread *thread_find(pid_t tid);
struct thread *thread_add(pid_t tid);
struct process *process_new(pid_t pid, const struct process *parent);
void process_release(struct process *p);
/* The next stop of that thread alone: 0, and *status; -1: it is gone, or will not stop any more. */
int thread_wait(struct thread *t, int *status);

#endif
