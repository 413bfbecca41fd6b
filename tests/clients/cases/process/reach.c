/* SPDX-License-Identifier: MIT */
/*
 * Memory that was not granted to a process cannot be had through the devices: not at other
 * offsets of any descriptor the process holds, not by widening or shifting a mapping.
 */
#include "check.h"
#include "device.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECRETS = 16,
};

/* Made at run time: the program's own file is not to have it. */
static char secret[32];

static void search(const void *where, size_t len, const char *how, int fd)
{
	CHECK(!memmem(where, len, secret, sizeof(secret)), "the secret is to be seen by %s (fd %d)",
	      how, fd);
}

/* Everything that can be mapped or read of the descriptors the process has. */
static void by_descriptors(void)
{
	static char buf[1 << 16];
	DIR *dir = opendir("/proc/self/fd");

	CHECK(dir, "opendir");
	for (struct dirent *e; (e = readdir(dir));) {
		int fd = atoi(e->d_name);
		struct stat st;
		void *p;

		if (e->d_name[0] == '.' || fd < 3 || fd == dirfd(dir) || fd == stage_socket())
			continue;
		for (long offset = 0; offset < 256 * (long)PAGE; offset += (long)PAGE) {
			p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, offset);
			if (p == MAP_FAILED)
				continue;
			if (!fstat(fd, &st) && st.st_size && offset >= st.st_size) {
				munmap(p, PAGE);
				break;
			}
			if (!load(HERE, (long)p, buf, PAGE / 2))
				search(buf, PAGE, "mmap", fd);
			munmap(p, PAGE);
		}
		for (long offset = 0; pread(fd, buf, sizeof(buf), offset) > 0 && offset < 1 << 24;
		     offset += (long)sizeof(buf))
			search(buf, sizeof(buf), "pread", fd);
	}
	closedir(dir);
}

static void by_widening(const struct mapped_page *map)
{
	long reserve = call_mmap(HERE, 0, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[sizeof(secret)];

	for (size_t pages = 2; pages <= 64; pages *= 2) {
		CHECK(call_mremap(HERE, map->addr, PAGE, pages * PAGE, MREMAP_MAYMOVE, 0) < 0,
		      "%zu pages", pages);
		CHECK(call_mremap(HERE, map->addr, PAGE, pages * PAGE,
				  MREMAP_MAYMOVE | MREMAP_FIXED, reserve) < 0,
		      "%zu pages", pages);
		/* An old length of 0 duplicates a shared mapping. */
		CHECK(call_mremap(HERE, map->addr, 0, pages * PAGE, MREMAP_MAYMOVE, 0) < 0,
		      "%zu pages", pages);
	}
	for (size_t offset = 0; offset < 64; offset++) {
		if (remap_file_pages((void *)map->addr, PAGE, 0, offset, 0))
			continue;
		if (!load(HERE, map->addr, buf, sizeof(buf)))
			search(buf, sizeof(buf), "remap_file_pages", map->fd);
	}
}

void test(void)
{
	struct peer *peer = peer_start(them()), *accomplice = peer_start(third());
	struct shared_page ours, theirs;
	struct mapped_page map;

	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (char)((unsigned)getpid() + i * 37);
	for (int i = 0; i < SECRETS; i++) {
		theirs = share_page(peer, third(), true);
		CHECK_IS(store(peer, theirs.addr, secret, sizeof(secret)), 0);
	}
	theirs = share_page(peer, us(), true);
	for (int i = 0; i < SECRETS; i++) {
		ours = share_page(peer, third(), true);
		CHECK_IS(store(peer, ours.addr, secret, sizeof(secret)), 0);
	}
	map_page(accomplice, them(), ours.ref, PROT_READ);
	ours = share_page(HERE, them(), true);
	map = map_page(HERE, them(), theirs.ref, PROT_READ | PROT_WRITE);
	by_descriptors();
	CHECK_IS(load_byte(HERE, map.addr), 0);
	by_widening(&map);
}
