/* SPDX-License-Identifier: MIT */
/*
 * Programs that are started by system(), popen(), posix_spawn() and vfork(), and by shells they
 * start, have the devices too; a descriptor that a shell opened works in what it runs.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char self[256];

/* The started program: shares a page with the domain named and leaves, or uses descriptor 7. */
int again(int argc, char **argv)
{
	int fd = !strcmp(argv[1], "open") ? device_open(HERE, "gntalloc") : 7;
	uint32_t ref;

	CHECK_IS(argc, 2);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, NULL, &ref), 0);
	CHECK(device_mmap(HERE, fd, 0, 1, PROT_READ | PROT_WRITE) > 0, "mmap");
	printf("reference %u\n", ref);
	return 0;
}

static void run(const char *command)
{
	CHECK(system(command) == 0, "%s", command);
	CHECK_IS(machine_totals().grants, 0);
}

static void read_output(void)
{
	unsigned ref = 0;
	FILE *out;

	out = popen("\"$SELF\" open", "r");
	CHECK(out, "popen");
	CHECK_IS(fscanf(out, "reference %u", &ref), 1);
	CHECK(ref >= 8, "reference %u", ref);
	CHECK_IS(pclose(out), 0);
}

static void spawn(void)
{
	char *argv[] = {self, (char *)(uintptr_t) "open", NULL};
	int status;
	pid_t pid;

	CHECK_IS(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	CHECK_IS(posix_spawnp(&pid, self, NULL, NULL, argv, environ), 0);
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	pid = vfork();
	if (!pid) {
		execv(self, argv);
		_exit(127);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

/* Our own mapping outlives all children that never touch it. */
static void undisturbed(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 1);
	struct mapped_page map = map_page(HERE, them(), page.ref, PROT_READ | PROT_WRITE);

	CHECK_IS(gntdev_notify(HERE, map.fd, map.index + 1, 3, w.port), 0);
	for (int i = 0; i < 10; i++) {
		CHECK_IS(system("true"), 0);
		spawn();
	}
	watch_still(&w);
	CHECK_IS(store_byte(HERE, map.addr, 3), 0);
	CHECK_IS(load_byte(peer, page.addr), 3);
	CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, map.fd), 0);
	watch_over(&w);
	peer_stop(peer);
}

void test(void)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHECK(n > 0, "readlink: %s", strerror(errno));
	CHECK_IS(setenv("SELF", self, 1), 0);
	run("$SELF open");
	run("sh -c '$SELF open'");
	run("( ( $SELF open ) )");
	run("$SELF open | cat | cat");
	run("exec 7<>/dev/xen/gntalloc; $SELF inherit");
	run("$SELF inherit 7<>/dev/xen/gntalloc");
	/* FUSE's are regular files. */
	run("test -w /dev/xen/evtchn && test -w /dev/xen/gntdev");
	run("test -c /dev/xen/gntdev || { test \"$GNTSIM_NATIVE\" = fuse && test -f "
	    "/dev/xen/gntdev; }");
	read_output();
	spawn();
	MACHINE_AWAIT(files, 0);
	undisturbed();
}
