/* SPDX-License-Identifier: MIT */
/* The fronts that are built in. A new one is added here. */
#include "fronts.h"

#include "fuse-internal.h"
#include "socket.h"

const struct broker_fronts fakedev_fronts = {
    .by_descriptor = &front_socket,
    .mount = fuse_serve_tree,
    .make_devices = cuse_make_devices,
    .drain = fuse_hosts_drain,
    .unmount = fuse_hosts_end,
};
