/* SPDX-License-Identifier: MIT */
/**
 * @file deaths.h
 * Programs that are to end at a point of theirs (gntsim run --kill-at), or that a call is to fail
 * (--fail). Each device call of a program is counted where its request arrives, before anything comes
 * of it; what counts as one is said in gntsim-run(1).
 */
#ifndef FAKEDEV_DEATHS_H
#define FAKEDEV_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct device_file;
struct snapshot;
struct trace_call;
struct wire_before;
struct wire_in;

/** Where a program is to end. */
enum death_at {
	DEATH_NEVER,
	DEATH_CALL,      /**< its Nth device call is asked for, and not made */
	DEATH_CALL_DONE, /**< it is made, and the program does not see its result */
	DEATH_STORE,     /**< its Nth store to a shared page; who traces it sees to that */
	DEATH_WAIT,      /**< its Nth wait for an event begins */
	DEATH_TIME,      /**< the machine's time is N ns */
};

/** How. */
enum death_end {
	DEATH_BY_KILL,    /**< SIGKILL */
	DEATH_BY_EXIT,    /**< exit_group(0) */
	DEATH_BY_ABORT,   /**< SIGABRT */
	DEATH_BY_DESTROY, /**< its whole domain, as a toolstack does it */
	DEATH_BY_STOP,    /**< SIGSTOP: it lives, and is silent */
	DEATH_ENDS,
};
/** As the user names it: "kill". */
const char *death_end_name(enum death_end end);

/** As the user writes it: "call:17+", "call:mmap#2". @return @p text */
#define DEATH_POINT_TEXT 80
struct death_point {
	enum death_at at;
	uint64_t n;
	const char *kind; /**< of calls only those of this kind are counted; NULL: all */
};
const char *death_point_text(const struct death_point *p, char text[DEATH_POINT_TEXT]);

/** A call that is to fail, without being made; or a map of a grant that Xen is to refuse. */
struct death_failure {
	bool of_map;
	uint64_t n;       /**< the program's Nth */
	const char *kind; /**< of a call: as in struct death_point */
	int err;          /**< an errno, positive; of a map: enum gntsim_gntst */
	bool reached;
};

/** A ring in a page, by who grants it: its two indexes are at these offsets, 4 bytes each. */
struct death_ring {
	uint16_t granter;
	uint32_t ref, producer, consumer, size;
	bool
	    masked; /**< both are below size; else they run freely, and differ by no more than that */
	bool has_data; /**< it is known where its bytes are: in that page, from that offset on */
	uint32_t data_ref, data;
};
#define DEATH_RINGS 16u

/** Whether two indexes are a ring's. */
static inline bool death_ring_holds(const struct death_ring *r, uint32_t producer,
				    uint32_t consumer)
{
	return r->masked ? producer < r->size && consumer < r->size
			 : producer - consumer <= r->size;
}

struct death_indexes {
	uint32_t producer, consumer;
};
/** What is known of a ring when somebody dies. */
struct death_ring_seen {
	struct death_indexes
	    held; /**< when they were a ring's last, of what was looked at before */
	bool known;
	struct death_indexes left; /**< as the victim left them; or as they were mended since */
	bool
	    misused; /**< a survivor has moved one of them, and the ring was or is none; or read by them */
	bool told; /**< deaths.left_ring() was */
};

/** Calls of one kind. */
struct death_kind {
	const char *name; /**< "mmap", "IOCTL_EVTCHN_NOTIFY" */
	uint64_t calls;
};
/** As many as there are names. */
#define DEATH_KINDS 48u
/** Of how many calls it is known in which order they came. */
#define DEATH_ORDER_MAX 65536u

/** A byte of a page, by who grants it. */
struct death_byte {
	uint16_t granter;
	uint32_t ref, offset;
};
/** Of more nothing is known. */
#define DEATH_BYTES 64u

/** A program of the run: what is wanted of it, and what came. */
struct death_program {
	const char *name;
	uint32_t domid;
	struct death_point point;
	enum death_end end;
	struct death_failure *failures;
	unsigned int n_failures;
	/* What came. */
	uint32_t pid;                         /**< its first process; 0: not started */
	uint64_t calls;                       /**< device calls so far */
	struct death_kind kinds[DEATH_KINDS]; /**< of them, by their first; up to n_kinds */
	unsigned int n_kinds, kind;           /**< which the last call is of */
	unsigned char *order; /**< of the first n_order calls which kind each is of */
	unsigned int n_order;
	struct death_byte
	    armed[DEATH_BYTES]; /**< that notifications of its were to clear; n_armed */
	unsigned int n_armed;
	struct death_ring_seen rings[DEATH_RINGS]; /**< as deaths.rings */
	uint64_t left_set;  /**< a bit for each of deaths.watched: it was not clear after the end */
	uint64_t due;       /**< the how manieth call the point's is; 0: not known yet */
	uint64_t stores;    /**< to shared pages, if it is stopped at them */
	bool stops;         /**< it is */
	uint64_t waits;     /**< waits for an event so far */
	uint64_t maps;      /**< of grants that its calls asked Xen for so far */
	unsigned int leaks; /**< if they are noted: of processes that were not ended at a point */
	bool reached;       /**< the point */
	bool felled;        /**< by another's, which destroyed its domain */
	bool stopped;       /**< and a process lives on, stopped */
	uint32_t victim;    /**< the process that was ended there */
	uint32_t thread;    /**< that came there; 0: not known, or none did */
	char *call;         /**< that it came there with, in the words of a trace; NULL: none */
	struct snapshot *snapshot; /**< of that thread; NULL: none could be had */
	bool ended;
	int status; /**< then: as wait(2) has it */
};

