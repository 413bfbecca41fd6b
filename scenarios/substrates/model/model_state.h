/* SPDX-License-Identifier: MIT */
/* The state of the model, as a whole: kept, put back, looked into. */
#ifndef SCN_MODEL_STATE_H
#define SCN_MODEL_STATE_H

#include "lang/text.h"
#include "model_process.h"

/* From its next begin() on it can be saved; each block of memory lies in one piece then. */
void scn_model_keep(void *self);
/* Copies everything. Look at out->failed. To be put back between the same begin() and end(). */
void scn_model_save(void *self, struct scn_buf *out);
void scn_model_restore(void *self, const struct scn_buf *saved);

const struct scn_model_process *scn_model_process(const void *self, uint32_t process);

#endif
