/* SPDX-License-Identifier: MIT */
/* What not every substrate can do. A scenario that needs what is missing is skipped. */
#ifndef SCN_CAPABILITY_H
#define SCN_CAPABILITY_H

#include <gntsim/limits.h>
#include <stdint.h>

#include "text.h"

enum scn_capability {
	SCN_CAP_ADVANCE,            /* time can be let pass */
	SCN_CAP_ALL_CALLS,          /* every system call is seen, however it is made */
	SCN_CAP_BROKER_EIO,         /* after the end of the machine calls fail with EIO */
	SCN_CAP_CHARACTER_DEVICE,   /* the nodes are character devices */
	SCN_CAP_CHECK_ORDER,        /* every check is the driver's, bad pointers in its order */
	SCN_CAP_DEALLOC_FREES,      /* DEALLOC_GREF frees what nobody maps */
	SCN_CAP_DESTROY_DOMAIN,     /* a whole domain can be destroyed */
	SCN_CAP_DESTROY_KILLS,      /* a domain that is destroyed takes its programs along */
	SCN_CAP_DISCARD,            /* stores to pages Xen holds read-only vanish without a fault */
	SCN_CAP_DISTINCT_DOMAINS,   /* two domains of a script are two domains */
	SCN_CAP_DOMIDS,             /* domids are the script's; where all are one, the first's */
	SCN_CAP_DMABUF,             /* gntdev has its calls for dma-bufs: a machine of its own */
	SCN_CAP_DMABUF_ALL,         /* the same, as no real kernel has them */
	SCN_CAP_DONTCOPY,           /* a forked child does not inherit gntdev mappings of PV */
	SCN_CAP_DRIVER_INDEX,       /* indices are counted from 0, as the drivers do */
	SCN_CAP_EMPTY_MACHINE,      /* nothing else uses grants, ports and limits */
	SCN_CAP_ENOSYS,             /* an ioctl can answer ENOSYS */
	SCN_CAP_EPOLL_EPERM,        /* epoll refuses gntalloc and gntdev */
	SCN_CAP_FAIL_ALLOCATION,    /* the Nth allocation can be made to fail */
	SCN_CAP_FAIL_MMAP,          /* a signal can be made to come during an mmap of PV's gntdev */
	SCN_CAP_FOREIGN_MAP,        /* pages of another domain can be mapped through privcmd */
	SCN_CAP_FRAMES,             /* the number of page frames can be set */
	SCN_CAP_FREE_PER_ITERATION, /* grant_table's module parameter can be set */
	SCN_CAP_GNTALLOC_LIMIT,     /* gntalloc's module parameter can be set */
	SCN_CAP_GNTDEV_LIMIT,       /* gntdev's module parameter can be set */
	SCN_CAP_GRANT_FRAMES,       /* the size of a grant table can be set */
	SCN_CAP_INSPECT,            /* the machine's totals can be read */
	SCN_CAP_INVALIDATION,       /* the driver hears of mprotect and mremap */
	SCN_CAP_IOCTL_MEMORY,       /* an ioctl uses memory when, and as far as, the driver does */
	SCN_CAP_ISOLATION,          /* only one's own grants can be mapped */
	SCN_CAP_LARGE_IOCTL,        /* an ioctl moves as much memory as the driver takes */
	SCN_CAP_LISTING,            /* /dev/xen can be listed */
	SCN_CAP_MAPPED_COPY,        /* GRANT_COPY knows what its caller has mapped */
	SCN_CAP_MAPTRACK_FRAMES,    /* the number of map handles can be set */
	SCN_CAP_MISC_DEVICE,        /* the nodes have the numbers of misc devices */
	SCN_CAP_MMAP_ERRORS, /* mmap fails where the driver's does, and MAP_GRANT_REF not before */
	SCN_CAP_MUNMAP,      /* the driver knows what is mapped, and hears of munmap */
	SCN_CAP_PATHS,       /* every call that takes a path finds the nodes */
	SCN_CAP_PIN,         /* it matters whether the kernel still uses a page */
	SCN_CAP_PORTS,       /* the number of event-channel ports can be set */
	SCN_CAP_RAISE_VIRQ,  /* a virtual interrupt can be raised */
	SCN_CAP_READ_ONLY,   /* whether a mapping is read-only matters */
	SCN_CAP_REOPEN,      /* a device can be opened by /proc/self/fd */
	SCN_CAP_RESTART,     /* a read that a signal interrupts is started again */
	SCN_CAP_SCATTERED_MAP, /* one map can have grants from anywhere */
	SCN_CAP_SHARED_FUTEX,  /* futex tells device memory from other memory */
	SCN_CAP_SIGIO,         /* evtchn sends SIGIO */
	SCN_CAP_SIGIO_ONCE, /* and not for an event that finds another one in the ring, or no room */
	SCN_CAP_SURVIVE_CRASH, /* a crash of the kernel can be survived */
	SCN_CAP_SYSFS,         /* /sys and /proc/xen are those of a Xen domain */
	SCN_CAP_THIRD_DOMAIN,  /* a script can have more than two domains */
	SCN_N_CAPABILITIES,
};

