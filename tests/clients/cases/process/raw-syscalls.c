/* SPDX-License-Identifier: MIT */
/* The devices through syscall(3), alone and mixed with the C library's own functions. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RW (PROT_READ | PROT_WRITE)

static long sys(long result)
{
	return result < 0 ? -errno : result;
}

/* arm64 has no number for the older calls. */
static long open_by_number(const char *path, int flags)
{
#ifdef SYS_open
	return sys(syscall(SYS_open, path, flags));
#else
	return sys(syscall(SYS_openat, AT_FDCWD, path, flags));
#endif
}

static long poll_by_number(struct pollfd *p, int timeout_ms)
{
#ifdef SYS_poll
	return sys(syscall(SYS_poll, p, 1, timeout_ms));
#else
	struct timespec timeout = {.tv_sec = timeout_ms / 1000};

	return sys(syscall(SYS_ppoll, p, 1, &timeout, NULL, 8));
#endif
}

static struct peer *peer;

static void gntalloc(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = them()->id, .flags = 1, .count = 1};
	struct ioctl_gntalloc_unmap_notify notify = {.index = 3, .action = 3};
	struct ioctl_gntalloc_dealloc_gref dealloc = {.count = 1};
	int fd = (int)sys(syscall(SYS_openat, AT_FDCWD, "/dev/xen/gntalloc", O_RDWR | O_CLOEXEC));
	struct mapped_page theirs;
	struct watch w;
	long addr;

	CHECK(fd >= 0, "openat: %d", fd);
	CHECK_IS(sys(syscall(SYS_ioctl, fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc)), 0);
	addr = sys(syscall(SYS_mmap, NULL, PAGE, RW, MAP_SHARED, fd, alloc.index));
	CHECK(addr > 0, "mmap: %ld", addr);
	theirs = map_page(peer, us(), alloc.gref_ids[0], RW);
	w = watch_start(HERE, us(), peer, them(), theirs.addr + 3);
	notify.event_channel_port = w.port;
	CHECK_IS(sys(syscall(SYS_ioctl, fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &notify)), 0);
	CHECK_IS(load_byte(HERE, addr + 3), 1);
	CHECK_IS(sys(syscall(SYS_mprotect, addr, PAGE, PROT_READ)), 0);
	CHECK_IS(store_byte(HERE, addr, 1), -SIGSEGV);
	CHECK_IS(sys(syscall(SYS_mremap, addr, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0)), -EFAULT);
	CHECK_IS(sys(syscall(SYS_ioctl, fd, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc)), 0);
	CHECK_IS(sys(syscall(SYS_ioctl, fd, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc)), -EINVAL);
	watch_still(&w);
	CHECK_IS(sys(syscall(SYS_munmap, addr, PAGE)), 0);
	watch_over(&w);
	CHECK_IS(sys(syscall(SYS_close, fd)), 0);
	CHECK_IS(sys(syscall(SYS_close, fd)), -EBADF);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

static void gntdev(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct ioctl_gntdev_map_grant_ref map = {.count = 1,
						 .refs = {{.domid = them()->id, .ref = page.ref}}};
	struct ioctl_gntdev_get_offset_for_vaddr offset = {.offset = 77};
	int fd = (int)open_by_number("/dev/xen/gntdev", O_RDWR);
	int copy = (int)sys(syscall(SYS_dup, fd));
	long area, addr;

	CHECK(fd >= 0 && copy >= 0, "open: %d, dup: %d", fd, copy);
	CHECK_IS(sys(syscall(SYS_ioctl, copy, IOCTL_GNTDEV_MAP_GRANT_REF, &map)), 0);
	CHECK_IS(sys(syscall(SYS_close, copy)), 0);
	area = sys(syscall(SYS_mmap, NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L));
	addr = area + (long)PAGE;
	CHECK_IS(sys(syscall(SYS_mmap, addr, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, map.index)),
		 addr);
	CHECK_IS(store_byte(HERE, addr, 12), 0);
	CHECK_IS(load_byte(peer, page.addr), 12);
	offset.vaddr = (uint64_t)addr;
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &offset, sizeof(offset)),
		 0);
	CHECK_IS(offset.offset, 0);

	/* The C library unmaps what syscall(3) mapped. */
	CHECK_IS(munmap((void *)area, 3 * PAGE), 0);
	CHECK_IS(machine_totals().vmas, 1);
	CHECK_IS(sys(syscall(SYS_close_range, fd, fd, 0)), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}

static void evtchn(void)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = them()->id};
	int fd = (int)sys(syscall(SYS_openat, AT_FDCWD, "/dev/xen/evtchn", O_RDWR | O_NONBLOCK));
	int theirs = device_open(peer, "evtchn"), remote;
	int port = (int)sys(syscall(SYS_ioctl, fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint32_t got;

	CHECK(port > 0, "bind: %d", port);
	CHECK_IS(sys(syscall(SYS_read, fd, &got, 4)), -EAGAIN);
	CHECK_IS(sys(syscall(SYS_read, fd, &got, 3)), 0);
	remote = evtchn_bind_interdomain(peer, theirs, us()->id, (uint32_t)port);
	CHECK_IS(evtchn_take(peer, theirs), remote);
	CHECK_IS(evtchn_notify(peer, theirs, (uint32_t)remote), 0);
	CHECK_IS(poll_by_number(&p, 20000), 1);
	CHECK_IS(sys(syscall(SYS_read, fd, &got, 4)), 4);
	CHECK_IS(got, port);
	CHECK_IS(sys(syscall(SYS_write, fd, &got, 4)), 4);
	CHECK_IS(sys(syscall(SYS_close, fd)), 0);
	CHECK_IS(call_close(peer, theirs), 0);
}

void test(void)
{
	peer = peer_start(them());
	gntalloc();
	gntdev();
	evtchn();
}
