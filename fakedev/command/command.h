/* SPDX-License-Identifier: MIT */
/**
 * @file command.h
 * What the subcommands of gntsim(1) share. Only commands print and exit; each *_main returns the
 * exit status.
 */
#ifndef FAKEDEV_COMMAND_H
#define FAKEDEV_COMMAND_H

#include "broker/broker.h"
#include "wire.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Exit status when gntsim itself failed, as env, timeout and docker run have it. */
#define EXIT_GNTSIM      125
#define EXIT_CANNOT_EXEC 126
#define EXIT_NOT_FOUND   127

/** What "git describe" says of the sources; "release" where they came without git. */
extern const char source_description[];
/** Where libraries of ours are, from the command's own folder. */
extern const char libraries_from_bindir[];

int run_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int record_main(int argc, char **argv);
int status_main(int argc, char **argv);
int show_main(int argc, char **argv);
int control_main(int argc, char **argv);
int crash_main(int argc, char **argv);
int timeline_main(int argc, char **argv);
int doctor_main(int argc, char **argv);

/** "gntsim: " and the message on stderr; returns EXIT_GNTSIM. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** "pv" or "pvh" as struct wire_hello has it (1, 2); complains and returns false otherwise. */
bool parse_guest(const char *text, uint32_t *out);

/** "yes" or "no"; complains and returns false otherwise. */
bool parse_yes_no(const char *option, const char *text, bool *out);
/** Whether an option's file is not the one, open already, that another option writes; either may be NULL.
 * Complains. */
bool files_differ(const char *option, const char *path, const char *written, const char *other);

/** How device files reach a program. */
enum front_kind {
	FRONT_SOCKET,
	FRONT_FUSE,
	FRONT_CUSE,
	FRONT_PTRACE,
};

/** What a program's environment needs to be a process of a machine's domain. */
struct joining {
	const char *socket;
	uint32_t domid, guest; /* guest as in struct wire_hello */
	enum front_kind front;
	bool unassisted;       /* no preloaded library: the kernel's own mmap */
	const char *tree;      /* FUSE: the machine's mounted tree; NULL or empty: mount one */
	unsigned int patience; /* seconds for an answer of the machine; 0: the default */
};
/**
 * Where a library of ours is: beside the command in the build tree, in @p built_in, else where it is installed.
 * @param[out] out its absolute path without links @return 0 or a negative errno, explained
 */
int find_own_file(const char *built_in, const char *name, char out[PATH_MAX], struct failure *f);
/** Sets LD_PRELOAD, GNTSIM_*, ASAN_OPTIONS. @return 0 or a negative errno, explained */
int join_environment(const struct joining *j, struct failure *f);
/**
 * Gives this process a mount namespace of its own, in which there is a directory /dev/xen, in a /dev
 * of its own if need be. @return 0 or a negative errno, explained
 */
int namespace_enter(struct failure *f);
/**
 * Gives this process a mount namespace in which /dev/xen is its domain's folder of a FUSE tree that
 * the machine serves. @return 0 or a negative errno, explained
 */
int mount_own(const struct joining *j, struct failure *f);
/** The same with the character devices of the CUSE front. */
int mount_cuse(const struct joining *j, struct failure *f);
/** What there is to say of one where nothing answers. */
#define TREE_SILENT                                                                                \
	"cannot mount at %s: nothing answers there; a machine's tree whose process is stopped, "   \
	"or "                                                                                      \
	"hangs?"
/**
 * Looks at a directory, which may be in a tree that nobody serves, within some seconds.
 * @param[out] real its absolute path without links; may be NULL
 * @return 0 or a negative errno; -ETIMEDOUT: nothing answers there
 */
int look_at_directory(const char *dir, char real[PATH_MAX]);
/**
 * Mounts a tree at a directory (an absolute path without links) for everybody, instead of one that
 * a dead machine left there. @param[out] id the mount's number
 * @return the descriptor to serve it with, or a negative errno, explained
 */
int mount_shared(const char *dir, unsigned int *id, struct failure *f);
/** Unmounts that tree, if it is what is on top at the directory; says so on stderr if it must stay. */
void unmount_shared(const char *dir, unsigned int id);
/** A machine's own descriptors, and some for its programs. */
#define FEWEST_DESCRIPTORS 32u
/**
 * For a broker, before it starts: every open device file is a descriptor of it, its page frames are a
 * file. Programs it starts get their limits back.
 * @return 0 or a negative errno, explained: what the host allows is too little
 */
