/* SPDX-License-Identifier: MIT */
/*
 * A static program, with system calls of its own, on devices that no library gives it. What it checks
 * needs each munmap and each mmap to be seen.
 *   exact all    one rule after the other
 *   exact dropped  the same, after it has become another user
 *   exact hold   opens, maps, says so and waits to be killed
 *   exact call   makes calls until the first fails; 5 (EIO): the machine is gone
 *   exact threads, exact spawn PROGRAM
 */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__,          \
				#condition, errno, strerror(errno));                               \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static int gntalloc, gntdev, evtchn;

struct grants {
	uint64_t index;
	uint32_t ref[8];
};

static void open_all(void)
{
#ifdef SYS_open /* arm64 has none */
	gntalloc = (int)syscall(SYS_open, "/dev/xen/gntalloc", O_RDWR);
#else
	gntalloc = (int)syscall(SYS_openat, AT_FDCWD, "/dev/xen/gntalloc", O_RDWR);
#endif
	gntdev = (int)syscall(SYS_openat, AT_FDCWD, "/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	evtchn = open("/dev/xen/evtchn", O_RDWR);
	CHECK(gntalloc >= 0 && gntdev >= 0 && evtchn >= 0);
	CHECK(fcntl(gntdev, F_GETFD) == FD_CLOEXEC && fcntl(gntalloc, F_GETFD) == 0);
}

static struct grants alloc(uint32_t count)
{
	union {
		struct ioctl_gntalloc_alloc_gref op;
		char room[sizeof(struct ioctl_gntalloc_alloc_gref) + 8 * sizeof(uint32_t)];
	} u = {.op = {.flags = GNTALLOC_FLAG_WRITABLE, .count = count}};
	struct grants g;

	CHECK(ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &u.op) == 0);
	g.index = u.op.index;
	memcpy(g.ref, u.room + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
	       count * sizeof(g.ref[0]));
	return g;
}

static uint64_t list(const uint32_t *refs, uint32_t count)
{
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref more[8];
	} u = {.op = {.count = count}};
	struct ioctl_gntdev_grant_ref *all = u.op.refs;

	for (uint32_t i = 0; i < count; i++)
		memcpy((char *)all + i * sizeof(*all),
		       &(struct ioctl_gntdev_grant_ref){.ref = refs[i]}, sizeof(*all));
	CHECK(ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &u.op) == 0);
	return u.op.index;
}

static volatile char *map(int fd, uint64_t index, unsigned int pages)
{
	void *p = mmap(NULL, (size_t)pages * PAGE, RW, MAP_SHARED, fd, (off_t)index);

	CHECK(p != MAP_FAILED);
	return p;
}

static int unlist(uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = {.index = index, .count = count};

	return ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
}

static void arm(uint64_t byte, uint32_t action, int port)
{
	struct ioctl_gntdev_unmap_notify op = {
	    .index = byte, .action = action, .event_channel_port = (uint32_t)port};

	CHECK(ioctl(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op) == 0);
}

/* A pair of ports; who sends on the first has the second's event. */
static int ports(int *other)
{
	struct ioctl_evtchn_bind_unbound_port unbound = {0};
	struct ioctl_evtchn_bind_interdomain inter = {0};
	uint32_t first;
	int port = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);

	CHECK(port > 0);
	inter.remote_port = (uint32_t)port;
	*other = ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter);
	CHECK(*other > 0);
	/* A port that is bound says so once. */
	CHECK(read(evtchn, &first, sizeof(first)) == sizeof(first) && (int)first == *other);
	CHECK(write(evtchn, &first, sizeof(first)) == sizeof(first));
	return port;
}

static int events(void)
{
	struct pollfd p = {.fd = evtchn, .events = POLLIN};
	uint32_t got[64];

	return poll(&p, 1, 0) ? (int)(read(evtchn, got, sizeof(got)) / 4) : 0;
}

/* Pages of two grants, in an order that no one file has. */
static void scattered(void)
{
	struct grants a = alloc(2), b = alloc(2);
	const uint32_t refs[] = {b.ref[1], a.ref[0], b.ref[0]};
	volatile char *mine = map(gntalloc, a.index, 2), *more = map(gntalloc, b.index, 2);
	volatile char *theirs = map(gntdev, list(refs, 3), 3);

	mine[0] = 1;
	more[0] = 2;
	more[PAGE] = 3;
	CHECK(theirs[0] == 3 && theirs[PAGE] == 1 && theirs[2 * PAGE] == 2);
	theirs[PAGE] = 7;
	CHECK(mine[0] == 7);
	CHECK(munmap((void *)(uintptr_t)theirs, 3 * PAGE) == 0);
	CHECK(munmap((void *)(uintptr_t)mine, 2 * PAGE) == 0);
	CHECK(munmap((void *)(uintptr_t)more, 2 * PAGE) == 0);
}

