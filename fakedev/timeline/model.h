/* SPDX-License-Identifier: MIT */
/**
 * @file model.h
 * What a picture is made of: lanes (a process each), calls in order, and in the lanes the lives of
 * grants and maps, events from one to another, and marks. Everything happens at a call, which is
 * named by its number.
 */
#ifndef FAKEDEV_TIMELINE_MODEL_H
#define FAKEDEV_TIMELINE_MODEL_H

#include "table.h"
#include "timeline.h"

#define TL_NONE UINT32_MAX
/** A longer run of traffic has as much room as one of so many calls. */
#define TL_LONG_RUN 5u

/** Numbers of calls, items: a growing list. */
struct tl_list {
	uint32_t *at;
	uint32_t n, room;
};

enum tl_state {
	TL_GRANTED,  /**< nobody maps it */
	TL_MAPPED,   /**< pinned */
	TL_DEFERRED, /**< ended by its granter while somebody maps it: waits for the timer */
};

enum tl_kind {
	TL_GRANT, /**< the life of grants that one call made */
	TL_MAP,   /**< of what one mmap of gntdev maps */
	TL_EVENT, /**< from a lane to a lane */
	TL_MARK,
};

enum tl_mark {
	TL_ENDED,     /**< a process's memory is gone: killed, or its exit */
	TL_EXEC,      /**< the same, and it goes on */
	TL_DESTROYED, /**< a domain */
	TL_REFUSED,   /**< Xen refuses a map */
	TL_FAILED,    /**< a call's errno */
	TL_CLEARED,   /**< a notification's byte */
	TL_UNHEARD,   /**< a notification's event that reached nobody */
	TL_REVOKED,   /**< pages: SIGBUS from now on */
	TL_ARMED,     /**< a notification waits for an end */
};

struct tl_segment {
	uint32_t call;
	enum tl_state state;
};

struct tl_item {
	enum tl_kind kind;
	enum tl_mark mark;
	uint32_t lane;
	uint32_t from, to; /**< calls; to TL_NONE: it is there at the trace's end */
	uint32_t alive;    /**< grants, handles */
	uint32_t pins;
	uint64_t index;       /**< maps: of its gntdev file */
	uint16_t domain;      /**< a grant's granter, the domain whose pages a map maps */
	uint16_t peer;        /**< whom a grant is for */
	uint32_t ref, count;  /**< the first one */
	bool readonly;        /**< grants */
	uint32_t target;      /**< events: the lane that is reached */
	uint32_t origin;      /**< events, marks: the item whose notification it is, or TL_NONE */
	uint32_t port;        /**< events: where it arrives */
	bool pending;         /**< events: nobody takes it now */
	bool lost;            /**< events: the ring overflows */
	int err;              /**< of TL_FAILED: an errno */
	struct scn_buf name;  /**< for people */
	struct scn_buf brief; /**< where there is little room */
	struct tl_list calls; /**< its history, ascending */
	struct tl_list links; /**< items: grant to maps and back, to what their ends sent */
	struct tl_segment *parts; /**< grants: ascending */
	uint32_t n_parts, parts_room;
};

struct tl_call {
	uint64_t us;
	uint32_t lane;
	size_t text, seen; /**< in texts; what it did is lines */
	uint32_t line;     /**< in the file */
	bool traffic;      /**< nothing but an event sent or taken */
	bool failed;
	double x; /**< steps of the picture before it */
};

/** A run of traffic, which a picture by steps draws as one. */
struct tl_run {
	uint32_t first, n;
};

struct tl_lane {
	uint16_t domain;
	uint32_t pid; /**< 0: what no process did */
	char program[16];
	uint32_t from, to; /**< calls; to TL_NONE: alive at the end */
	uint32_t ending;   /**< the mark of its end, or TL_NONE */
	bool shown;        /**< something but the making of its domain is in it */
};

struct timeline {
	const char *name;
	struct scn_buf texts; /**< strings one behind the other, 0 between */
	struct tl_call *calls;
	struct tl_item *items;
	struct tl_lane *lanes;
	struct tl_run *runs;
	uint32_t n_calls, n_items, n_lanes, n_runs;
	uint32_t calls_room, items_room, lanes_room, runs_room;
	uint32_t *order; /**< lanes as they stand in a picture, from the top */
	struct tl_table known;
	double steps; /**< width of a picture by steps */
	bool cut;     /**< the last line is not whole */
	bool failed;  /**< no memory */
};

/** One line of a trace, read (read.c), for the model (build.c). */
struct tl_line {
	struct trace_call call;
	uint64_t us;
	uint32_t number;
	struct scn_buf in, out, seen_text;
	struct gntsim_observation *seen;
	uint32_t n_seen, seen_room;
	/* What a grant's history is found by. */
	struct tl_ref {
		uint16_t domain;
		uint32_t ref;
	} * refs;
	uint32_t n_refs, refs_room;
	uint64_t index; /* of a file's grants, or maps */
	bool has_index;
};

/** Adds a line. */
void tl_build(struct timeline *t, const struct tl_line *line, const struct timeline_words *words);
/** After the last: names, the order of lanes, the places of calls. */
void tl_place(struct timeline *t);
/** Whether it has a length, and so a row of its own below its lane's calls. */
bool tl_is_span(const struct tl_item *item);
/**
 * Gives each span a row, from 1, so that none covers another.
 * @param left, right of each item, in any unit @param[out] rows of each item; 0: it is none
 * @param[out] n of each lane, how many it needs
 */
void tl_pack(struct timeline *t, const double *left, const double *right, uint32_t *rows,
	     uint32_t *n);

/** @return false: no memory, and t->failed */
bool tl_list_add(struct timeline *t, struct tl_list *list, uint32_t value);
/** A growing array's next element, zeroed; NULL: no memory, and t->failed. */
void *tl_grow(struct timeline *t, void *array, size_t size, uint32_t *n, uint32_t *room);

/** "grant 8 of dom0 for dom1", "map of grant 8 of dom0", "event for port 3 of dom1", … */
const char *tl_name(const struct tl_item *item);
/** "map refused", "pages revoked", …: a mark's kind. */
const char *tl_mark_word(enum tl_mark mark);
/** "server 1234"; "no process". */
void tl_lane_name(struct scn_buf *out, const struct tl_lane *lane);
/** "0.003548 s" */
void tl_print_time(struct scn_buf *out, uint64_t us);
/** Text into XML or HTML, between tags or quotes. */
void tl_escape(struct scn_buf *out, const char *text);
/** The same for a JSON string, without its quotes; "<" too, for JSON inside of HTML. */
void tl_escape_json(struct scn_buf *out, const char *text);

#endif