int raise_limits(struct failure *f);
/** What can't be written fails with an errno and kills nobody: files over a limit; pipes and sockets that
 * nobody reads. Programs get the signals back with their limits. */
void be_told_of_writes(void);
void be_told_of_pipes(void);
void restore_limits(void);
/** The signals alone: for a process that is ours, and needs the room that we have. */
void restore_signals(void);
/** Nothing that is opened later may be taken for standard input, output or error. The program finds
 * closed again what was. @return 0 or -1 */
int fill_standard_descriptors(void);
/**
 * Replaces the process by the program; returns an exit status only if that failed.
 * @param found where it was found already; NULL: it was not looked for
 */
int exec_program(const char *found, char **argv);

/** What a machine says of itself. */
struct machine_about {
	char rundir[513]; /* of its xenstored; empty: none */
	bool unassisted;  /* its programs map by the kernel alone */
	char tree[513];   /* where its FUSE tree is mounted for everybody; empty: nowhere */
};
/** A connection to a machine. @p about may be NULL.
 * @return the descriptor or a negative errno, explained; no call on it waits longer than j->patience */
int machine_connect(const struct joining *j, uint32_t role, struct machine_about *about,
		    struct failure *f);
/** What a request carries. */
struct machine_question {
	const void *payload;
	size_t len;
	int fd; /* with_fd: goes along */
	bool with_fd;
};
/**
 * One request on that connection. What the machine answers, in->msg.result, is the caller's to look
 * at; wire_in_done(in) is due before the next.
 * @retval 0 there is a reply @retval -ETIMEDOUT -EPIPE -EPROTO explained
 */
int machine_ask(const struct joining *j, int fd, enum wire_op op, const struct machine_question *q,
		struct wire_in *in, struct failure *f);
/** --patience's value; complains and returns false if it is none. */
bool parse_patience(const char *command, const char *text, unsigned int *out);

/** The exit status that stands for a wait status. */
int exit_status(int wait_status);

/** Which of Debian's two. */
enum xenstore_kind { XENSTORE_NONE, XENSTORE_C, XENSTORE_OCAML };
/** --xenstore's value; NULL: the first. Complains and returns false if it is none. */
bool parse_xenstore(const char *command, const char *text, enum xenstore_kind *out);
/**
 * xenstored (Debian's own) as a process of domain 0.
 */
struct xenstore {
	pid_t pid; /* 0: none */
	enum xenstore_kind kind;
	char rundir[128]; /* its sockets and database */
	struct broker *broker;
	bool answers; /* on its socket */
};
/** Starts it on the machine at @p socket; serving @p b meanwhile. @retval -ENOENT explained with the
 * package's name @retval -errno explained */
int xenstore_start(struct xenstore *x, enum xenstore_kind kind, const char *socket,
		   struct broker *b, struct failure *f);
void xenstore_stop(struct xenstore *x, struct broker *b);
/** It was reaped, with this wait status: says so, and its clients see it. */
void xenstore_ended(struct xenstore *x, int status);
/** A program that runs as our child. */
struct running {
	int signals; /* signalfd: readable when running_signal() is due */
	sigset_t before;
	pid_t child;
	int status; /* as wait(2) has it, once it has ended */
	bool ended;
	struct xenstore *xenstore; /* whose end is noticed too; may be NULL */
};
/** Blocks the signals. @retval -errno */
int running_prepare(struct running *r, struct xenstore *x);
/** Whether a program's end can be seen. @retval -errno explained */
int running_may_wait(struct failure *f);
/** Forks; the child ends with what @p program(ctx) returns, if that does; and is killed when we are.
 * @retval -errno */
int running_start(struct running *r, int (*program)(void *ctx), void *ctx);
/** The same, cheaper, for one that soon executes a program and asks nothing of us before: until then we do
 * not run, and it has our memory, of which it may change no more than the environment. */
int running_start_sharing(struct running *r, int (*program)(void *ctx), void *ctx);
/** Reaps, or forwards what is for the program. @p ctx: a struct running */
void running_signal(void *ctx);
/** Waits for its end. */
void running_await(struct running *r);
/** Waits until xenstored knows the domain. @return 0 or a negative errno, explained; -ENOTCONN: it had ended before the
 * domain came */
int xenstore_introduce(const struct joining *j, struct failure *f);
/** In the mount namespace of a program's own: its store's folder (XENSTORED_RUNDIR) is /run/xenstored, if the host has one. */
void mount_store(void);
/** Sets XENSTORED_PATH, XENSTORED_RUNDIR for programs of a domain. */
void xenstore_environment(const char *rundir, uint32_t domid);

#endif
