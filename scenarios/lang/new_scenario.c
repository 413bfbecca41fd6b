/* SPDX-License-Identifier: MIT */
/* gntsim new-scenario NAME: a commented skeleton. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "new_scenario.h"
#include "options.h"

#define COMMAND "new-scenario"

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

static int print_usage(void)
{
	fputs("Usage: gntsim new-scenario NAME\n"
	      "Writes a commented skeleton to NAME.scn. An existing file is left alone.\n",
	      stdout);
	return 0;
}

static int write_skeleton(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, skeleton, path) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

int gntsim_new_scenario_main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	const char *suffix = ".scn", *name;
	char path[512];
	size_t n;
	int option, err;

	optind = 1;
	while ((option = scn_option_next(COMMAND, argc, argv, "h", options)) != -1)
		return option == 'h' ? print_usage() : SCN_STATUS_ERROR;
	if (argc - optind != 1)
		return scn_usage_error(COMMAND, "expected one name, found %s",
				       optind < argc ? "more" : "none");
	name = argv[optind];
	n = strlen(name);
	if (n == 0 || name[n - 1] == '/')
		return scn_usage_error(COMMAND, "expected a name, found '%s'", name);
	if (n > strlen(suffix) && !strcmp(name + n - strlen(suffix), suffix))
		suffix = "";
	if (n + strlen(suffix) >= sizeof(path)) {
		fputs("gntsim new-scenario: the name is too long\n", stderr);
		return SCN_STATUS_ERROR;
	}
	snprintf(path, sizeof(path), "%s%s", name, suffix);
	err = write_skeleton(path);
	if (err) {
		fprintf(stderr, "gntsim new-scenario: %s: %s\n", path, strerror(-err));
		return SCN_STATUS_ERROR;
	}
	printf("%s\n", path);
	return 0;
}
