/* SPDX-License-Identifier: MIT */
/*
 * The machine once more, written from the table of rules (scenarios/conformance/README.md) alone, by somebody
 * who has not looked at sim/. It is slow on purpose: every object is a row of a table, every question a walk
 * over it, nothing is kept that can be counted. What it says of a call must be what the model says.
 */
#ifndef FUZZ_REFERENCE_H
#define FUZZ_REFERENCE_H

#include "world.h"

#define R_ROWS    128u /* of each table */
#define R_GRANTS  64u  /* of a domain, from reference 8 on */
#define R_PORTS   96u  /* of a domain */
#define R_RING    64u  /* entries; more can't be made in a sequence */
#define R_HAZARDS 8u   /* of a call */
#define R_NOBODY  -1

/* A page of memory that somebody has. */
struct r_page {
	bool used;
	unsigned int pins;   /* Xen's mappings of it */
	unsigned int owners; /* in its kernel; if there is none mappings alone keep it */
	int domain;          /* row of the owner */
	uint8_t bytes[GNTSIM_PAGE_SIZE];
};

/* A page of gntalloc's. Its users are its file's list and the runs that hold it. */
struct r_gref {
	bool used;
	int file;
	uint64_t page; /* of the file's offsets */
	uint64_t born; /* the kernel has one list of all files' */
	bool listed;
	int grant, memory;
	unsigned int action, offset;
	gntsim_port port;
};

/* What the pieces of a gntalloc mapping share. */
struct r_run {
	bool used;
	int gref[4];
	unsigned int count, pieces;
};

struct r_map_page {
	uint16_t domid;
	gntsim_gref ref;
	bool tried, live, dead; /* dead: it was unmapped, or never will be */
	int granter, memory;    /* rows */
};

/* A MAP_GRANT_REF. */
struct r_map {
	bool used, listed, in_use, readonly, has_flags, exported;
	int file;
	uint64_t page;
	unsigned int count, pieces, pins; /* pins: of each page */
	struct r_map_page pages[N_WORDS];
	unsigned int action;
	uint64_t offset;
	gntsim_port port;
};

/* A dma-buf: of its own memory, or of what a gntdev file mapped for it. */
struct r_dmabuf {
	bool used;
	int file, exporter, map; /* R_NOBODY: its own memory */
	unsigned int count;
	int memory[N_WORDS];
	uint32_t number, data_ofs;
	uint64_t born;
};

/* What a gntdev file made of one. */
struct r_import {
	bool used;
	int file, dmabuf; /* dmabuf: its file */
	uint32_t number;
	unsigned int count;
	int grant[N_WORDS];
	uint64_t born;
};

struct r_wait {
	bool used, told;
	int dmabuf;
	uint64_t begun;
};

/* A mapping, or a piece of one. */
struct r_vma {
	bool used;
	int mm, file;
	uint64_t start, end, page; /* page: the file's offset at start, in pages */
	int prot;
	bool shared, may_write, dontcopy;
	int run, map, dmabuf; /* which of them, by device */
	unsigned int first;   /* number of its first page in it */
};

/* A page of an address space that is not what the driver put there. */
struct r_own {
	bool used;
	int mm;
	uint64_t addr;
	int memory; /* R_NOBODY: nothing */
};

struct r_mm {
	bool used, dead;
	int domain;
};

struct r_file {
	bool used, open, dead;
	int domain;
	enum gntsim_device device;
	bool readable, writable;
	uint64_t next_page; /* gntalloc */
	bool restricted;
	uint16_t restricted_to;
	gntsim_port ring[R_RING];
	unsigned int n_ring, ring_size, bound;
};

struct r_grant {
	bool used, deferred;
	bool of_import; /* of a page that is not the grant's own */
	uint16_t domid;
	bool readonly;
	int memory;
	unsigned int readers, writers;
	int mapper;       /* row of the domain that has it mapped */
	uint16_t was_for; /* the domid of the last one; what stays in the entry */
};

enum r_port_state { R_FREE, R_UNBOUND, R_BOUND, R_VIRQ };

struct r_port {
	enum r_port_state state;
	uint16_t domid;
	int domain; /* R_BOUND: row of the peer */
	gntsim_port peer;
	uint32_t virq;
	bool pending, enabled;
	int file; /* R_NOBODY: none */
	unsigned int refs;
};

struct r_domain {
	bool used, dying;
	uint16_t domid;
	bool pv;
	enum gntsim_kernel kernel;
	uint32_t limit, map_limit, per_tick, max_ports;
	unsigned int live; /* pages of gntalloc */
	struct r_grant grants[R_GRANTS];
	int freed[R_GRANTS];
	unsigned int n_freed, fresh;
	int deferred[R_GRANTS];
	unsigned int n_deferred;
	bool timer;
	uint64_t expires;
	struct r_port ports[R_PORTS];
};

#define R_DOMAINS 4u /* three domids, and one more */

