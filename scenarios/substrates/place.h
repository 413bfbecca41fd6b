/* SPDX-License-Identifier: MIT */
/* What the commands that play are told of the place where they do: options that all of them take. */
#ifndef SCN_PLACE_H
#define SCN_PLACE_H

#include "lang/options.h"
#include "player/substrate.h"
#include "player/variant.h"

enum scn_place_option {
	SCN_PLACE_DEVICE_DIR = 1024,
	SCN_PLACE_DOMID,
	SCN_PLACE_HOST,
};

/** For a table of struct option. */
#define SCN_PLACE_OPTIONS                                                                          \
	{"device-dir", required_argument, NULL, SCN_PLACE_DEVICE_DIR},                             \
	    {"domid", required_argument, NULL, SCN_PLACE_DOMID},                                   \
	{                                                                                          \
		"host", required_argument, NULL, SCN_PLACE_HOST                                    \
	}

/** Takes a value of one of these options. @return 0 or an exit status: it is wrong, which was said */
int scn_place_take(const char *command, enum scn_place_option option, const char *value,
		   struct scn_options *out);

/** "pv" or "pvh". */
bool scn_guest_parse(const char *text, enum scn_guest *out);

/**
 * The kernel to play on for who asks for one of which the substrate knows only an older one: that is
 * taken, and said on stderr.
 * @param option as the user wrote it: "--kernel"
 * @param self what the substrate's open() gave, or NULL
 * @return 0 or an exit status: there is none so old, which was said
 */
int scn_place_kernel(const char *command, const char *option, const struct scn_substrate_ops *ops,
		     const void *self, struct scn_version *kernel);

/**
 * The model's kernel for a real one that is booted, of whatever age: where it knows none so old the
 * oldest that it does. What is taken for another is said on stderr.
 */
void scn_place_booted(const char *command, struct scn_version *kernel);

/** --xen, --arch and --xsm, as the user wrote them; NULL: not said. */
struct scn_platform_words {
	const char *xen, *arch, *xsm;
};

/** For a command's --help: two columns, as wide as its own. */
#define SCN_PLATFORM_HELP                                                                          \
	"      --xen X.Y         the hypervisor; default 4.17\n"                                   \
	"      --arch A          amd64 (default) or arm64\n"                                       \
	"      --xsm M           Xen's security module: dummy (default) or silo\n"

/**
 * What the model's machine is to be: of an unknown Xen the newest before it is taken, and said.
 * @return 0 or an exit status: one of the words is wrong, which was said
 */
int scn_place_platform(const char *command, const struct scn_platform_words *words,
		       struct scn_filter *filter);

#endif
