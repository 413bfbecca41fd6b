/* SPDX-License-Identifier: MIT */
/* What the recorder's own files share. */
#ifndef FAKEDEV_RECORD_RECORDER_H
#define FAKEDEV_RECORD_RECORDER_H

#include "record.h"
#include "world.h"

#define PAGE 4096u

/* A copy of a frame that somebody has mapped, as it was when it was last looked at. */
struct page_copy {
	uint32_t mappers;
	unsigned char bytes[PAGE];
	uint8_t owner[PAGE]; /* who stored it, one process from 1 on; 0: nobody knows */
	bool missing[PAGE];  /* the script does not have what was stored */
};

/* Bytes that somebody has stored, and others may look at. */
struct news {
	uint32_t frame, offset, len, by;
};
#define MOST_NEWS 32u

/* An event channel, as the last calls have left it. */
struct stream_port {
	uint16_t domid;
	uint32_t port, in_ring; /* in_ring: how often, to be read */
	bool pending, disabled;
};

/* Steps in a row that make and end nothing. */
struct stream {
	uint32_t first;                     /* step */
	uint32_t middle, until;             /* from where to where steps may go */
	uint32_t put;                       /* steps that stand for those that went */
	uint64_t left_out;                  /* steps that went */
	bool begun, ready;                  /* the middle has a beginning, and an end */
	bool overflow;                      /* an event was lost */
	struct page_copy **before, **after; /* the pages then, by frame */
	uint32_t n_before, n_after;
	struct stream_port *ports, *ports_before;
	uint32_t n_ports, room_ports, n_ports_before;
};

struct recorder {
	struct script script;
	struct stream stream;
	struct world world;
	enum record_stores stores;
	struct broker_trace hooks;
	const struct broker_trace *also;
	int fd;
	struct scn_buf out, missing_text;
	struct missing {
		const char *what;
		uint32_t process; /* of the script */
	} missing[64];
	uint32_t n_missing;
	unsigned int n_shortened;

	struct page_copy **pages; /* by frame */
	uint32_t n_pages;
	struct news news[MOST_NEWS];
	uint32_t n_news;

	/* Descriptors of processes that have ended: by which step. */
	struct gone {
		uint32_t file, process, var, before;
	} * gone;
	uint32_t n_gone, room_gone;

	/* What each domain has granted: frames by reference. */
	struct granted {
		uint16_t domid;
		uint32_t *frames, n;
	} * granted;
	uint32_t n_granted, room_granted;

	struct stops *stops; /* NULL: pages are compared instead */
	/* The store that was told last. */
	struct last_store {
		uint32_t step, process; /* of the script; of the world */
		uint64_t addr, offset;  /* offset: in the page frames */
		uint32_t len;
		unsigned char bytes[PAGE];
	} last_store;

	const struct deaths *deaths; /* NULL: none was ordered */
	uint32_t *left_out;          /* pids */
	uint32_t n_left_out, room_left_out;

	/* Of the call that is told next. */
	uint32_t n_seen;
	bool grants_seen;
	bool notified; /* an unmap notification, by whichever way */
	char hazard[64];
	struct cleared {
		uint32_t frame, offset;
	} cleared[16];
	uint32_t n_cleared;

	uint32_t main_step; /* of the call that is being told; UINT32_MAX: none */
	uint64_t time;      /* up to which the script has let time pass */
};

/* Notes what the script can't have, of a process; a constant string. */
void not_expressed(struct recorder *r, uint32_t process, const char *what);

/* pages.c */
/* What was stored since the last call, as steps; `caller` may be NULL. */
void pages_compare(struct recorder *r, const struct trace_call *c, uint32_t caller);
/* A process was stopped at its store to these bytes, which are in one page. */
void pages_stored(struct recorder *r, uint32_t pid, uint64_t addr, uint64_t offset,
		  const unsigned char *bytes, uint32_t n);
/* What the process has mapped now. */
void pages_refresh(struct recorder *r, const struct trace_call *c, struct process *p);
/* The machine itself wrote there; of what it wrote the script has the first `known` bytes. */
void pages_written(struct recorder *r, const unsigned char *frames, uint32_t frame, uint32_t offset,
		   uint32_t len, uint32_t known);
