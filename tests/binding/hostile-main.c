/* SPDX-License-Identifier: MIT */
/*
 * The binding where the kernel or the C library fail: the linker puts these before the real
 * functions. Runs in one domain, 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int mmap_error;
static long mmap_failures, allocations_left = -1;

void *__real_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd, off_t offset);
/* What the next call of each says, if it is not 0. */
static int munmap_error, ioctl_error, open_error, write_error;
/* What happens before and after the next read, once. */
static void (*before_read)(void), (*after_read)(void);
/* What the next one gets less. */
static size_t read_short;

int __real_munmap(void *at, size_t length);
int __wrap_munmap(void *at, size_t length);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __wrap___open64_2(const char *path, int flags);
ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_write(int fd, const void *from, size_t size);
ssize_t __wrap_write(int fd, const void *from, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset)
{
	if (fd >= 0 && mmap_failures > 0) {
		mmap_failures--;
		errno = mmap_error;
		return MAP_FAILED;
	}
	return __real_mmap(at, length, prot, flags, fd, offset);
}

/* The same under its other name, which _FILE_OFFSET_BITS=64 gives it. */
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd, off_t offset)
{
	return __wrap_mmap(at, length, prot, flags, fd, offset);
}

static int fails(int *error)
{
	if (!*error)
		return 0;
	errno = *error;
	*error = 0;
	return 1;
}

int __wrap_munmap(void *at, size_t length)
{
	return fails(&munmap_error) ? -1 : __real_munmap(at, length);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	return fails(&ioctl_error) ? -1 : __real_ioctl(fd, request, arg);
}

/* The binding makes no file. */
int __wrap_open(const char *path, int flags, ...)
{
	return fails(&open_error) ? -1 : __real_open(path, flags);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

/* What _FORTIFY_SOURCE makes of them. */
int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

int __wrap___open64_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

static void happen(void (**what)(void))
{
	void (*now)(void) = *what;

	*what = NULL;
	if (now)
		now();
}

/* These two are cancellation points, whatever a preloaded library makes of them. */
ssize_t __wrap_read(int fd, void *to, size_t size)
{
	ssize_t n;

	pthread_testcancel();
	happen(&before_read);
	n = __real_read(fd, to, size);
	happen(&after_read);
	if (n > (ssize_t)read_short)
		n -= (ssize_t)read_short;
	read_short = 0;
	return n;
}

ssize_t __wrap_write(int fd, const void *from, size_t size)
{
	pthread_testcancel();
	return fails(&write_error) ? -1 : __real_write(fd, from, size);
}

static int may_allocate(void)
{
	if (allocations_left < 0)
		return 1;
	if (allocations_left-- > 0)
		return 1;
	allocations_left = 0;
	errno = ENOMEM;
	return 0;
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return may_allocate() ? __real_reallocarray(p, n, size) : NULL;
}

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #what,       \
				errno);                                                            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* First of all, as the table is empty only then: everything made when the nth allocation and all
 * after it fail; what fails says ENOMEM, and nothing is left of it. */
static void every_allocation_fails(void)
{
	struct gnttab_copy piece = {.from = "x", .length = 1};
	int made = 0;

	for (long n = 0; !made; n++) {
		struct gntshr *shr = NULL;
		struct gnttab *tab = NULL;
		struct evtchn *events = NULL;
		struct gntshr_share *s = NULL;
		struct gnttab_mapping *m = NULL;

		CHECK(n < 50);
		allocations_left = n;
		made = (shr = gntshr_open()) && (tab = gnttab_open()) && (events = evtchn_open()) &&
		       (s = gntshr_share(shr, 0, 2, true)) &&
		       (m = gnttab_map(tab, 0, gntshr_ref(s, 1), true));
		if (made) {
			piece.to_grant.ref = gntshr_ref(s, 0);
			made = gnttab_copy(tab, &piece, 1) == 0;
		}
		CHECK(made || errno == ENOMEM);
		allocations_left = -1;
		CHECK(!tab || gnttab_close(tab) == 0);
		CHECK(!shr || gntshr_close(shr) == 0);
		CHECK(!events || evtchn_close(events) == 0);
	}
}

