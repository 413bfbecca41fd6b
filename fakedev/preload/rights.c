/* SPDX-License-Identifier: MIT */
/* A program that exec gives rights of its own, or that has no loader: this library is left out of it without a word. So
 * one is said, now and then for each; of one that has no loader if it names the devices: a compiler does not miss them,
 * and Valgrind loads us itself. Safe in the child of vfork: nothing but the stack is written. What is asked of the kernel
 * before a program is found to be one the loader asks too. */
#include "library.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>

#define LONGEST_PATH 4096

static bool verbose;

__attribute__((constructor)) static void look(void)
{
	verbose = lib_active() && getenv("GNTSIM_VERBOSE");
}

/* ---- what it is ---- */

/* What is looked at, and how much of it was read. */
struct program {
	struct stat st;
	unsigned char start[1024];
	long n;
};

static bool read_program(const char *path, struct program *p)
{
	long fd;

	if (raw_syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)&p->st, 0, 0, 0) < 0 ||
	    !S_ISREG(p->st.st_mode) || !(p->st.st_mode & 0111))
		return false;
	/* It may be executable and not readable. */
	p->n = 0;
	fd = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return true;
	p->n = raw_pread((int)fd, p->start, sizeof(p->start), 0);
	raw_close((int)fd);
	return true;
}

/* As exec decides it (AT_SECURE); NULL: none that we do not have. */
static const char *rights_of(const char *path, const struct program *p)
{
	bool user = p->st.st_mode & S_ISUID;
	bool group = (p->st.st_mode & S_ISGID) && (p->st.st_mode & S_IXGRP);
	struct statfs fs;
	char value[64];
	long uid;

	/* Of a script it is the interpreter's rights that count, and nobody gives one any. Who has capabilities is
	 * asked of the file: not for every program. */
	if ((!user && !group && !verbose) || (p->n >= 2 && memcmp(p->start, "#!", 2) == 0))
		return NULL;
	uid = raw_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
	if (raw_syscall(SYS_statfs, (long)path, (long)&fs, 0, 0, 0, 0) < 0 ||
	    (fs.f_flags & ST_NOSUID) ||
	    raw_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1)
		return NULL;
	if (user && (long)p->st.st_uid != uid)
		return "set-user-ID";
	if (group && (long)p->st.st_gid != raw_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0))
		return "set-group-ID";
	/* (Root has all capabilities already.) */
	if (verbose && uid != 0 &&
	    raw_syscall(SYS_getxattr, (long)path, (long)"security.capability", (long)value,
			sizeof(value), 0, 0) > 0)
		return "capabilities";
	return NULL;
}

