/* SPDX-License-Identifier: MIT */
/*
 * place: tries what a program sees of a Xen domain's place: the nodes as files, /dev/xen as a directory,
 * /proc/xen and /sys. A line for each thing that is not as on Linux 6.1; status 1 then.
 * usage: place nodes | texts DOMAIN | limits | limit N | maps
 *   nodes    what is in /dev/xen, by every way to ask; by path, by directory, by descriptor
 *   texts    /proc/xen and /sys in a domain
 *   limits   parameters are written, and what is none is refused
 *   limit N  how many of 8 pages gntalloc gives, one a call: N
 *   maps     /proc/self/maps names the device of a mapping
 */
#include "../../fakedev/uapi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MISC_MAJOR 10

static int failed;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("line %d: %s (%s)\n", __LINE__, #condition, strerror(errno));       \
			failed = 1;                                                                \
		}                                                                                  \
	} while (0)

static const char *const names[] = {"evtchn",    "gntalloc", "gntdev",
				    "hypercall", "privcmd",  "xenbus"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* It has no map to unmap. */
static bool is_gntdev(int fd)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = {.count = 1};

	return fd >= 0 && ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) && errno == ENOENT;
}

static bool is_node(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && (st->st_mode & 07777) == 0600 && st->st_size == 0 &&
	       major(st->st_rdev) == MISC_MAJOR && minor(st->st_rdev) != 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_rdev == b->st_rdev && a->st_size == b->st_size &&
	       a->st_ino == b->st_ino && a->st_uid == b->st_uid;
}

static bool same_extended(const struct statx *x, const struct stat *st)
{
	return x->stx_mode == st->st_mode && x->stx_rdev_major == major(st->st_rdev) &&
	       x->stx_rdev_minor == minor(st->st_rdev) && x->stx_size == (uint64_t)st->st_size;
}

/* As in domain 0 of the lab: Linux 6.1 on Xen 4.17. */
static unsigned int minor_of(const char *name)
{
	static const unsigned int minors[N_NAMES] = {120, 119, 118, 121, 122, 125};

	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return minors[i];
	return 0;
}