/** All programs of a run. The caller's; a broker is handed it (broker_config.deaths). */
struct deaths {
	struct death_program *programs;
	unsigned int n;
	bool snapshots;                         /**< are wanted of victims */
	struct death_byte watched[DEATH_BYTES]; /**< who died is looked at whether they are clear */
	unsigned int n_watched;
	struct death_ring rings[DEATH_RINGS]; /**< likewise, at what becomes of them */
	unsigned int n_rings;
	/** Is told of a ring with has_data when somebody is about to die: where in the file of the page frames its
	 * pages are. May be NULL. */
	void (*left_ring)(void *ctx, unsigned int ring, uint64_t indexes, uint64_t data);
	void *left_ring_ctx;
	/** What a call is counted as: a name that stays. Kind, device and cmd are known of it. */
	const char *(*kind)(const struct trace_call *call);
	/** The call in words, for the caller to free; NULL: it could not be. Its result is not known. */
	char *(*describe)(const struct trace_call *call);
	char *hang;        /**< what waits for ever, as JSON; NULL: nothing does */
	uint64_t progress; /**< how many device calls all of them have made */
};

/** Whose process it is: an index into programs, or -1. */
int deaths_program_of(const struct deaths *d, uint32_t pid);
/**
 * A process ended with something that it had not given back: counts, unless it was ended at a point.
 * @param d NULL: nobody counts @param part of which program; -1: not known
 */
void deaths_leak(struct deaths *d, int part, uint32_t pid);

/** Whether a request is something that a program can be seen to do: a call that a trace shows as such.
 * @param before its payload, if it is WIRE_BEFORE; else not looked at */
bool deaths_counts(uint16_t op, const struct wire_before *before);

/** What deaths_before() may say beside 0 and a negative errno. */
#define DEATHS_NO_ANSWER 1
/**
 * A client asks for something. @retval 0 it is served @retval DEATHS_NO_ANSWER it is not, nor is it
 * answered: the process ends @retval -errno it is not: that is its result
 */
int deaths_before(struct client *c, const struct wire_in *in);
/**
 * A process of the program has made the store at which it ends: who stopped it there ends it, when this has
 * returned. @param look the program's from now on; may be NULL
 */
void deaths_at_store(struct broker *b, struct death_program *p, uint32_t pid, uint32_t tid,
		     struct snapshot *look);
/** What WIRE_BEFORE answers. */
uint32_t deaths_call_number(const struct client *c);
/** Who traces a process that is to end tells what it was like there (WIRE_END). */
void deaths_take_look(struct client *c, const struct wire_in *in);
/** It is done. @retval true it is not answered: the process ends */
bool deaths_after(struct client *c, const struct wire_in *in);

/**
 * A call that came through the kernel, of @p thread, on @p f (NULL: it opens one).
 * @retval 0 it is made @retval -errno it is not: the kernel is answered so
 */
int deaths_file_before(struct broker *b, uint32_t thread, const struct device_file *f,
		       struct trace_call *call);
/** The same call goes on: the kernel's next request of it, or what was waited for has come. @param number
 * broker.dying_number as deaths_file_before() left it; 0: the program's last */
void deaths_file_again(struct broker *b, uint32_t thread, uint64_t number);
/** It is done, and not answered yet. */
void deaths_file_after(struct broker *b);
/** It begins to wait; @p call NULL: not in a call that is counted. @retval true it ends there */
bool deaths_file_wait(struct broker *b, uint32_t thread, const struct device_file *f,
		      struct trace_call *call);

/**
 * If somebody has come to its point, looks at the bytes and rings that are watched: at the indexes as they are left
 * there, and who moves them then; and which of the bytes was set last, before no other program had the page any more,
 * without that one of the victim's notifications is still to clear it. To be called again and again, and before
 * anything that a survivor gives up is gone.
 */
void deaths_look(struct broker *b);
/** Whoever has come to its point ends now: what was to be answered has been. */
void deaths_finish(struct broker *b);
/** The machine's time has changed. */
void deaths_time(struct broker *b);
/** When that is to be said next, ns of the machine's time; UINT64_MAX: never. */
uint64_t deaths_next_time(const struct deaths *d);

#endif
