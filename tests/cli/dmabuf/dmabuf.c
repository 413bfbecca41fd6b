/* SPDX-License-Identifier: MIT */
/*
 * gntdev's dma-buf calls, as a program makes them: a domain grants itself pages, and exports, passes on, maps and
 * imports them. Prints what was wrong, and says so by its status. The argument names what is tried; "linux real" is
 * for a real driver: ci/lab/dmabuf-driver.
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

static int alloc, dev, bad;
static uint32_t refs[2];
static unsigned char *pages;

static void expect(const char *what, long found, long wanted)
{
	if (found == wanted)
		return;
	printf("%s: %ld, expected %ld\n", what, found, wanted);
	bad = 1;
}

#define EXPECT(call, wanted) expect(#call, (long)(call), (long)(wanted))

static void need(const char *what, int good)
{
	if (!good) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

/* Two pages of our own, that we may map. */
static void grant(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more;
	} a = {.op = {.flags = GNTALLOC_FLAG_WRITABLE, .count = 2}};

	alloc = open("/dev/xen/gntalloc", O_RDWR);
	dev = open("/dev/xen/gntdev", O_RDWR);
	need("open", alloc >= 0 && dev >= 0);
	need("ALLOC_GREF", ioctl(alloc, IOCTL_GNTALLOC_ALLOC_GREF, &a) == 0);
	memcpy(refs, a.op.gref_ids, sizeof(refs));
	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, alloc, (off_t)a.op.index);
	need("mmap", pages != MAP_FAILED);
}

static long error(long r)
{
	return r < 0 ? -errno : r;
}

/* @return the descriptor, or a negative errno */
static int export(uint32_t count)
{
	struct {
		struct ioctl_gntdev_dmabuf_exp_from_refs op;
		uint32_t more;
	} e = {.op = {.count = count}};
	long r;

	memcpy(e.op.refs, refs, sizeof(refs));
	r = error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &e));
	return r < 0 ? (int)r : (int)e.op.fd;
}

static long wait_for(int fd, uint32_t ms)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released w = {.fd = (uint32_t)fd, .wait_to_ms = ms};

	return error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &w));
}

static long import(int on, int fd, uint32_t count, uint32_t *first)
{
	struct {
		struct ioctl_gntdev_dmabuf_imp_to_refs op;
		uint32_t more;
	} i = {.op = {.fd = (uint32_t)fd, .count = count}};
	long r = error(ioctl(on, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &i));

	*first = i.op.refs[0];
	return r;
}

static long release(int on, int fd)
{
	struct ioctl_gntdev_dmabuf_imp_release r = {.fd = (uint32_t)fd};

	return error(ioctl(on, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &r));
}

static void *map(int fd, size_t n)
{
	return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* Which descriptor it is, and what the calls on one say. */
static void descriptor(void)
{
	int lowest = dup(0), fd, set = epoll_create1(0);
	struct pollfd p = {.events = POLLIN | POLLOUT};
	struct epoll_event ev = {.events = EPOLLIN};
	struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};
	struct stat st;
	char byte;

	close(lowest);
	fd = export(2);
	EXPECT(fd, lowest);
	EXPECT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	EXPECT(lseek(fd, 0, SEEK_END), 2 * PAGE);
	EXPECT(lseek(fd, 0, SEEK_SET), 0);
	EXPECT(error(lseek(fd, 1, SEEK_SET)), -EINVAL);
	EXPECT(error(lseek(fd, 0, SEEK_CUR)), -EINVAL);
	EXPECT(error(read(fd, &byte, 1)), -EINVAL);
	EXPECT(error(write(fd, "x", 1)), -EINVAL);
	EXPECT(fstat(fd, &st), 0);
	EXPECT(st.st_size, 2 * PAGE);
	EXPECT(st.st_mode & S_IFMT, 0);
	p.fd = fd;
	EXPECT(poll(&p, 1, 0), 1);
	EXPECT(p.revents, POLLIN | POLLOUT);
	EXPECT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev), 0);
	EXPECT(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), 0);
	sync.flags = 0;
	EXPECT(error(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync)), -EINVAL);
	EXPECT(error(ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &sync)), -ENOTTY);
	EXPECT(error(send(fd, "x", 1, 0)), -ENOTSOCK);
	close(set);
	close(fd);
}

