/* SPDX-License-Identifier: MIT */
/* The machines that a scenario is to be played on: one for each mix of its domains' guests. */
#ifndef SCN_VARIANT_H
#define SCN_VARIANT_H

#include "substrate.h"

/*
 * Two real domains that take the parts of a script's two: in the order in which they are declared,
 * or the other way around.
 */
struct scn_seats {
	bool there; /* else a domain can be anything */
	enum scn_guest guest[2];
	bool swapped;
};

/* What the user wants played. */
struct scn_filter {
	bool has_guest;
	enum scn_guest guest; /* of every domain that allows it */
	bool has_kernel;
	struct scn_version kernel;
	bool has_xen, has_arch, has_xsm;
	struct scn_platform platform;
	struct scn_seats seats;
	bool has_seed; /* of the order of parallel branches */
	uint64_t seed;
};

/* How many there are; at least 1. */
uint32_t scn_variant_count(const struct scn_scenario *s, const struct scn_filter *filter);
/* The nth, and its name: "dom1 pv, kernel 6.1". What the machine is unless the filter says so. */
void scn_variant(const struct scn_scenario *s, const struct scn_filter *filter,
		 struct scn_version kernel, const struct scn_platform *platform, uint32_t n,
		 struct scn_setup *out, struct scn_buf *name);
/* Whether the seats' guests are such that the script holds for. */
bool scn_seats_fit(const struct scn_scenario *s, const struct scn_seats *seats);
/* `alive`: of each process; NULL where nobody lives yet. */
bool scn_condition_holds(const struct scn_condition *c, const struct scn_setup *setup,
			 const bool *alive);
/* Less than 0, 0 or more, as a is older than b, the same or newer. To a version without a patch level
 * all of its series are the same; one whose patch level is not known is its series' newest. */
int scn_version_compare(struct scn_version a, struct scn_version b);
/* "6.1", "6.1.170"; @retval -EINVAL */
int scn_version_parse(const char *text, struct scn_version *out);
#define SCN_VERSION_ROOM 40
/* Its text, with the patch level if it has one. */
const char *scn_version_name(struct scn_version v, char name[SCN_VERSION_ROOM]);
void scn_version_print(struct scn_buf *out, struct scn_version v);
/* "amd64", "arm64"; "dummy", "silo"; false: neither. */
bool scn_arch_parse(const char *text, enum scn_arch *out);
bool scn_xsm_parse(const char *text, enum scn_xsm *out);
const char *scn_arch_name(enum scn_arch arch);
const char *scn_xsm_name(enum scn_xsm xsm);
/* "kernel 6.1.192, xen 4.17, amd64, xsm dummy" */
void scn_setup_print(struct scn_buf *out, const struct scn_setup *setup);

#endif
