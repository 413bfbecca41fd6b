/* SPDX-License-Identifier: MIT */
/*
 * A call of a process and what came of it, without the script around it: what substrates get
 * and give back, what logs print.
 */
#ifndef SCN_CALL_H
#define SCN_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scn_call_kind {
	SCN_OPEN,     /* path; arg 0: flags */
	SCN_CLOSE,    /* fd */
	SCN_DUP,      /* fd */
	SCN_IOCTL,    /* fd, number, address (if there is no image) */
	SCN_MMAP,     /* address, length, prot, flags, fd, offset */
	SCN_MUNMAP,   /* address, length */
	SCN_MPROTECT, /* address, length, prot */
	SCN_MADVISE,  /* address, length, advice */
	SCN_FUTEX,    /* address, operation: one that wakes */
	SCN_MREMAP,   /* address, old length, new length, flags, new address */
	SCN_LOAD,     /* address, length */
	SCN_STORE,    /* address; image: the bytes */
	SCN_READ,     /* fd, length, address (if use_address) */
	SCN_WRITE,    /* fd, length, address (if there is no image) */
	SCN_POLL,     /* fd: asked for POLLIN and POLLOUT */
	SCN_FORK,     /* peer: the child */
	SCN_EXEC,     /* the same program anew: what exec ends, ends */
	SCN_EXIT,     /* status */
	SCN_FCNTL,    /* fd, command, flags (F_SETFL); peer: the owner (F_SETOWN) */
	SCN_SIGIO,    /* takes SIGIO, if it is pending: 1, else 0 */
	SCN_PIN,      /* address. The result is a descriptor that keeps its page in use */
	SCN_SEND_FD,  /* fd; peer: who gets it. The result is the peer's descriptor */
	SCN_N_CALLS,
};

/* Where the argument's memory lies. */
enum scn_place {
	SCN_PLACE_PLAIN,
	SCN_PLACE_READONLY, /* a write to it is EFAULT */
	SCN_PLACE_SHORT,    /* accessible only up to `reach` bytes */
};

/* At `at` in the image stands the address of the image's byte `target`. */
struct scn_reloc {
	uint32_t at, target;
};

struct scn_call {
	enum scn_call_kind kind;
	uint64_t arg[6];
	const char *path;     /* OPEN */
	const uint8_t *image; /* argument memory: IOCTL, STORE, WRITE; or NULL */
	uint32_t image_len;
	const struct scn_reloc *relocs;
	uint32_t n_relocs;
	enum scn_place place;
	uint32_t reach;
	bool use_address; /* READ: into arg[2] and not into memory of the player's */
	uint32_t peer;    /* FORK, SEND_FD: a process's number in the scenario */
	/* What the script expects, for substrates where an event takes a moment: how long to
	 * wait for it. Never a reason to answer differently. */
	bool expect_nothing; /* READ: it would block, or fail */
	int expect_events;   /* POLL: the events, SIGIO: 0 or 1; -1 if not known */
};

enum scn_result_kind {
	SCN_RETURNED, /* value; if it is negative, -value is the errno */
	SCN_FAULTED,  /* signal; LOAD and STORE */
	SCN_BLOCKED,  /* the call would wait; it was not made, or was interrupted */
};

struct scn_result {
	enum scn_result_kind kind;
	int64_t value;
	int signal;
	uint8_t *data; /* IOCTL: the image afterwards; LOAD, READ: the bytes. To free() */
	uint32_t data_len;
};

const char *scn_call_name(enum scn_call_kind kind);
void scn_result_free(struct scn_result *r);

#endif
