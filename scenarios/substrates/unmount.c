/* SPDX-License-Identifier: MIT */
#include "unmount.h"

#include "player/child.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static bool run_quietly(const char *const *argv)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0)
			dup2(null, STDERR_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return child > 0 && scn_await_child(child, &status) == 0 && status == 0;
}

bool scn_unmount(const char *dir)
{
	/* fusermount3 wants /etc/mtab, which a minimal system lacks; umount knows a FUSE mount's owner
	 * by the kernel's own table. */
	const char *const fusermount[] = {"fusermount3", "-u", "-z", "-q", "--", dir, NULL};
	const char *const umount[] = {"umount", "-l", "--", dir, NULL};

	return umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || run_quietly(fusermount) ||
	       run_quietly(umount);
}
