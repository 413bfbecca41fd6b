/* SPDX-License-Identifier: MIT */
/* The devices' ioctls, for those who choose one of them. What was found is kept as choices: their order stays. */
#ifndef FUZZ_COMMANDS_H
#define FUZZ_COMMANDS_H

#include "uapi.h"

static const uint32_t commands[] = {
    IOCTL_GNTALLOC_ALLOC_GREF,
    IOCTL_GNTALLOC_DEALLOC_GREF,
    IOCTL_GNTALLOC_SET_UNMAP_NOTIFY,
    IOCTL_GNTDEV_MAP_GRANT_REF,
    IOCTL_GNTDEV_UNMAP_GRANT_REF,
    IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
    IOCTL_GNTDEV_GRANT_COPY,
    IOCTL_EVTCHN_BIND_VIRQ,
    IOCTL_EVTCHN_BIND_INTERDOMAIN,
    IOCTL_EVTCHN_BIND_UNBOUND_PORT,
    IOCTL_EVTCHN_UNBIND,
    IOCTL_EVTCHN_NOTIFY,
    IOCTL_EVTCHN_RESET,
    IOCTL_EVTCHN_RESTRICT_DOMID,
    IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

#endif
