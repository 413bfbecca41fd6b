/* SPDX-License-Identifier: MIT */
/* The substrates that are built in. A new one is added here. */
#include <string.h>

#include "substrates.h"

static const struct scn_substrate_ops *const substrates[] = {
    &scn_substrate_model,
#ifndef SCN_STATIC
    &scn_substrate_socket, &scn_substrate_fuse,   &scn_substrate_fuse_unassisted,
    &scn_substrate_cuse,   &scn_substrate_ptrace,
#endif
    &scn_substrate_device, &scn_substrate_pair,   NULL,
};

const struct scn_substrate_ops *const *scn_substrates(void)
{
	return substrates;
}

const struct scn_substrate_ops *scn_substrate_find(const char *name)
{
	for (size_t i = 0; substrates[i]; i++) {
		if (!strcmp(substrates[i]->name, name))
			return substrates[i];
	}
	return NULL;
}
