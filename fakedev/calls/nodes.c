/* SPDX-License-Identifier: MIT */
/* The device nodes as paths: which path names one, and opening it. */
#include "calls.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *path;
	int device;
} nodes[] = {
    {"/dev/xen/gntalloc", WIRE_DEV_GNTALLOC},  {"/dev/xen/gntdev", WIRE_DEV_GNTDEV},
    {"/dev/xen/evtchn", WIRE_DEV_EVTCHN},      {"/dev/xen/privcmd", WIRE_DEV_PRIVCMD},
    {"/dev/xen/hypercall", WIRE_DEV_PRIVCMD},  {"/proc/xen/privcmd", WIRE_DEV_PRIVCMD},
    {"/proc/xen/xsd_port", WIRE_DEV_XSD_PORT}, {"/proc/xen/xsd_kva", WIRE_DEV_XSD_KVA},
    {"/dev/xen/xenbus", WIRE_DEV_XENBUS},      {"/proc/xen/xenbus", WIRE_DEV_XENBUS},
};

#define N_NODES (sizeof(nodes) / sizeof(nodes[0]))
/* Longer than any node's path with some slack for "//" and "..". */
#define PATH_ROOM 512

/* Cheap: does any component of the path bear a node's name? */
static bool mentions_node(const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		for (size_t i = 0; i < N_NODES; i++) {
			const char *name = strrchr(nodes[i].path, '/') + 1;

			if (strlen(name) == n && memcmp(name, path, n) == 0)
				return true;
		}
		path += n;
		path += strspn(path, "/");
	}
	return false;
}

static bool is_node(const char *full)
{
	for (size_t i = 0; i < N_NODES; i++)
		if (strcmp(nodes[i].path, full) == 0)
			return true;
	return false;
}

/* Appends the components of path to out, without "//", "." and "..": purely textual. Below a node all
 * stays, "." and ".." and a slash at the end too: it is no directory. */
static bool append(char *out, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/"), len = strlen(out);

		if (*path == '/' && !path[1] && is_node(out))
			return strcat(out, "/"), true;
		if (is_node(out) && n > 0 && n < 3 && strncmp(path, "..", n) == 0) {
			strcat(out, "/.");
			return true;
		}
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			char *slash = strrchr(out, '/');

			if (slash)
				*slash = '\0';
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (len + n + 2 > PATH_ROOM)
				return false;
			out[len] = '/';
			memcpy(out + len + 1, path, n);
			out[len + 1 + n] = '\0';
		}
		path += n;
		/* (A last slash is looked at by itself.) */
		while (path[0] == '/' && path[1])
			path++;
		if (path[0] == '/' && !is_node(out))
			path++;
	}
	return true;
}

/* strlen of a program's pointer would be our fault if the pointer is bad: look page by page. */
static bool readable_path(const char *path, char *out)
{
	for (size_t at = 0; at < PATH_ROOM;) {
		size_t n = 4096 - ((uintptr_t)(path + at) & 4095);

		if (n > PATH_ROOM - at)
			n = PATH_ROOM - at;
		if (lib_copy_in(out + at, (uintptr_t)(path + at), n) < 0)
			return false;
		if (memchr(out + at, 0, n))
			return true;
		at += n;
	}
	return false;
}

/* Whether the pointer can be read at all is asked of the kernel only for what may be a node. */
static bool cheap_no(const char *path)
{
	return !path || (uintptr_t)path < 4096;
}

/* xenstored's files in /proc/xen are not among those that the kernel serves. */
static bool is_native(int device)
{
	return device != WIRE_DEV_XSD_PORT && device != WIRE_DEV_XSD_KVA;
}

/* The device that an absolute path without "." and ".." names. */
static int match(const char *full)
{
	for (size_t i = 0; i < N_NODES; i++) {
		size_t n = strlen(nodes[i].path);

		if (strncmp(nodes[i].path, full, n) != 0 || (full[n] && full[n] != '/'))
			continue;
		if (lib_native() && is_native(nodes[i].device))
			return -1;
		return full[n] ? LIB_BELOW_NODE : nodes[i].device;
	}
	return -1;
}

int lib_node(int dirfd, const char *path)
{
	char text[PATH_ROOM], full[PATH_ROOM], start[PATH_ROOM];

	if (!lib_active() || cheap_no(path) || !readable_path(path, text) || !mentions_node(text))
		return -1;
	full[0] = '\0';
	if (text[0] != '/' &&
	    (!lib_base_directory(dirfd, start, PATH_ROOM) || !append(full, start)))
		return -1;
	return append(full, text) ? match(full) : -1;
}

/* As many as the kernel follows. */
#define MOST_LINKS 40

static long read_link(const char *path, char *out)
{
	long n = lib_read_link(AT_FDCWD, path, out, PATH_ROOM - 1);

	if (n >= 0)
		out[n] = '\0';
	return n;
}

/* Puts a link's target in the place of the link, before the rest of the path. */
static bool put_target(char *rest, const char *target, const char *behind)
{
	char joined[PATH_ROOM];
	int n = snprintf(joined, sizeof(joined), "%s/%s", target, behind);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return false;
	memcpy(rest, joined, (size_t)n + 1);
	return true;
}

/* Walks the path from the left, as the kernel does; what does not exist has no links. */
static bool follow(char *full, char *rest)
{
	char part[PATH_ROOM], target[PATH_ROOM], behind[PATH_ROOM];

	for (int links = 0; *rest && links <= MOST_LINKS;) {
		size_t before = strlen(full), n = strcspn(rest, "/");

		memcpy(part, rest, n);
		part[n] = '\0';
		strcpy(behind, rest + n + strspn(rest + n, "/"));
		if (!append(full, part))
			return false;
		if (n > 0 && strcmp(part, "..") != 0 && read_link(full, target) > 0) {
			full[target[0] == '/' ? 0 : before] = '\0';
			if (!put_target(rest, target, behind))
				return false;
			links++;
		} else {
			strcpy(rest, behind);
		}
	}
	return *rest == '\0';
}

int lib_node_behind(int dirfd, const char *path)
{
	char text[PATH_ROOM], full[PATH_ROOM] = "", start[PATH_ROOM];
	bool as_directory;
	int device;

	if (!lib_active() || lib_native() || cheap_no(path) || !lib_may(SYS_readlinkat) ||
	    !readable_path(path, text))
		return -1;
	/* Cheap: most names at which there is nothing are no links. */
	if (!mentions_node(text) && lib_read_link(dirfd, text, start, PATH_ROOM - 1) <= 0)
		return -1;
	if (text[0] != '/' &&
	    (!lib_base_directory(dirfd, start, PATH_ROOM) || !append(full, start)))
		return -1;
	as_directory = text[0] && text[strlen(text) - 1] == '/';
	device = follow(full, text) ? match(full) : -1;
	return device >= 0 && as_directory ? LIB_BELOW_NODE : device;
}

int node_open(int device, int flags, struct wire_file *f, int *fd)
{
	struct wire_open o = {.device = (uint32_t)device, .flags = (uint32_t)flags};
	struct wire_in in;
	int err;

	*fd = -1;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_DIRECTORY) || device == LIB_BELOW_NODE)
		return -ENOTDIR;
	err = lib_call(WIRE_OPEN, &o, sizeof(o), NULL, 0, &in);
	if (err == 0 && in.msg.payload == sizeof(*f)) {
		memcpy(f, in.payload, sizeof(*f));
		*fd = wire_in_take_fd(&in, 0);
	}
	wire_in_done(&in);
	return err;
}
