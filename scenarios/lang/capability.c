/* SPDX-License-Identifier: MIT */
#include "capability.h"

struct capability {
	const char *name, *summary;
};

static const struct capability capabilities[SCN_N_CAPABILITIES] = {
    [SCN_CAP_ADVANCE] = {"advance", "time can be let pass"},
    [SCN_CAP_ALL_CALLS] = {"all_calls", "every system call is seen, however it is made"},
    [SCN_CAP_BROKER_EIO] = {"broker_eio", "after the end of the machine calls fail with EIO"},
    [SCN_CAP_CHARACTER_DEVICE] = {"character_device", "the nodes are character devices"},
    [SCN_CAP_CHECK_ORDER] = {"check_order",
			     "every check is the driver's, bad pointers in its order"},
    [SCN_CAP_DEALLOC_FREES] = {"dealloc_frees", "DEALLOC_GREF frees what nobody maps"},
    [SCN_CAP_DESTROY_DOMAIN] = {"destroy_domain", "a whole domain can be destroyed"},
    [SCN_CAP_DESTROY_KILLS] = {"destroy_kills", "the end of a domain kills its programs"},
    [SCN_CAP_DISCARD] = {"discard", "stores to pages Xen holds read-only vanish without a fault"},
    [SCN_CAP_DISTINCT_DOMAINS] = {"distinct_domains", "two domains of a script are two domains"},
    [SCN_CAP_DOMIDS] = {"domids", "domains have the numbers that the script gives them"},
    [SCN_CAP_DMABUF] = {"dmabuf", "gntdev has its calls for dma-bufs"},
    [SCN_CAP_DMABUF_ALL] = {"dmabuf_all",
			    "each domain can export dma-bufs, and processes map them"},
    [SCN_CAP_DONTCOPY] = {"dontcopy", "a forked child does not inherit gntdev mappings of PV"},
    [SCN_CAP_DRIVER_INDEX] = {"driver_index", "indices are counted from 0, as the drivers do"},
    [SCN_CAP_EMPTY_MACHINE] = {"empty_machine", "nothing else uses grants, ports and limits"},
    [SCN_CAP_ENOSYS] = {"enosys", "an ioctl can answer ENOSYS"},
    [SCN_CAP_EPOLL_EPERM] = {"epoll_eperm", "epoll refuses gntalloc and gntdev"},
    [SCN_CAP_FAIL_ALLOCATION] = {"fail_allocation", "the Nth allocation can be made to fail"},
    [SCN_CAP_FAIL_MMAP] = {"fail_mmap", "a signal can come during an mmap of PV's gntdev"},
    [SCN_CAP_FOREIGN_MAP] = {"foreign_map", "another domain's pages can be mapped through privcmd"},
    [SCN_CAP_FRAMES] = {"frames", "the number of page frames can be set"},
    [SCN_CAP_FREE_PER_ITERATION] = {"free_per_iteration",
				    "grant_table's module parameter can be set"},
    [SCN_CAP_GNTALLOC_LIMIT] = {"gntalloc_limit", "gntalloc's module parameter can be set"},
    [SCN_CAP_GNTDEV_LIMIT] = {"gntdev_limit", "gntdev's module parameter can be set"},
    [SCN_CAP_GRANT_FRAMES] = {"grant_frames", "the size of a grant table can be set"},
    [SCN_CAP_INSPECT] = {"inspect", "the machine's totals can be read"},
    [SCN_CAP_INVALIDATION] = {"invalidation", "the driver hears of mprotect and mremap"},
    [SCN_CAP_IOCTL_MEMORY] = {"ioctl_memory",
			      "an ioctl uses memory when the driver does, and as far"},
    [SCN_CAP_ISOLATION] = {"isolation", "only one's own grants can be mapped"},
    [SCN_CAP_LARGE_IOCTL] = {"large_ioctl", "an ioctl moves as much memory as the driver takes"},
    [SCN_CAP_LISTING] = {"listing", "/dev/xen can be listed"},
    [SCN_CAP_MAPPED_COPY] = {"mapped_copy", "GRANT_COPY knows what its caller has mapped"},
    [SCN_CAP_MAPTRACK_FRAMES] = {"maptrack_frames", "the number of map handles can be set"},
    [SCN_CAP_MISC_DEVICE] = {"misc_device", "the nodes have the numbers of misc devices"},
    [SCN_CAP_MMAP_ERRORS] = {"mmap_errors",
			     "mmap fails where the driver's does, and MAP_GRANT_REF not before"},
    [SCN_CAP_MUNMAP] = {"munmap", "the driver knows what is mapped, and hears of munmap"},
    [SCN_CAP_PATHS] = {"paths", "every call that takes a path finds the nodes"},
    [SCN_CAP_PIN] = {"pin", "it matters whether the kernel still uses a page"},
    [SCN_CAP_PORTS] = {"ports", "the number of event-channel ports can be set"},
    [SCN_CAP_RAISE_VIRQ] = {"raise_virq", "a virtual interrupt can be raised"},
    [SCN_CAP_READ_ONLY] = {"read_only", "it matters whether grant and mapping are read-only"},
    [SCN_CAP_REOPEN] = {"reopen", "a device can be opened by /proc/self/fd"},
    [SCN_CAP_RESTART] = {"restart", "a read that a signal interrupts is started again"},
    [SCN_CAP_SCATTERED_MAP] = {"scattered_map", "one map can have grants from anywhere"},
    [SCN_CAP_SHARED_FUTEX] = {"shared_futex", "futex tells device memory from other memory"},
    [SCN_CAP_SIGIO] = {"sigio", "evtchn sends SIGIO"},
    [SCN_CAP_SIGIO_ONCE] =
	{"sigio_once", "evtchn sends SIGIO for the first of the events alone that are not read"},
    [SCN_CAP_SURVIVE_CRASH] = {"survive_crash", "a crash of the kernel can be survived"},
    [SCN_CAP_SYSFS] = {"sysfs", "/sys and /proc/xen are those of a Xen domain"},
    [SCN_CAP_THIRD_DOMAIN] = {"third_domain", "a script can have more than two domains"},
};

