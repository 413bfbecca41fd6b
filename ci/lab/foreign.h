/* SPDX-License-Identifier: MIT */
/*
 * Memory of another domain, mapped into this process of dom0 with privcmd: as foreign frames, so that the
 * grant drivers under test are left alone.
 */
#ifndef LAB_FOREIGN_H
#define LAB_FOREIGN_H

#include <stdint.h>
#include <sys/ioctl.h>

enum { FRAME_SIZE = 4096 };

struct map_foreign_frames {
	unsigned int count;
	uint16_t domain;
	uint64_t address;
	const uint64_t *frames;
	int *errors;
};

#define MAP_FOREIGN_FRAMES _IOC(_IOC_NONE, 'P', 4, sizeof(struct map_foreign_frames))

#endif
