/* SPDX-License-Identifier: MIT */
/*
 * A device is opened by any path that leads to it: links to it, to its directory, chains of them,
 * relative ones, a directory's descriptor.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char dir[] = "/tmp/links-XXXXXX";
static const struct {
	const char *name, *target;
} links[] = {
    {"grants", "/dev/xen/gntalloc"},
    {"chain", "grants"},
    {"again", "./chain"},
    {"up", "../../dev//xen/./gntalloc"},
    {"xen", "/dev/xen"},
    {"dev", "/dev"},
    {"loop", "loop"},
    {"nowhere", "/dev/xen/nothing"},
};
#define N_LINKS (sizeof(links) / sizeof(links[0]))

static void allocate(int fd)
{
	CHECK(fd >= 0, "open: %d, errno %d", fd, errno);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, NULL, NULL), 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

/* Valgrind 3.19 does not know it, nor do kernels before 5.6. */
static bool has_openat2(void)
{
	const struct open_how how = {.flags = O_RDONLY};
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	return fd >= 0 && close((int)fd) == 0;
}

static void leads_there(int at, const char *path)
{
	const struct open_how how = {.flags = O_RDWR};
	struct stat by_path, by_fd;
#ifdef STATX_BASIC_STATS /* musl has none */
	struct statx more;
#endif
	FILE *f;
	int fd;

	check_note("%s", path);
	errno = 17;
	fd = openat(at, path, O_RDWR);
	CHECK_IS(errno, 17);
	CHECK(fd >= 0, "openat: %d", fd);
	CHECK_IS(fstat(fd, &by_fd), 0);
	CHECK_IS(fstatat(at, path, &by_path, 0), 0);
	CHECK_IS(errno, 17);
	CHECK_IS(by_path.st_mode, by_fd.st_mode);
	CHECK_IS(by_path.st_rdev, by_fd.st_rdev);
#ifdef STATX_BASIC_STATS
	CHECK_IS(statx(at, path, 0, STATX_BASIC_STATS, &more), 0);
	CHECK_IS(more.stx_mode, by_fd.st_mode);
#endif
	CHECK_IS(faccessat(at, path, R_OK | W_OK, 0), 0);
	allocate(fd);
	if (has_openat2())
		allocate((int)syscall(SYS_openat2, at, path, &how, sizeof(how)));
	if (at != AT_FDCWD)
		return;
	allocate(open(path, O_RDWR));
	CHECK_IS(stat(path, &by_path), 0);
	CHECK_IS(access(path, R_OK), 0);
	f = fopen(path, "r+");
	CHECK(f, "fopen");
	fclose(f);
}

static void at_all(int at, const char *prefix)
{
	static const char *const ways[] = {"grants",
					   "chain",
					   "again",
					   "up",
					   "xen/gntalloc",
					   "dev/xen/gntalloc",
					   "xen/../xen/gntalloc"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", prefix, ways[i]);
		leads_there(at, path);
	}
}

static void not_there(const char *path, int err)
{
	struct stat st;

	check_note("%s", path);
	CHECK_IS(open(path, O_RDWR), -1);
	CHECK_IS(errno, err);
	CHECK_IS(stat(path, &st), -1);
	CHECK_IS(errno, err);
}

void test(void)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	int at;

	CHECK(mkdtemp(dir), "mkdtemp");
	at = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK(at >= 0, "%s", dir);
	for (size_t i = 0; i < N_LINKS; i++)
		CHECK_IS(symlinkat(links[i].target, at, links[i].name), 0);
	snprintf(path, sizeof(path), "%s/", dir);
	at_all(AT_FDCWD, path);
	at_all(at, "");
	CHECK_IS(chdir(dir), 0);
	at_all(AT_FDCWD, "");
	leads_there(AT_FDCWD, "/dev//xen/./gntalloc");
	not_there("loop", ELOOP);
	not_there("nowhere", ENOENT);
	not_there("grants2", ENOENT);
	/* A link is a link. */
	CHECK_IS(readlink("grants", target, sizeof(target)), (int)strlen(links[0].target));
	CHECK_IS(lstat("grants", &st), 0);
	CHECK(S_ISLNK(st.st_mode), "mode %#o", st.st_mode);
	CHECK_IS(readlink("/dev/xen/gntalloc", target, sizeof(target)), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(open("grants", O_RDWR | O_NOFOLLOW), -1);
	CHECK_IS(errno, ELOOP);
	for (size_t i = 0; i < N_LINKS; i++)
		CHECK_IS(unlinkat(at, links[i].name, 0), 0);
	CHECK_IS(rmdir(dir), 0);
}