struct reference {
	struct setup setup;
	uint64_t now;
	unsigned int interrupt; /* mmaps until one is interrupted; 0: none */
	/* Something happened that the rules leave open: nothing is compared from here on. */
	bool open_question;
	/* What a real driver would do badly in this call, each once. */
	const char *hazard[R_HAZARDS];
	unsigned int n_hazards;
	uint64_t births;
	struct r_domain domain[R_DOMAINS];
	struct r_file file[R_ROWS];
	struct r_mm mm[R_ROWS];
	struct r_vma vma[R_ROWS];
	struct r_own own[R_ROWS];
	struct r_gref gref[R_ROWS];
	struct r_run run[R_ROWS];
	struct r_map map[R_ROWS];
	struct r_dmabuf dmabuf[R_ROWS];
	struct r_import import[R_ROWS];
	struct r_wait wait[N_WAITS];
	struct r_page page[N_FRAMES];
	int unmapped[R_ROWS]; /* files of mappings that this call has ended, in order */
	unsigned int n_unmapped;
	/* The places of struct world: rows, or R_NOBODY. */
	int domain_at[N_DOMAINS], file_at[N_FILES], mm_at[N_MMS];
};

/* A free row of a table; when there is none, what follows is left open. */
#define R_ROW(r, table)                                                                            \
	r_row((r), (r)->table, sizeof(*(r)->table), sizeof((r)->table) / sizeof(*(r)->table))
int r_row(struct reference *r, void *table, size_t size, size_t n);

void reference_begin(struct reference *r, const struct setup *setup);
/* Fills in what the rules say; skipped as the model's. */
void reference_call(struct reference *r, const struct call *c, struct outcome *out);
/* Whether the rules are asked for it at all. */
bool reference_knows(enum call_op op);
void r_hazard(struct reference *r, const char *name);
void reference_totals(const struct reference *r, struct gntsim_totals *out);

/* ---- by driver ---- */

void r_memory_call(struct reference *r, const struct call *c, struct outcome *out);
void r_domain_call(struct reference *r, const struct call *c, struct outcome *out);
void r_query(struct reference *r, const struct call *c, struct outcome *out);

/* pages and grants */
int r_page_take(struct reference *r, int domain);
void r_page_give(struct reference *r, int page);
void r_page_pin(struct reference *r, int page);
void r_page_unpin(struct reference *r, int page);
/* R_NOBODY: none such, alive or not. */
int r_domain_by_id(const struct reference *r, uint32_t domid);
bool r_may_meet(const struct reference *r, int a, int b);
/* What may be done with the page after the grant's end is another owner's business. */
int r_grant(struct reference *r, int domain, uint16_t domid, int page, bool readonly);
/* The kernel is done with the page: freed now or later. */
void r_grant_end(struct reference *r, int domain, int grant);
bool r_map_one(struct reference *r, int mapper, struct r_map_page *p, bool readonly);
void r_unmap_one(struct reference *r, int mapper, struct r_map_page *p, bool readonly);
void r_tick(struct reference *r, int domain);
void r_bury(struct reference *r, int domain);

/* gntalloc and gntdev */
void r_gntalloc_call(struct reference *r, int file, const struct call *c, struct outcome *out);
void r_gntalloc_release(struct reference *r, int file);
void r_run_put(struct reference *r, int run);
void r_gntdev_call(struct reference *r, int file, const struct call *c, struct outcome *out);
void r_gntdev_release(struct reference *r, int file);
void r_map_put(struct reference *r, int map);
void r_map_unmap(struct reference *r, int map, unsigned int from, unsigned int n);
int r_gntalloc_mmap(struct reference *r, struct r_vma *v, int file);
int r_gntdev_mmap(struct reference *r, struct r_vma *v, int file);

/* dma-bufs */
void r_dmabuf_call(struct reference *r, int file, const struct call *c, struct outcome *out);
void r_dmabuf_alloc(struct reference *r, const struct call *c, struct outcome *out);
void r_dmabuf_end_wait(struct reference *r, const struct call *c, struct outcome *out);
void r_dmabuf_release(struct reference *r, int file);
int r_dmabuf_mmap(struct reference *r, struct r_vma *v, int file);
/* R_NOBODY: it is not there any more. */
int r_dmabuf_memory(const struct reference *r, int dmabuf, unsigned int page);
bool r_dmabuf_holds(const struct reference *r, int file);
void r_imports_end(struct reference *r, int file);
uint64_t r_map_place(const struct reference *r, int file, uint32_t count);
bool r_map_pages(struct reference *r, int domain, struct r_map *m, unsigned int pins);

/* A file with no descriptor and no mapping left. */
void r_release_if_unused(struct reference *r, int file);

/* event channels */
int r_port_bind(struct reference *r, int file, enum r_port_state state, uint16_t domid);
bool r_port_get(struct reference *r, int domain, gntsim_port port);
void r_port_put(struct reference *r, int domain, gntsim_port port);
void r_port_send(struct reference *r, int domain, gntsim_port port);
void r_port_event(struct reference *r, int domain, gntsim_port port);
void r_port_close(struct reference *r, int domain, gntsim_port port);
void r_raise(struct reference *r, int domain, uint32_t virq);
void r_evtchn_call(struct reference *r, int file, const struct call *c, struct outcome *out);
void r_evtchn_release(struct reference *r, int file);

/* memory */
void r_unmap_range(struct reference *r, int mm, uint64_t start, uint64_t end);

#endif
