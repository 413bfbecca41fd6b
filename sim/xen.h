/* SPDX-License-Identifier: MIT */
/* Xen: page frames, grant tables and maptracks, event channels, domains. */
#ifndef GS_XEN_H
#define GS_XEN_H

#include "base.h"

/* ---- frames.c: page frames ---- */

enum frame_use {
	FRAME_FREE,
	FRAME_RAW,    /* gntsim_frame_alloc() */
	FRAME_KERNEL, /* a gntalloc page */
	FRAME_ORPHAN, /* given back, but still mapped by somebody */
	FRAME_TABLE,  /* of the grant table, while somebody holds it */
};

struct frame {
	struct gntsim_domain *owner;
	uint32_t prev, next; /* in the owner's list; next also in the free list */
	uint32_t pins;       /* grants of it that are mapped, and who holds it without */
	enum frame_use use;
};

struct frames {
	unsigned char *memory;
	struct frame *all;
	uint32_t n, fresh; /* frames there are; the first that was never used, and so is zero */
	uint32_t free;
	uint32_t held; /* pins without a grant */
};

int gs_frames_init(struct gntsim_machine *m, void *memory, uint32_t n);
int gs_frame_take(struct gntsim_domain *dom, enum frame_use use, gntsim_frame *out);
/* The owner's kernel frees it. */
void gs_frame_give(struct gntsim_machine *m, gntsim_frame frame);
void gs_frame_pin(struct gntsim_machine *m, gntsim_frame frame);
/* May end a zombie. */
void gs_frame_unpin(struct gntsim_machine *m, gntsim_frame frame);
/* A page of this domain that it has not given back. */
bool gs_frame_owned(const struct gntsim_domain *dom, gntsim_frame frame);

static inline unsigned char *frame_bytes(const struct frames *f, gntsim_frame frame)
{
	return f->memory + (size_t)frame * GNTSIM_PAGE_SIZE;
}

/* ---- grant_table.c: the table, and the granting kernel's side of it ---- */

enum slot_state {
	SLOT_FREE,
	SLOT_RAW,      /* gntsim_grant_access() */
	SLOT_PAGE,     /* a gntalloc page */
	SLOT_IMPORT,   /* a page of a dma-buf */
	SLOT_DEFERRED, /* ended while somebody had it mapped */
};

/* Xen's pin counters, one byte each. */
#define PIN_HSTR    (1u << 0)
#define PIN_HSTW    (1u << 8)
#define PIN_DEVR    (1u << 16)
#define PIN_DEVW    (1u << 24)
#define PIN_WRITERS (PIN_HSTW * 255u | PIN_DEVW * 255u)

struct slot {
	struct gntsim_grant_entry shared; /* what the guest and Xen share */
	uint32_t pin;                     /* Xen's active entry: counters, frame, mapper */
	gntsim_frame pinned_frame;
	uint16_t pinned_domid;
	uint8_t state;
	union {
		uint32_t link;   /* SLOT_FREE: the next free reference */
		uint32_t origin; /* else, and of the dead: the call that granted it */
	} u;
	struct gref *gref; /* SLOT_PAGE, SLOT_IMPORT, SLOT_DEFERRED */
};

#define NO_REF      UINT32_MAX
#define SLOTS_SHIFT 9u /* version 1 entries in a frame: 512 */

struct grants {
	struct table slots;
	uint32_t max_frames;
	gntsim_gref free, fresh; /* freed references, last first; then those never used */
	gntsim_gref touched;     /* no entry from here on was ever written */
	/* None from here on was ever looked at: what is there is not zeroed yet. (A pointer, since
	 * looking up is for const domains too.) */
	gntsim_gref *zeroed, zeroed_memory;
	struct list deferred; /* of struct gref's global */
	uint32_t n_deferred;
	bool timer_armed;
	struct list timer; /* in the machine's queue */
	uint64_t expires;
	uint64_t lap_epoch; /* deferred.c: entries found stuck in a row during this advance */
	uint32_t lap;
	gntsim_frame *shown; /* by frame of the table, which of the machine; NULL: none */
	uint32_t n_shown;
};

