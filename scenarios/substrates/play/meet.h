/* SPDX-License-Identifier: MIT */
/* Two players, each in its own real domain, find out about each other over a channel. */
#ifndef SCN_MEET_H
#define SCN_MEET_H

#include "channel.h"
#include "player/substrate.h"

/* How long the other one may take to come. */
#define SCN_MEET_SECONDS 600

struct scn_meeting {
	const char *channel; /* its name */
	bool second;         /* else this is the first: the one that plays */
	unsigned int seconds;
};

/*
 * Reaches the other player, and has the environment say of the two domains what ci/xen-lab says in its guests:
 * what the substrate "pair" goes by. From then on SIGPIPE is ignored: the other one may end.
 * @param options as of the substrate "device": what this domain is, if it can't be found out
 * @param[out] out the channel; the caller's to leave: scn_channel_leave()
 * @param[out] about what the two are, on one line
 * @retval 0 @retval -ENODEV this is no Xen domain @retval -EPROTO the other one is of another version
 * @retval -errno as of scn_channel_reach(); in every case `why` says it
 */
int scn_meet(const struct scn_meeting *meeting, const struct scn_options *options,
	     struct scn_reached *out, struct scn_buf *about, struct scn_buf *why);

#endif
