/* SPDX-License-Identifier: MIT */
/**
 * @file machine-options.h
 * The options that say what a machine is made of: --kernel, --xen, --arch, --xsm, --privcmd, --dmabuf, and
 * the limits of gntsim/limits.h, of every domain or of one.
 */
#ifndef COMMAND_MACHINE_OPTIONS_H
#define COMMAND_MACHINE_OPTIONS_H

#include "broker/broker.h"

#include <getopt.h>
#include <stdio.h>

struct machine_options {
	bool given; /**< any of them */
	enum gntsim_kernel kernel;
	enum gntsim_xen xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum broker_privcmd privcmd;
	enum gntsim_dmabufs dmabufs;
	uint32_t limits[GNTSIM_N_LIMITS];
	struct broker_domain *domains; /**< those of which something is known */
	unsigned int n_domains;
};

/** The codes of these options for getopt_long(3); a limit's is the first with its number added. */
enum machine_option {
	MACHINE_OPTION_KERNEL = 2048,
	MACHINE_OPTION_XEN,
	MACHINE_OPTION_ARCH,
	MACHINE_OPTION_XSM,
	MACHINE_OPTION_PRIVCMD,
	MACHINE_OPTION_DMABUF,
	MACHINE_OPTION_LIMIT, /**< --limit, which is short for gntalloc's */
	MACHINE_OPTION_LIMITS,
};

/** A command's options with these behind them. */
struct machine_option_list {
	char names[GNTSIM_N_LIMITS][24];
	struct option all[48];
};
void machine_options_list(struct machine_option_list *l, const struct option *own);

/** Prints what there is to say of them for --help. */
void machine_options_help(FILE *out);

/** Whether it is one of these. */
bool machine_options_has(int option);
/** Whether it can be said of one domain: it is the limit of one. */
bool machine_options_of_domain(int option);

/**
 * Takes one.
 * @param domid the domain of which it is said, -1: of all
 * @return false: it is wrong, which has been said
 */
bool machine_options_take(const char *command, struct machine_options *m, int option,
			  const char *value, int domid);

/** What is known of a domain, from now on at least its number. NULL: no memory, which was said. */
struct broker_domain *machine_options_domain(struct machine_options *m, uint32_t domid);

/**
 * Says that a domain is of that guest (as in struct wire_hello, 0: nothing is said).
 * @return false: something else was said of it before
 */
bool machine_options_guest(const char *command, struct machine_options *m, uint32_t domid,
			   uint32_t guest);

/** Puts it into the configuration of a broker, which must not outlive it. */
void machine_options_use(const struct machine_options *m, struct broker_config *config);
void machine_options_free(struct machine_options *m);

/** "maptrack_frames=1" of a domain: false if it is wrong, which has been said. */
bool parse_limit_word(const char *command, const char *word, unsigned long least,
		      enum gntsim_limit *limit, uint32_t *value);

#endif
