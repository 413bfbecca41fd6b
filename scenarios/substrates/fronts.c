/* SPDX-License-Identifier: MIT */
#include "fronts.h"

#define SOCKET     (1u << SCN_FRONT_SOCKET)
#define FUSE       (1u << SCN_FRONT_FUSE)
#define UNASSISTED (1u << SCN_FRONT_FUSE_UNASSISTED)
#define CUSE       (1u << SCN_FRONT_CUSE)
#define PTRACE     (1u << SCN_FRONT_PTRACE)

#define KERNEL (FUSE | UNASSISTED | CUSE)
#define ALL    (SOCKET | PTRACE | KERNEL)

static const struct {
	unsigned int fronts;
	struct scn_lack lack;
} lacks[] = {
    {SOCKET, {SCN_CAP_ALL_CALLS, "calls that bypass the C library are not seen"}},
    {ALL, {SCN_CAP_DISCARD, "a store that Xen would discard is seen by who stored"}},
    {ALL, {SCN_CAP_PIN, "a page that the kernel still uses keeps nothing mapped"}},
    {SOCKET | KERNEL, {SCN_CAP_SHARED_FUTEX, "a futex in device memory works"}},
    {UNASSISTED, {SCN_CAP_CHARACTER_DEVICE, "the device files are regular files"}},
    {UNASSISTED, {SCN_CAP_MISC_DEVICE, "the device files have other numbers, or none"}},
    {UNASSISTED | CUSE, {SCN_CAP_FOREIGN_MAP, "privcmd maps no pages of other domains"}},
    {UNASSISTED, {SCN_CAP_SYSFS, "/sys and /proc/xen are the host's"}},
    {KERNEL, {SCN_CAP_ENOSYS, "an unknown ioctl of evtchn is ENOTTY"}},
    {KERNEL, {SCN_CAP_RESTART, "a read that a signal interrupts is not started again"}},
    {KERNEL, {SCN_CAP_SIGIO, "evtchn sends no SIGIO"}},
    {ALL, {SCN_CAP_SIGIO_ONCE, "evtchn sends SIGIO for each event, or none"}},
    {KERNEL, {SCN_CAP_CHECK_ORDER, "read and write find a bad pointer before the driver looks"}},
    {UNASSISTED | CUSE,
     {SCN_CAP_MAPPED_COPY, "GRANT_COPY takes mapped grants for its caller's memory"}},
    {KERNEL, {SCN_CAP_BROKER_EIO, "after the broker's end calls fail, but not with EIO"}},
    {KERNEL, {SCN_CAP_EPOLL_EPERM, "epoll takes gntalloc and gntdev"}},
    {CUSE, {SCN_CAP_IOCTL_MEMORY, "all memory of an ioctl is read before, and written after it"}},
    {CUSE, {SCN_CAP_LARGE_IOCTL, "an ioctl moves at most 128 KiB"}},
    {UNASSISTED, {SCN_CAP_MUNMAP, "what is mapped is not known, and a munmap alone ends nothing"}},
    {UNASSISTED, {SCN_CAP_DEALLOC_FREES, "pages of DEALLOC_GREF stay until the close"}},
    {UNASSISTED,
     {SCN_CAP_MMAP_ERRORS, "mmap refuses nothing; what can't be mapped fails in the ioctl"}},
    {UNASSISTED, {SCN_CAP_SCATTERED_MAP, "a map is one run of pages of one ALLOC_GREF"}},
    {UNASSISTED, {SCN_CAP_DRIVER_INDEX, "indices are not counted from 0"}},
    {UNASSISTED,
     {SCN_CAP_READ_ONLY, "a read-only grant can be written, a read-only mapping notifies"}},
    {UNASSISTED, {SCN_CAP_ISOLATION, "memory of other grants can be mapped"}},
    {UNASSISTED, {SCN_CAP_INVALIDATION, "mprotect and mremap are not heard of"}},
    {UNASSISTED, {SCN_CAP_DONTCOPY, "a forked child inherits mappings of a PV domain"}},
    {UNASSISTED, {SCN_CAP_DMABUF, "gntdev has no calls for dma-bufs"}},
    {UNASSISTED, {SCN_CAP_DMABUF_ALL, "gntdev has no calls for dma-bufs"}},
    {UNASSISTED, {SCN_CAP_REOPEN, "a file can't be opened by /proc/self/fd"}},
    {UNASSISTED,
     {SCN_CAP_SURVIVE_CRASH, "harm to a real kernel by the end of a mapping is not noticed"}},
    {UNASSISTED, {SCN_CAP_DESTROY_KILLS, "the end of a domain does not kill its programs"}},
};

const struct scn_lack *scn_front_lack(enum scn_front front, size_t i)
{
	for (size_t k = 0; k < sizeof(lacks) / sizeof(lacks[0]); k++) {
		if ((lacks[k].fronts & 1u << front) && i-- == 0)
			return &lacks[k].lack;
	}
	return NULL;
}

uint64_t scn_front_lacks(enum scn_front front)
{
	const struct scn_lack *lack;
	uint64_t all = 0;

	for (size_t i = 0; (lack = scn_front_lack(front, i)); i++)
		all |= 1ull << lack->capability;
	return all;
}
