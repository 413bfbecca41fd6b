/* SPDX-License-Identifier: MIT */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lang/layout.h"
#include "player/child.h"

/* A domid that nobody has. */
#define NOBODY 0x7feeu

#define XENSTORE_MS 2000 /* how long xenstored may take for an answer */

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

bool scn_dmabufs_here(const char *dir)
{
	static const char name[] = "IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED";
	const struct scn_ioctl *wait = scn_ioctl_by_name((struct scn_str){name, sizeof(name) - 1});
	uint32_t nothing[2] = {UINT32_MAX, 0};
	char path[512];
	bool are;
	int fd;

	snprintf(path, sizeof(path), "%s/gntdev", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	are = fd >= 0 && ioctl(fd, wait->number, nothing) < 0 && errno == ENOENT;
	if (fd >= 0)
		close(fd);
	return are;
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

bool scn_devices_here(const char *dir, struct scn_buf *why)
{
	static const char *const names[] = {"gntdev", "gntalloc", "evtchn"};
	char node[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(node, sizeof(node), "%s/%s", dir, names[i]);
		if (access(node, R_OK | W_OK) == 0)
			continue;
		scn_buf_printf(why, "%s: %s (%s)", node, strerror(errno),
			       errno == EACCES ? "are you root?"
			       : i == 0        ? "is this machine a Xen domain?"
					       : "is its module loaded?");
		return false;
	}
	return true;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The file's text without its end of line; false if it can't be read. */
static bool read_line(const char *path, char *out, size_t size)
{
	__attribute__((cleanup(close_fd))) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

	if (n < 0)
		return false;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return true;
}

/* Reads exactly that many bytes; false if they don't come: there may be no xenstored. */
static bool read_bounded(int fd, void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		ssize_t n = scn_await_input(fd, XENSTORE_MS) ? read(fd, at, len) : -1;

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Asks xenstored for "domid": XS_READ of a relative path, which needs no id of one's own. */
static int domid_from_xenstore(void)
{
	static const char path[] = "domid";
	struct {
		uint32_t type, req_id, tx_id, len;
		char text[64];
	} msg = {.type = 2, .len = sizeof(path)};
	__attribute__((cleanup(close_fd))) int fd =
	    open("/dev/xen/xenbus", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	memcpy(msg.text, path, sizeof(path));
	if (fd < 0 || write(fd, &msg, 16 + sizeof(path)) < 0 || !read_bounded(fd, &msg, 16))
		return -1;
	if (msg.type != 2 || msg.len == 0 || msg.len >= sizeof(msg.text) ||
	    !read_bounded(fd, msg.text, msg.len))
		return -1;
	msg.text[msg.len] = '\0';
	return atoi(msg.text);
}

int scn_domid_here(const struct scn_options *options)
{
	char text[64];

	if (options->domid >= 0)
		return options->domid;
	if (read_line("/proc/xen/capabilities", text, sizeof(text)) && strstr(text, "control_d"))
		return 0;
	return domid_from_xenstore();
}

bool scn_guest_here(const struct scn_options *options, enum scn_guest *out)
{
	char text[32];

	*out = options->guest;
	if (options->has_guest)
		return true;
	if (!read_line("/sys/hypervisor/guest_type", text, sizeof(text)))
		return false;
	*out = strcmp(text, "PV") ? SCN_PVH : SCN_PV;
	return true;
}