int gs_grants_init(struct gntsim_domain *dom, uint32_t max_frames);
/* The kernel's part; Xen keeps the table of a zombie. */
void gs_grants_clear(struct gntsim_domain *dom);
void gs_grants_bury(struct gntsim_domain *dom);
/* The slot of a reference that the table has, else NULL. */
struct slot *gs_slot(const struct gntsim_domain *dom, gntsim_gref ref);
gntsim_gref gs_slot_ref(const struct gntsim_domain *dom, const struct slot *slot);
void gs_slot_write(struct gntsim_domain *dom, struct slot *slot,
		   const struct gntsim_grant_entry *entry);
/* The same, not where the table is shown. */
void gs_slot_set(struct gntsim_machine *m, struct slot *slot,
		 const struct gntsim_grant_entry *entry);
int gs_grant(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame, bool readonly,
	     enum slot_state state, struct gref *gref);
/* Frees the reference if it is not in use by Xen. */
bool gs_grant_try_end(struct gntsim_domain *dom, gntsim_gref ref);
/* Whether so many references can be had. */
bool gs_grants_room(struct gntsim_domain *dom, uint32_t count);

/* ---- grant_frames.c: of domains of which some frame of the table is shown ---- */

/* What programs have stored in the entry becomes the slot's. */
void gs_shown_take(const struct gntsim_domain *dom, gntsim_gref ref, struct slot *slot);
void gs_shown_store(const struct gntsim_domain *dom, const struct slot *slot);
/* Nobody holds this FRAME_TABLE any more. */
void gs_shown_end(struct gntsim_domain *dom, gntsim_frame frame);

/* ---- deferred.c ---- */

/* gnttab_end_foreign_access(): the page is freed now, or when it is no longer mapped. @p g is no
 * file's any more, and freed with it. */
void gs_grant_end(struct gntsim_domain *dom, struct gref *g);
void gs_deferred_clear(struct gntsim_domain *dom);

/* ---- grant_map.c: Xen's side ---- */

struct track {
	uint64_t host_addr;
	uint32_t ref; /* or the next free handle */
	uint16_t domid;
	uint16_t flags; /* 0: free */
};

struct maptrack {
	struct table entries;
	uint32_t max_frames;
	uint32_t head, tail; /* free handles, first freed first used */
	/* Those of them that never were used come first; from fresh on, each but fresh_end, which
	 * knows what follows it, is followed by its next. */
	uint32_t fresh, fresh_end;
	uint32_t used;
};

void gs_maptrack_init(struct maptrack *t, uint32_t max_frames);
/* Everything the dying domain has mapped. */
void gs_maptrack_release(struct gntsim_domain *dom);
enum gntsim_gntst gs_set_status(struct gntsim_domain *rd, struct slot *slot, bool readonly,
				bool for_map, uint16_t mapper);
void gs_reduce_status(struct gntsim_domain *rd, struct slot *slot, bool readonly);
void gs_slot_pin(struct gntsim_domain *rd, struct slot *slot, uint32_t pin);
/* May end a zombie: @p rd is not to be used afterwards. */
void gs_slot_unpin(struct gntsim_domain *rd, struct slot *slot, uint32_t pin, bool readonly);

/* ---- grant_copy.c ---- */

/* A side of a copy that is a grant, held while the bytes move. */
struct copy_grant {
	struct gntsim_domain *dom;
	struct slot *slot;
	bool readonly;
};
enum gntsim_gntst gs_copy_acquire(struct gntsim_domain *mapper, struct gntsim_domain *granter,
				  gntsim_gref ref, bool readonly, struct copy_grant *out);
void gs_copy_release(struct copy_grant *g);

/* ---- event_channel.c ---- */

struct port {
	enum gntsim_port_state state;
	bool pending, masked;
	bool enabled;   /* evtchn: may be delivered to the ring */
	bool lost;      /* evtchn: its interrupt went with another file's (evtchn_static.c) */
	bool forgotten; /* evtchn: its file does not find it (evtchn_static.c) */
	bool heard;     /* a kernel's own: gntsim_port_listen() */
	int16_t refs;   /* evtchn's and the notifications'; 0 for a kernel's own port */
	uint16_t remote_domid;
	uint32_t remote_port; /* or the virq */
	struct gntsim_domain *remote;
	struct gntsim_file *file; /* the evtchn file it is bound on */
	struct list of_file;
	gntsim_port number;
	uint32_t origin;
};