static void memory(void)
{
	int fd = export(2), again;
	unsigned char *m = map(fd, 2 * PAGE);

	need("mmap of a dma-buf", m != MAP_FAILED);
	pages[PAGE] = 17;
	EXPECT(m[PAGE], 17);
	m[3] = 4;
	EXPECT(pages[3], 4);
	EXPECT(map(fd, 3 * PAGE) == MAP_FAILED ? errno : 0, EINVAL);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0, EINVAL);
	/* A mapping keeps what a descriptor kept. */
	again = dup(fd);
	close(fd);
	EXPECT(wait_for(fd, 0), -ETIMEDOUT);
	close(again);
	EXPECT(wait_for(fd, 0), -ETIMEDOUT);
	EXPECT(m[PAGE], 17);
	munmap(m, 2 * PAGE);
	EXPECT(wait_for(fd, 0), -ENOENT);
}

static void errors(void)
{
	struct rlimit few, old;
	uint32_t ref;
	int fd, lowest;

	EXPECT(export(0), -EINVAL);
	EXPECT(wait_for(99, 1000), -ENOENT);
	EXPECT(import(dev, 99, 1, &ref), -EBADF);
	EXPECT(import(dev, 0, 1, &ref), -EINVAL);
	EXPECT(import(dev, alloc, 1, &ref), -EINVAL);
	EXPECT(release(dev, 99), -ENOENT);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, 1)), -EFAULT);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, 1)), -EFAULT);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, 1)), -EFAULT);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, 1)), -EFAULT);
	refs[1] += 1000;
	EXPECT(export(2), -EINVAL);
	refs[1] -= 1000;
	/* No failure left a descriptor behind. */
	lowest = dup(0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){(rlim_t)lowest, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	EXPECT(export(2), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	fd = export(2);
	EXPECT(fd, lowest);
	close(fd);
}

/* The number is written where it can't be: the descriptor is there all the same. References that can't be
 * told of are taken back. */
static void unwritable(void)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs *e =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int lowest = dup(0), other = open("/dev/xen/gntdev", O_RDWR);
	uint32_t first, second;

	close(lowest);
	*e = (struct ioctl_gntdev_dmabuf_exp_from_refs){.count = 1, .refs = {refs[0]}};
	mprotect(e, PAGE, PROT_READ);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, e)), -EFAULT);
	EXPECT(lseek(lowest, 0, SEEK_END), PAGE);
	EXPECT(import(other, lowest, 1, &first), 0);
	EXPECT(release(other, lowest), 0);
	mprotect(e, PAGE, PROT_READ | PROT_WRITE);
	*(struct ioctl_gntdev_dmabuf_imp_to_refs *)(void *)e =
	    (struct ioctl_gntdev_dmabuf_imp_to_refs){.fd = (uint32_t)lowest, .count = 1};
	mprotect(e, PAGE, PROT_READ);
	EXPECT(error(ioctl(other, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, e)), -EFAULT);
	EXPECT(release(other, lowest), -ENOENT);
	EXPECT(import(other, lowest, 1, &second), 0);
	EXPECT(second, first);
	close(other);
	close(lowest);
	EXPECT(wait_for(lowest, 0), -ENOENT);
}

static void send_fd(int to, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	char byte = 0;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control.bytes)};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	need("sendmsg", sendmsg(to, &m, 0) == 1);
}