/* It names no loader. What tells so stands at the beginning, as linkers have it; else it is not known. */
static bool is_static(const struct program *p)
{
	Elf64_Ehdr elf;
	Elf64_Phdr part;
	size_t table;

	if (p->n < (long)sizeof(elf))
		return false;
	memcpy(&elf, p->start, sizeof(elf));
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(part))
		return false;
	table = elf.e_phnum * sizeof(part);
	if (table > (size_t)p->n || elf.e_phoff > (size_t)p->n - table)
		return false;
	for (size_t i = 0; i < elf.e_phnum; i++) {
		memcpy(&part, p->start + elf.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* Would it miss the devices? Who opens them has their names somewhere. */
static bool names_devices(const char *path)
{
	static const char name[] = "/dev/xen/";
	char bytes[4096];
	size_t n = 0; /* bytes there */
	long fd, more, at = 0;
	bool found = false;

	fd = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return false;
	while (!found && (more = raw_pread((int)fd, bytes + n, sizeof(bytes) - n, at)) > 0) {
		size_t keep;

		at += more;
		n += (size_t)more;
		found = memmem(bytes, n, name, strlen(name));
		/* It may go on in the next piece. */
		keep = n < strlen(name) ? n : strlen(name) - 1;
		memmove(bytes, bytes + n - keep, keep);
		n = keep;
	}
	raw_close((int)fd);
	return found;
}

/* As execvp looks for it. */
static bool find_in_path(const char *file, char full[LONGEST_PATH])
{
	const char *path = getenv("PATH");
	size_t len = strlen(file);
	struct stat st;

	for (const char *p = path ? path : "/bin:/usr/bin"; p;) {
		size_t n = strcspn(p, ":");

		if (n + len + 2 <= LONGEST_PATH) {
			memcpy(full, p, n);
			full[n] = '/';
			memcpy(full + n + (n != 0), file, len + 1);
			if (raw_syscall(SYS_newfstatat, AT_FDCWD, (long)full, (long)&st, 0, 0, 0) ==
				0 &&
			    (st.st_mode & 0111))
				return true;
		}
		p = p[n] ? p + n + 1 : NULL;
	}
	return false;
}

/* ---- what is said ---- */

static uint32_t hash_of(const char *text)
{
	uint32_t h = 2166136261u;

	while (*text)
		h = (h ^ (unsigned char)*text++) * 16777619u;
	return h;
}

/* Has nobody said so lately? The machine knows. */
static bool is_news(const char *program)
{
	const struct timeval patience = {.tv_sec = 1};
	struct {
		struct wire_msg msg;
		struct wire_hello hello;
	} ask = {.msg = {.magic = WIRE_MAGIC,
			 .version = WIRE_VERSION,
			 .op = WIRE_HELLO,
			 .payload = sizeof(ask.hello)},
		 .hello = {.role = WIRE_ROLE_UNREACHED, .pid = hash_of(program)}};
	struct wire_msg answer = {.result = 1}; /* of nobody: below another root, say */
	long fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0, 0, 0);

	if (fd < 0)
		return false;
	raw_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&patience, sizeof(patience),
		    0);
	if (raw_syscall(SYS_connect, fd, (long)&lib_settings.addr, sizeof(lib_settings.addr), 0, 0,
			0) == 0 &&
	    raw_syscall(SYS_sendto, fd, (long)&ask, sizeof(ask), MSG_NOSIGNAL, 0, 0) > 0)
		raw_syscall(SYS_recvfrom, fd, (long)&answer, sizeof(answer), 0, 0, 0);
	raw_close((int)fd);
	return answer.result == 1;
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

	if (is_news(program))
		raw_syscall(SYS_writev, 2, (long)line, sizeof(line) / sizeof(line[0]), 0, 0, 0);
}

/* It is told to leave the machine. */
static bool is_to_leave(char *const env[])
{
	for (; env && *env; env++)
		if (strcmp(*env, "GNTSIM_SOCKET=") == 0)
			return true;
	return false;
}

/* Of what stands at the path, by the name that it goes by. */
static void tell_of(const char *path, const char *name)
{
	struct program p;
	const char *rights;

	if (!read_program(path, &p))
		return;
	rights = rights_of(path, &p);
	if (rights)
		tell(name, " is executed with rights of its own, ", rights,
		     lib_native() ? "" : ", and it finds no devices on the socket front");
	else if (is_static(&p) && (verbose || names_devices(path)))
		tell(name, " is a static program", "",
		     lib_native() ? ", and it can map no device's memory (--assist=no)"
				  : ", and it finds no devices on the socket front (--front "
				    "ptrace)");
}

/* Of an open file, by the path that it was opened by. */
static void tell_of_file(const char *link)
{
	char name[LONGEST_PATH];
	long n = lib_read_link(AT_FDCWD, link, name, sizeof(name) - 1);

	if (n <= 0)
		return;
	name[n] = '\0';
	tell_of(link, name);
}

static bool is_to_be_told(char *const env[])
{
	return lib_active() && !lib_is_confined() && !is_to_leave(env);
}

void lib_tell_of_program(const char *program, bool search, char *const env[])
{
	char full[LONGEST_PATH];

	if (!program || !is_to_be_told(env))
		return;
	if (search && !strchr(program, '/')) {
		if (!find_in_path(program, full))
			return;
		program = full;
	}
	tell_of(program, program);
}

void lib_tell_of_program_at(int dirfd, const char *path, int flags, char *const env[])
{
	char full[LONGEST_PATH];
	struct stat st;
	long n;

	/* The kernel looks at the path first: it may be anything. */
	if (!is_to_be_told(env) || raw_syscall(SYS_newfstatat, dirfd, (long)path, (long)&st,
					       flags & AT_EMPTY_PATH, 0, 0) < 0)
		return;
	if (*path == '/' || dirfd == AT_FDCWD) {
		tell_of(path, path);
		return;
	}
	n = snprintf(full, sizeof(full), "/proc/self/fd/%d%s%s", dirfd, *path ? "/" : "", path);
	if (n >= (long)sizeof(full))
		return;
	if (*path)
		tell_of(full, path);
	else
		tell_of_file(full);
}
