/* SPDX-License-Identifier: MIT */
/* A program for leaks-test.sh: leaves something behind, or only seems to.
 *
 *   first     a forked child ends with what it inherited, then its parent gives all back
 *   last      the parent gives all back, then the child ends
 *   closed    a parent unmaps and closes, and ends; then the child that inherited the descriptor ends
 *   open      the same, but the parent closes nothing; prints "parent" and its process id
 *   child     the child itself allocates and maps, and ends
 *   daemon    a process that was forked twice forgets a page
 *   exec      a program that maps executes another, and its descriptor is closed by that
 *   kept      the same, but its descriptor is kept, and the other ends with it
 *   gntdev    as first, with a grant that is mapped (PVH) */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

static int gntalloc, gntdev;
static struct ioctl_gntalloc_alloc_gref alloc;
static struct ioctl_gntdev_map_grant_ref map;
static void *page, *mapped;

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static void make(void)
{
	const char *own = getenv("GNTSIM_DOMAIN");

	alloc = (struct ioctl_gntalloc_alloc_gref){
	    .domid = (uint16_t)(own ? atoi(own) : 0), .flags = 1, .count = 1};
	gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	need(gntalloc >= 0 && ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)alloc.index);
	need(page != MAP_FAILED, "mmap");
}

static void give_back(void)
{
	struct ioctl_gntalloc_dealloc_gref dealloc = {.index = alloc.index, .count = 1};

	need(munmap(page, 4096) == 0, "munmap");
	need(ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc) == 0, "DEALLOC_GREF");
	close(gntalloc);
}

static void map_it(void)
{
	map = (struct ioctl_gntdev_map_grant_ref){.count = 1};
	map.refs[0].domid = alloc.domid;
	map.refs[0].ref = alloc.gref_ids[0];
	gntdev = open("/dev/xen/gntdev", O_RDWR);
	need(gntdev >= 0 && ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0, "gntdev");
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, gntdev, (off_t)map.index);
	need(mapped != MAP_FAILED, "mmap");
}

static void unmap_it(void)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = {.index = map.index, .count = 1};

	need(munmap(mapped, 4096) == 0, "munmap");
	need(ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) == 0, "UNMAP_GRANT_REF");
	close(gntdev);
}

static int first(int with_gntdev)
{
	int status;

	make();
	if (with_gntdev)
		map_it();
	if (fork() == 0)
		_exit(*(volatile char *)(with_gntdev ? mapped : page));
	need(wait(&status) > 0 && status == 0, "child");
	if (with_gntdev)
		unmap_it();
	give_back();
	return 0;
}

static int last(void)
{
	int go[2], status;
	char byte;

	make();
	need(pipe(go) == 0, "pipe");
	if (fork() == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
	}
	give_back();
	close(go[1]);
	need(wait(&status) > 0 && status == 0, "child");
	return 0;
}

static int child(void)
{
	int status;

	if (fork() == 0) {
		make();
		_exit(0);
	}
	need(wait(&status) > 0 && status == 0, "child");
	return 0;
}

/* Its end is waited for by what names it while it lives: nobody may have to reap it. */
static int name_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	need(fd >= 0, "a process");
	return fd;
}

static void await(int process)
{
	struct pollfd p = {.fd = process, .events = POLLIN};

	need(poll(&p, 1, 10000) == 1, "a process's end");
	close(p.fd);
}

static int forked_twice(void)
{
	int pids[2], go[2], process;
	pid_t pid;
	char byte;

	need(pipe(pids) == 0 && pipe(go) == 0, "pipe");
	if (fork() == 0) {
		pid = fork();
		if (pid)
			_exit(write(pids[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
		setsid();
		make();
		need(read(go[0], &byte, 1) == 1, "pipe");
		_exit(0);
	}
	need(read(pids[0], &pid, sizeof(pid)) == sizeof(pid), "pipe");
	process = name_process(pid);
	need(write(go[1], "", 1) == 1, "pipe");
	await(process);
	return 0;
}

/* We see to it that the parent has ended before its child does, and that both have before we do. */
static int behind(int closes)
{
	pid_t parent, pid;
	int pids[2], go[2], process;
	char byte;

	need(pipe(pids) == 0 && pipe(go) == 0, "pipe");
	parent = fork();
	if (parent == 0) {
		make();
		pid = fork();
		if (pid == 0) {
			close(go[1]);
			_exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
		}
		need(write(pids[1], &pid, sizeof(pid)) == sizeof(pid), "pipe");
		munmap(page, 4096);
		if (closes)
			close(gntalloc);
		_exit(0);
	}
	need(read(pids[0], &pid, sizeof(pid)) == sizeof(pid), "pipe");
	need(waitpid(parent, NULL, 0) == parent, "parent");
	printf("parent %d\n", (int)parent);
	process = name_process(pid);
	need(write(go[1], "", 1) == 1, "pipe");
	await(process);
	return 0;
}

int main(int argc, char **argv)
{
	alarm(30);
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "first") == 0 || strcmp(argv[1], "gntdev") == 0)
		return first(argv[1][0] == 'g');
	if (strcmp(argv[1], "exec") == 0 || strcmp(argv[1], "kept") == 0) {
		make();
		need(fcntl(gntalloc, F_SETFD, argv[1][0] == 'e' ? FD_CLOEXEC : 0) == 0,
		     "FD_CLOEXEC");
		execl("/bin/true", "true", (char *)NULL);
	}
	if (strcmp(argv[1], "last") == 0)
		return last();
	if (strcmp(argv[1], "child") == 0)
		return child();
	if (strcmp(argv[1], "daemon") == 0)
		return forked_twice();
	if (strcmp(argv[1], "closed") == 0 || strcmp(argv[1], "open") == 0)
		return behind(argv[1][0] == 'c');
	return 2;
}