/* The byte and the event come with the last page's munmap, not before, not by another call. */
static void munmap_notifies(void)
{
	int other, port = ports(&other);
	struct grants a = alloc(2);
	volatile char *mine = map(gntalloc, a.index, 2);
	uint64_t index = list(a.ref, 2);
	volatile char *theirs = map(gntdev, index, 2);

	mine[PAGE + 5] = 1;
	arm(index + PAGE + 5, UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT, port);
	CHECK(unlist(index, 2) == 0);
	CHECK(munmap((void *)(uintptr_t)theirs, PAGE) == 0);
	CHECK(mine[PAGE + 5] == 1 && events() == 0 && theirs[PAGE + 5] == 1);
	CHECK(munmap((void *)(uintptr_t)(theirs + PAGE), PAGE) == 0);
	CHECK(mine[PAGE + 5] == 0 && events() == 1 && events() == 0);
}

static void refused(void)
{
	struct grants a = alloc(1);
	const uint32_t nobody[] = {500};
	uint64_t index = list(a.ref, 1);
	volatile char *theirs = map(gntdev, index, 1);

	/* A second one of the same index, a part, an index that there is not, a grant that nobody
	 * gave. */
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, gntdev, (off_t)index) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, gntdev, 64 * PAGE) == MAP_FAILED && errno == EINVAL);
	CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, gntdev, (off_t)list(nobody, 1)) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(ioctl(gntdev, 0x1234, 0) == -1 && errno == ENOTTY);
	CHECK(ioctl(evtchn, 0x1234, 0) == -1 && errno == ENOSYS);
	CHECK(ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, 8) == -1 && errno == EFAULT);
	CHECK(munmap((void *)(uintptr_t)theirs, PAGE) == 0);
}

/* Ordinary memory over it ends it; so does the end of its process, exactly once, by SIGKILL too, and what it executes,
 * which lives on. */
static void ends(void)
{
	int other, port = ports(&other);
	struct grants a = alloc(1);
	volatile char *mine = map(gntalloc, a.index, 1);
	int ready[2], status;
	volatile char *theirs;
	char number[16];
	uint64_t index;
	pid_t child;
	char c;

	index = list(a.ref, 1);
	theirs = map(gntdev, index, 1);
	mine[1] = 1;
	arm(index + 1, UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT, port);
	CHECK(unlist(index, 1) == 0);
	CHECK(mmap((void *)(uintptr_t)theirs, PAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == (void *)(uintptr_t)theirs);
	CHECK(mine[1] == 0 && events() == 1);
	/* So that the next is not lost. */
	CHECK(write(evtchn, &(uint32_t){(uint32_t)other}, 4) == 4);
	for (int i = 0; i < 3; i++) {
		CHECK(pipe(ready) == 0);
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
			index = list(a.ref, 1);
			theirs = map(gntdev, index, 1);
			theirs[2] = 1;
			arm(index + 2, UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT, port);
			CHECK(write(ready[1], "", 1) == 1);
			if (i == 1)
				_exit(0);
			snprintf(number, sizeof(number), "%d", ready[1]);
			if (i == 2)
				execl("/proc/self/exe", "exact", "live", number, NULL);
			pause();
		}
		CHECK(read(ready[0], &c, 1) == 1);
		if (i == 0)
			CHECK(mine[2] == 1 && kill(child, SIGKILL) == 0);
		if (i == 2)
			CHECK(read(ready[0], &c, 1) == 1);
		else
			CHECK(waitpid(child, &status, 0) == child);
		CHECK(mine[2] == 0 && events() == 1 && events() == 0);
		if (i == 2)
			CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
		close(ready[0]);
		close(ready[1]);
		CHECK(write(evtchn, &(uint32_t){(uint32_t)other}, 4) == 4);
	}
}

