/* SPDX-License-Identifier: MIT */
/* A program that exec gives rights of its own, or that has no loader: this library is left out of it without a word.
 * With --verbose there is one. Safe in the child of vfork: nothing but the stack is written. */
#include "library.h"

#include <elf.h>
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

static bool read_at(int fd, uint64_t at, void *to, size_t len)
{
	return raw_syscall(SYS_pread64, fd, (long)to, (long)len, (long)at, 0, 0) == (long)len;
}

/* It names no loader. */
static bool is_static(const char *path)
{
	long fd = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	Elf64_Ehdr elf;
	Elf64_Phdr part;
	bool has_none = fd >= 0 && read_at((int)fd, 0, &elf, sizeof(elf)) &&
			memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 &&
			elf.e_ident[EI_CLASS] == ELFCLASS64;

	for (uint64_t i = 0; has_none && i < elf.e_phnum; i++)
		if (!read_at((int)fd, elf.e_phoff + i * sizeof(part), &part, sizeof(part)) ||
		    part.p_type == PT_INTERP)
			has_none = false;
	if (fd >= 0)
		raw_close((int)fd);
	return has_none;
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

static void tell(const char *program, const char *is, const char *more, const char *lacks)
{
	const struct iovec line[] = {piece("gntsim: "),
				     piece(program),
				     piece(is),
				     piece(more),
				     piece(": no library can be preloaded into it"),
				     piece(lacks),
				     piece("\n")};

	raw_syscall(SYS_writev, 2, (long)line, sizeof(line) / sizeof(line[0]), 0, 0, 0);
}

void lib_tell_of_program(const char *program, bool search)
{
	const char *nothing = ", and it finds no devices on the socket front";
	char full[LONGEST_PATH];
	const char *rights;

	if (!verbose || !program)
		return;
	if (search && !strchr(program, '/')) {
		if (!find_in_path(program, full))
			return;
		program = full;
	}
	if (!can_run(program))
		return;
	rights = rights_of(program);
	if (rights)
		tell(program, " is executed with rights of its own, ", rights,
		     lib_native() ? "" : nothing);
	else if (is_static(program))
		tell(program, " is a static program", "",
		     lib_native() ? ", and it can map no device's memory (--assist=no)" : nothing);
}
