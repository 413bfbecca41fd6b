/* SPDX-License-Identifier: MIT */
/* A program for cli-test.sh to run: uses the devices in one of a few ways.
 *
 *   clean            allocates, maps, unmaps, gives all back
 *   forget [STATUS]  leaves a page allocated and mapped
 *   limit N          N pages go, one more is ENOSPC
 *   guest pv|pvh     a forked child inherits a gntdev mapping on PVH only
 *   many             opens devices until there is no room, has another process try, closes them
 *   without NAME...  the same as clean, executed under a filter by which these calls are EPERM
 *   vfork            a child of vfork does what clean does, often, then the parent does
 *   vfork-later      the parent has done so before, too
 *   hole             uses them with a hole in what it has reserved, gives the whole back, and uses them again
 *   large            makes a call of more than fits a message
 *   harm N           N times what gntalloc-vma-close-walks-global-list is about, by munmap
 *   harm-children N  once in each of N children
 *   harm-end         once, by its own end
 *   overfill N       asks for N pages at once, which is too much for the grant table
 *   exec PROGRAM...  becomes it, with an empty environment
 *   exec-open PROGRAM...  becomes what it has opened (exec-at: likewise, by execveat; exec-in: below its folder)
 *   hold             allocates, maps, says ready, and waits
 *   die GNTSIM SOCKET DOMAIN  destroys its own domain */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#ifndef __GLIBC__ /* Debian 12's musl has none */
static int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}
#endif

static int gntalloc;
static struct ioctl_gntalloc_alloc_gref alloc;
static unsigned char *page;

static int own_domid(void)
{
	const char *s = getenv("GNTSIM_DOMAIN");

	return s ? atoi(s) : 0;
}

static void share(int domid)
{
	gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	alloc =
	    (struct ioctl_gntalloc_alloc_gref){.domid = (uint16_t)domid, .flags = 1, .count = 1};
	if (gntalloc < 0 || ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0) {
		perror("gntalloc");
		exit(2);
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)alloc.index);
	if (page == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	strcpy((char *)page, "granted");
}

static int clean(void)
{
	struct ioctl_gntalloc_dealloc_gref dealloc = {.count = 1};

	share(1);
	dealloc.index = alloc.index;
	return ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc) < 0 || munmap(page, 4096) < 0;
}

/* The child more than once: who calls often has a doorbell, which must not stay its parent's. */
static int clean_by_vfork(bool first)
{
	int status;
	pid_t pid;

	if (first && clean())
		return 1;
	pid = vfork();
	if (pid == 0) {
		for (int i = 0; i < 5; i++)
			if (clean())
				_exit(1);
		_exit(0);
	}
	return waitpid(pid, &status, 0) != pid || status || clean();
}

static int limit(int n)
{
	gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	for (int i = 0; i <= n; i++) {
		alloc = (struct ioctl_gntalloc_alloc_gref){.domid = 1, .count = 1};
		if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
			return i == n && errno == ENOSPC ? 0 : 1;
	}
	return 1;
}

static int guest(const char *kind)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	int gntdev = open("/dev/xen/gntdev", O_RDWR), status;
	unsigned char *mapped;
	pid_t child;

	share(own_domid());
	map.refs[0].domid = (uint32_t)own_domid();
	map.refs[0].ref = alloc.gref_ids[0];
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0)
		return 1;
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, gntdev, (off_t)map.index);
	if (mapped == MAP_FAILED || strcmp((char *)mapped, "granted"))
		return 1;
	child = fork();
	if (child == 0)
		_exit(mapped[0] == 'g' ? 0 : 1);
	if (waitpid(child, &status, 0) != child)
		return 1;
	if (strcmp(kind, "pv") == 0)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 0 : 1;
	return status == 0 ? 0 : 1;
}

static int many(char *self)
{
	char word[] = "open";
	char *const argv[] = {self, word, NULL};
	int fd[1024], n = 0, status = 0;
	pid_t child;

	while (n < 1024 && (fd[n] = open("/dev/xen/gntdev", O_RDWR)) >= 0)
		n++;
	if (n == 1024 || errno != ENFILE) {
		perror("open");
		return 1;
	}
	if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ) ||
	    waitpid(child, &status, 0) != child || status != ENFILE << 8) {
		fprintf(stderr, "another process: wait status %#x\n", (unsigned int)status);
		return 1;
	}
	while (n > 0)
		close(fd[--n]);
	return clean();
}

static int large(void)
{
	enum { COUNT = 20000 };
	size_t size = sizeof(struct ioctl_gntdev_map_grant_ref) +
		      COUNT * sizeof(struct ioctl_gntdev_grant_ref);
	struct ioctl_gntdev_map_grant_ref *map = calloc(1, size);
	int gntdev = open("/dev/xen/gntdev", O_RDWR);

	map->count = COUNT;
	return ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, map) < 0;
}

