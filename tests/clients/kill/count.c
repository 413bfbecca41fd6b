/* SPDX-License-Identifier: MIT */
#include "count.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	MAX_FDS = 64,
	MAX_MAPPINGS = 64,
};

static unsigned calls, last_call;
static bool is_device[MAX_FDS];
static void *mappings[MAX_MAPPINGS];

/* What this file puts in front of the C library's (and the preloaded library's) functions. */
int open(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int close(int fd);
int ioctl(int fd, unsigned long number, ...);
void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int munmap(void *addr, size_t len);
ssize_t read(int fd, void *buf, size_t count);
ssize_t write(int fd, const void *buf, size_t count);

unsigned device_calls(void)
{
	return calls;
}

void die_after(unsigned more)
{
	last_call = more ? calls + more : 0;
}

static void called(void)
{
	if (++calls == last_call)
		raise(SIGKILL);
}

static bool device(int fd)
{
	return fd >= 0 && fd < MAX_FDS && is_device[fd];
}

static int opened(const char *path, int fd)
{
	if (fd >= 0 && fd < MAX_FDS && !strncmp(path, "/dev/xen/", 9)) {
		is_device[fd] = true;
		called();
	}
	return fd;
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) =
	    (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	int mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return opened(path, next(path, flags, mode));
}

int __open_2(const char *path, int flags)
{
	int (*next)(const char *, int) = (int (*)(const char *, int))dlsym(RTLD_NEXT, "__open_2");

	return opened(path, next(path, flags));
}

int close(int fd)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
	int result = next(fd);

	if (device(fd)) {
		is_device[fd] = false;
		called();
	}
	return result;
}

int ioctl(int fd, unsigned long number, ...)
{
	int (*next)(int, unsigned long, ...) =
	    (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	int result;
	va_list ap;

	va_start(ap, number);
	result = next(fd, number, va_arg(ap, void *));
	va_end(ap);
	if (device(fd))
		called();
	return result;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *(*next)(void *, size_t, int, int, int, off_t) =
	    (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	void *result = next(addr, len, prot, flags, fd, offset);

	if (device(fd)) {
		for (unsigned i = 0; i < MAX_MAPPINGS && result != MAP_FAILED; i++)
			if (!mappings[i]) {
				mappings[i] = result;
				break;
			}
		called();
	}
	return result;
}

int munmap(void *addr, size_t len)
{
	int (*next)(void *, size_t) = (int (*)(void *, size_t))dlsym(RTLD_NEXT, "munmap");
	int result = next(addr, len);

	for (unsigned i = 0; i < MAX_MAPPINGS; i++)
		if (mappings[i] == addr) {
			mappings[i] = NULL;
			called();
			break;
		}
	return result;
}

ssize_t read(int fd, void *buf, size_t count)
{
	ssize_t (*next)(int, void *, size_t) =
	    (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	ssize_t result = next(fd, buf, count);

	if (device(fd))
		called();
	return result;
}

ssize_t write(int fd, const void *buf, size_t count)
{
	ssize_t (*next)(int, const void *, size_t) =
	    (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	ssize_t result = next(fd, buf, count);

	if (device(fd))
		called();
	return result;
}
