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
/* What the model's machine is unless asked for another. */
struct scn_platform scn_model_platform(const void *self);
/* The newest Xen up to this one that the model knows; false: all that it knows are newer. */
bool scn_model_xen_for(struct scn_version wanted, struct scn_version *out);
/* Whether the setup has a domain that can't be: why. */
bool scn_needs_pv_on_arm(const struct scn_setup *setup, struct scn_buf *why);

extern const struct scn_substrate_ops scn_substrate_model;
extern const struct scn_substrate_ops scn_substrate_device;
extern const struct scn_substrate_ops scn_substrate_pair;
extern const struct scn_substrate_ops scn_substrate_socket;
extern const struct scn_substrate_ops scn_substrate_fuse;
extern const struct scn_substrate_ops scn_substrate_fuse_unassisted;
extern const struct scn_substrate_ops scn_substrate_cuse;
extern const struct scn_substrate_ops scn_substrate_ptrace;

#endif
