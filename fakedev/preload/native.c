/* SPDX-License-Identifier: MIT */
/* Device files that the kernel serves, by FUSE or CUSE. Their calls need no help but mmap: the file
 * is asked who it is, and its memory mapped as the socket front does. */
#include "library.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_set(void)
{
	static _Atomic int known; /* 0 not asked yet, 1 no, 2 yes */
	int k = atomic_load_explicit(&known, memory_order_acquire);

	if (k == 0 && environ) {
		k = getenv("GNTSIM_NATIVE") ? 2 : 1;
		atomic_store_explicit(&known, k, memory_order_release);
	}
	return k == 2;
}

bool lib_native(void)
{
	return lib_active() && is_set();
}

/* Only what looks like one of ours is asked: a file may come from another domain's tree, so its
 * file system says nothing; but hardly anybody maps an empty file that all may write. */
static bool may_be_native(int fd)
{
	struct stat st;

	return fd >= 0 && raw_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) == 0 &&
	       (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0666)) &&
	       st.st_size == 0;
}

bool lib_mappable(int fd, struct device *out)
{
	struct wire_file f;
	sigset_t saved;
	bool known;

	if (lib_device(fd, out))
		return true;
	if (!lib_native() || !may_be_native(fd) ||
	    raw_syscall(SYS_ioctl, fd, WIRE_IOC_IDENTIFY, (long)&f, 0, 0, 0) < 0)
		return false;
	lib_enter(&saved);
	known = lib_claim(f.cookie, out);
	lib_leave(&saved);
	return known;
}
