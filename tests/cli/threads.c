/* SPDX-License-Identifier: MIT */
/* A program for threads-test.sh to run under checkers of threads.
 *
 *   clean    threads that share the device files and do everything with them, and each its own memory
 *   private  two threads store to one variable, unsynchronised
 *   granted  the same in a granted page */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	THREADS = 4,
	ROUNDS = 8,
	PAGE = 4096,
};

static int gntalloc, gntdev, evtchn;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(2);
}
#define MUST(what) must((what), #what)

static unsigned char *share(struct ioctl_gntalloc_alloc_gref *alloc)
{
	unsigned char *page;

	*alloc = (struct ioctl_gntalloc_alloc_gref){.flags = 1, .count = 1};
	MUST(ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, alloc) == 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)alloc->index);
	MUST(page != MAP_FAILED);
	return page;
}

static void grants(void)
{
	struct ioctl_gntalloc_alloc_gref alloc;
	unsigned char *mine = share(&alloc), *theirs, bytes[16];
	struct ioctl_gntalloc_unmap_notify last = {.index = alloc.index + 5, .action = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1, .refs = {{.ref = alloc.gref_ids[0]}}};
	struct ioctl_gntdev_get_offset_for_vaddr where = {0};
	struct ioctl_gntdev_unmap_grant_ref unmap = {.count = 1};
	struct ioctl_gntalloc_dealloc_gref dealloc = {.index = alloc.index, .count = 1};
	struct gntdev_grant_copy_segment segment = {
	    .source.foreign.ref = alloc.gref_ids[0],
	    .dest.virt = bytes,
	    .len = sizeof(bytes),
	    .flags = GNTCOPY_source_gref,
	};
	struct ioctl_gntdev_grant_copy copy = {.count = 1, .segments = &segment};

	memset(mine, 7, sizeof(bytes));
	MUST(ioctl(gntalloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &last) == 0);
	MUST(ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0);
	theirs = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.index);
	MUST(theirs != MAP_FAILED);
	where.vaddr = (uintptr_t)theirs;
	MUST(ioctl(gntdev, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &where) == 0);
	MUST(ioctl(gntdev, IOCTL_GNTDEV_GRANT_COPY, &copy) == 0 && segment.status == 0);
	MUST(theirs[3] == 7 && bytes[3] == 7);
	MUST(mprotect(theirs, PAGE, PROT_READ) == 0);
	MUST(madvise(mine, PAGE, MADV_DONTFORK) == 0);
	MUST(munmap(theirs, PAGE) == 0);
	unmap.index = map.index;
	MUST(ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) == 0);
	MUST(ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc) == 0);
	MUST(munmap(mine, PAGE) == 0);
}

static void events(void)
{
	int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	struct ioctl_evtchn_bind_unbound_port unbound = {0};
	struct ioctl_evtchn_bind_interdomain pair = {0};
	struct ioctl_evtchn_unbind unbind;
	struct ioctl_evtchn_notify notify;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint32_t port;
	int one, other;

	MUST(fd >= 0);
	one = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	MUST(one > 0);
	pair.remote_port = (uint32_t)one;
	other = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &pair);
	MUST(other > 0);
	notify.port = (uint32_t)one;
	MUST(ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify) == 0);
	MUST(poll(&ready, 1, 20000) == 1 && read(fd, &port, sizeof(port)) == sizeof(port));
	MUST(write(fd, &port, sizeof(port)) == sizeof(port));
	unbind.port = (uint32_t)other;
	MUST(ioctl(fd, IOCTL_EVTCHN_UNBIND, &unbind) == 0);
	MUST(close(fd) == 0);
	/* And a port on the file that all share. */
	unbind.port = (uint32_t)ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	MUST(ioctl(evtchn, IOCTL_EVTCHN_UNBIND, &unbind) == 0);
}

static void descriptors(void)
{
	struct stat st;
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC), copy = dup(fd), status;
	pid_t pid;

	MUST(fd >= 0 && copy >= 0 && dup2(fd, copy) == copy);
	MUST(fstat(fd, &st) == 0 && stat("/dev/xen/gntalloc", &st) == 0);
	MUST(fcntl(fd, F_GETFL) >= 0 && access("/dev/xen/evtchn", R_OK) == 0);
	MUST(close(copy) == 0 && close(fd) == 0);
	pid = fork();
	if (pid == 0)
		_exit(open("/dev/xen/gntalloc", O_RDWR) < 0);
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void *work(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		grants();
		events();
		descriptors();
	}
	return NULL;
}

static void *store(void *at)
{
	for (int i = 0; i < 100; i++)
		++*(volatile int *)at;
	return NULL;
}

static void in_threads(int n, void *(*run)(void *), void *arg)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < n; i++)
		MUST(pthread_create(&threads[i], NULL, run, arg) == 0);
	for (int i = 0; i < n; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	struct ioctl_gntalloc_alloc_gref alloc;
	static int variable;
	const char *what = argc == 2 ? argv[1] : "";

	gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	MUST(gntalloc >= 0 && gntdev >= 0 && evtchn >= 0);
	if (strcmp(what, "clean") == 0)
		in_threads(THREADS, work, NULL);
	else if (strcmp(what, "private") == 0)
		in_threads(2, store, &variable);
	else if (strcmp(what, "granted") == 0)
		in_threads(2, store, share(&alloc));
	else
		return 2;
	return 0;
}
