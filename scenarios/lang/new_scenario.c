/* SPDX-License-Identifier: MIT */
/* gntsim new-scenario NAME: a commented skeleton. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "new_scenario.h"

static const char skeleton[] =
    "# Rule: (one sentence: what must be true)\n"
    "# Source: (where it comes from: a driver's function, a measurement, a bug report)\n"
    "#\n"
    "# gntsim-scenario(5) describes the language. Play this with: gntsim play %s\n"
    "\n"
    "# The domains, and the guests each is played as (pv|pvh: once as each). \"domain dom0\"\n"
    "# alone means that it does not matter.\n"
    "domain dom0\n"
    "domain dom1 pv|pvh\n"
    "\n"
    "process granter in dom0\n"
    "process mapper in dom1\n"
    "\n"
    "# The granter shares one zeroed page. A name in a result (index=, ref) takes what comes\n"
    "# back; once it has a value, what comes back must be equal. A call without \"= …\" must\n"
    "# succeed.\n"
    "granter: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
    "granter: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF,\n"
    "               {domid=dom1, flags=GNTALLOC_FLAG_WRITABLE, count=1})\n"
    "             = 0 {index=0, gref_ids=[ref]}\n"
    "granter: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, 0)\n"
    "granter: store(p, \"hello\")\n"
    "\n"
    "# The mapper maps it and sees the bytes.\n"
    "mapper: gd = open(\"/dev/xen/gntdev\", O_RDWR)\n"
    "mapper: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ref}]})\n"
    "            = 0 {index=0}\n"
    "mapper: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gd, 0)\n"
    "mapper: load(q, 5) = \"hello\"\n"
    "\n"
    "# Errors are written as strace prints them; what differs by guest stands side by side.\n"
    "mapper: mmap(NULL, 4096, PROT_READ, MAP_SHARED, gd, 4096) = -1 EINVAL\n"
    "mapper: munmap(q, 4096) = 0\n";

static int print_usage(FILE *out, int status)
{
	fputs("Usage: gntsim new-scenario NAME\n"
	      "Writes a commented skeleton to NAME.scn. An existing file is left alone.\n",
	      out);
	return status;
}

static int write_skeleton(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int written, closed;

	if (fd < 0)
		return -errno;
	written = dprintf(fd, skeleton, path);
	closed = close(fd);
	return written < 0 || closed ? -EIO : 0;
}

int gntsim_new_scenario_main(int argc, char **argv)
{
	const char *suffix = ".scn";
	char path[512];
	size_t n;
	int err;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return print_usage(stdout, 0);
	if (argc != 2 || argv[1][0] == '-')
		return print_usage(stderr, 125);
	n = strlen(argv[1]);
	if (n > strlen(suffix) && !strcmp(argv[1] + n - strlen(suffix), suffix))
		suffix = "";
	if (n + strlen(suffix) >= sizeof(path)) {
		fputs("gntsim new-scenario: the name is too long\n", stderr);
		return 125;
	}
	snprintf(path, sizeof(path), "%s%s", argv[1], suffix);
	err = write_skeleton(path);
	if (err) {
		fprintf(stderr, "gntsim new-scenario: %s: %s\n", path, strerror(-err));
		return 125;
	}
	printf("%s\n", path);
	return 0;
}
