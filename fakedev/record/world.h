/* SPDX-License-Identifier: MIT */
/*
 * What there is in the recorded machine, as far as programs have numbers for it: files, indices,
 * references, ports, addresses; and which variable of the script stands for each.
 */
#ifndef FAKEDEV_RECORD_WORLD_H
#define FAKEDEV_RECORD_WORLD_H

#include "broker/trace.h"
#include "script.h"

/* A page that a process has mapped. */
struct seen_page {
	uint64_t addr;
	uint32_t frame;
	bool writable, readable;
};

#define PID_UNKNOWN UINT32_MAX /* of a forked child that is not heard of yet */
struct process {
	uint32_t pid, script; /* the latter: its number in the script */
	uint16_t domid;
	bool live, unassisted;
	uint32_t fork;
	const struct gntsim_mm *mm;
	struct seen_page *pages;
	uint32_t n_pages, room_pages;
	uint64_t cpu; /* time it had run when it was last looked at, ns */
	bool ran;     /* since then */
};

struct file {
	enum wire_device device;
	uint32_t number;
	bool nonblocking, close_on_exec;
};

/* A process's descriptor of a file. */
struct holder {
	uint32_t file, process, var; /* file: position */
};

/* An index that a driver gave out. */
struct region {
	uint32_t file; /* position */
	uint64_t index;
	uint32_t count, var;
	uint32_t grant; /* gntalloc: the variable of its references, or NO_VAR */
	bool notified;
	bool live;
	uint32_t first_ref; /* gntdev: of the one it maps */
	uint16_t granter;
};

struct grant {
	uint16_t domid;
	uint32_t ref, var, element;
	uint32_t region; /* position */
};

/* A number by which a file of gntdev knows a dma-buf. */
struct dmabuf {
	uint32_t file, number, var; /* file: position, of gntdev's */
	bool import;
};

struct port {
	uint16_t domid;
	uint32_t number, var;
};

struct mapping {
	uint32_t process, var;
	uint64_t start, len, left; /* left: bytes that are still mapped */
	bool own;                  /* private memory, for buffers */
	uint32_t region;           /* position; UINT32_MAX: none */
};

struct world {
	struct script *script;
	struct process *processes;
	struct file *files;
	struct holder *holders;
	struct region *regions;
	struct grant *grants;
	struct dmabuf *dmabufs;
	struct port *ports;
	struct mapping *mappings;
	uint32_t n_processes, room_processes, n_files, room_files, n_holders, room_holders,
	    n_regions, room_regions, n_grants, room_grants, n_dmabufs, room_dmabufs, n_ports,
	    room_ports, n_mappings, room_mappings;
};

void world_free(struct world *w);

/* Each adds one and returns it; NULL: no memory, which the script notes. Others may move. */
struct process *world_process(struct world *w);
struct file *world_file(struct world *w);
struct holder *world_holder(struct world *w);
struct region *world_region(struct world *w);
struct grant *world_grant(struct world *w);
struct dmabuf *world_dmabuf(struct world *w);
struct port *world_port(struct world *w);
struct mapping *world_mapping(struct world *w);

/* NULL: there is none. The newest, where numbers are used again. */
struct process *world_find_process(const struct world *w, uint32_t pid);
struct file *world_find_file(const struct world *w, enum wire_device device, uint32_t number);
struct holder *world_find_holder(const struct world *w, uint32_t file, uint32_t process);
struct region *world_find_region(const struct world *w, uint32_t file, uint64_t index);
struct grant *world_find_grant(const struct world *w, uint16_t domid, uint32_t ref);
struct dmabuf *world_find_dmabuf(const struct world *w, uint32_t file, uint32_t number,
				 bool import);
struct port *world_find_port(const struct world *w, uint16_t domid, uint32_t number);
struct mapping *world_find_mapping(const struct world *w, uint32_t process, uint64_t addr);

/* The value as the script has it: a variable and what is added to it, or the number. */
void put_index(const struct world *w, struct scn_buf *b, uint32_t file, uint64_t index);
void put_ref(const struct world *w, struct scn_buf *b, uint16_t domid, uint32_t ref);
void put_port(const struct world *w, struct scn_buf *b, uint16_t domid, uint32_t number);
void put_address(const struct world *w, struct scn_buf *b, uint32_t process, uint64_t addr);

#endif
