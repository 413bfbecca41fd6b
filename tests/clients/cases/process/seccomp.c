/* SPDX-License-Identifier: MIT */
/*
 * A program opens its devices and then forbids itself all system calls but those that it goes on to
 * make: the device calls work, and need no others. Any other call kills it, or fails with EPERM.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct shared_page theirs;
static int gntalloc, gntdev, evtchn, copy;

#define ALLOW(nr)                                                                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter only_these[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_read),
    ALLOW(SYS_write),
    ALLOW(SYS_ioctl),
    ALLOW(SYS_mmap),
    ALLOW(SYS_munmap),
    ALLOW(SYS_close),
    ALLOW(SYS_exit_group),
    ALLOW(SYS_rt_sigreturn),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static struct sock_fprog filter = {sizeof(only_these) / sizeof(only_these[0]), only_these};

static void by_prctl(void)
{
	CHECK_IS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

static void by_seccomp(void)
{
	CHECK_IS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), 0);
}

static void with_eperm(void)
{
	only_these[filter.len - 1].k = SECCOMP_RET_ERRNO | EPERM;
	by_prctl();
}

/* Neither filter is one: the library is as it was. */
static void refused(void)
{
	struct sock_fprog empty = {0, only_these};

	CHECK_IS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty), -1);
	CHECK_IS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0xff00, &filter), -1);
	CHECK_IS(call_ioctl(HERE, gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, (void *)8, 0), -EFAULT);
	by_prctl();
}

static volatile unsigned char *bytes(long addr)
{
	CHECK(addr > 0, "mmap: %ld", addr);
	return (volatile unsigned char *)addr;
}

static void grant(void)
{
	uint64_t index;
	uint32_t refs[2];
	long addr;

	CHECK_IS(
	    gntalloc_alloc(HERE, gntalloc, them()->id, GNTALLOC_FLAG_WRITABLE, 2, &index, refs), 0);
	addr = device_mmap(HERE, gntalloc, index, 2, PROT_READ | PROT_WRITE);
	bytes(addr)[PAGE] = 7;
	CHECK_IS(bytes(addr)[PAGE], 7);
	CHECK_IS(gntalloc_notify(HERE, gntalloc, index, UNMAP_NOTIFY_CLEAR_BYTE, 0), 0);
	CHECK_IS(call_munmap(HERE, addr, 2 * PAGE), 0);
	CHECK_IS(gntalloc_dealloc(HERE, gntalloc, index, 2), 0);
	CHECK_IS(gntalloc_dealloc(HERE, gntalloc, index, 2), -EINVAL);
}

static void map(void)
{
	struct ioctl_gntdev_grant_ref ref = {.domid = them()->id, .ref = theirs.ref};
	uint64_t index, offset;
	uint32_t count;
	long addr;

	CHECK_IS(gntdev_map(HERE, gntdev, 1, &ref, &index), 0);
	addr = device_mmap(HERE, gntdev, index, 1, PROT_READ | PROT_WRITE);
	CHECK_IS(bytes(addr)[0], 5);
	bytes(addr)[1] = 6;
	CHECK_IS(gntdev_offset(HERE, gntdev, addr, &offset, &count), 0);
	CHECK_IS(offset, index);
	CHECK_IS(gntdev_notify(HERE, gntdev, index + 2, UNMAP_NOTIFY_CLEAR_BYTE, 0), 0);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(gntdev_unmap(HERE, gntdev, index, 1), 0);
}

static void grant_copy(void)
{
	char local[8] = "";
	struct gntdev_grant_copy_segment segment = {
	    .source.foreign = {.ref = theirs.ref, .domid = them()->id},
	    .dest.virt = local,
	    .len = 1,
	    .flags = GNTCOPY_source_gref};
	struct ioctl_gntdev_grant_copy op = {.count = 1, .segments = &segment};

	CHECK_IS(call_ioctl(HERE, gntdev, IOCTL_GNTDEV_GRANT_COPY, &op, sizeof(op)), 0);
	CHECK_IS(segment.status, 0);
	CHECK_IS(local[0], 5);
}

