/* SPDX-License-Identifier: MIT */
/* A model process's memory: the devices', which the machine knows, and its own; and the calls on it. */
#ifndef SCN_MODEL_MEMORY_H
#define SCN_MODEL_MEMORY_H

#include "model_process.h"

/* Each returns what the call does: a negative errno if it fails. */
int64_t scn_model_mmap(struct scn_model_process *p, const struct scn_call *call);
int64_t scn_model_mremap(struct scn_model_process *p, const struct scn_call *call);
int scn_model_munmap(struct scn_model_process *p, const struct scn_call *call);
int scn_model_mprotect(struct scn_model_process *p, const struct scn_call *call);
int scn_model_madvise(struct scn_model_process *p, const struct scn_call *call);
/* A private futex is an address; one that processes share is a page and a place in it. */
int scn_model_futex(struct scn_model_process *p, const struct scn_call *call);
/* A load or a store: 0, -ENOMEM, or -ENOTSUP; what came of it is in the result. */
int scn_model_access(struct scn_model_process *p, const struct scn_call *call,
		     struct scn_result *result);

/* As gntsim_user_memory has them; ctx is the process. */
int scn_model_user_read(void *ctx, uint64_t addr, void *dst, size_t len);
int scn_model_user_write(void *ctx, uint64_t addr, const void *src, size_t len);
int scn_model_user_probe_write(void *ctx, uint64_t addr, size_t len);

/* What find_vma() finds there: the model knows the devices' mappings alone. */
bool scn_model_finds_other_memory(const struct scn_model_process *p, uint64_t addr);

#endif
