/* SPDX-License-Identifier: MIT */
/* How an end is told by the process that traces: this, then the stack, then the mappings' text. */
#ifndef FAKEDEV_STOPS_END_H
#define FAKEDEV_STOPS_END_H

#include "broker/processes/catch.h"

struct end_told {
	uint32_t program, pid, tid;
	bool looked;
	unsigned char registers[sizeof(((struct snapshot *)NULL)->registers)];
	uint64_t n_registers, sp, n_stack, n_maps;
};

#endif
