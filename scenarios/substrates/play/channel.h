/* SPDX-License-Identifier: MIT */
/*
 * A byte channel to another domain, by a name: what there is between two real ones.
 *
 *     /dev/hvc0             a terminal or another device, or a socket's file that somebody listens at
 *     listen:/path          a socket's file that is made, and waited at
 *     192.0.2.7:4000        TCP, also [2001:db8::7]:4000
 *     listen:4000           TCP: waits there for the other; also listen:192.0.2.1:4000
 *     fd:3                  a descriptor that is open already
 */
#ifndef SCN_REAL_CHANNEL_H
#define SCN_REAL_CHANNEL_H

#include <stdbool.h>
#include <termios.h>

#include "lang/text.h"

#define SCN_CHANNEL_NAMES "FILE, listen:FILE, ADDRESS:PORT, listen:[ADDRESS:]PORT or fd:N"

struct scn_reached {
	int fd;
	bool terminal; /* it is raw now; before it was this: */
	struct termios before;
};

/*
 * Opens it, waiting for the other side so many seconds at most. Addresses are numbers: there may be nobody to
 * ask for names.
 * @param[out] out the caller's to close
 * @retval 0 @retval -EINVAL it is no such name @retval -ETIMEDOUT nobody came @retval -errno of the call
 * that failed; `why` says it in words
 */
int scn_channel_reach(const char *name, unsigned int seconds, struct scn_reached *out,
		      struct scn_buf *why);
/* Closes it; a terminal is as it was. */
void scn_channel_leave(struct scn_reached *reached);

#endif
