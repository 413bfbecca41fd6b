/* SPDX-License-Identifier: MIT */
/**
 * @file front-lacks.h
 * What a front cannot do as the drivers do. Declared here once: what plays scenarios on a front, its
 * tests and gntsim run --verbose go by it. The socket front's are in gntsim(1).
 */
#ifndef FAKEDEV_FRONT_LACKS_H
#define FAKEDEV_FRONT_LACKS_H

#include <stddef.h>

enum front_mode {
	FRONT_MODE_SOCKET,
	FRONT_MODE_FUSE,
	FRONT_MODE_FUSE_UNASSISTED,
	FRONT_MODE_CUSE,
};

/** A capability that is missing, and what comes of it. Constant strings. */
struct front_lack {
	const char *name, *what;
};

/** The @p i th thing that a front lacks, NULL beyond the last. */
const struct front_lack *front_lack(enum front_mode mode, size_t i);

#endif
