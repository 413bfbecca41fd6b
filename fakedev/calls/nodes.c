/* SPDX-License-Identifier: MIT */
/* The device nodes as paths: which path names one, and opening it. */
#include "calls.h"
#include "place/place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Longer than any node's path with some slack for "//" and "..". */
#define PATH_ROOM 512

static bool begins(const char *text, const char *end, const char *word)
{
	size_t n = strlen(word);

	/* (At its end it may go on.) */
	if ((size_t)(end - text) < n)
		n = (size_t)(end - text);
	return strncmp(text, word, n) == 0;
}

/* Cheap: every absolute path of the place has a component that begins with one of these. */
static bool mentions_place(const char *path, const char *end)
{
	for (; path < end && *path; path++)
		if (*path == '/' && end - path > 1 && lib_begins_place(path[1]) &&
		    (begins(path + 1, end, "xen") || begins(path + 1, end, "hypervisor") ||
		     begins(path + 1, end, "grant_table")))
			return true;
	return path == end;
}

/* The lengths of the nodes' names, a bit each, by what these begin with. */
static _Atomic uint64_t lengths[LIB_LETTERS];

static void note_names(void)
{
	static _Atomic bool noted;
	const struct place *p;

	if (atomic_load_explicit(&noted, memory_order_acquire))
		return;
	for (int i = 0; (p = place_at(i)); i++) {
		const char *name = strrchr(p->path, '/') + 1;

		atomic_fetch_or(&lengths[(unsigned char)*name % LIB_LETTERS],
				UINT64_C(1) << strlen(name) % 64);
	}
	atomic_store_explicit(&noted, true, memory_order_release);
}

uint64_t lib_name_lengths(char first)
{
	note_names();
	return atomic_load_explicit(&lengths[(unsigned char)first % LIB_LETTERS],
				    memory_order_relaxed);
}

static bool is_name(const char *text, size_t n)
{
	const struct place *p;

	for (int i = 0; (p = place_at(i)); i++) {
		const char *name = strrchr(p->path, '/') + 1;

		if (strlen(name) == n && memcmp(name, text, n) == 0)
			return true;
	}
	return false;
}

/* Does any component bear a node's name? */
static bool mentions_name(const char *path, const char *end)
{
	while (path < end && *path) {
		const char *slash = path;

		while (slash < end && *slash && *slash != '/')
			slash++;
		if ((lib_name_lengths(*path) >> (slash - path) % 64 & 1) &&
		    is_name(path, (size_t)(slash - path)))
			return true;
		path = slash < end && *slash ? slash + 1 : slash;
	}
	return path == end;
}

bool lib_mentions_node(const char *path, size_t most)
{
	return *path == '/' ? mentions_place(path, path + most) : mentions_name(path, path + most);
}

/* A node that is no folder. */
static bool is_leaf(const char *full)
{
	int node = place_find(full, lib_domid());

	return node >= 0 && place_at(node)->kind != PLACE_FOLDER;
}

/* Appends the components of path to out, without "//", "." and "..": purely textual. Below a node all
 * stays, "." and ".." and a slash at the end too: it is no directory. */
