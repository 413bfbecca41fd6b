/* SPDX-License-Identifier: MIT */
/* Device files that the kernel serves, by FUSE or CUSE. Their calls need no help but mmap: the file
 * is asked who it is, and its memory mapped as the socket front does. */
#include "library.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NOT_ASKED, NOT_NATIVE, FUSE, CUSE };

static int kind(void)
{
	static _Atomic int known;
	int k = atomic_load_explicit(&known, memory_order_acquire);

	if (k == NOT_ASKED && environ) {
		const char *name = getenv("GNTSIM_NATIVE");

		k = !name ? NOT_NATIVE : strcmp(name, "cuse") == 0 ? CUSE : FUSE;
		atomic_store_explicit(&known, k, memory_order_release);
	}
	return k;
}

bool lib_native(void)
{
	return lib_active() && kind() > NOT_NATIVE;
}

/* Only what looks like one of ours is asked: a file may come from another domain's tree, so its
 * file system says nothing; but hardly anybody maps an empty file that all may write. */
bool lib_looks_native(const struct stat *st)
{
	return (kind() == CUSE ? S_ISCHR(st->st_mode)
			       : S_ISREG(st->st_mode) && (st->st_mode & 0777) == 0666) &&
	       (st->st_size == 0 || st->st_size == WIRE_EVTCHN_BYTES);
}

static bool may_be_native(int fd)
{
	struct stat st;
	long r = fd >= 0 && lib_may(SYS_fstat) ? raw_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0)
					       : -EBADF;

	/* A sandbox forbids to ask that: the file itself is asked at once. */
	if (lib_forbidden(SYS_fstat, r) || !lib_may(SYS_fstat))
		return fd >= 0;
	return r == 0 && lib_looks_native(&st);
}

static bool identify(int fd, struct wire_file *f)
{
	return raw_syscall(SYS_ioctl, fd, WIRE_IOC_IDENTIFY, (long)f, 0, 0, 0) == 0;
}

bool lib_is_native(int fd, const struct stat *st, struct device *out)
{
	struct wire_file f;

	if (!lib_native() || !lib_looks_native(st) || !lib_may(SYS_ioctl) || !identify(fd, &f))
		return false;
	*out = (struct device){.device = f.device, .flags = f.flags, .minor = f.minor};
	return true;
}

bool lib_mappable(int fd, struct device *out)
{
	struct wire_file f;
	sigset_t saved;
	bool known;

	if (lib_device(fd, out))
		return true;
	if (!lib_may(SYS_getsockopt) && lib_noted(fd, out))
		return true;
	/* What was opened under a sandbox was not noted, and is asked all the same. */
	if (!lib_native() || !lib_may(SYS_ioctl) || !may_be_native(fd) || !identify(fd, &f))
		return false;
	lib_enter(&saved);
	known = lib_claim(f.cookie, out);
	lib_leave(&saved);
	return known;
}