/* Whether the script has all that was stored there. */
bool pages_has_all(const struct recorder *r, uint32_t frame, uint32_t offset, uint32_t len);
/* The frame is given up: what is there next the script has. */
void pages_fresh(struct recorder *r, uint32_t frame);
/* Loads of what others have stored, by a process that an event has told to look. */
void pages_look(struct recorder *r, uint32_t process);
/* A load by somebody who is left, of each byte that was cleared. */
void pages_show_cleared(struct recorder *r);
/* A store of these bytes, in place of those by which they came there. `owner`: as in a page_copy. */
void pages_store_again(struct recorder *r, uint32_t frame, uint32_t offset,
		       const unsigned char *bytes, uint32_t n, uint8_t owner);
void pages_free(struct recorder *r);
/* Bytes side by side, as the language has them. */
void put_bytes(struct scn_buf *b, const unsigned char *bytes, uint32_t n, bool aligned);
/* How many of n bytes the script has. */
uint32_t pages_kept(const struct recorder *r, const unsigned char *bytes, uint32_t n);

/* stream.c */
void stream_saw(struct recorder *r, const struct gntsim_observation *o);
/* The call is recorded: before, the script had so many steps. */
void stream_call(struct recorder *r, const struct trace_call *c, uint32_t steps_before);
void stream_free(struct stream *s);

/* ioctl.c */
void record_ioctl(struct recorder *r, const struct trace_call *c, uint32_t process, uint32_t file);

/* copy.c */
/* Buffers, and what is in them, before the copy. */
void copy_prepare(struct recorder *r, const struct trace_call *c, uint32_t process);
/* The call's argument, and what it says of each segment. @return false: that is not known */
bool copy_put(struct recorder *r, const struct trace_call *c, uint32_t process, struct step *s);
/* What the copy has written: to pages, and to the program's memory. */
void copy_took(struct recorder *r, const struct trace_call *c, uint32_t process);

/* dmabuf.c */
/* A number in an ioctl on a dma-buf. */
void dmabuf_put_number(const struct recorder *r, struct scn_buf *b, const struct trace_call *c,
		       uint32_t process, uint32_t file, int64_t number);
bool dmabuf_is_export(uint32_t cmd);
/* What the call gave out. @return false: it is no such call */
bool dmabuf_took(struct recorder *r, const struct trace_call *c, uint32_t process, uint32_t file,
		 struct step *s);

/* record.c */
/* The frame behind a reference; UINT32_MAX: none. */
uint32_t record_frame_of(const struct recorder *r, uint16_t domid, uint32_t ref);

static inline struct process *process_at(const struct recorder *r, uint32_t process)
{
	return &r->world.processes[process];
}
/* A child that has not said who it is calls nothing yet. */
static inline bool process_is_known(const struct process *p)
{
	return p->pid != PID_UNKNOWN;
}

/* lives.c */
/* The caller's process, made if it is not there; NOBODY: no memory. */
uint32_t record_process_of(struct recorder *r, const struct trace_call *c);
void record_joined(struct recorder *r, const struct trace_call *c);
void record_forked(struct recorder *r, const struct trace_call *c, uint32_t parent);
/* The address space ends: by an exec, or with the process. */
void record_ended(struct recorder *r, const struct trace_call *c);
/* A step for its death, and what goes with it. */
void record_died(struct recorder *r, const struct trace_call *c, uint32_t process);
/* A file of one that has died is closed: its death is here, if this is the first that others notice of it. */
void record_death_shows(struct recorder *r, const struct trace_call *c);
/* It holds nothing any more; no step. */
void record_process_gone(struct recorder *r, const struct trace_call *c, uint32_t process);

/* files.c */
/* UINT32_MAX: none that is known. */
uint32_t record_file_of(const struct recorder *r, const struct trace_call *c);
void record_opened(struct recorder *r, const struct trace_call *c, uint32_t process);
/* A process uses a file: if it has not opened it, it was sent the descriptor. */
void record_sent(struct recorder *r, uint32_t process, uint32_t file);
void record_closed(struct recorder *r, const struct trace_call *c);

/* calls.c */
void record_call(struct recorder *r, const struct trace_call *c);
/* The step that stands for the call. */
struct step *main_step(struct recorder *r, enum step_kind kind, uint32_t process);
void put_fd(const struct recorder *r, struct scn_buf *b, uint32_t file, uint32_t process);
void put_error(struct scn_buf *b, int64_t result);
/* "p = mmap(…)" of an index, where the program itself did, or had to be thought to. */
void record_mapping(struct recorder *r, uint32_t process, uint32_t file, uint64_t addr,
		    uint64_t len, int prot, int flags, uint64_t offset, int64_t result);

#endif