#define SCN_CAP(name) (1ull << SCN_CAP_##name)
#define SCN_ALL_CAPS  (~0ull >> (64 - SCN_N_CAPABILITIES))

/* What every real driver does as a matter of course. */
#define SCN_CAPS_OF_DRIVERS                                                                        \
	(SCN_CAP(ALL_CALLS) | SCN_CAP(CHARACTER_DEVICE) | SCN_CAP(CHECK_ORDER) |                   \
	 SCN_CAP(DEALLOC_FREES) | SCN_CAP(DESTROY_KILLS) | SCN_CAP(DONTCOPY) |                     \
	 SCN_CAP(DRIVER_INDEX) | SCN_CAP(ENOSYS) | SCN_CAP(EPOLL_EPERM) | SCN_CAP(IOCTL_MEMORY) |  \
	 SCN_CAP(ISOLATION) | SCN_CAP(LARGE_IOCTL) | SCN_CAP(LISTING) | SCN_CAP(PATHS) |           \
	 SCN_CAP(MISC_DEVICE) | SCN_CAP(MMAP_ERRORS) | SCN_CAP(MUNMAP) | SCN_CAP(READ_ONLY) |      \
	 SCN_CAP(REOPEN) | SCN_CAP(RESTART) | SCN_CAP(SCATTERED_MAP) | SCN_CAP(SIGIO) |            \
	 SCN_CAP(SIGIO_ONCE) | SCN_CAP(SYSFS) | SCN_CAP(FOREIGN_MAP))

/* What it takes a real kernel to do: it tells the driver what becomes of its mappings. */
#define SCN_CAPS_OF_KERNEL                                                                         \
	(SCN_CAP(DISCARD) | SCN_CAP(INVALIDATION) | SCN_CAP(MAPPED_COPY) | SCN_CAP(PIN) |          \
	 SCN_CAP(SHARED_FUTEX))

/* The drivers' module parameters; whether one may write to them is seen on the machine. */
#define SCN_CAPS_OF_PARAMETERS                                                                     \
	(SCN_CAP(FREE_PER_ITERATION) | SCN_CAP(GNTALLOC_LIMIT) | SCN_CAP(GNTDEV_LIMIT))

/* What a real machine offers that is fresh, and given up afterwards. */
#define SCN_CAPS_OF_FRESH (SCN_CAP(EMPTY_MACHINE) | SCN_CAP(SURVIVE_CRASH))

/* What costs a real machine: it is played on one of its own. */
#define SCN_CAPS_ALONE (SCN_CAPS_OF_FRESH | SCN_CAP(DESTROY_DOMAIN))

/* The name that scripts and messages use. A constant string. */
const char *scn_capability_name(enum scn_capability cap);
/* One line on what it means. */
const char *scn_capability_summary(enum scn_capability cap);
/* Returns false if there is none of that name. */
bool scn_capability_find(struct scn_str name, enum scn_capability *out);
/* The first capability that is in `needed` and not in `offered`; -1 if none. */
int scn_capability_missing(uint64_t needed, uint64_t offered);

/* A limit (gntsim/limits.h) that a script can set; false if there is none of that name. */
bool scn_limit_find(struct scn_str name, enum gntsim_limit *out);
/* The most that a script may set it to. The least is 0, where a domain is declared 1. */
uint64_t scn_limit_max(enum gntsim_limit limit);
/* What a substrate must be able to do for it. */
enum scn_capability scn_limit_capability(enum gntsim_limit limit);

#endif
