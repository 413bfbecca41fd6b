/* SPDX-License-Identifier: MIT */
/*
 * A child of vfork shares its parent's memory, and not its descriptors: what it closes, opens or
 * puts elsewhere before it executes another program is not the parent's business.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct peer *peer;
static struct shared_page page;
static struct mapped_page map;
static struct watch watch;

static void undisturbed(pid_t pid)
{
	int status;
	uint64_t index;
	long addr;

	CHECK(pid > 0, "no child");
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	watch_still(&watch);
	CHECK_IS(load_byte(HERE, map.addr + 1), 1);
	CHECK_IS(gntalloc_alloc(HERE, page.fd, them()->id, 1, 1, &index, NULL), 0);
	addr = device_mmap(HERE, page.fd, index, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(gntalloc_dealloc(HERE, page.fd, index, 1), 0);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(machine_totals().vmas, 3);
}

static pid_t execute(void (*before)(void))
{
	pid_t pid = vfork();

	if (!pid) {
		before();
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	return pid;
}

static void nothing(void)
{
}

static void close_files(void)
{
	close(page.fd);
	close(map.fd);
}

static void close_range_all(void)
{
	close_range(3, ~0u, 0);
}

static void close_each(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void put_elsewhere(void)
{
	dup2(page.fd, map.fd);
	dup2(map.fd, STDIN_FILENO);
	close(page.fd);
}

static void open_another(void)
{
	int fd = open("/dev/xen/gntalloc", O_RDWR);

	dup2(fd, page.fd);
}

static void spawned_with_actions(void)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	pid_t pid;

	CHECK_IS(posix_spawn_file_actions_init(&actions), 0);
	CHECK_IS(posix_spawn_file_actions_adddup2(&actions, page.fd, 0), 0);
	CHECK_IS(posix_spawn_file_actions_addclose(&actions, map.fd), 0);
	CHECK_IS(posix_spawn_file_actions_addclosefrom_np(&actions, 3), 0);
	CHECK_IS(posix_spawn(&pid, "/bin/true", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	undisturbed(pid);
}

void test(void)
{
	static void (*const before[])(void) = {nothing,    close_files,   close_range_all,
					       close_each, put_elsewhere, open_another};
	struct shared_page theirs;

	peer = peer_start(them());
	theirs = share_page(peer, us(), true);
	page = share_page(HERE, them(), true);
	watch = watch_start(HERE, us(), peer, them(), theirs.addr + 1);
	map = map_page(HERE, them(), theirs.ref, PROT_READ | PROT_WRITE);
	CHECK_IS(gntdev_notify(HERE, map.fd, map.index + 1, 3, watch.port), 0);
	for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		check_note("child %u", i);
		undisturbed(execute(before[i]));
	}
	spawned_with_actions();
	CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, map.fd), 0);
	watch_over(&watch);
}
