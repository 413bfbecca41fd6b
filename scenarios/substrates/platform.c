/* SPDX-License-Identifier: MIT */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lang/layout.h"

/* A domid that nobody has. */
#define NOBODY 0x7feeu

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static unsigned int read_number(const char *path)
{
	__attribute__((cleanup(close_file))) FILE *f = fopen(path, "re");
	unsigned int n = 0;

	return f && fscanf(f, "%5u", &n) == 1 ? n : 0;
}

/* Linux does not tell. Where SILO is at work no port can be made for a domain that is not there. */
static enum scn_xsm find_xsm(const char *dir)
{
	static const char name[] = "IOCTL_EVTCHN_BIND_UNBOUND_PORT";
	const struct scn_ioctl *bind = scn_ioctl_by_name((struct scn_str){name, sizeof(name) - 1});
	uint32_t remote = NOBODY;
	enum scn_xsm xsm = SCN_XSM_DUMMY;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/evtchn", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && ioctl(fd, bind->number, &remote) < 0 && errno == ESRCH)
		xsm = SCN_XSM_SILO;
	if (fd >= 0)
		close(fd);
	return xsm;
}

struct scn_version scn_kernel_of(const char *release, const char *version)
{
	static const char debian[] = " Debian ";
	struct scn_version v = {.patch = -1}, upstream = {.patch = -1};
	const char *name = strstr(version, debian);

	if (sscanf(release, "%4u.%4u.%5d", &v.major, &v.minor, &v.patch) < 2)
		return (struct scn_version){.patch = -1};
	/* Its name there may be that of the series: 6.1.0-56 is 6.1.192. */
	if (name && sscanf(name + strlen(debian), "%4u.%4u.%5d", &upstream.major, &upstream.minor,
			   &upstream.patch) == 3)
		return upstream;
	return v;
}

struct scn_version scn_kernel_here(void)
{
	struct utsname u;

	uname(&u);
	return scn_kernel_of(u.release, u.version);
}

struct scn_platform scn_platform_here(const char *dir)
{
	struct scn_platform p = {.xen.patch = -1};
	struct utsname u;

	p.xen.major = read_number("/sys/hypervisor/version/major");
	p.xen.minor = read_number("/sys/hypervisor/version/minor");
	/* Not a Xen that tells: one of ours, in its place. */
	if (!p.xen.major)
		p.xen = (struct scn_version){4, 17, -1};
	uname(&u);
	p.arch = strcmp(u.machine, "aarch64") ? SCN_AMD64 : SCN_ARM64;
	p.xsm = find_xsm(dir);
	return p;
}
