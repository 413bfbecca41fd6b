/* SPDX-License-Identifier: MIT */
/* What ci/xen-lab is to boot for a leg: its options, which gntsim's commands take and pass on. */
#ifndef SCN_CELL_H
#define SCN_CELL_H

#include "lang/options.h"
#include "lang/text.h"
#include "player/variant.h"
#include "substrates/leg.h"

#define SCN_CELL_WORDS 64

struct scn_cell {
	const char *words
	    [SCN_CELL_WORDS]; /* ci/xen-lab's options and their values, as the user wrote them */
	size_t n;
	bool has_kernel; /* --kernel is among them */
	bool own_kernel; /* --kernel-image is */
};

enum scn_cell_option {
	SCN_CELL_KERNEL_IMAGE = 2048,
	SCN_CELL_MODULES,
	SCN_CELL_MODULE,
	SCN_CELL_XEN,
	SCN_CELL_XEN_TOOLS,
	SCN_CELL_XSM,
	SCN_CELL_CONFIG_APPEND,
	SCN_CELL_END,
};

/** For a table of struct option. */
#define SCN_CELL_OPTIONS                                                                           \
	{"kernel-image", required_argument, NULL, SCN_CELL_KERNEL_IMAGE},                          \
	    {"modules", required_argument, NULL, SCN_CELL_MODULES},                                \
	    {"module", required_argument, NULL, SCN_CELL_MODULE},                                  \
	    {"xen", required_argument, NULL, SCN_CELL_XEN},                                        \
	    {"xen-tools", required_argument, NULL, SCN_CELL_XEN_TOOLS},                            \
	    {"xsm", required_argument, NULL, SCN_CELL_XSM},                                        \
	{                                                                                          \
		"config-append", required_argument, NULL, SCN_CELL_CONFIG_APPEND                   \
	}

/** For a command's --help. */
#define SCN_CELL_HELP                                                                              \
	"      --kernel-image FILE, --modules DIR, --module NAME=FILE, --xen VERSION|FILE,\n"      \
	"      --xen-tools VERSION, --xsm dummy|silo, --config-append TEXT\n"                      \
	"                        xen: what is booted, as ci/xen-lab --help says\n"

/**
 * Takes one of these options; whether its value is right is the lab's to say.
 * @return 0 or an exit status: there are too many, which was said
 */
int scn_cell_take(const char *command, enum scn_cell_option option, const char *value,
		  struct scn_cell *cell);

/** The first of these that is not also the model's machine's, as --xen and --xsm are; NULL: none. */
const char *scn_cell_other(const struct scn_cell *cell);

/**
 * Takes --kernel: a series, a version or "newest".
 * @param command as above
 * @return 0 or an exit status: it is none of these, which was said
 */
int scn_cell_take_kernel(const char *command, const char *value, struct scn_cell *cell);

/**
 * The kernel that the cell boots, as the model is to know it: of --kernel by its text alone, else, if it
 * isn't 6.1 by default, by asking the lab, which may fetch packages for that.
 * @param lab the path of ci/xen-lab
 * @param exact the lab is asked too of a series without a patch level: which it has, some rules depend on
 * @param[out] why what the lab said, or could not be understood of it
 * @return 0 or -ENODEV: the lab can't have it
 */
int scn_cell_kernel(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		    bool exact, struct scn_version *out, struct scn_buf *why);

#endif
