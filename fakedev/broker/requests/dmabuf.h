/* SPDX-License-Identifier: MIT */
/**
 * @file dmabuf.h
 * What gntdev's dma-buf calls have to do with descriptors. A dma-buf is a device file that no path opens,
 * always the socket front's.
 */
#ifndef FAKEDEV_BROKER_DMABUF_H
#define FAKEDEV_BROKER_DMABUF_H

#include "broker/broker-internal.h"

/** A call's: what came with it, and what goes with the answer. */
struct dmabuf_call {
	struct client *client;
	int given; /**< the descriptor that came, -1 none: what is imported */
	int32_t
	    number; /**< that an export gets in the program; or why there is none, a negative errno */
	int back;   /**< goes to the program, -1 none; the caller's */
};

/** For struct gntsim_user_memory. */
int dmabuf_install(struct dmabuf_call *call, struct gntsim_file *dmabuf);
int dmabuf_find(const struct dmabuf_call *call, struct gntsim_file **out);

/**
 * The driver has answered -ETIMEDOUT at once, and would have waited.
 * @param um,arg the call's: struct ioctl_gntdev_dmabuf_exp_wait_released
 * @return -EINPROGRESS: @p call->back is a descriptor that can be read when the dma-buf is released; or what
 *         the call comes to
 */
long dmabuf_wait(struct dmabuf_call *call, struct device_file *gntdev, uint64_t arg,
		 const struct gntsim_user_memory *um);

#endif
