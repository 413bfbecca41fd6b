/* SPDX-License-Identifier: MIT */
/* A program that exec gives rights of its own: the loader leaves this library out of it without a word.
 * With --verbose there is one. Safe in the child of vfork: nothing but the stack is written. */
#include "library.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#define LONGEST_PATH 4096

static bool verbose;

__attribute__((constructor)) static void look(void)
{
	verbose = lib_active() && getenv("GNTSIM_VERBOSE");
}

/* Of a script it is the interpreter's rights that count, and nobody gives one any. */
static bool is_script(const char *path)
{
	char start[2];
	long fd = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	bool script = fd >= 0 && raw_syscall(SYS_read, fd, (long)start, 2, 0, 0, 0) == 2 &&
		      memcmp(start, "#!", 2) == 0;

	if (fd >= 0)
		raw_close((int)fd);
	return script;
}

/* As exec decides it (AT_SECURE); NULL: none that we do not have. */
static const char *rights_of(const char *path)
{
	struct stat st;
	struct statfs fs;
	char value[64];
	long uid = raw_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);

	if (raw_syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0) < 0 ||
	    raw_syscall(SYS_statfs, (long)path, (long)&fs, 0, 0, 0, 0) < 0 ||
	    (fs.f_flags & ST_NOSUID) || !S_ISREG(st.st_mode) ||
	    raw_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1 || is_script(path))
		return NULL;
	if ((st.st_mode & S_ISUID) && (long)st.st_uid != uid)
		return "set-user-ID";
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	    (long)st.st_gid != raw_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0))
		return "set-group-ID";
	/* (Root has all capabilities already.) */
	if (uid != 0 && raw_syscall(SYS_getxattr, (long)path, (long)"security.capability",
				    (long)value, sizeof(value), 0, 0) > 0)
		return "capabilities";
	return NULL;
}

static bool can_run(const char *path)
{
	return raw_syscall(SYS_faccessat, AT_FDCWD, (long)path, X_OK, 0, 0, 0) == 0;
}

/* As execvp looks for it. */
static bool find_in_path(const char *file, char full[LONGEST_PATH])
{
	const char *path = getenv("PATH");
	size_t len = strlen(file);

	for (const char *p = path ? path : "/bin:/usr/bin"; p;) {
		size_t n = strcspn(p, ":");

		if (n + len + 2 <= LONGEST_PATH) {
			memcpy(full, p, n);
			full[n] = '/';
			memcpy(full + n + (n != 0), file, len + 1);
			if (can_run(full))
				return true;
		}
		p = p[n] ? p + n + 1 : NULL;
	}
	return false;
}

static struct iovec piece(const char *text)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
}

void lib_tell_of_rights(const char *program, bool search)
{
	char full[LONGEST_PATH];
	const char *rights;

	if (!verbose || !program)
		return;
	if (search && !strchr(program, '/')) {
		if (!find_in_path(program, full))
			return;
		program = full;
	}
	rights = can_run(program) ? rights_of(program) : NULL;
	if (rights) {
		const struct iovec line[] = {
		    piece("gntsim: "),
		    piece(program),
		    piece(" is executed with rights of its own ("),
		    piece(rights),
		    piece("): no library can be preloaded into it"),
		    piece(lib_native() ? "\n" : ", and it finds no devices on the socket front\n")};

		raw_syscall(SYS_writev, 2, (long)line, sizeof(line) / sizeof(line[0]), 0, 0, 0);
	}
}
