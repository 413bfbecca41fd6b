/* SPDX-License-Identifier: MIT */
/* The machine is found by a path, with the rights of the moment. A program that changes its root, its
 * namespaces or its user is connected before, whether or not it has used a device yet: a device needs
 * no path but /dev's to be found by it later. */
#include "library.h"

#include <grp.h>
#include <sched.h>
#include <sys/types.h>
#include <unistd.h>

#define ANCHORED(name, params, args)                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name params                                                                     \
	{                                                                                          \
		lib_anchor();                                                                      \
		return NEXT(name) args;                                                            \
	}

DECLARE_NEXT(unshare);
EXPORT int unshare(int flags)
{
	/* The thread's descriptors are no longer the others'. */
	if (flags & CLONE_FILES)
		lib_may_have_one_any_time();
	lib_anchor();
	return NEXT(unshare)(flags);
}

ANCHORED(chroot, (const char *path), (path))
ANCHORED(setns, (int fd, int type), (fd, type))
ANCHORED(setuid, (uid_t uid), (uid))
ANCHORED(setgid, (gid_t gid), (gid))
ANCHORED(seteuid, (uid_t uid), (uid))
ANCHORED(setegid, (gid_t gid), (gid))
ANCHORED(setreuid, (uid_t ruid, uid_t euid), (ruid, euid))
ANCHORED(setregid, (gid_t rgid, gid_t egid), (rgid, egid))
ANCHORED(setresuid, (uid_t ruid, uid_t euid, uid_t suid), (ruid, euid, suid))
ANCHORED(setresgid, (gid_t rgid, gid_t egid, gid_t sgid), (rgid, egid, sgid))
ANCHORED(setgroups, (size_t n, const gid_t *list), (n, list))
ANCHORED(initgroups, (const char *user, gid_t group), (user, group))
