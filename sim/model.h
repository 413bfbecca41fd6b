/* SPDX-License-Identifier: MIT */
/*
 * The state of a machine, and what its rooms offer each other. Everything public is in
 * <gntsim/...>; names beginning with gs_ stay inside the library.
 */
#ifndef GS_MODEL_H
#define GS_MODEL_H

#include <errno.h>

/* The library is built with hidden symbols: what the public headers declare is the rest. */
#pragma GCC visibility push(default)
#include <gntsim/machine.h>
#pragma GCC visibility pop

#include "list.h"
#include "memory.h"
#include "table.h"
#include "tree.h"

#define PAGE           ((uint64_t)GNTSIM_PAGE_SIZE)
#define PAGE_ROUND(x)  (((x) + PAGE - 1) & ~(PAGE - 1))
#define PAGE_OFFSET(x) ((x) & (PAGE - 1))

/* ---- profile.c: what differs between kernels ---- */

struct profile {
	const char *name;
	bool private_may_write; /* mprotect may make gntdev's private mappings writable */
	bool bind_static;       /* evtchn knows IOCTL_EVTCHN_BIND_STATIC */
	bool counts_late;       /* gntalloc asks for memory before it looks at its limit */
	bool moves_many;        /* mremap moves several mappings at once */
	bool keeps_unwritten;   /* gntdev keeps a map whose index could not be written back */
};
const struct profile *gs_profile(enum gntsim_kernel kernel);

struct xen_profile {
	const char *name;
	bool copies_nothing;  /* a copy of no bytes is done before anything is looked at */
	bool guards_handlers; /* a global VIRQ is bound by its handler alone */
};
const struct xen_profile *gs_xen_profile(enum gntsim_xen xen);

/* ---- effects.c ---- */

struct slot;
struct port;

struct effect {
	struct list queue; /* empty when not pending */
	enum gntsim_effect_kind kind;
};

enum hazard {
	HAZARD_ALLOC_UNDO,     /* ALLOC_GREF's undo counts one page too many, and leaks one */
	HAZARD_GLOBAL_LIST,    /* closing a gntalloc mapping walks into another file's pages */
	HAZARD_CLEAR_UNMAPPED, /* PV: a byte is cleared in a page that failed to map */
	HAZARD_CLEAR_READONLY, /* PV: a byte is cleared through a read-only mapping */
	HAZARD_PVH_SELF_MAP,   /* PVH: mapping one's own page takes it off its address */
	HAZARD_CLEAR_ARM,      /* arm64: a byte is cleared in a page that failed to map */
	HAZARD_STATIC_KERNELS, /* evtchn: a kernel's own port is bound by its number */
	HAZARD_STATIC_SHARED,  /* evtchn: one port number is bound by two files */
	HAZARD_STATIC_LOST,    /* evtchn: the second of them gives it up */
	HAZARD_PINNED_PV,      /* PV: the end of a mapping whose page the kernel still uses */
	HAZARD_STATIC_FORGETS, /* evtchn: a file is refused a port, and loses sight of all that it has */
	HAZARD_DMABUF_UNMAP, /* gntdev: the map of a dma-buf that lives is given up */
	N_HAZARDS,
};
void gs_hazard(struct gntsim_machine *m, enum hazard hazard);
void gs_effect_init(struct effect *e, enum gntsim_effect_kind kind);
void gs_effect_raise(struct gntsim_machine *m, struct effect *e);
void gs_effect_drop(struct effect *e);
void gs_revoked(struct gntsim_mm *mm, uint64_t start, uint64_t end);

/* ---- observe.c ---- */

/* Tells the observer, if there is one: what the rest names is worked out only then. */
#define GS_SAW(machine, ...)                                                                       \
	do {                                                                                       \
		if ((machine)->observer)                                                           \
			(machine)->observer((machine)->observer_ctx,                               \
					    &(struct gntsim_observation){__VA_ARGS__});            \
	} while (0)
/* The entry of a slot as it is now. */
void gs_saw_grant(const struct gntsim_domain *dom, const struct slot *slot);
void gs_saw_port(struct gntsim_domain *dom, const struct port *p);

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
/* evtchn_get(), evtchn_put(): references on a port that was bound through evtchn. */
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