static void each_way(const char *name, int dir)
{
	char path[64], real[PATH_MAX], link[8];
	struct stat st, other;
	struct statx x;
	int fd;

	snprintf(path, sizeof(path), "/dev/xen/%s", name);
	CHECK(stat(path, &st) == 0 && is_node(&st));
	CHECK(minor(st.st_rdev) == minor_of(name));
	CHECK(lstat(path, &other) == 0 && same(&st, &other));
	CHECK(fstatat(AT_FDCWD, path, &other, 0) == 0 && same(&st, &other));
	CHECK(fstatat(dir, name, &other, AT_SYMLINK_NOFOLLOW) == 0 && same(&st, &other));
	CHECK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &x) == 0 && same_extended(&x, &st));
	CHECK(statx(dir, name, 0, STATX_BASIC_STATS, &x) == 0 && same_extended(&x, &st));
	CHECK(access(path, R_OK | W_OK) == 0);
	CHECK(faccessat(dir, name, R_OK | W_OK, 0) == 0);
	CHECK(access(path, X_OK) == -1 && errno == EACCES);
	CHECK(realpath(path, real) && strcmp(real, path) == 0);
	CHECK(readlink(path, link, sizeof(link)) == -1 && errno == EINVAL);
	CHECK(chmod(path, 0600) == 0 || errno == EPERM);
	CHECK(rename(path, "/dev/xen/other") == -1 && errno == EPERM);
	CHECK(renameat(dir, name, dir, "other") == -1 && errno == EPERM);
	CHECK(renameat2(AT_FDCWD, path, dir, strcmp(name, "evtchn") == 0 ? "gntdev" : "evtchn",
			RENAME_EXCHANGE) == -1 &&
	      errno == EPERM);
	CHECK(unlink(path) == -1 && errno == EPERM);
	CHECK(unlinkat(dir, name, 0) == -1 && errno == EPERM);
	fd = open(path, O_PATH);
	CHECK(fd >= 0 && fstat(fd, &other) == 0 && same(&st, &other));
	CHECK(fd >= 0 && fstatat(fd, "", &other, AT_EMPTY_PATH) == 0 && same(&st, &other));
	CHECK(fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) == 0 &&
	      same_extended(&x, &st));
	CHECK(fd >= 0 && read(fd, link, 1) == -1 && errno == EBADF);
	CHECK(close(fd) == 0);
	CHECK(open(path, O_RDWR | O_DIRECTORY) == -1 && errno == ENOTDIR);
	CHECK(open(path, O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those that a domain has, and nothing else. */
static void listed(DIR *d)
{
	char *found[32];
	size_t n = 0, at = 0;

	CHECK(d != NULL);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		/* (Not every file system can hold a character device that nobody has.) */
		CHECK(e->d_type == DT_CHR || e->d_type == DT_REG);
		CHECK(n < 32);
		found[n++] = strdup(e->d_name);
	}
	qsort(found, n, sizeof(*found), compare);
	for (size_t i = 0; i < N_NAMES; i++) {
		while (at < n && strcmp(found[at], names[i]) < 0)
			at++;
		CHECK(at < n && strcmp(found[at], names[i]) == 0);
	}
	for (size_t i = 0; i < n; i++)
		free(found[i]);
	if (d)
		closedir(d);
}

static void by_descriptor(int dir)
{
	char path[64], where[PATH_MAX];
	struct stat st, other;
	int fd, another;

	fd = openat(dir, "gntdev", O_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(stat("/dev/xen/gntdev", &st) == 0 && stat(path, &other) == 0 && same(&st, &other));
	another = open(path, O_RDWR);
	CHECK(is_gntdev(another));
	CHECK(fstat(another, &other) == 0 && same(&st, &other));
	close(fd);
	close(another);
	fd = openat(dir, "gntdev", O_RDWR);
	CHECK(is_gntdev(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	another = open(path, O_RDWR);
	CHECK(is_gntdev(another));
	CHECK(stat(path, &other) == 0 && same(&st, &other));
	close(another);
	close(fd);
	fd = open("/dev", O_RDONLY | O_DIRECTORY);
	another = openat(fd, "xen/gntdev", O_RDWR);
	CHECK(is_gntdev(another));
	close(another);
	close(fd);
	CHECK(chdir("/dev/xen") == 0 && getcwd(where, sizeof(where)) &&
	      strcmp(where, "/dev/xen") == 0);
	fd = open("gntdev", O_RDWR);
	CHECK(is_gntdev(fd));
	close(fd);
	CHECK(stat("gntdev", &other) == 0 && same(&st, &other));
	CHECK(chdir("/") == 0);
	CHECK(open("/dev/xen", O_RDWR) == -1 && errno == EISDIR);
	CHECK(open("/dev/xen/gntdev/x", O_RDWR) == -1 && errno == ENOTDIR);
	CHECK(open("/dev/xen/nothing", O_RDWR) == -1 && errno == ENOENT);
}

static void nodes(void)
{
	struct stat st, other;
	int dir = open("/dev/xen", O_RDONLY | O_DIRECTORY);
	struct dirent **list;

	CHECK(dir >= 0);
	CHECK(stat("/dev/xen", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(fstat(dir, &other) == 0 && S_ISDIR(other.st_mode) && other.st_ino == st.st_ino);
	for (size_t i = 0; i < N_NAMES; i++)
		each_way(names[i], dir);
	listed(opendir("/dev/xen"));
	listed(fdopendir(dup(dir)));
	CHECK(scandir("/dev/xen", &list, NULL, NULL) >= (int)N_NAMES + 2);
	by_descriptor(dir);
}

static const char *text(const char *path)
{
	static char room[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, room, sizeof(room) - 1);

	CHECK(n >= 0);
	room[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	return room;
}

static void says(const char *path, const char *what)
{
	struct stat st;
	FILE *f;
	char line[64] = "";

	CHECK(strcmp(text(path), what) == 0);
	CHECK(stat(path, &st) == 0 && S_ISREG(st.st_mode));
	f = fopen(path, "r");
	CHECK(f != NULL);
	if (!f)
		return;
	CHECK((fgets(line, sizeof(line), f) ? strcmp(line, what) : *what) == 0);
	fclose(f);
}

static void texts(uint32_t domid)
{
	char uuid[64];
	struct stat st;
	struct dirent **list;

	says("/proc/xen/capabilities", domid == 0 ? "control_d\n" : "");
	CHECK((access("/proc/xen/xsd_port", R_OK) == 0) == (domid == 0));
	CHECK((stat("/proc/xen/xsd_kva", &st) == 0) == (domid == 0));
	CHECK((stat("/dev/xen/xenbus_backend", &st) == 0) == (domid == 0));
	CHECK(domid == 0 || (open("/proc/xen/xsd_kva", O_RDWR) == -1 && errno == ENOENT));
	CHECK(scandir("/proc/xen", &list, NULL, NULL) == 2 + (domid == 0 ? 5 : 3));
	says("/sys/hypervisor/type", "xen\n");
	snprintf(uuid, sizeof(uuid), "00000000-0000-0000-0000-%012x\n", domid);
	says("/sys/hypervisor/uuid", uuid);
	says("/sys/hypervisor/version/major", "4\n");
	says("/sys/hypervisor/version/minor", "17\n");
	CHECK(text("/sys/hypervisor/version/extra")[0] == '.');
	says("/sys/hypervisor/guest_type", domid == 0 ? "PV\n" : "PVH\n");
	says("/sys/hypervisor/properties/pagesize", "1000\n");
	CHECK(scandir("/sys/hypervisor", &list, NULL, NULL) == 2 + 6);
	says("/sys/module/xen_gntdev/parameters/limit", "65536\n");
	says("/sys/module/grant_table/parameters/free_per_iteration", "10\n");
	CHECK(stat("/sys/module/xen_gntalloc/parameters/limit", &st) == 0 &&
	      (st.st_mode & 0777) == 0644 && st.st_size == 4096);
	CHECK(open("/sys/hypervisor/type", O_WRONLY) == -1 && errno == EACCES);
	CHECK(open("/sys/hypervisor/type/x", O_RDONLY) == -1 && errno == ENOTDIR);
}

static bool put(const char *path, const char *what, int err)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = write(fd, what, strlen(what));
	int said = errno;

	close(fd);
	return err ? n == -1 && said == err : n == (ssize_t)strlen(what);
}

static void limits(void)
{
	const char *gntdev = "/sys/module/xen_gntdev/parameters/limit";
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	char room[32] = "";
	int fd;

	CHECK(put(gntdev, "0x10\n", 0));
	says(gntdev, "16\n");
	CHECK(put(gntdev, "many", EINVAL));
	CHECK(put(gntdev, "-1", EINVAL));
	CHECK(put(gntdev, "12 ", EINVAL));
	CHECK(put(gntdev, "4294967296", ERANGE));
	says(gntdev, "16\n");
	CHECK(put(gntdev, "0", 0));
	fd = open("/dev/xen/gntdev", O_RDWR);
	CHECK(ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == -1 && errno == EINVAL);
	close(fd);
	fd = open(gntdev, O_RDWR);
	CHECK(read(fd, room, sizeof(room)) == 2 && strcmp(room, "0\n") == 0);
	CHECK(read(fd, room, sizeof(room)) == 0);
	CHECK(write(fd, "65536", 5) == 5);
	close(fd);
	CHECK(put("/sys/module/grant_table/parameters/free_per_iteration", "7\n", 0));
	says("/sys/module/grant_table/parameters/free_per_iteration", "7\n");
}

static int allocated(void)
{
	int n = 0, fd = open("/dev/xen/gntalloc", O_RDWR);

	for (int i = 0; i < 8; i++) {
		struct ioctl_gntalloc_alloc_gref alloc = {.count = 1};

		if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0)
			n++;
		else
			CHECK(errno == ENOSPC);
	}
	return n;
}

/* The line that an address is in. */
static void maps(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.count = 1, .flags = GNTALLOC_FLAG_WRITABLE};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	bool named = false;
	char line[512];
	void *p;

	CHECK(ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)alloc.index);
	CHECK(p != MAP_FAILED);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx rw-s", &start, &end) == 2 && start <= (uintptr_t)p &&
		    end > (uintptr_t)p)
			named = strstr(line, "/dev/xen/gntalloc") != NULL;
	CHECK(named);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "nodes") == 0)
		nodes();
	else if (argc > 2 && strcmp(argv[1], "texts") == 0)
		texts((uint32_t)atoi(argv[2]));
	else if (argc > 1 && strcmp(argv[1], "limits") == 0)
		limits();
	else if (argc > 2 && strcmp(argv[1], "limit") == 0)
		CHECK(allocated() == atoi(argv[2]));
	else if (argc > 1 && strcmp(argv[1], "maps") == 0)
		maps();
	else
		return 2;
	return failed;
}
