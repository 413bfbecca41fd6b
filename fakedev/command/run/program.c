/* SPDX-License-Identifier: MIT */
/* What a program is, as far as it decides how the devices can reach it: asked of the file, as exec
 * would. */
#define _GNU_SOURCE
#include "program.h"

#include "own_calls.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#elif defined(__s390x__)
#define OUR_MACHINE EM_S390
#elif defined(__riscv)
#define OUR_MACHINE EM_RISCV
#else
#define OUR_MACHINE EM_X86_64
#endif

/* Interpreters of interpreters: the kernel gives up after so many. */
#define MOST_SCRIPTS 5

/* What may be executed need not be readable: its owner and mode are known all the same. */
static int open_executable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EACCES && access(path, X_OK) == 0 ? open(path, O_PATH | O_CLOEXEC)
								    : fd;
}

static int open_in_path(const char *program, char **found)
{
	const char *path = getenv("PATH");
	int fd = -1;

	if (strchr(program, '/'))
		return open_executable(program);
	for (const char *p = path ? path : "/usr/bin:/bin"; fd < 0 && p;) {
		size_t n = strcspn(p, ":");
		char full[PATH_MAX];

		snprintf(full, sizeof(full), "%.*s/%s", (int)n, p, program);
		fd = open_executable(full);
		if (fd >= 0)
			*found = strdup(full);
		p = p[n] ? p + n + 1 : NULL;
	}
	return fd;
}

/* A script is what interprets it. Takes the descriptor. */
static int open_interpreter(int fd)
{
	for (int i = 0; fd >= 0 && i < MOST_SCRIPTS; i++) {
		char line[256], *name;
		ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

		if (n < 2 || memcmp(line, "#!", 2) != 0)
			break;
		close(fd);
		line[n] = '\0';
		name = line + 2 + strspn(line + 2, " \t");
		name[strcspn(name, " \t\n")] = '\0';
		fd = open_executable(name);
	}
	return fd;
}

/* Loaders that preload what LD_PRELOAD names, and the library works with. */
static bool is_known(const char *loader)
{
	const char *slash = strrchr(loader, '/'), *name = slash ? slash + 1 : loader;

	return strncmp(name, "ld-linux-", 9) == 0 || strncmp(name, "ld-musl-", 8) == 0;
}

static enum program_kind kind_of_elf(const struct program_file *file, const Elf64_Ehdr *e,
				     char detail[PATH_MAX])
{
	for (unsigned int i = 0; i < e->e_phnum; i++) {
		off_t at = (off_t)(e->e_phoff + i * (Elf64_Off)e->e_phentsize);
		const char *what;
		Elf64_Phdr p;
		ssize_t n;

		if (program_file_read(file, &p, sizeof(p), at) != sizeof(p) ||
		    p.p_type != PT_INTERP)
			continue;
		n = p.p_filesz < PATH_MAX
			? program_file_read(file, detail, p.p_filesz, (off_t)p.p_offset)
			: 0;
		detail[n > 0 ? n : 0] = '\0';
		if (!is_known(detail))
			return PROGRAM_OTHER_LOADER;
		what = own_calls(file, e);
		if (!what)
			return PROGRAM_DYNAMIC;
		strcpy(detail, what);
		return PROGRAM_OWN_CALLS;
	}
	return PROGRAM_STATIC;
}

/* Will exec give it rights that we do not have (AT_SECURE)? */
static bool gets_rights(int fd)
{
	char link[32];
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_NOSUID) ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return true;
	/* (Root has all capabilities already.) fgetxattr() refuses O_PATH. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return getuid() != 0 && getxattr(link, "security.capability", NULL, 0) > 0;
}

enum program_kind program_kind(const char *program, char detail[PATH_MAX], char **found)
{
	int fd = open_interpreter(open_in_path(program, found));
	/* What can't be read may be executable all the same: exec will find out. */
	enum program_kind kind = PROGRAM_DYNAMIC;
	struct program_file file;
	Elf64_Ehdr e;

	detail[0] = '\0';
	if (fd < 0)
		return kind;
	program_file_begin(&file, fd);
	if (program_file_read(&file, &e, sizeof(e), 0) == sizeof(e) &&
	    memcmp(e.e_ident, ELFMAG, SELFMAG) == 0)
		kind = e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_machine == OUR_MACHINE
			   ? kind_of_elf(&file, &e, detail)
			   : PROGRAM_OTHER_MACHINE;
	if ((kind == PROGRAM_DYNAMIC || kind == PROGRAM_OWN_CALLS) && gets_rights(fd))
		kind = PROGRAM_SET_ID;
	close(fd);
	return kind;
}