/* ---- file.c ---- */

/* A notification on giving a page or map up. */
struct notify {
	uint32_t flags;
	uint32_t offset; /* of the byte */
	gntsim_port port;
	uint32_t origin;
};
#define NOTIFY_CLEAR_BYTE 1u
#define NOTIFY_SEND_EVENT 2u
#define NOTIFY_ALL        (NOTIFY_CLEAR_BYTE | NOTIFY_SEND_EVENT)

struct vma;

/* What a driver does, in the words of Linux's file_operations and vm_operations. */
struct driver {
	void (*open)(struct gntsim_file *file); /* NULL: a new file is all zeros */
	void (*release)(struct gntsim_file *file);
	int (*mmap)(struct gntsim_file *file, struct vma *vma); /* NULL: ENODEV */
	void (*vma_open)(struct vma *vma);
	void (*vma_close)(struct vma *vma);
	/* mmu notifier: the range of the VMA is about to change. NULL: no interest */
	void (*invalidate)(struct vma *vma, uint64_t start, uint64_t end);
	/* What mmap put behind an address of the VMA: its frame; whether Xen wrote the page table
	 * (readable, whatever the protection); whether the page behind takes stores (writable). */
	void (*page)(const struct vma *vma, uint64_t addr, struct gntsim_page *out);
};
extern const struct driver gs_gntalloc_driver, gs_gntdev_driver, gs_evtchn_driver, gs_dmabuf_driver;

struct gntalloc_file {
	struct tree grefs; /* by index; listed and, while mapped, unlisted ones */
	uint64_t index;    /* of the next ALLOC */
};

struct gntdev_file {
	struct tree maps;    /* listed ones, by index */
	struct list all;     /* with those that only a mapping keeps */
	struct list exports; /* dma-bufs of it that live, newest first */
	struct list imports; /* newest first */
};

struct evtchn_file {
	struct list ports;
	struct list statics; /* bound by their number alone: evtchn_static.c */
	uint32_t n_ports;    /* of both */
	gntsim_port *ring;
	uint32_t ring_size;
	uint32_t cons, prod;
	bool overflow, restricted;
	bool began; /* an event came into the empty ring, which its effect has not told yet */
	uint16_t restrict_domid;
};

struct dmabuf_file {
	uint32_t count;       /* pages */
	uint32_t offset;      /* of the data, as the exporter said */
	struct list waits;    /* who waits for its release, newest first */
	gntsim_frame *frames; /* memory of the domain's own; NULL: gntdev's, and then: */
	struct map *map;      /* its grants */
	struct gntsim_file *exporter;
	struct list link; /* in its exports */
	uint32_t fd;      /* the number that it was given first */
};

struct gntsim_file {
	struct gntsim_domain *dom; /* NULL: it was destroyed */
	struct gntsim_machine *m;
	enum gntsim_device device;
	const struct driver *driver;
	bool readable, writable; /* the open mode */
	bool open;               /* the caller has it */
	uint32_t
	    vmas; /* and who else holds it: a gntdev its dma-bufs, and they what they imported */
	uint32_t seen;    /* by the check */
	struct list link; /* in the domain's files, or the machine's dead ones, or releases */
	void *data;
	struct effect event, dead;
	union {
		struct gntalloc_file gntalloc;
		struct gntdev_file gntdev;
		struct evtchn_file evtchn;
		struct dmabuf_file dmabuf;
	} u;
};

/* 0, -ENODEV for a dead file, -EINVAL for one of another device. */
int gs_file_check(const struct gntsim_file *file, enum gntsim_device device);
int gs_file_open(struct gntsim_domain *dom, enum gntsim_device device, int open_flags,
		 struct gntsim_file **out);
void gs_file_get(struct gntsim_file *file); /* a VMA of it appears */
void gs_file_put(struct gntsim_file *file); /* and goes: release is queued if it was the last */
/* Runs the queued releases, last queued first, as the kernel's task work does. */
void gs_file_run_releases(struct gntsim_machine *m);
/* The domain dies. */
void gs_file_kill(struct gntsim_file *file);
void gs_file_free(struct gntsim_file *file);

/* ---- gntalloc.c ---- */

