/* SPDX-License-Identifier: MIT */
#include "front-lacks.h"

#define SOCKET     (1u << FRONT_MODE_SOCKET)
#define FUSE       (1u << FRONT_MODE_FUSE)
#define UNASSISTED (1u << FRONT_MODE_FUSE_UNASSISTED)
#define CUSE       (1u << FRONT_MODE_CUSE)
#define FILES      (FUSE | UNASSISTED)
#define KERNEL     (FILES | CUSE)

static const struct {
	unsigned int modes;
	struct front_lack lack;
} lacks[] = {
    {SOCKET, {"unseen_calls", "calls that bypass the C library are not seen"}},
    {FILES, {"character_device", "the device files are regular files"}},
    {KERNEL, {"evtchn_enosys", "an unknown ioctl of evtchn is ENOTTY"}},
    {KERNEL, {"restart", "a read that a signal interrupts is not started again"}},
    {KERNEL, {"sigio", "evtchn sends no SIGIO"}},
    {KERNEL, {"check_order", "a bad pointer may be found before the driver looks"}},
    {KERNEL, {"broker_eio", "after the broker's end calls fail, but not with EIO"}},
    {KERNEL, {"epoll_eperm", "epoll takes gntalloc and gntdev"}},
    {CUSE, {"large_ioctl", "an ioctl moves at most 128 KiB"}},
    {UNASSISTED, {"munmap", "a munmap alone ends nothing"}},
    {UNASSISTED, {"dealloc_frees", "pages of DEALLOC_GREF stay until the close"}},
    {UNASSISTED, {"mmap_errors", "mmap refuses nothing; what can't be mapped fails in the ioctl"}},
    {UNASSISTED, {"scattered_map", "a map is one run of pages of one ALLOC_GREF"}},
    {UNASSISTED, {"driver_index", "indices are not counted from 0"}},
    {UNASSISTED, {"read_only", "a read-only grant can be written through a mapping"}},
    {UNASSISTED, {"isolation", "memory of other grants can be mapped"}},
    {UNASSISTED, {"invalidation", "mprotect and mremap are not heard of"}},
    {UNASSISTED, {"dontcopy", "a forked child inherits mappings of a PV domain"}},
    {UNASSISTED, {"reopen", "a file can't be opened by /proc/self/fd"}},
    {UNASSISTED, {"destroy_domain", "the end of a domain does not kill its programs"}},
};

const struct front_lack *front_lack(enum front_mode mode, size_t i)
{
	for (size_t k = 0; k < sizeof(lacks) / sizeof(lacks[0]); k++)
		if ((lacks[k].modes & 1u << mode) && i-- == 0)
			return &lacks[k].lack;
	return NULL;
}
