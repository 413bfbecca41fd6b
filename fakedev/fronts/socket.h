/* SPDX-License-Identifier: MIT */
/**
 * @file socket.h
 * The socket front: a device file is a connected pair of Unix sockets, of which the program has one.
 */
#ifndef FAKEDEV_SOCKET_H
#define FAKEDEV_SOCKET_H

#include "broker/broker-internal.h"

extern const struct front front_socket;

#endif
