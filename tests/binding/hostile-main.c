/* SPDX-License-Identifier: MIT */
/*
 * The binding where the kernel or the C library fail: the linker puts these mmap, malloc, calloc
 * and reallocarray before the real ones. Runs in one domain, 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int mmap_error;
static long mmap_failures, allocations_left = -1;

void *__real_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd, off_t offset);
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

/* A place in the table for each of very many handles. */
static void many_handles(void)
{
	struct gntshr *shr = gntshr_open();
	struct gntshr_share *s[600];

	for (int i = 0; i < 600; i++)
		CHECK((s[i] = gntshr_share(shr, 0, 1, true)));
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
	/* Other errors: at once, and the pages are given back. */
	mmap_error = ENOMEM;
	mmap_failures = 1;
	CHECK(!gntshr_share(shr, 0, 1024 - 1, true) && errno == ENOMEM);
	mmap_failures = 0;
	CHECK(gntshr_share(shr, 0, 1024 - 1, true));
	CHECK(gntshr_close(shr) == 0);
	CHECK(gnttab_close(tab) == 0);
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
	no_descriptors();
	puts("ok");
	return 0;
}
