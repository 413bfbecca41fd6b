/* SPDX-License-Identifier: MIT */
/*
 * A byte string as a sequence of calls on a machine: a set-up of eight bytes, then calls of eight bytes
 * each. Every byte string is a sequence; numbers are taken from small sets, so that calls meet each
 * other's objects. The meaning of a byte stays as it is: corpora are kept.
 */
#ifndef FUZZ_CALL_H
#define FUZZ_CALL_H

#include <gntsim/machine.h>

#define CALL_BYTES   8u
#define CALL_MOST    64u /* calls of a sequence; what follows is ignored */
#define N_DOMAINS    3u
#define N_FILES      12u
#define N_MMS        6u
#define N_WAITS      4u
#define N_FRAMES     24u
#define N_WORDS      8u /* of what a call takes or gives as an array */
#define MAP_BASE     UINT64_C(0x10000000)
#define PAGE         ((uint64_t)GNTSIM_PAGE_SIZE)
#define TENTH_SECOND UINT64_C(100000000)

/* In brackets: what the bytes mean, beside @ref call.self. */
enum call_op {
	/* Any program's: with files, address spaces and time */
	CALL_NOTHING,
	CALL_OPEN,             /* self: file; a: domain, b: device, c: mode */
	CALL_CLOSE,            /* self: file */
	CALL_MM_CREATE,        /* self: mm; a: domain */
	CALL_MM_FORK,          /* self: parent; a: mm */
	CALL_MM_END,           /* self: mm */
	CALL_ALLOC,            /* self: file; a: domid, b: flags, c: count */
	CALL_DEALLOC,          /* self: file; c: page, e: byte in it, b: count */
	CALL_SET_NOTIFY,       /* self: file; c: page, e: byte in it, d: action, b: port */
	CALL_MAP,              /* self: file; a: domid, b: reference, c: count, d: step */
	CALL_UNMAP,            /* self: file; c: page, e: byte in it, b: count */
	CALL_GET_OFFSET,       /* self: file; a: mm, d: address, e: byte in it */
	CALL_BIND_UNBOUND,     /* self: file; a: domid */
	CALL_BIND_INTERDOMAIN, /* self: file; a: domid, b: port */
	CALL_BIND_VIRQ,        /* self: file; b: virq */
	CALL_BIND_STATIC,      /* self: file; b: port */
	CALL_UNBIND,           /* self: file; b: port */
	CALL_NOTIFY,           /* self: file; b: port */
	CALL_RESET,            /* self: file */
	CALL_RESTRICT,         /* self: file; a: domid */
	CALL_READ,             /* self: file; e: bytes */
	CALL_WRITE,            /* self: file; b, c: ports; e: bytes */
	CALL_POLL,             /* self: file */
	CALL_MMAP,     /* self: mm; a: file, b: pages, protection, sharing, c: page, d: address */
	CALL_MUNMAP,   /* self: mm; d: address, b: pages */
	CALL_MPROTECT, /* self: mm; d: address, b: pages, protection */
	CALL_MREMAP,   /* self: mm; d: address, b: pages, c: new pages, a: flags, e: new address */
	CALL_MADVISE,  /* self: mm; d: address, b: pages, c: advice */
	CALL_STORE,    /* self: mm; d: address, e: byte in it, b: what, c: bytes */
	CALL_LOAD,     /* self: mm; d: address, e: byte in it, c: bytes */
	CALL_COPY,     /* self: file; a: mm, b: sides, c, d: references, e: place and length */
	CALL_ADVANCE,  /* a: tenths of a second */
	/* Of dma-bufs: a descriptor's number is its file's place. d: bits 4: the call with an offset, 5: its memory
	 * is bad, 6: it can't be written to */
	CALL_DMABUF_EXPORT, /* self: file; a: domid, b: reference, c: count, d: step, flags, e: offset */
	CALL_DMABUF_WAIT,       /* self: file; b: number, c: ms */
	CALL_DMABUF_IMPORT,     /* self: file; a: domid, b: number, c: count */
	CALL_DMABUF_RELEASE,    /* self: file; b: number */
	CALL_DMABUF_ALLOC,      /* self: file; a: domain, c: count */
	CALL_DMABUF_WAIT_BEGIN, /* self: file; a: wait, b: number */
	CALL_DMABUF_WAIT_END,   /* self: wait */
	/* The toolstack's, and a test's */
	CALL_DOMAIN_CREATE = 40, /* self: domain; as the set-up says, but a: its kind */
	CALL_DOMAIN_DESTROY,     /* self: domain */
	CALL_RAISE_VIRQ,         /* self: domain; b: virq */
	CALL_LIMIT,              /* self: domain; a: which, c: value */
	CALL_INTERRUPT,          /* a: which mmap from now on */
	CALL_REFUSE,             /* a: which map from now on, b: status */
	CALL_FAIL,               /* a: which allocation from now on */
	CALL_IOCTL,              /* self: file; a: number, b, c, d, e: its argument's words */
	/* A kernel's, in its own right: self is its domain */
	CALL_FRAME_ALLOC = 48,
	CALL_FRAME_FREE,   /* b: frame */
	CALL_FRAME_HOLD,   /* b: frame */
	CALL_FRAME_UNHOLD, /* b: frame */
	CALL_GRANT_ACCESS, /* a: domid, b: frame, c: read-only */
	CALL_GRANT_END,    /* b: reference */
	CALL_ENTRY_SET,    /* a: domid, b: reference, c: flags, d: frame */
	CALL_GNTTAB_MAP,   /* a: domid, b: reference, c: flags, e: address */
	CALL_GNTTAB_UNMAP, /* b: handle, e: address */
	CALL_GNTTAB_COPY, /* a: domids, b, c: references or frames, d: flags, e: place and length */
	CALL_GNTTAB_SIZE, /* a: domid */
	CALL_PORT_UNBOUND, /* a: domid */
	CALL_PORT_BIND,    /* a: domid, b: port */
	CALL_PORT_VIRQ,    /* b: virq */
	CALL_PORT_USE,     /* b: port, c: what to do with it */
	CALL_QUERY,        /* b: port or reference: what is there */
	N_CALL_OPS,        /* a number's six low bits say the call */
};