static bool append(char *out, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/"), len = strlen(out);

		if (*path == '/' && !path[1] && is_leaf(out))
			return strcat(out, "/"), true;
		if (is_leaf(out) && n > 0 && n < 3 && strncmp(path, "..", n) == 0) {
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
		if (path[0] == '/' && !is_leaf(out))
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

bool lib_is_kernels(int node)
{
	const struct place *p = place_at(node);

	return p && lib_native() && place_is_of_dev(p);
}

/* The node that an absolute path without "." and ".." names. */
static int match(const char *full)
{
	const struct place *p;

	for (int i = 0; (p = place_at(i)); i++) {
		size_t n = strlen(p->path);

		if (strncmp(p->path, full, n) != 0 || (full[n] && full[n] != '/') ||
		    (p->control && lib_domid() != 0))
			continue;
		/* (The kernel's own folder is one.) */
		if (!full[n])
			return p->kind == PLACE_FOLDER && lib_is_kernels(i) ? -1 : i;
		if (p->kind != PLACE_FOLDER)
			return lib_is_kernels(i) ? -1 : LIB_BELOW_NODE;
	}
	return -1;
}

void lib_out_of_shadow(char *path)
{
	char *at = strstr(path, PLACE_SHADOW "/"), *rest = at ? strchr(at, '/') : NULL;

	rest = rest ? strchr(rest + 1, '/') : NULL; /* behind the domain's number */
	if (rest)
		memmove(path, rest, strlen(rest) + 1);
}

/* Where a relative path begins. */
static bool base(int dirfd, char *out)
{
	if (!lib_base_directory(dirfd, out, PATH_ROOM))
		return false;
	lib_out_of_shadow(out);
	return true;
}

int lib_node_shown(int dirfd, const char *path)
{
	char text[PATH_ROOM], full[PATH_ROOM], start[PATH_ROOM];

	if (!lib_active() || cheap_no(path) || !readable_path(path, text) ||
	    !lib_mentions_node(text, PATH_ROOM))
		return -1;
	full[0] = '\0';
	if (text[0] != '/' && (!base(dirfd, start) || !append(full, start)))
		return -1;
	return append(full, text) ? match(full) : -1;
}

int lib_node(int dirfd, const char *path)
{
	int node = lib_node_shown(dirfd, path);

	return lib_is_kernels(node) ? -1 : node;
}

/* The number in a path to a descriptor of the process's own. */
static int descriptor_in(const char *path)
{
	static const char *const before[] = {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"};
	int fd = 0;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		size_t n = strlen(before[i]);

		if (strncmp(path, before[i], n) != 0 || !path[n])
			continue;
		for (path += n; *path >= '0' && *path <= '9' && fd < 1 << 24; path++)
			fd = fd * 10 + (*path - '0');
		return *path ? -1 : fd;
	}
	return -1;
}

int lib_descriptor_in(const char *path)
{
	char text[64];

	/* (A path that ends earlier may end with its page.) */
	for (size_t n = 0; n < sizeof(text); n++) {
		if (lib_copy_in(text + n, (uintptr_t)(path + n), 1) < 0)
			return -1;
		if (!text[n])
			return descriptor_in(text);
		if (n == 0 && text[0] != '/')
			return -1;
	}
	return -1;
}

int lib_node_of_shadow(int fd)
{
	char full[PATH_ROOM];

	if (!lib_base_directory(fd, full, PATH_ROOM) || !strstr(full, PLACE_SHADOW "/"))
		return -1;
	lib_out_of_shadow(full);
	return match(full);
}

int lib_node_of_kernels(int fd)
{
	char full[PATH_ROOM];
	int node = lib_base_directory(fd, full, PATH_ROOM) ? match(full) : -1;

	return lib_is_kernels(node) ? node : -1;
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
	int node;

	if (!lib_active() || lib_native() || cheap_no(path) || !lib_may(SYS_readlinkat) ||
	    !readable_path(path, text))
		return -1;
	/* Cheap: most names at which there is nothing are no links. */
	if (!lib_mentions_node(text, PATH_ROOM) &&
	    lib_read_link(dirfd, text, start, PATH_ROOM - 1) <= 0)
		return -1;
	if (text[0] != '/' && (!base(dirfd, start) || !append(full, start)))
		return -1;
	as_directory = text[0] && text[strlen(text) - 1] == '/';
	node = follow(full, text) ? match(full) : -1;
	return as_directory && place_at(node) && place_at(node)->kind != PLACE_FOLDER
		   ? LIB_BELOW_NODE
		   : node;
}

/* What it is opened as. */
static uint32_t device_for(const struct place *p, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if (flags & O_PATH)
		return WIRE_DEV_PLACE;
	return writes && p->says == PLACE_SAYS_LIMIT ? (uint32_t)WIRE_DEV_PARAMETER : p->device;
}

/* Why it can't be opened so. */
static int may_open(const struct place *p, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (p->kind != PLACE_FOLDER && (flags & O_DIRECTORY))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (p->kind == PLACE_FOLDER && (writes || (flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	return p->kind == PLACE_TEXT && writes && !(p->mode & 0200) ? -EACCES : 0;
}

int node_open(int node, int flags, struct wire_file *f, int *fd)
{
	const struct place *p = place_at(node);
	struct wire_open o;
	struct wire_in in;
	int err;

	*fd = -1;
	*f = (struct wire_file){.device = WIRE_DEV_PLACE};
	if (!p)
		return node >= LIB_DMABUF ? -ENXIO : -ENOTDIR;
	err = may_open(p, flags);
	if (err < 0)
		return err;
	o = (struct wire_open){
	    .device = device_for(p, flags), .flags = (uint32_t)flags, .node = (uint32_t)node};
	err = lib_call(WIRE_OPEN, &o, sizeof(o), NULL, 0, &in);
	if (err == 0 && in.msg.payload == sizeof(*f)) {
		memcpy(f, in.payload, sizeof(*f));
		*fd = wire_in_take_fd(&in, 0);
	}
	wire_in_done(&in);
	return err;
}
