/* SPDX-License-Identifier: MIT */
/*
 * Memory that the two domains of ci/xen-lab have in common (GNTSIM_LAB_WINDOW there): a stream of bytes
 * each way. It takes no grant and no port, so the tables under test are as they would be without it.
 * Who waits looks for it, where each domain has a processor (GNTSIM_LAB_PROCESSORS), or gives the processor to the
 * other domain; nobody is woken.
 */
#ifndef SCN_PAIR_WINDOW_H
#define SCN_PAIR_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "lang/text.h"

struct scn_window {
	void *memory; /* NULL: there is none */
	int privcmd;
	unsigned int out;   /* which stream is ours to write */
	unsigned int looks; /* at a counter, before the processor is given away */
	int life;           /* a descriptor that hangs up when the other domain is gone */
};

/*
 * Opens what the environment names; without a name there is no window, which is no error.
 * Returns 0, or a negative errno and says in `why` what could not be opened or mapped.
 */
int scn_window_open(struct scn_window *w, int life, struct scn_buf *why);
/* Lets go of the other domain's memory: before it is destroyed, say. */
void scn_window_close(struct scn_window *w);
/*
 * The whole of it. Both return 0 or a negative errno: -EPIPE if the other domain is gone, -EBADMSG if
 * what is there makes no sense.
 */
int scn_window_write(const struct scn_window *w, const void *data, size_t len);
int scn_window_read(const struct scn_window *w, void *data, size_t len);

#endif