/* A place in the table for each of very many handles; what has none is given back. */
static void many_handles(void)
{
	struct gntshr *shr = gntshr_open();
	struct gntshr_share *s[600];
	int refused = 0;

	for (int i = 0; i < 600; i++) {
		/* The region and the call's argument: not the table's own. */
		allocations_left = 2;
		s[i] = gntshr_share(shr, 0, 1, true);
		allocations_left = -1;
		if (!s[i]) {
			CHECK(errno == ENOMEM);
			refused++;
			CHECK((s[i] = gntshr_share(shr, 0, 1, true)));
		}
	}
	CHECK(refused == 6);
	CHECK(!gntshr_share(shr, 0, 1024 - 600 + 1, true) && errno == ENOSPC);
	CHECK(gntshr_share(shr, 0, 1024 - 600, true));
	for (int i = 0; i < 600; i++) {
		allocations_left = 0;
		CHECK(gntshr_unshare(s[i]) == 0);
		allocations_left = -1;
	}
	CHECK(gntshr_close(shr) == 0);
}

static void mmap_again(void)
{
	struct gntshr *shr = gntshr_open();
	struct gnttab *tab = gnttab_open();
	struct gntshr_share *s = gntshr_share(shr, 0, 1, true);
	struct gnttab_mapping *m;
	double start;

	CHECK(s);
	/* A few times: not seen. */
	mmap_error = EAGAIN;
	mmap_failures = 5;
	CHECK((m = gnttab_map(tab, 0, gntshr_ref(s, 0), true)));
	CHECK(mmap_failures == 0);
	CHECK(gnttab_unmap(m) == 0);
	/* For ever: a second. */
	mmap_failures = 1000000;
	start = seconds();
	CHECK(!gnttab_map(tab, 0, gntshr_ref(s, 0), true) && errno == EAGAIN);
	CHECK(seconds() - start >= 1 && seconds() - start < 5);
	mmap_failures = 1000000;
	CHECK(!gntshr_share(shr, 0, 1, true) && errno == EAGAIN);
	/* Other errors: at once, and the pages are given back. */
	mmap_error = ENOMEM;
	mmap_failures = 1;
	CHECK(!gntshr_share(shr, 0, 1024 - 1, true) && errno == ENOMEM);
	mmap_failures = 0;
	CHECK(gntshr_share(shr, 0, 1024 - 1, true));
	CHECK(gntshr_close(shr) == 0);
	CHECK(gnttab_close(tab) == 0);
}

/* What a kernel says that is not like this one comes through as it is. */
static void other_errors(void)
{
	static const int opening[] = {ENOENT, ENODEV, ENXIO, EACCES, EPERM, ENFILE, ENOMEM};
	static const int binding[] = {ENOSPC, ENOMEM};
	struct gntshr *shr = gntshr_open();
	struct gnttab *tab = gnttab_open();
	struct evtchn *e = evtchn_open();
	uint32_t port;

	for (size_t i = 0; i < sizeof(opening) / sizeof(opening[0]); i++) {
		open_error = opening[i];
		CHECK(!gnttab_open() && errno == opening[i]);
		open_error = opening[i];
		CHECK(!gntshr_open() && errno == opening[i]);
		open_error = opening[i];
		CHECK(!evtchn_open() && errno == opening[i]);
	}
	for (size_t i = 0; i < sizeof(binding) / sizeof(binding[0]); i++) {
		ioctl_error = binding[i];
		CHECK(evtchn_bind_unbound(e, 0, &port) == -binding[i]);
		ioctl_error = binding[i];
		CHECK(evtchn_bind_interdomain(e, 0, 1, &port) == -binding[i]);
		ioctl_error = binding[i];
		CHECK(!gntshr_share(shr, 0, 1, true) && errno == binding[i]);
	}
	/* Before Linux 4.20; since then ENOTTY, which is a success. */
	ioctl_error = EINVAL;
	CHECK(gnttab_set_max_grants(tab, 10) == -EINVAL);
	ioctl_error = ENOMEM;
	CHECK(gnttab_set_max_grants(tab, 10) == -ENOMEM);
	ioctl_error = ENOMEM;
	CHECK(!gnttab_map(tab, 0, 8, true) && errno == ENOMEM);
	CHECK(gntshr_close(shr) == 0 && gnttab_close(tab) == 0 && evtchn_close(e) == 0);
}