/* A page (struct gntalloc_gref). It stays in the file's tree while it lives. */
struct gref {
	struct tree_node node;
	struct list global; /* dom->grefs; given up while it is mapped: dom->grants.deferred */
	struct gntsim_file *file;
	uint64_t index;
	uint32_t users; /* the file's list, and runs */
	gntsim_gref ref;
	gntsim_frame frame;
	gntsim_port notify_port;
	uint16_t notify_offset;
	uint8_t notify_flags;
	bool listed;   /* in the file's list: not DEALLOCed */
	bool borrowed; /* the frame is a dma-buf's, and held */
	union {
		uint32_t notify_origin;
		uint32_t ended; /* deferred: the call that gave it up */
	} u;
};

/* What the pieces of one gntalloc mapping share (struct gntalloc_vma_private_data). */
struct gref_run {
	struct gref *first;
	uint32_t count, users;
	uint32_t seen; /* by the check */
};

/* ---- gntdev.c ---- */

struct map_page {
	gntsim_gref ref;
	uint32_t handle;  /* the mapping for user space (PVH: the only one) */
	uint32_t khandle; /* PV: the kernel's */
	gntsim_frame frame;
	uint32_t pins;  /* uses by the kernel */
	uint16_t domid; /* the driver keeps 32 bits, but uses these only */
	bool removed;   /* being_removed */
};

/* A MAP_GRANT_REF object (struct gntdev_grant_map). */
struct map {
	struct tree_node node; /* in the file's tree while listed */
	struct list all;
	struct gntsim_file *file; /* NULL: only pins keep it */
	struct gntsim_domain *dom;
	uint64_t start;        /* where it was mapped */
	uint32_t index, count; /* pages */
	uint32_t gap, max_gap; /* free pages before it; the most in its subtree */
	uint32_t users;        /* the file's list, and VMA pieces */
	uint32_t live;         /* Xen mappings */
	uint32_t pins;         /* uses of its pages */
	uint32_t seen;         /* by the check */
	struct notify notify;
	uint32_t origin;
	uint16_t flags; /* GNTMAP_*; 0 before mmap */
	bool in_use, listed;
	bool exported; /* a dma-buf's */
	struct map_page pages[];
};

/* Not listed yet, with one user. */
struct map *gs_map_alloc(struct gntsim_file *file, uint32_t count);
void gs_map_put(struct map *map);
/* A page of it is used by the kernel, and no more. */
void gs_map_pin(struct map *map, uint32_t page);
void gs_map_unpin(struct map *map, uint32_t page);
/* Of a domain that is being destroyed. */
void gs_maps_kill_waiting(struct gntsim_domain *dom);
/* gntdev_map_grant_pages(): of what is not mapped yet. @retval -EINVAL one could not be */
int gs_map_pages(struct map *map);
/* Of its grants, how many Xen has mapped for the process. */
uint32_t gs_map_live(const struct map *map);

/* ---- gntdev_maps.c: a file's listed maps ---- */

bool gs_map_summarise(struct tree_node *node);
/* Gives it an index and lists it. */
void gs_map_add(struct map *map);
void gs_map_unlist(struct map *map);
struct map *gs_map_first(const struct gntdev_file *priv);
/* gntdev_find_map_index(): the index comes in an int; a count of 0 fits any. */
struct map *gs_map_at(const struct gntdev_file *priv, uint64_t page, uint32_t count);
/* The map whose offsets hold a byte, as SET_UNMAP_NOTIFY looks for it. */
struct map *gs_map_holding(const struct gntdev_file *priv, uint64_t offset);
/* The mmap offset as the driver computes it, in an int. */
uint64_t gs_map_offset(const struct map *map);

/* ---- gntdev_copy.c: GRANT_COPY ---- */

long gs_gntdev_copy(struct gntsim_file *file, struct gntsim_mm *mm, uint64_t arg,
		    const struct gntsim_user_memory *um);

/* ---- dmabuf.c ---- */

