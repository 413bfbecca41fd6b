/* SPDX-License-Identifier: MIT */
/*
 * kinder CASE...: does what fails or harms on real Xen and passes here, by the table "Kinder than
 * reality" of gntsim-fronts(7), and prints the table's words for it. Where one fails as on Xen, its
 * row has to go.
 */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A page of this domain's, granted to itself. */
struct page {
	struct gntshr *shr;
	struct gnttab *tab;
	struct gntshr_share *share;
	struct gnttab_mapping *mapping;
	volatile unsigned char *granted, *mapped;
};

static struct page page(bool writable)
{
	struct page p = {.shr = gntshr_open(), .tab = gnttab_open()};

	if (!p.shr || !p.tab) {
		perror("/dev/xen");
		exit(1);
	}
	p.share = gntshr_share(p.shr, 0, 1, writable);
	p.mapping = p.share ? gnttab_map(p.tab, 0, gntshr_ref(p.share, 0), writable) : NULL;
	if (!p.mapping) {
		perror("a page");
		exit(1);
	}
	p.granted = gntshr_bytes(p.share);
	p.mapped = gnttab_bytes(p.mapping);
	return p;
}

static bool shared_futex(void)
{
	struct page p = page(true);

	return syscall(SYS_futex, p.granted, FUTEX_WAKE, 1, NULL, NULL, 0) == 0 &&
	       syscall(SYS_futex, p.mapped, FUTEX_WAKE, 1, NULL, NULL, 0) == 0;
}

/* The other side hears of the end, and the kernel's pipe still has the page. */
static bool page_in_use(void)
{
	struct page p = page(true);
	struct evtchn *mine = evtchn_open(), *its = evtchn_open();
	char text[6] = "";
	int pipe_ends[2];
	uint32_t port, its_port, got;
	struct gnttab_notify end = {.actions = GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT, .offset = 9};

	strcpy((char *)(uintptr_t)p.granted, "hello");
	p.granted[9] = 1;
	if (!mine || !its || pipe(pipe_ends) || evtchn_bind_unbound(its, 0, &its_port) ||
	    evtchn_bind_interdomain(mine, 0, its_port, &port))
		return false;
	end.port = port;
	return gnttab_set_notify(p.mapping, &end) == 0 &&
	       vmsplice(pipe_ends[1], &(struct iovec){(void *)(uintptr_t)p.mapped, 6}, 1, 0) == 6 &&
	       gnttab_unmap(p.mapping) == 0 && p.granted[9] == 0 &&
	       evtchn_wait(its, 0, &got) == 0 && got == its_port &&
	       read(pipe_ends[0], text, 6) == 6 && strcmp(text, "hello") == 0;
}

static bool store_to_read_only(void)
{
	struct page p = page(false);

	if (mprotect((void *)(uintptr_t)p.mapped, GNTTAB_PAGE_SIZE, PROT_READ | PROT_WRITE))
		return false;
	p.mapped[0] = 7;
	return p.mapped[0] == 7;
}

static bool not_root(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		return false;
	return open("/dev/xen/gntalloc", O_RDWR) >= 0 && open("/dev/xen/gntdev", O_RDWR) >= 0 &&
	       open("/dev/xen/evtchn", O_RDWR) >= 0;
}

static bool epoll(void)
{
	int set = epoll_create1(0);

	return epoll_ctl(set, EPOLL_CTL_ADD, open("/dev/xen/gntalloc", O_RDWR),
			 &(struct epoll_event){.events = EPOLLIN}) == 0;
}

static bool read_nothing(void)
{
	char c;

	return read(open("/dev/xen/gntalloc", O_RDWR), &c, 0) == 0;
}

static bool child_uses_mapping(void)
{
	struct page p = page(true);
	int status;
	pid_t child;

	p.granted[0] = 5;
	child = fork();
	if (child == 0)
		_exit(p.mapped[0] == 5 ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool use_after_mprotect(void)
{
	struct page p = page(true);

	p.granted[0] = 5;
	return mprotect((void *)(uintptr_t)p.mapped, GNTTAB_PAGE_SIZE, PROT_READ) == 0 &&
	       p.mapped[0] == 5;
}

/* By the calls themselves: the binding knows what it mapped read-only. */
static bool clear_read_only(void)
{
	struct page p = page(true);
	int fd = open("/dev/xen/gntdev", O_RDWR);
	struct ioctl_gntdev_map_grant_ref map = {
	    .count = 1, .refs[0] = {.domid = 0, .ref = gntshr_ref(p.share, 0)}};
	struct ioctl_gntdev_unmap_notify end = {.action = UNMAP_NOTIFY_CLEAR_BYTE};

	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) ||
	    mmap(NULL, GNTTAB_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, (off_t)map.index) == MAP_FAILED)
		return false;
	end.index = map.index;
	return ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &end) == 0;
}

static bool seek(void)
{
	return lseek(open("/dev/xen/gntalloc", O_RDWR), GNTTAB_PAGE_SIZE, SEEK_SET) ==
	       GNTTAB_PAGE_SIZE;
}

static const struct {
	const char *name, *row;
	bool (*passes)(void);
} cases[] = {
    {"shared-futex",
     "waits on a shared futex in granted or mapped memory, as a process-shared mutex or semaphore "
     "does",
     shared_futex},
    {"page-in-use",
     "gives up a mapping that the kernel still uses, after vmsplice(2) or in direct I/O",
     page_in_use},
    {"store-to-read-only",
     "stores to memory that Xen holds read-only, once mprotect(2) made it writable, PVH (discard)",
     store_to_read_only},
    {"epoll", "gives gntalloc or gntdev to epoll(7) (epoll_eperm)", epoll},
    {"read-nothing", "reads no bytes from gntalloc or gntdev (check_order)", read_nothing},
    {"child-uses-mapping", "forks, and its child uses a mapping of gntdev, PV (dontcopy)",
     child_uses_mapping},
    {"use-after-mprotect",
     "uses a mapping of gntdev after mprotect(2) or mremap(2), PV (invalidation)",
     use_after_mprotect},
    {"clear-read-only", "has a byte cleared in a read-only mapping (read_only)", clear_read_only},
    {"seek", "seeks in gntalloc or gntdev, or reads it with pread(2)", seek},
    {"not-root", "is not root; socket and FUSE", not_root},
};

static int try_case(const char *name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, name))
			continue;
		if (!cases[i].passes()) {
			fprintf(stderr, "FAILED: %s: not kinder any more; its row: %s\n", name,
				cases[i].row);
			return 1;
		}
		puts(cases[i].row);
		return 0;
	}
	fprintf(stderr, "FAILED: no case %s\n", name);
	return 1;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= try_case(argv[i]);
	return failed;
}