static int count_gnttab(struct gnttab *g, void *calls)
{
	return g ? ++*(int *)calls : 0;
}

static int count_gntshr(struct gntshr *g, void *calls)
{
	return g ? ++*(int *)calls : 0;
}

static int count_evtchn(struct evtchn *e, void *calls)
{
	return e ? ++*(int *)calls : 0;
}

/* A scoped call that can't open does not call. */
static void scoped_calls(void)
{
	int calls = 0;

	open_error = EACCES;
	CHECK(gnttab_with(count_gnttab, &calls) == -EACCES && errno == EACCES && !calls);
	open_error = ENODEV;
	CHECK(gntshr_with(count_gntshr, &calls) == -ENODEV && errno == ENODEV && !calls);
	open_error = EMFILE;
	CHECK(evtchn_with(count_evtchn, &calls) == -EMFILE && errno == EMFILE && !calls);
	CHECK(gnttab_with(count_gnttab, &calls) == 1 && gntshr_with(count_gntshr, &calls) == 2 &&
	      evtchn_with(count_evtchn, &calls) == 3);
}

/* What could not be unmapped is still there, and can be unmapped later. */
static void munmap_again(void)
{
	struct gntshr *shr = gntshr_open();
	struct gnttab *tab = gnttab_open();
	struct gntshr_share *s = gntshr_share(shr, 0, 1, true);
	struct gnttab_mapping *m = gnttab_map(tab, 0, gntshr_ref(s, 0), true);

	CHECK(s && m);
	munmap_error = ENOMEM;
	CHECK(gnttab_unmap(m) == -ENOMEM);
	munmap_error = ENOMEM;
	CHECK(gntshr_unshare(s) == -ENOMEM);
	*(char *)gnttab_bytes(m) = 7;
	CHECK(*(char *)gntshr_bytes(s) == 7);
	CHECK(gnttab_unmap(m) == 0 && gntshr_unshare(s) == 0);
	CHECK(gntshr_close(shr) == 0 && gnttab_close(tab) == 0);
}

/* Nor by the close: it stays usable, keeps the device open, and can be unmapped. */
static void munmap_after_close(void)
{
	struct gntshr *shr = gntshr_open();
	struct gnttab *tab = gnttab_open();
	int fd = dup(1);
	struct gntshr_share *s = gntshr_share(shr, 0, 1, true);
	struct gnttab_mapping *m = gnttab_map(tab, 0, gntshr_ref(s, 0), true);

	CHECK(s && m && fd >= 0);
	munmap_error = EINVAL;
	CHECK(gnttab_close(tab) == 0 && munmap_error == 0);
	CHECK(gnttab_close(tab) == -EBADF);
	*(char *)gntshr_bytes(s) = 9;
	CHECK(*(char *)gnttab_bytes(m) == 9);
	/* The device's, just below. */
	CHECK(fcntl(fd - 1, F_GETFD) >= 0);
	CHECK(gnttab_unmap(m) == 0);
	CHECK(fcntl(fd - 1, F_GETFD) < 0);
	CHECK(close(fd) == 0 && gntshr_close(shr) == 0);
}

static uint32_t giver, taker;

/* With an event on the taker's port. */
static struct evtchn *notified(void)
{
	struct evtchn *e = evtchn_open();
	uint32_t got;

