/* SPDX-License-Identifier: MIT */
/*
 * What the stage and the programs on it tell each other. The stage keeps a machine (gntsim serve)
 * and starts, in the machine's domains, the client program and as many further processes of it
 * (peers) as it asks for.
 */
#ifndef CLIENTS_STAGE_H
#define CLIENTS_STAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses, as meson reads them. */
enum {
	STAGE_FAILURE = 1,
	STAGE_SKIP = 77,
	STAGE_ERROR = 99, /* what the test needs is broken, not what it tests */
};

#define STAGE_ENV_DOMAINS "STAGE_DOMAINS" /* "0:pv,1:pvh" */
#define STAGE_ENV_HOME    "STAGE_HOME"    /* the process's own domain, a place in that list */
#define STAGE_ENV_ROLE    "STAGE_ROLE"    /* "test" or "peer" */
#define STAGE_ENV_SOCKET  "STAGE_SOCKET"  /* number of the descriptor that leads to the stage */
#define STAGE_ENV_LIMIT   "STAGE_LIMIT"   /* seconds that a process may take */

enum stage_op {
	STAGE_PEER,        /* start a peer in a domain; the reply carries a socket to it */
	STAGE_TOTALS,      /* the machine's totals */
	STAGE_KILL_BROKER, /* SIGKILL the machine; returns when it is gone */
};

struct stage_request {
	uint32_t op;
	uint32_t domain;
};

/* The machine's totals, as gntsim status prints them. */
struct stage_totals {
	uint64_t domains, files, mms, vmas, frames, grants, deferred, gntdev_maps, maptrack, ports;
	uint64_t broker_fds; /* open descriptors of the broker */
};

struct stage_reply {
	int32_t error; /* 0 or an errno */
	struct stage_totals totals;
};

/* A domain of the stage. */
struct stage_domain {
	uint16_t id;
	bool pv; /* else PVH */
};
enum {
	STAGE_MAX_DOMAINS = 8,
};

/* Reads a list as in STAGE_ENV_DOMAINS. Returns how many, 0 if it is not such a list. */
unsigned stage_parse_domains(const char *list, struct stage_domain domains[STAGE_MAX_DOMAINS]);

#endif