/* A script is bounded by more than the machine: what it asks for is there before it plays. */
static const struct {
	enum scn_capability capability;
	uint32_t max;
} limits[GNTSIM_N_LIMITS] = {
    [GNTSIM_LIMIT_GNTALLOC] = {SCN_CAP_GNTALLOC_LIMIT, 65536},
    [GNTSIM_LIMIT_GNTDEV] = {SCN_CAP_GNTDEV_LIMIT, 65536},
    [GNTSIM_LIMIT_FREE_PER_ITERATION] = {SCN_CAP_FREE_PER_ITERATION, 65536},
    [GNTSIM_LIMIT_GRANT_FRAMES] = {SCN_CAP_GRANT_FRAMES, 4096},
    [GNTSIM_LIMIT_MAPTRACK_FRAMES] = {SCN_CAP_MAPTRACK_FRAMES, 4096},
    [GNTSIM_LIMIT_PORTS] = {SCN_CAP_PORTS, 131072},
    [GNTSIM_LIMIT_FRAMES] = {SCN_CAP_FRAMES, 65536},
};

const char *scn_capability_name(enum scn_capability cap)
{
	return capabilities[cap].name;
}

const char *scn_capability_summary(enum scn_capability cap)
{
	return capabilities[cap].summary;
}

bool scn_capability_find(struct scn_str name, enum scn_capability *out)
{
	for (unsigned int i = 0; i < SCN_N_CAPABILITIES; i++) {
		if (scn_str_is(name, capabilities[i].name)) {
			*out = (enum scn_capability)i;
			return true;
		}
	}
	return false;
}

int scn_capability_missing(uint64_t needed, uint64_t offered)
{
	uint64_t missing = needed & ~offered;

	return missing ? __builtin_ctzll(missing) : -1;
}

bool scn_limit_find(struct scn_str name, enum gntsim_limit *out)
{
	for (unsigned int i = 0; i < GNTSIM_N_LIMITS; i++) {
		if (scn_str_is(name, gntsim_limit((enum gntsim_limit)i)->name)) {
			*out = (enum gntsim_limit)i;
			return true;
		}
	}
	return false;
}

uint64_t scn_limit_max(enum gntsim_limit limit)
{
	return limits[limit].max;
}

enum scn_capability scn_limit_capability(enum gntsim_limit limit)
{
	return limits[limit].capability;
}