	CHECK(evtchn_bind_unbound(e, 0, &taker) == 0);
	CHECK(evtchn_bind_interdomain(e, 0, taker, &giver) == 0);
	/* The binder's first one. */
	CHECK(evtchn_wait(e, 5000, &got) == 0 && got == giver);
	CHECK(evtchn_notify(e, giver) == 0);
	return e;
}

static void cancel_self(void)
{
	pthread_cancel(pthread_self());
}

static void *wait_and_end(void *e)
{
	uint32_t port;

	/* When the event is out of the device. */
	after_read = cancel_self;
	CHECK(evtchn_wait(e, 5000, &port) == 0 && port == taker);
	pthread_testcancel();
	return NULL;
}

/* A thread that has an event is not cancelled before it gives it to its caller, and enabled its port. */
static void event_of_a_cancelled_thread(void)
{
	struct evtchn *e = notified();
	uint32_t port;
	void *result;
	pthread_t t;

	CHECK(pthread_create(&t, NULL, wait_and_end, e) == 0);
	CHECK(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(evtchn_notify(e, giver) == 0);
	CHECK(evtchn_wait(e, 5000, &port) == 0 && port == taker);
	CHECK(evtchn_close(e) == 0);
}

static void events_that_fail(void)
{
	struct evtchn *e = notified();
	uint32_t port = 99;

	read_short = 1;
	CHECK(evtchn_wait(e, 5000, &port) == -EIO && errno == EIO && port == 99);
	write_error = EIO;
	CHECK(evtchn_enable(e, taker) == -EIO && errno == EIO);
	CHECK(evtchn_enable(e, taker) == 0);
	CHECK(evtchn_notify(e, giver) == 0);
	write_error = ENOMEM;
	CHECK(evtchn_wait(e, 5000, &port) == -ENOMEM && errno == ENOMEM && port == 99);
	CHECK(evtchn_close(e) == 0);
}

static struct evtchn *drained;

static void close_drained(void)
{
	CHECK(evtchn_close(drained) == 0);
}

/* What a child's close wakes goes on waiting, unless the parent closes just then: that is not missed,
 * nor kept from the next who waits. */
static void close_while_another_drains(void)
{
	struct pollfd next = {.events = POLLIN};
	uint32_t port;
	int status;
	pid_t pid;

	drained = evtchn_open();
	CHECK(drained);
	/* The one that wakes was opened after the device. */
	next.fd = dup(evtchn_fd(drained) + 1);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		exit(evtchn_close(drained) ? 1 : 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(poll(&next, 1, 0) == 1);
	CHECK(evtchn_wait(drained, 10, &port) == -ETIMEDOUT);
	CHECK(poll(&next, 1, 0) == 0);

	CHECK(eventfd_write(next.fd, 1) == 0);
	before_read = close_drained;
	CHECK(evtchn_wait(drained, 5000, &port) == -EBADF && errno == EBADF);
	CHECK(!before_read && poll(&next, 1, 0) == 1);
	CHECK(close(next.fd) == 0);
}

static void no_descriptors(void)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
	int n = 0, fd[100];
	struct evtchn *e;

	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while (n < 100 && (fd[n] = dup(1)) >= 0)
		n++;
	CHECK(errno == EMFILE);
	CHECK(!gnttab_open() && errno == EMFILE);
	CHECK(!evtchn_open() && errno == EMFILE);
	close(fd[--n]);
	/* Enough for the device, not for what evtchn_close() wakes with. */
	CHECK(!evtchn_open() && errno == EMFILE);
	while (n > 0)
		close(fd[--n]);
	CHECK((e = evtchn_open()));
	CHECK(evtchn_close(e) == 0);
}

int main(void)
{
	every_allocation_fails();
	many_handles();
	mmap_again();
	munmap_again();
	munmap_after_close();
	other_errors();
	scoped_calls();
	event_of_a_cancelled_thread();
	events_that_fail();
	close_while_another_drains();
	no_descriptors();
	puts("ok");
	return 0;
}