#define PORTS_PER_CHUNK 64u
#define MAX_PORTS       131072u
#define MAX_CHUNKS      (MAX_PORTS / PORTS_PER_CHUNK)

struct port_chunk {
	uint64_t free; /* a bit for each free port */
	struct port ports[PORTS_PER_CHUNK];
};

struct ports {
	struct table chunks;
	uint64_t roomy[MAX_CHUNKS / 64]; /* chunks with a free port */
	uint32_t roomy_words;            /* words of that with a bit */
	uint32_t max, used;
	uint32_t linked;       /* ports that the kernel's event array has room for */
	uint32_t kernel_virqs; /* a bit for each VIRQ that the domain's kernel has bound itself */
	gntsim_port virqs[GNTSIM_NR_VIRQS];
};

void gs_ports_init(struct ports *p, uint32_t max, uint32_t kernel_virqs);
void gs_ports_clear(struct gntsim_domain *dom);
/* NULL when the number is beyond the ports that exist so far. */
struct port *gs_port(const struct gntsim_domain *dom, gntsim_port port);
void gs_port_set_pending(struct gntsim_domain *dom, struct port *p);
/* References on a port that was bound through evtchn: evtchn_refs.c has those on numbers, too. */
int gs_port_get(struct gntsim_domain *dom, gntsim_port port);
void gs_port_put(struct gntsim_domain *dom, gntsim_port port);
/* The kernel's event array grows as far. */
void gs_ports_link(struct gntsim_domain *dom, gntsim_port port);

/* ---- domain.c ---- */

struct gntsim_domain {
	struct gntsim_machine *m;
	const struct profile *profile;
	uint16_t id;
	bool dying;
	enum gntsim_guest guest;
	struct effect heard;            /* a port that is listened to became pending */
	uint32_t first_frame, n_frames; /* page frames, including orphans */
	struct list files, mms;
	struct list pins;    /* pin.c */
	struct list waiting; /* gntdev's maps that have ended but for a page that is still used */
	struct grants grants;
	struct maptrack maptrack;
	struct ports ports;
	struct list grefs; /* gntalloc's: every page of every file, in order */
	int32_t gref_size; /* as gntalloc counts them */
	uint32_t gntalloc_limit;
	uint32_t gntdev_limit;
	uint32_t free_per_iteration; /* ended grants that a tick looks at; 0: all */
	uint32_t n_grefs;            /* as they really are */
	uint32_t n_statics;          /* evtchn_static.c: of all its files */
	uint32_t static_refs;        /* evtchn_refs.c: of notifications, on numbers bound so */
	struct list kept_statics;    /* evtchn_refs.c: those that only notifications keep */
};

/* Also a zombie; NULL if there is none. */
struct gntsim_domain *gs_domain(const struct gntsim_machine *m, uint16_t domid);
/* As Xen's rcu_lock_domain_by_any_id(): DOMID_SELF is the caller. */
struct gntsim_domain *gs_domain_any(struct gntsim_domain *self, uint16_t domid);
/* XSM: whether @self may make these two communicate. */
bool gs_may_communicate(const struct gntsim_domain *self, const struct gntsim_domain *a,
			const struct gntsim_domain *b);
/* A dead domain whose last frame was unmapped. */
void gs_domain_bury(struct gntsim_domain *dom);
/* Calls visit in order of domid, zombies included, until it returns false. */
bool gs_for_each_domain(struct gntsim_machine *m,
			bool (*visit)(void *ctx, struct gntsim_domain *dom), void *ctx);

/* A slot or port that is known to exist. */
static inline struct slot *slot_at(const struct gntsim_domain *dom, gntsim_gref ref)
{
	/* table_at(), with numbers that the compiler knows */
	struct slot *chunk = (void *)dom->grants.slots.chunks[ref >> SLOTS_SHIFT];
	struct slot *slot = chunk + (ref & ((1u << SLOTS_SHIFT) - 1));

	if (dom->grants.shown)
		gs_shown_take(dom, ref, slot);
	return slot;
}

static inline struct port *port_at(const struct gntsim_domain *dom, gntsim_port port)
{
	struct port_chunk *c = (void *)dom->ports.chunks.chunks[port / PORTS_PER_CHUNK];

	return &c->ports[port % PORTS_PER_CHUNK];
}

#endif
