/* SPDX-License-Identifier: MIT */
/* Symbolic constants of scripts, with the values of Linux on x86-64 and of Xen's headers. */
#ifndef SCN_CONSTANTS_H
#define SCN_CONSTANTS_H

#include "text.h"

bool scn_constant_find(struct scn_str name, int64_t *value);
/* The errno of a name such as ENOENT; 0 if there is none. */
int scn_errno_find(struct scn_str name);
/* "ENOENT", or NULL. */
const char *scn_errno_name(int err);
/* "GNTST_bad_gntref": the constant of that value whose name begins so; or NULL. */
const char *scn_constant_name(const char *prefix, int64_t value);
/* "SIGSEGV", "SIGBUS", or "signal". */
const char *scn_signal_name(int signal);

/* Flags of one family as "PROT_READ|PROT_WRITE", what is left over in hexadecimal. */
enum scn_flags { SCN_FLAGS_OPEN, SCN_FLAGS_PROT, SCN_FLAGS_MAP, SCN_FLAGS_MREMAP, SCN_FLAGS_POLL };
void scn_print_flags(struct scn_buf *b, enum scn_flags family, uint64_t value);

#endif