struct gntsim_wait {
	struct list link; /* in the dma-buf's waits, or the machine's dead ones */
	struct gntsim_machine *m;
	void *data;
	struct effect released;
};
/* One without pages yet. @retval -ENOMEM */
int gs_dmabuf_new(struct gntsim_domain *dom, uint32_t count, struct gntsim_file **out);
long gs_dmabuf_ioctl(uint32_t cmd, uint64_t arg, const struct gntsim_user_memory *um);
gntsim_frame gs_dmabuf_frame(const struct gntsim_file *dmabuf, uint32_t page);
/* The number of the page that a mapping of one has at an address. */
uint32_t gs_dmabuf_page(const struct vma *vma, uint64_t addr);

/* ---- gntdev_dmabuf.c ---- */

/* The dma-buf that the file exported with this number last. @retval -ENOENT */
int gs_export_find(const struct gntsim_file *file, uint32_t fd, struct gntsim_file **out);
/* The descriptor's last reference is gone. */
void gs_export_release(struct gntsim_file *dmabuf);
/* What a gntdev file has of both when it ends. */
void gs_exports_kill(struct gntsim_file *file);
void gs_imports_release(struct gntsim_file *file);
/* @retval -ENOTTY none of its numbers, or the kernel has none of these calls */
long gs_gntdev_dmabuf(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
		      const struct gntsim_user_memory *um);
/* Marks what is held; NULL, or what is wrong. */
const char *gs_check_dmabufs(struct gntsim_file *file);

/* ---- evtchn.c ---- */

/* The interrupt handler: the port enters the ring. */
void gs_evtchn_interrupt(struct gntsim_domain *dom, struct port *p);
/* A slot of the ring for one more port. @retval -ENOMEM */
int gs_evtchn_make_room(struct gntsim_file *file);

/* ---- evtchn_static.c: BIND_STATIC ---- */

/* Whether the file, another file of the domain, has bound the number. */
bool gs_evtchn_has_static(const struct gntsim_file *file, gntsim_port port);
bool gs_evtchn_is_static_elsewhere(const struct gntsim_file *file, gntsim_port port);
/* The file gives up a port that was made for it. */
void gs_evtchn_unbound(struct gntsim_file *file, struct port *p);
/* False: it has not bound the number. */
bool gs_evtchn_unbind_static(struct gntsim_file *file, gntsim_port port);
void gs_evtchn_release_statics(struct gntsim_file *file);
/* The file is refused a port whose number it has bound: it finds none of its ports any more. */
void gs_evtchn_forget(struct gntsim_file *file);

/* ---- mm.c ---- */

/* The last answer of gs_vma_find(): what it is for addresses in [from, to). */
struct vma_hit {
	uint64_t from, to;
	struct vma *vma;
};

struct gntsim_mm {
	struct gntsim_domain *dom; /* NULL: it was destroyed */
	struct gntsim_machine *m;
	struct tree vmas;
	struct vma_hit *hit, hit_memory; /* hit points there: looking up is for const ones too */
	struct tree own_pages;
	struct list link; /* in the domain's mms, or the machine's dead ones */
	void *data;
	struct effect revoked, dead;
	uint64_t revoked_start, revoked_end;
};

struct vma {
	struct tree_node node;
	uint64_t start, end; /* beside the node, for the way down the tree */
	struct gntsim_mm *mm;
	struct gntsim_file *file;
	uint64_t offset; /* file offset of start */
	int prot;
	bool shared;    /* VM_SHARED: shared, and the file is open for writing */
	bool may_write; /* VM_MAYWRITE */
	bool dontcopy;  /* VM_DONTCOPY */
	bool inherited; /* a copy that fork made */
	uint32_t origin;
	union {
		struct gref_run *run;
		struct map *map;
	} u;
};

/* Where programs' addresses end on this host: its kernel gives them, from above. */
#ifdef __aarch64__
#define TASK_SIZE (1ull << 48)
#else
#define TASK_SIZE 0x7ffffffff000ull
#endif

/* The VMA that contains @p addr or the first above it. */
struct vma *gs_vma_find(const struct gntsim_mm *mm, uint64_t addr);
struct vma *gs_vma_next(const struct vma *vma);
void gs_vma_insert(struct vma *vma);
/* Takes it out of the tree. */
void gs_vma_unlink(struct vma *vma);
/* do_munmap(): releases of files are queued. @retval -EINVAL as munmap() */
int gs_do_munmap(struct gntsim_mm *mm, uint64_t addr, uint64_t len);
/* The same without the checks. */
int gs_unmap_range(struct gntsim_mm *mm, uint64_t start, uint64_t end);
/* Cuts [start, end) off the rest of its VMAs. */
int gs_split_range(struct gntsim_mm *mm, uint64_t start, uint64_t end);
void gs_invalidate_range(struct gntsim_mm *mm, uint64_t start, uint64_t end);
void gs_mm_kill(struct gntsim_mm *mm);
void gs_mm_free(struct gntsim_mm *mm);