static int take_fd(int from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	char byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control.bytes)};
	int fd = -1;

	need("recvmsg", recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

static bool can_map = true;

/* In another process: it maps what it was sent, says so, and ends when it is told to. */
static void use(int socket)
{
	int fd = take_fd(socket);
	unsigned char *m = can_map ? map(fd, 2 * PAGE) : pages;
	char byte;

	if (m != MAP_FAILED && lseek(fd, 0, SEEK_END) == 2 * (long)PAGE)
		m[0]++;
	(void)!write(socket, "x", 1);
	(void)!read(socket, &byte, 1);
	_exit(0);
}

/* Passed on, it lives until the last that has it is killed. */
static void passing(void)
{
	int pair[2], fd, status;
	pid_t child;
	char byte;

	need("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	child = fork();
	if (child == 0) {
		close(pair[0]);
		close(dev);
		close(alloc);
		use(pair[1]);
	}
	close(pair[1]);
	fd = export(2);
	pages[0] = 1;
	send_fd(pair[0], fd);
	close(fd);
	need("read", read(pair[0], &byte, 1) == 1);
	EXPECT(pages[0], 2);
	EXPECT(wait_for(fd, 50), -ETIMEDOUT);
	kill(child, SIGKILL);
	/* (It may have died before the wait.) */
	EXPECT(wait_for(fd, UINT32_MAX) % -ENOENT, 0);
	EXPECT(wait_for(fd, 0), -ENOENT);
	waitpid(child, &status, 0);
	close(pair[0]);
}

static int exported;

/* A real driver waits in the call itself. */
static int waits_in = SYS_ppoll;

static void until_it_waits(int thread)
{
	char path[64], call[16] = "";
	const struct timespec a_while = {.tv_nsec = 1000000};
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", thread);
	while (atoi(call) != waits_in) {
		nanosleep(&a_while, NULL);
		f = fopen(path, "re");
		need(path, f && fscanf(f, "%15s", call) == 1);
		fclose(f);
	}
}

/* Once the main thread waits, which no signal ends. */
static void *close_it(void *unused)
{
	until_it_waits(getpid());
	tgkill(getpid(), getpid(), SIGUSR1);
	close(exported);
	return unused;
}

static volatile sig_atomic_t signals;

static void count(int number)
{
	(void)number;
	signals++;
}

/* While one thread waits another closes it; a signal does not end the wait. */
static void waiting(void)
{
	const struct sigaction act = {.sa_handler = count};
	struct timespec a, b;
	pthread_t thread;

	sigaction(SIGUSR1, &act, NULL);
	exported = export(1);
	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT(wait_for(exported, 120), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &b);
	EXPECT((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 119, 1);
	pthread_create(&thread, NULL, close_it, NULL);
	EXPECT(wait_for(exported, UINT32_MAX), 0);
	EXPECT(signals, 1);
	pthread_join(thread, NULL);
}

static _Atomic int first_to_wait;
static long first_found;

static void *wait_first(void *unused)
{
	first_to_wait = gettid();
	first_found = wait_for(exported, 300);
	return unused;
}

/* Of two who wait the last to come is told. */
static void two_waiting(void)
{
	const struct timespec a_while = {.tv_nsec = 1000000};
	pthread_t first, closer;

	exported = export(1);
	pthread_create(&first, NULL, wait_first, NULL);
	while (!first_to_wait)
		nanosleep(&a_while, NULL);
	until_it_waits(first_to_wait);
	pthread_create(&closer, NULL, close_it, NULL);
	EXPECT(wait_for(exported, UINT32_MAX), 0);
	pthread_join(closer, NULL);
	pthread_join(first, NULL);
	EXPECT(first_found, -ETIMEDOUT);
}

/* The program that exec starts has it if it is not closed on exec, and the gntdev file with it. */
static void executing(const char *self)
{
	char number[16];
	int fd = export(2), status;
	pid_t child;

	fcntl(fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	pages[0] = 40;
	child = fork();
	if (child == 0) {
		execl(self, self, "executed", number, (char *)NULL);
		_exit(99);
	}
	waitpid(child, &status, 0);
	EXPECT(WEXITSTATUS(status), 0);
	EXPECT(pages[0], 41);
	close(fd);
	EXPECT(wait_for(fd, 0), -ENOENT);
}

static int executed(const char *number)
{
	unsigned char *m = map(atoi(number), 2 * PAGE);

	if (m == MAP_FAILED || m[0] != 40)
		return 1;
	m[0]++;
	return 0;
}

static void as_linux(void)
{
	uint32_t first;
	int fd = export(2);

	EXPECT(fd >= 0, 1);
	EXPECT(map(fd, PAGE) == MAP_FAILED ? errno : 0, EINVAL);
	EXPECT(import(dev, fd, 2, &first), 0);
	EXPECT(release(dev, fd), 0);
	EXPECT(error(ioctl(dev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2, 1)), -ENOTTY);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc > 2 && strcmp(what, "executed") == 0)
		return executed(argv[2]);
	/* Who has one is traced at polls, too: such is a wait for a release. */
	if (strcmp(what, "all") == 0)
		EXPECT(open("/dev/xen/evtchn", O_RDWR) >= 0, 1);
	grant();
	if (strcmp(what, "absent") == 0) {
		int fd = export(2);

		printf("%s\n", fd < 0 ? strerror(-fd) : "exported");
		return fd == -ENOTTY ? 0 : 1;
	}
	if (strcmp(what, "refused") == 0) {
		EXPECT(export(2), -EINVAL);
		EXPECT(wait_for(99, 1000), -ENOENT);
		return bad;
	}
	if (strcmp(what, "linux") == 0) {
		if (argc > 2 && strcmp(argv[2], "real") == 0)
			waits_in = SYS_ioctl;
		as_linux();
		descriptor();
		errors();
		unwritable();
		can_map = false;
		passing();
		waiting();
		two_waiting();
		return bad;
	}
	descriptor();
	memory();
	errors();
	unwritable();
	passing();
	waiting();
	two_waiting();
	executing(argv[0]);
	return bad;
}
