/* SPDX-License-Identifier: MIT */
/**
 * @file broker.h
 * The broker: one event loop around one machine. It owns the listening socket, a control
 * connection per address space and the other end of every device descriptor; the end of either
 * is how it learns of close, exit and SIGKILL.
 */
#ifndef FAKEDEV_BROKER_H
#define FAKEDEV_BROKER_H

#include <gntsim/machine.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct broker;
struct broker_fronts;
struct broker_trace;
struct deaths;

/** An error with its explanation, as a value: functions return a negative errno and fill it. */
struct failure {
	char text[256];
};
/** Fills @p f (if not NULL) and returns @p err. */
int fail(struct failure *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** What a domain is to be made with. Zero is the default, or what holds for all. */
struct broker_domain {
	uint32_t domid;
	uint32_t guest; /**< as in struct wire_hello */
	uint32_t limits[GNTSIM_N_LIMITS];
};

/** What privcmd is in domains but 0. */
enum broker_privcmd {
	BROKER_PRIVCMD_OPEN,       /**< Xen says what they may */
	BROKER_PRIVCMD_RESTRICTED, /**< as in Linux since XSA-482, where no domain is theirs to serve */
	BROKER_PRIVCMD_OFF,        /**< its module is not loaded: ENOENT */
};

struct broker_config {
	const struct broker_fronts
	    *fronts;             /**< how device files reach programs (fronts/fronts.h) */
	const char *socket_path; /**< where to listen; a dead broker's socket is replaced */
	bool
	    own_path; /**< nobody else can mean socket_path: what is there stays, and no lock guards it */
	enum gntsim_kernel kernel; /**< of every domain */
	enum gntsim_xen xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum broker_privcmd privcmd;
	enum gntsim_dmabufs dmabufs;
	uint32_t limits[GNTSIM_N_LIMITS]; /**< of every domain, and the machine; 0: the default */
	const struct broker_domain *domains; /**< those of which more is known, each once */
	unsigned int n_domains;
	bool open_to_all;  /**< any user who knows the path may join; else as the umask says */
	bool virtual_time; /**< time passes only when a client advances it */
	bool unassisted;   /**< memory is mapped by the kernel alone, through one FUSE tree */
	const char *tree;  /**< where that tree is mounted for everybody; NULL: nowhere */
	bool leaks;        /**< tell on stderr what a process still holds when it exits */
	const struct broker_trace
	    *trace;            /**< told of every call (trace.h); NULL: nobody. The caller's */
	struct deaths *deaths; /**< programs that are to end (deaths.h); NULL: none. The caller's */
	void (*on_hazard)(const char *name); /**< told of harm to a real kernel; NULL: stderr is */
};

/**
 * Makes the machine with domain 0 and listens.
 * @retval -ENOTSUP the host's pages are larger than Xen's
 * @retval -EADDRINUSE somebody listens at socket_path; something is there, if it is to be its own
 * @retval other negative errno, explained in @p f
 */
int broker_new(const struct broker_config *config, struct broker **out, struct failure *f);

/** Closes everything. Clients see the end of their connections; device calls are then EIO. */
void broker_free(struct broker *b);

/**
 * Serves what is ready, waiting up to @p timeout_ms (-1: for ever; 0: not at all).
 * @return the number of events served, or a negative errno
 */
int broker_serve(struct broker *b, int timeout_ms);

/** Serves what had happened before this call, whatever way it takes to us. */
void broker_catch_up(struct broker *b);

/**
 * Calls @p ready(ctx) from broker_serve() whenever @p fd is readable. On success the descriptor is the
 * broker's, and @p ctx has to live until broker_unwatch() or broker_free().
 * @retval -errno
 */
int broker_watch(struct broker *b, int fd, void (*ready)(void *ctx), void *ctx);

/** Ends a broker_watch(), and closes its descriptor. @return whether there was one */
bool broker_unwatch(struct broker *b, int fd);

/**
 * Serves the FUSE tree that was mounted with the descriptor @p fd of /dev/fuse. It holds a folder
 * for each domain, with its device files. On success the descriptor is the broker's.
 * @retval -EINVAL no descriptor of /dev/fuse
 * @retval -errno
 */
int broker_mount(struct broker *b, int fd);

/**
 * Makes a domain if it is not there, as the configuration has it. guest as in struct wire_hello.
 * @param limits of this domain, GNTSIM_N_LIMITS; NULL: what the configuration says
 * @retval -EINVAL no such domid or guest, or a limit is too high
 * @retval -EEXIST it is, or is to be, another guest
 * @retval -EALREADY it is there, so that it can't be given limits
 * @retval -EBUSY one of this number was destroyed, and others map its pages, or its processes are being killed
 */
int broker_add_domain(struct broker *b, uint32_t domid, uint32_t guest, const uint32_t *limits);

/**
 * Makes the kernels' and the toolstack's part of a xenstore: each domain's page and port, now and when
 * one comes, for xenstored, which is then to be started as a program of domain 0. It has its files in
 * @p rundir; a domain N other than 0 finds it at rundir/N/socket, too.
 * @param listens it has no socket of its own: domain 0's is at rundir/socket as well
 * @retval -errno
 */
int broker_store_start(struct broker *b, const char *rundir, bool listens);
/** Which process it is: what that holds at its end is the machine's, and nobody's leak. */
void broker_store_program(struct broker *b, pid_t pid);
/** Whether xenstored has answered what was said to it of domain 0. @retval -EIO it has ended */
int broker_store_settled(const struct broker *b);
/** xenstored has ended: who waits for it gets EIO. */
void broker_store_died(struct broker *b);
/** Removes what there is of it in the machine and in rundir. */
void broker_store_end(struct broker *b);

/** How often a real kernel would have come to harm (gntsim/effects.h, HAZARD). */
unsigned int broker_hazards(const struct broker *b);
/** One cause of them, as hazard_text() has it. @return out, or NULL: there are not so many */
const char *broker_hazard(const struct broker *b, unsigned int i, char *out, size_t room);

/**
 * What of any program is left in the machine, once its timers have run: files, address spaces, grants, maps,
 * ports, as in "1 file, 2 grants". What is xenstored's counts, too.
 * @return out, cut to @p room; "": nothing is left
 */
const char *broker_left(struct broker *b, char *out, size_t room);

/** When the machine does something by itself, or a program's time has come: ns from now; UINT64_MAX: never. */
uint64_t broker_next_time(const struct broker *b);
/** The same of what can wake a program that waits. The machine's own timers free what was deferred, and wake
 * nobody. */
uint64_t broker_next_waking(const struct broker *b);
/** Whether somebody waits for his turn, if programs take turns: with a request, or an event that is to reach him. He
 * gets it when nobody runs any more, also none of the machine's own helpers. */
bool broker_owes_turn(const struct broker *b);
/** Lets so many ns of the machine's time pass, and no program's point with them. */
void broker_advance(struct broker *b, uint64_t ns);

/** Whether an evtchn file of the socket front is, for programs, the socket with this inode. */
bool broker_has_evtchn(const struct broker *b, uint64_t inode);

/**
 * Kills all programs of the machine, as far as it knows them, but the process @p but (0: none), and serves it until
 * they have ended.
 * @return lines about those that live on; NULL: there are none
 */
const char *broker_end_programs(struct broker *b, uint32_t but);

/** Writes how much leaked (see broker_config.leaks) to stderr; returns the number of leaks. */
unsigned int broker_report_leaks(struct broker *b);

#endif
