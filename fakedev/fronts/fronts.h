/* SPDX-License-Identifier: MIT */
/**
 * @file fronts.h
 * The file fronts of this build, for broker_config.fronts.
 */
#ifndef FAKEDEV_FRONTS_H
#define FAKEDEV_FRONTS_H

struct broker_fronts;

/** Sockets for who asks the broker for a device; trees by FUSE, character devices by CUSE. */
extern const struct broker_fronts fakedev_fronts;

#endif
