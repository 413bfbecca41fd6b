/* SPDX-License-Identifier: MIT */
/*
 * A program that is started with an environment of its parent's making, or with none, has the
 * devices as any has.
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

int again(int argc, char **argv)
{
	int fd = device_open(HERE, "gntalloc");

	CHECK_IS(argc, 2);
	CHECK_IS(gntalloc_alloc(HERE, fd, (uint16_t)atoi(argv[1]), 1, 1, NULL, NULL), 0);
	CHECK(device_mmap(HERE, fd, 0, 1, PROT_READ) > 0, "mmap");
	return 0;
}

static void wait_for(pid_t pid)
{
	int status;

	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

void test(void)
{
	char domid[16], self[256] = "", *argv[] = {self, domid, NULL}, *none[] = {NULL};
	char *some[] = {(char *)(uintptr_t) "PATH=/bin", (char *)(uintptr_t) "TERM=dumb", NULL};
	pid_t pid;

	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "%s", strerror(errno));
	snprintf(domid, sizeof(domid), "%u", them()->id);
	for (int i = 0; i < 2; i++) {
		char **env = i ? some : none;

		pid = fork();
		if (!pid) {
			execve(self, argv, env);
			_exit(127);
		}
		wait_for(pid);
		CHECK_IS(posix_spawn(&pid, self, NULL, NULL, argv, env), 0);
		wait_for(pid);
	}
	pid = fork();
	if (!pid) {
		clearenv();
		execv(self, argv);
		_exit(127);
	}
	wait_for(pid);
	pid = fork();
	if (!pid) {
		execle("/usr/bin/env", "env", "-i", "A=b", self, domid, NULL, some);
		_exit(127);
	}
	wait_for(pid);
	MACHINE_AWAIT(files, 0);
}
