/* SPDX-License-Identifier: MIT */
/* A model process's descriptors, and the calls on them that are not about its memory. Each returns what the call
 * does: a negative errno if it fails. */
#ifndef SCN_MODEL_FILES_H
#define SCN_MODEL_FILES_H

#include "model_process.h"

int scn_model_open(struct scn_model_process *p, const struct scn_call *call);
/* vmsplice of a byte into a pipe. */
int scn_model_pin(struct scn_model_process *p, const struct scn_call *call);
int scn_model_close(struct scn_model_process *p, uint64_t fd);
int scn_model_dup(struct scn_model_process *p, uint64_t fd);
int scn_model_set_flags(const struct scn_model_process *p, const struct scn_call *call);
int64_t scn_model_poll(const struct scn_model_process *p, const struct scn_call *call);
int64_t scn_model_write(struct scn_model_process *p, const struct scn_call *call);
/* 0 or -ENOMEM; what it returns is in the result. */
int scn_model_read(struct scn_model_process *p, const struct scn_call *call,
		   struct scn_result *result);

/* As gntsim_user_memory has them, for a dma-buf; ctx is the process. */
int scn_model_install(void *ctx, struct gntsim_file *dmabuf);
int scn_model_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out);

/* A child shares its parent's. */
void scn_model_files_fork(const struct scn_model_process *parent, struct scn_model_process *child);
/* Closes what is close-on-exec. */
void scn_model_files_exec(struct scn_model_process *p);
void scn_model_files_end(struct scn_model_process *p);

#endif
