/* SPDX-License-Identifier: MIT */
/* Every substrate of this build, by name. */
#ifndef SCN_SUBSTRATES_H
#define SCN_SUBSTRATES_H

#include "player/substrate.h"

/* The substrates of this build, NULL at the end. */
const struct scn_substrate_ops *const *scn_substrates(void);
const struct scn_substrate_ops *scn_substrate_find(const char *name);

/* What guest the host is; `self` is an open device's. */
enum scn_guest scn_device_guest(const void *self);

/* The operation of the model, and of what has a model behind it. */
bool scn_model_kernel_for(const void *self, struct scn_version wanted, struct scn_version *out);

extern const struct scn_substrate_ops scn_substrate_model;
extern const struct scn_substrate_ops scn_substrate_device;
extern const struct scn_substrate_ops scn_substrate_pair;
extern const struct scn_substrate_ops scn_substrate_socket;
extern const struct scn_substrate_ops scn_substrate_fuse;
extern const struct scn_substrate_ops scn_substrate_fuse_unassisted;
extern const struct scn_substrate_ops scn_substrate_cuse;
extern const struct scn_substrate_ops scn_substrate_ptrace;

#endif