static void event(void)
{
	int reset = call_ioctl(HERE, evtchn, IOCTL_EVTCHN_RESET, NULL, 0);
	int port = evtchn_bind_unbound(HERE, evtchn, us()->id), other;
	uint32_t got = 0;

	CHECK_IS(reset, 0);
	CHECK(port > 0, "bind: %d", port);
	other = evtchn_bind_interdomain(HERE, evtchn, us()->id, (uint32_t)port);
	CHECK(other > 0, "bind: %d", other);
	/* A port that is bound says so once. */
	CHECK_IS(call_read(HERE, evtchn, &got, sizeof(got)), 4);
	CHECK_IS(got, other);
	CHECK_IS(call_write(HERE, evtchn, &got, sizeof(got)), 4);
	CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)other), 0);
	CHECK_IS(call_read(HERE, evtchn, &got, sizeof(got)), 4);
	CHECK_IS(got, port);
	CHECK_IS(call_ioctl(HERE, evtchn, IOCTL_EVTCHN_RESET, NULL, 0), 0);
	CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)port), 0);
}

static void closing(void)
{
	CHECK_IS(call_close(HERE, gntdev), 0);
	CHECK_IS(gntdev_unmap(HERE, gntdev, 0, 1), -EBADF);
	/* Its other descriptor is still there. */
	CHECK_IS(gntdev_unmap(HERE, copy, 0, 1), -ENOENT);
	CHECK_IS(call_close(HERE, copy), 0);
}

static void *beside(void *arg)
{
	(void)arg;
	while (gntdev_unmap(HERE, gntdev, 0, 1) == -ENOENT)
		;
	return NULL;
}

static void (*install)(void);
static void with(void (*how)(void), void (*calls)(void), const char *what)
{
	pid_t pid = fork();
	int status;

	check_note("%s", what);
	CHECK(pid >= 0, "fork");
	if (!pid) {
		limit_time();
		install = how;
		CHECK_IS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
		install();
		calls();
		syscall(SYS_exit_group, 0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

static void all(void)
{
	grant();
	map();
	grant_copy();
	event();
	closing();
}

/* SECCOMP_MODE_STRICT: read, write and the end. */
static void strict(void)
{
	int port = evtchn_bind_unbound(HERE, evtchn, us()->id);
	int other = evtchn_bind_interdomain(HERE, evtchn, us()->id, (uint32_t)port);
	uint32_t got = 0;
	pid_t pid = fork();
	int status;

	check_note("strict");
	CHECK(port > 0 && other > 0, "bind: %d, %d", port, other);
	CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)other), 0);
	if (!pid) {
		CHECK_IS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
		CHECK_IS(call_read(HERE, evtchn, &got, sizeof(got)), 4);
		CHECK_IS(call_write(HERE, evtchn, &got, sizeof(got)), 4);
		syscall(SYS_exit, 0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	pthread_t thread;

	theirs = share_page(peer, us(), true);
	CHECK_IS(store_byte(peer, theirs.addr, 5), 0);
	gntalloc = device_open(HERE, "gntalloc");
	gntdev = device_open(HERE, "gntdev");
	evtchn = device_open(HERE, "evtchn");
	copy = dup(gntdev);
	strict();
	with(by_prctl, grant, "grant");
	with(by_prctl, map, "map");
	with(by_prctl, grant_copy, "grant copy");
	with(by_prctl, event, "event");
	with(by_prctl, closing, "closing");
	with(by_seccomp, all, "seccomp(2)");
	with(with_eperm, all, "EPERM");
	with(refused, all, "refused");
	CHECK_IS(load_byte(peer, theirs.addr + 1), 6);
	/* A thread that is in the middle of calls. */
	CHECK_IS(pthread_create(&thread, NULL, beside, NULL), 0);
	CHECK_IS(gntdev_unmap(HERE, gntdev, 0, 1), -ENOENT);
	CHECK_IS(call_close(HERE, gntdev), 0);
	CHECK_IS(pthread_join(thread, NULL), 0);
}