/* A descriptor over a socket, and a copy of it, are the device. */
static void passed(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = {.iov_base = &(char){0}, .iov_len = 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct ioctl_gntdev_unmap_grant_ref none = {.index = 77 * PAGE, .count = 1};
	int pair[2], got, status;
	pid_t child;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	child = fork();
	if (child == 0) {
		CHECK(recvmsg(pair[1], &m, 0) == 1);
		c = CMSG_FIRSTHDR(&m);
		CHECK(c);
		memcpy(&got, CMSG_DATA(c), sizeof(got));
		CHECK(ioctl(got, IOCTL_GNTDEV_UNMAP_GRANT_REF, &none) == -1 && errno == ENOENT);
		got = dup2(got, 200);
		CHECK(ioctl(got, IOCTL_GNTDEV_UNMAP_GRANT_REF, &none) == -1 && errno == ENOENT);
		CHECK(getsockname(got, NULL, NULL) == -1 && errno == ENOTSOCK);
		_exit(0);
	}
	got = open("/dev/xen/gntdev", O_RDWR);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &got, sizeof(got));
	CHECK(sendmsg(pair[0], &m, 0) == 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void *make_calls(void *arg)
{
	struct grants a;
	volatile char *mine, *theirs;
	uint64_t index;

	for (int i = 0; i < 40; i++) {
		/* Memory that is none of a device's comes and goes beside. */
		void *plain = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		a = alloc(1);
		mine = map(gntalloc, a.index, 1);
		index = list(a.ref, 1);
		theirs = map(gntdev, index, 1);
		mine[0] = (char)i;
		CHECK(theirs[0] == (char)i);
		CHECK(munmap(plain, 3 * PAGE) == 0);
		CHECK(munmap((void *)(uintptr_t)theirs, PAGE) == 0 && unlist(index, 1) == 0);
		CHECK(munmap((void *)(uintptr_t)mine, PAGE) == 0);
	}
	return arg;
}

static void *unmap(void *memory)
{
	CHECK(munmap(memory, PAGE) == 0);
	return NULL;
}

/* They have one address space: what one maps another unmaps. */
static void threads(void)
{
	pthread_t t[4];
	struct grants a;
	volatile char *mine, *theirs;
	uint64_t index;

	open_all();
	a = alloc(1);
	mine = map(gntalloc, a.index, 1);
	index = list(a.ref, 1);
	theirs = map(gntdev, index, 1);
	mine[3] = 1;
	arm(index + 3, UNMAP_NOTIFY_CLEAR_BYTE, 0);
	CHECK(unlist(index, 1) == 0 && mine[3] == 1);
	CHECK(pthread_create(&t[0], NULL, unmap, (void *)(uintptr_t)theirs) == 0);
	CHECK(pthread_join(t[0], NULL) == 0);
	CHECK(mine[3] == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, make_calls, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
}

/* A child that vfork() makes has its parent's memory: what it unmaps is gone. */
static void spawn(char **argv)
{
	extern char **environ;
	struct grants a;
	volatile char *mine, *theirs;
	uint64_t index;
	int status;
	pid_t child;

	open_all();
	make_calls(NULL);
	a = alloc(1);
	mine = map(gntalloc, a.index, 1);
	index = list(a.ref, 1);
	theirs = map(gntdev, index, 1);
	mine[4] = 1;
	arm(index + 4, UNMAP_NOTIFY_CLEAR_BYTE, 0);
	CHECK(unlist(index, 1) == 0);
	CHECK(posix_spawn(&child, argv[0], NULL, NULL, argv, environ) == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	child = vfork();
	if (child == 0) {
		syscall(SYS_munmap, theirs, PAGE);
		execv(argv[0], argv);
		_exit(1);
	}
	CHECK(mine[4] == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	make_calls(NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "all";

	if (strcmp(what, "live") == 0) {
		CHECK(write(atoi(argv[2]), "", 1) == 1);
		pause();
	}
	if (strcmp(what, "threads") == 0) {
		threads();
		return 0;
	}
	if (strcmp(what, "spawn") == 0) {
		spawn(argv + 2);
		return 0;
	}
	if (strcmp(what, "dropped") == 0)
		CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	open_all();
	if (strcmp(what, "hold") == 0) {
		struct grants a = alloc(1);
		volatile char *theirs = map(gntdev, list(a.ref, 1), 1);

		theirs[0] = 1;
		printf("ready\n");
		fflush(stdout);
		pause();
	}
	if (strcmp(what, "call") == 0) {
		printf("ready\n");
		fflush(stdout);
		while (unlist(77 * PAGE, 1) < 0 && errno == ENOENT)
			usleep(1000);
		return errno;
	}
	scattered();
	munmap_notifies();
	refused();
	ends();
	passed();
	printf("exact\n");
	return 0;
}