struct call {
	enum call_op op;
	uint8_t self, a, b, c, d;
	uint16_t e;
};

/* What the first eight bytes say. */
struct setup {
	struct gntsim_domain_config config; /* of each domain, but for the kind */
	enum gntsim_guest guest[N_DOMAINS];
	enum gntsim_xen xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum gntsim_dmabufs dmabufs;
	uint32_t n_frames;
	uint32_t fail_at;       /* the allocation that fails; 0: none */
	bool destroys;          /* at the end domains die first */
	unsigned int n_domains; /* that are there at first */
};

struct sequence {
	struct setup setup;
	unsigned int n;
	struct call calls[CALL_MOST];
};

void sequence_read(const uint8_t *data, size_t size, struct sequence *out);
void call_write(const struct call *c, uint8_t bytes[CALL_BYTES]);
const char *call_name(enum call_op op);

#define DMABUF_V2       16u /* bits of d */
#define DMABUF_BAD      32u
#define DMABUF_READONLY 64u

/* ---- what bytes stand for ---- */

/* 32 bits: some have more than a domid's 16. */
uint32_t call_domid(uint8_t a);
gntsim_port call_port(uint8_t b);
gntsim_gref call_ref(uint8_t b);
uint64_t call_addr(uint8_t d);
uint32_t call_count(uint8_t c);
int call_prot(uint8_t b);       /* bits 2 to 4 */
uint64_t call_pages(uint8_t b); /* bits 0 and 1: 1 to 4; what follows goes beyond */
int call_map_flags(uint8_t b);  /* bits 5 and 6 */
int call_remap_flags(uint8_t a);
int call_advice(uint8_t c);
uint32_t call_dmabuf(uint8_t b);       /* a descriptor's number */
uint32_t call_dmabuf_flags(uint8_t d); /* bits 2, 3 and 7 */
uint32_t call_data_ofs(uint16_t e);
/* The first byte that stands for it; false: none does. */
bool call_find(uint32_t (*means)(uint8_t), uint32_t wanted, uint8_t *out);

#endif