/* ---- own_pages.c: pages of mappings that differ from what the driver put there ---- */

struct own_page {
	struct tree_node node; /* in its address space's, by address */
	uint64_t addr;
	gntsim_frame frame; /* a private copy, or GNTSIM_NO_FRAME: there is nothing any more */
};

/* The entry of exactly this page, or NULL. */
struct own_page *gs_own_page(const struct gntsim_mm *mm, uint64_t addr);
/* From now on there is nothing. @retval -ENOMEM */
int gs_own_page_zap(struct gntsim_mm *mm, uint64_t addr);
/* A private copy of a frame, at an address that has no entry. @retval -ENOMEM */
int gs_own_page_copy(struct gntsim_mm *mm, uint64_t addr, gntsim_frame from, gntsim_frame *out);
void gs_own_pages_drop(struct gntsim_mm *mm, uint64_t start, uint64_t end);
void gs_own_pages_move(struct gntsim_mm *mm, uint64_t from, uint64_t len, uint64_t to);
/* What the mapping's copy in a child inherits. @retval -ENOMEM */
int gs_own_pages_fork(struct gntsim_mm *child, const struct vma *vma);

/* ---- pin.c ---- */

struct gntsim_pin {
	struct list link; /* in the domain's pins, or the machine's dead ones */
	struct gntsim_machine *m;
	struct map *map; /* a page of it, or NULL */
	uint32_t page;
	gntsim_frame frame; /* or a frame of the domain's own, or GNTSIM_NO_FRAME */
};

/* The map is gone. */
void gs_pins_forget(struct gntsim_domain *dom, const struct map *map);
/* They hold nothing any more. */
void gs_pins_kill(struct gntsim_domain *dom);
void gs_pins_free(struct gntsim_machine *m);

/* ---- check.c, check_xen.c ---- */

/* What the check counts again; by the end it must equal the machine's own totals. */
struct recount {
	struct gntsim_totals totals;
	uint64_t slot_pins, track_pins; /* each mapping, seen from both ends */
	uint64_t held;                  /* pins of frames without a grant */
	uint64_t port_refs;             /* on the ports of the domain that is looked at */
	const char *wrong;
};
/* Each returns what is wrong, or NULL. */
const char *gs_check_xen(struct recount *r, struct gntsim_domain *dom);
const char *gs_check_machine_frames(const struct gntsim_machine *m);

/* ---- machine.c ---- */

#define DOMS_PER_LEAF 256u
#define DOM_LEAVES    (GNTSIM_DOMID_FIRST_RESERVED / DOMS_PER_LEAF + 1)

struct gntsim_machine {
	struct memory mem;
	gntsim_observer *observer; /* NULL: nobody looks */
	void *observer_ctx;
	uint32_t origin; /* of what is made now */
	bool origin_used;
	const struct xen_profile *xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum gntsim_dmabufs dmabufs;
	struct frames frames;
	struct gntsim_domain **domains[DOM_LEAVES];
	struct gntsim_totals totals;
	uint64_t now;
	uint64_t maps_asked;
	gntsim_map_refusal *map_refusal; /* NULL: none is refused */
	void *map_refusal_ctx;
	uint64_t interrupted_mmap; /* PV's mmaps of gntdev until one is; 0: none will be */
	uint64_t advances;         /* how many, to tell one from another */
	struct list timers;        /* armed deferred-free timers; all last as long, so in order */
	uint32_t n_timers;
	struct list effects;
	struct effect hazards[N_HAZARDS];
	struct list releases;
	struct list dead_files, dead_mms, dead_pins, dead_waits;
};

/* ---- origin.c ---- */

/* The stamp for something that is being made. */
static inline uint32_t gs_origin(struct gntsim_machine *m)
{
	m->origin_used = true;
	return m->origin;
}

#endif
