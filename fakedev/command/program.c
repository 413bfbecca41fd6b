/* SPDX-License-Identifier: MIT */
/* What a program is, as far as it decides how the devices can reach it: asked of the file, as exec
 * would. */
#define _GNU_SOURCE
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#define OUR_MACHINE EM_X86_64
#endif

/* Interpreters of interpreters: the kernel gives up after so many. */
#define MOST_SCRIPTS 5

static int open_in_path(const char *program)
{
	const char *path = getenv("PATH");
	int fd = -1;

	if (strchr(program, '/'))
		return open(program, O_RDONLY | O_CLOEXEC);
	for (const char *p = path ? path : "/usr/bin:/bin"; fd < 0 && p;) {
		size_t n = strcspn(p, ":");
		char full[PATH_MAX];

		snprintf(full, sizeof(full), "%.*s/%s", (int)n, p, program);
		fd = open(full, O_RDONLY | O_CLOEXEC);
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
		fd = open(name, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

/* Loaders that preload what LD_PRELOAD names, and the library works with. */
static bool is_known(const char *loader)
{
	const char *slash = strrchr(loader, '/'), *name = slash ? slash + 1 : loader;

	return strncmp(name, "ld-linux-", 9) == 0 || strncmp(name, "ld-musl-", 8) == 0;
}

static enum program_kind kind_of_elf(int fd, const Elf64_Ehdr *e, char loader[PATH_MAX])
{
	for (unsigned int i = 0; i < e->e_phnum; i++) {
		off_t at = (off_t)(e->e_phoff + i * (Elf64_Off)e->e_phentsize);
		Elf64_Phdr p;
		ssize_t n;

		if (pread(fd, &p, sizeof(p), at) != sizeof(p) || p.p_type != PT_INTERP)
			continue;
		n = p.p_filesz < PATH_MAX ? pread(fd, loader, p.p_filesz, (off_t)p.p_offset) : 0;
		loader[n > 0 ? n : 0] = '\0';
		return is_known(loader) ? PROGRAM_DYNAMIC : PROGRAM_OTHER_LOADER;
	}
	return PROGRAM_STATIC;
}

enum program_kind program_kind(const char *program, char loader[PATH_MAX])
{
	int fd = open_interpreter(open_in_path(program));
	/* What can't be read may be executable all the same: exec will find out. */
	enum program_kind kind = PROGRAM_DYNAMIC;
	Elf64_Ehdr e;

	loader[0] = '\0';
	if (fd < 0)
		return kind;
	if (pread(fd, &e, sizeof(e), 0) == sizeof(e) && memcmp(e.e_ident, ELFMAG, SELFMAG) == 0)
		kind = e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_machine == OUR_MACHINE
			   ? kind_of_elf(fd, &e, loader)
			   : PROGRAM_OTHER_MACHINE;
	close(fd);
	return kind;
}
