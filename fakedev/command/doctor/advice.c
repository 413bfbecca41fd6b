/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "advice.h"
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gntsim/types.h>

/* 0, or the errno of opening it. */
static int lack_of(const char *node)
{
	int fd = open(node, O_RDWR | O_CLOEXEC), err = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

int advice_ptrace_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	char line[16] = "";
	int scope = f && fgets(line, sizeof(line), f) ? atoi(line) : -1;

	if (f)
		fclose(f);
	return scope;
}

static const char *about_fuse(void)
{
	switch (lack_of("/dev/fuse")) {
	case 0:
		return "be root, or have user namespaces (sysctl user.max_user_namespaces, "
		       "kernel.unprivileged_userns_clone, "
		       "kernel.apparmor_restrict_unprivileged_userns); "
		       "in a container: --cap-add SYS_ADMIN --security-opt apparmor=unconfined";
	case ENOENT:
	case ENODEV:
		return "modprobe fuse, as root; in a container: --device /dev/fuse";
	default:
		return "in a container: --device /dev/fuse; elsewhere: chmod 666 /dev/fuse, as "
		       "root";
	}
}

static const char *about_cuse(void)
{
	switch (lack_of("/dev/cuse")) {
	case 0:
		return geteuid() == 0 ? NULL : "be root";
	case ENOENT:
	case ENODEV:
		return "modprobe cuse, as root; a kernel without it has none";
	default:
		return "be root";
	}
}

static bool may_filter(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;
}

static const char *about_tracing(enum part part)
{
	int scope = advice_ptrace_scope();

	if (scope == 3)
		return "kernel.yama.ptrace_scope is 3: nobody may trace until the next boot";
	if (scope == 2 && geteuid() != 0)
		return "kernel.yama.ptrace_scope is 2: be root, or set it to 1";
	if (part == PART_PTRACE && !may_filter())
		return "have a kernel from 5.0 on; in a container whose seccomp profile forbids "
		       "seccomp(2): --security-opt seccomp=unconfined";
	return "do not run under gdb or strace; in a container whose seccomp profile forbids "
	       "ptrace(2): --cap-add SYS_PTRACE";
}

static bool has_memory_files(void)
{
	int fd = memfd_create("gntsim doctor", MFD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What every machine needs, whichever front it has. */
static const char *about_machines(void)
{
	struct rlimit r;

	if (access("/proc/self/exe", F_OK) < 0)
		return "mount -t proc proc /proc, as root";
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_max < FEWEST_DESCRIPTORS)
		return "allow more open files, where the limit is set (ulimit -Hn); in a "
		       "container: --ulimit nofile=1024";
	if (!has_memory_files())
		return "in a container whose seccomp profile forbids memfd_create(2): "
		       "--security-opt seccomp=unconfined";
	return NULL;
}

const char *advice(enum part part)
{
	const char *machines = part == PART_EMULATOR ? NULL : about_machines();

	if (machines)
		return machines;
	if (part <= PART_CUSE && sysconf(_SC_PAGESIZE) != (long)GNTSIM_PAGE_SIZE)
		return "boot a kernel with pages of 4096 bytes";
	switch (part) {
	case PART_PTRACE:
	case PART_STORES:
		return about_tracing(part);
	case PART_FUSE:
	case PART_FUSE_UNASSISTED:
		return about_fuse();
	case PART_CUSE:
		return about_cuse();
	case PART_XENSTORE:
		return "apt-get install xen-utils-4.17, or another version's";
	case PART_EMULATOR:
		return "apt-get install qemu-system-x86 (arm64: qemu-system-arm)";
	case PART_SOCKET:
	case N_PARTS:
		break;
	}
	return NULL;
}