/* A mapping of pages from two ALLOCs with another file's between them. */
static void harm(int end)
{
	int files[3], one = open("/dev/xen/gntalloc", O_RDWR),
		      other = open("/dev/xen/gntalloc", O_RDWR);
	void *both;

	files[0] = files[2] = one;
	files[1] = other;
	for (int i = 0; i < 3; i++) {
		alloc = (struct ioctl_gntalloc_alloc_gref){.domid = 1, .flags = 1, .count = 1};
		if (ioctl(files[i], IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
			exit(2);
	}
	both = mmap(NULL, 8192, PROT_READ, MAP_SHARED, one, 0);
	if (both == MAP_FAILED)
		exit(2);
	if (end)
		return;
	munmap(both, 8192);
	close(one);
	close(other);
}

static int harm_children(int n)
{
	int status = 0;

	for (int i = 0; i < n && status == 0; i++) {
		if (fork() == 0) {
			harm(0);
			_exit(0);
		}
		if (wait(&status) < 0)
			return 1;
	}
	return status != 0;
}

static int overfill(int n)
{
	struct ioctl_gntalloc_alloc_gref *many = calloc(1, sizeof(*many) + (size_t)n * 4);

	gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	*many = (struct ioctl_gntalloc_alloc_gref){.domid = 1, .flags = 1, .count = (uint32_t)n};
	return ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, many) < 0 && errno == ENOSPC ? 0 : 1;
}

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, SYS_##name                                                                  \
	}
static const struct {
	const char *name;
	long number;
} calls[] = {CALL(socket),
	     CALL(connect),
	     CALL(getsockopt),
	     CALL(getpeername),
	     CALL(sendmsg),
	     CALL(recvmsg),
	     CALL(rt_sigprocmask),
	     CALL(process_vm_readv),
	     CALL(process_vm_writev),
	     CALL(madvise),
	     CALL(fcntl),
	     CALL(prlimit64),
	     CALL(getpid),
	     CALL(futex),
	     CALL(fstat)};

static long number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "%s?\n", name);
	exit(99);
}

static int without(int n, char **names)
{
	struct sock_filter code[64] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog prog = {1, code};

	for (int i = 0; i < n && i < 30; i++) {
		code[prog.len++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number_of(names[i]), 0, 1);
		code[prog.len++] =
		    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	code[prog.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 99;
	execl("/proc/self/exe", "use-devices", "clean", (char *)NULL);
	return 99;
}

static int die(char **argv)
{
	share(0);
	if (fork() == 0) {
		/* Not of the domain: it must outlive it. */
		unsetenv("LD_PRELOAD");
		setenv("GNTSIM_SOCKET", "", 1);
		execl(argv[2], "gntsim", "control", "--socket", argv[3], "destroy", argv[4],
		      (char *)NULL);
		_exit(125);
	}
	for (;;)
		pause();
}

/* What others map meanwhile lies in the hole, the first that is large enough, or where it can't be taken away. */
static int hole(void)
{
	const size_t size = 256 * 4096, in = 32 * 4096, out = 192 * 4096;
	unsigned char *reserved = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *away, *filled;

	/* All room above is taken first. */
	do {
		filled = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	} while (filled != MAP_FAILED && filled > reserved);
	away = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (reserved == MAP_FAILED || away == MAP_FAILED ||
	    mremap(reserved + in, out, out, MREMAP_MAYMOVE | MREMAP_FIXED, away) == MAP_FAILED) {
		perror("a hole");
		return 2;
	}
	for (int i = 0; i < 20; i++)
		if (clean() != 0)
			return 1;
	if (munmap(reserved, size) < 0)
		return 1;
	for (int i = 0; i < 20; i++)
		if (clean() != 0)
			return 1;
	return 0;
}

static int exec_open(const char *how, char **argv)
{
	int fd = open(strcmp(how, "in") == 0 ? "." : argv[0], O_RDONLY);

	if (strcmp(how, "open") == 0)
		return fexecve(fd, argv, environ);
	if (strcmp(how, "at") == 0)
		return execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return execveat(fd, argv[0], argv, environ, 0);
}

int main(int argc, char **argv)
{
	alarm(20);
	if (argc == 2 && strcmp(argv[1], "clean") == 0)
		return clean();
	if (argc >= 2 && strcmp(argv[1], "forget") == 0) {
		share(1);
		return argc > 2 ? atoi(argv[2]) : 0;
	}
	if (argc == 3 && strcmp(argv[1], "limit") == 0)
		return limit(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "guest") == 0)
		return guest(argv[2]);
	if (argc == 2 && strcmp(argv[1], "open") == 0)
		return open("/dev/xen/gntdev", O_RDWR) < 0 ? errno : 0;
	if (argc > 2 && strcmp(argv[1], "without") == 0)
		return without(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "vfork") == 0)
		return clean_by_vfork(false);
	if (argc == 2 && strcmp(argv[1], "vfork-later") == 0)
		return clean_by_vfork(true);
	if (argc == 2 && strcmp(argv[1], "hole") == 0)
		return hole();
	if (argc == 2 && strcmp(argv[1], "large") == 0)
		return large();
	if (argc == 2 && strcmp(argv[1], "many") == 0)
		return many(argv[0]);
	if (argc == 3 && strcmp(argv[1], "harm") == 0) {
		for (int i = 0; i < atoi(argv[2]); i++)
			harm(0);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "harm-children") == 0)
		return harm_children(atoi(argv[2]));
	if (argc == 2 && strcmp(argv[1], "harm-end") == 0) {
		harm(1);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "overfill") == 0)
		return overfill(atoi(argv[2]));
	if (argc >= 3 && strcmp(argv[1], "exec") == 0)
		return execve(argv[2], argv + 2, (char *[]){NULL});
	if (argc >= 3 && strncmp(argv[1], "exec-", 5) == 0)
		return exec_open(argv[1] + 5, argv + 2);
	if (argc == 2 && strcmp(argv[1], "hold") == 0) {
		share(1);
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (argc == 5 && strcmp(argv[1], "die") == 0)
		return die(argv);
	return 2;
}
