/* SPDX-License-Identifier: MIT */
/**
 * @file foreign.h
 * The memory of a process that is no client, by process_vm_readv: of one that called through the
 * kernel.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_FOREIGN_H
#define FAKEDEV_BROKER_PROCESSES_FOREIGN_H

#include <gntsim/machine.h>
#include <stdbool.h>
#include <stdint.h>

/** The memory of another process, by process_vm_readv. */
struct foreign {
	uint32_t thread;
	bool told; /**< the reason why not was logged */
};
/** Fills @p um with access to the thread's memory through @p f. */
void foreign_memory(struct foreign *f, uint32_t thread, struct gntsim_user_memory *um);

#endif
