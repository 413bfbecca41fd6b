/* SPDX-License-Identifier: MIT */
/* Linux in a domain: the open files of the drivers, and address spaces. */
#ifndef GS_LINUX_H
#define GS_LINUX_H

#include "base.h"

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
	bool exported;    /* a dma-buf's */
	bool seen_export; /* by the check */
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

/* What an evtchn file bound by number alone: a port of its own stays with whom it was made for. */
struct static_port {
	struct list of_file; /* or of dom->kept_statics */
	gntsim_port number;
	bool lost; /* its interrupt went with another file's */
	bool forgotten;
	int16_t refs; /* the file's and the notifications' */
};

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
/* A file's, of that number, with so many references at least. */
struct static_port *gs_evtchn_static(const struct gntsim_domain *dom, gntsim_port port,
				     int16_t refs);

/* ---- evtchn_refs.c: evtchn_get(), evtchn_put(): what notifications hold ---- */

/* @retval -EINVAL nothing that evtchn has bound, or too often */
int gs_evtchn_get(struct gntsim_domain *dom, gntsim_port port);
void gs_evtchn_put(struct gntsim_domain *dom, gntsim_port port);
/* A notification holds the number, which no file has any more. */
bool gs_evtchn_is_kept(const struct gntsim_domain *dom, gntsim_port port);
/* The file's own reference on what it has by BIND_STATIC, which goes from its list. */
void gs_evtchn_put_static(struct gntsim_domain *dom, struct static_port *s);
/* The domain is destroyed. */
void gs_evtchn_forget_kept(struct gntsim_domain *dom);

/* ---- mm.c ---- */

/* The last answer of gs_vma_find(): what it is for addresses in [from, to). */
struct vma_hit {
	uint64_t from, to;
	struct vma *vma;
};

/* vma_near.c: where to begin looking, if there are many. */
struct vma_near {
	struct vma **slots;
	uint32_t n_slots; /* a power of two; 0: no table */
	uint32_t n_vmas;  /* of the address space */
};

struct gntsim_mm {
	struct gntsim_domain *dom; /* NULL: it was destroyed */
	struct gntsim_machine *m;
	struct tree vmas;
	struct list in_order; /* the same, by address */
	struct vma_near near;
	struct vma_hit *hit, hit_memory; /* hit points there: looking up is for const ones too */
	struct tree own_pages;
	struct list link; /* in the domain's mms, or the machine's dead ones */
	void *data;
	struct effect revoked, dead;
	uint64_t revoked_start, revoked_end;
};

struct vma {
	struct tree_node node;
	uint64_t start, end;  /* beside the node, for the way down the tree */
	struct list in_order; /* the tree's steps aside may lead far up and down */
	struct gntsim_mm *mm;
	struct gntsim_file *file;
	uint64_t offset; /* file offset of start */
	uint8_t prot;    /* PROT_* */
	bool shared;     /* VM_SHARED: shared, and the file is open for writing */
	bool may_write;  /* VM_MAYWRITE */
	bool dontcopy;   /* VM_DONTCOPY */
	bool inherited;  /* a copy that fork made */
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

/* ---- vma_near.c ---- */

/* If there is a table: one that begins near an address, or NULL, nothing is known. */
struct vma *gs_vma_near(const struct gntsim_mm *mm, uint64_t addr);
/* The same: what was found for an address without it; may be NULL. */
void gs_vma_near_found(const struct gntsim_mm *mm, uint64_t addr, struct vma *vma);
/* A VMA is in the tree; is about to leave it. */
void gs_vma_near_add(struct vma *vma);
void gs_vma_near_remove(struct vma *vma);
/* True if it knows what is there, and nothing else, and the list is the tree's. */
bool gs_vma_near_sound(const struct gntsim_mm *mm);

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

#endif
