/* SPDX-License-Identifier: MIT */
/* The library's own pages. They lie in its image: a program that takes away a whole range which it reserved once,
 * holes and all, takes none of them with it. */
#include "connection.h"

#include "wire_bell.h"
#include "wire_reads.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096u
/* linux/mman.h; older kernels take the address for a hint */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define WHOLE(type) ((sizeof(type) + PAGE - 1) / PAGE * PAGE)

static struct {
	alignas(PAGE) unsigned char same[PAGE];
	unsigned char bell[WHOLE(struct wire_bell)], reads[WHOLE(struct wire_reads)];
} room;

static const struct {
	unsigned char *at;
	size_t size;
} places[] = {
    [LIB_PAGE_SAME] = {room.same, sizeof(room.same)},
    [LIB_PAGE_BELL] = {room.bell, sizeof(room.bell)},
    [LIB_PAGE_READS] = {room.reads, sizeof(room.reads)},
};

/* Has been mapped there, by this process or one that it is a child of; of whom the place is a hole then, which the
 * kernel may have given away. */
static bool taken[sizeof(places) / sizeof(*places)];

static long map(enum lib_page which, int flags, int fd)
{
	return raw_mmap((uintptr_t)places[which].at, places[which].size, PROT_READ | PROT_WRITE,
			flags, fd, 0);
}

static long map_somewhere(size_t size, int fd)
{
	return raw_mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void give_back(enum lib_page which, long p)
{
	if (p != (long)(uintptr_t)places[which].at || taken[which])
		raw_munmap((void *)p, places[which].size);
	else
		map(which, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
}

void *lib_map_alone(enum lib_page which, int fd)
{
	size_t size = places[which].size;
	long p = map(which, MAP_SHARED | (taken[which] ? MAP_FIXED_NOREPLACE : MAP_FIXED), fd);

	if (raw_is_error(p))
		p = map_somewhere(size, fd);
	if (raw_is_error(p))
		return NULL;
	if (raw_syscall(SYS_madvise, p, (long)size, MADV_DONTFORK, 0, 0, 0) < 0) {
		give_back(which, p);
		return NULL;
	}
	taken[which] = true;
	lib_own_memory((uintptr_t)p, size);
	return (void *)p;
}

void *lib_map_cleared(void)
{
	long p = map(LIB_PAGE_SAME, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);

	if (raw_is_error(p) || raw_syscall(SYS_madvise, p, PAGE, MADV_WIPEONFORK, 0, 0, 0) < 0)
		return NULL;
	lib_own_memory((uintptr_t)p, PAGE);
	return (void *)p;
}
