/* SPDX-License-Identifier: MIT */
/* The FUSE front: a mounted tree with a folder for each domain, its device files in it. The files
 * are read and written past the page cache and have no pages, so the kernel maps nothing of them and
 * no page of a caller's memory ever depends on us (fuse-pages.c is the exception). */
#define _GNU_SOURCE
#include "fuse-memory.h"
#include "late/late.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The kernel's number of a node: its folder's domain and its place in the folder. */
#define NODE(domid, place) (((fuse_ino_t)(domid) + 1) << 8 | (place))
#define NODE_PLACE(ino)    ((unsigned int)((ino)&0xff))
#define NODE_DOMID(ino)    ((uint32_t)(((ino) >> 8) - 1))
#define FOLDER             0u
#define N_DOMIDS           0x7FF0u

static const struct {
	const char *name;
	enum wire_device device;
	bool assisted; /* only there: it is mapped */
} places[] = {
    [1] = {"gntalloc", WIRE_DEV_GNTALLOC, false},
    [2] = {"gntdev", WIRE_DEV_GNTDEV, false},
    [3] = {"evtchn", WIRE_DEV_EVTCHN, false},
    [4] = {"privcmd", WIRE_DEV_PRIVCMD, false},
    [5] = {"hypercall", WIRE_DEV_PRIVCMD, true},
    [6] = {"xenbus", WIRE_DEV_XENBUS, false},
    [7] = {"xenbus_backend", WIRE_DEV_XENBUS_BACKEND, false},
};
#define N_PLACES (sizeof(places) / sizeof(places[0]))

/* In an unassisted machine all gntalloc and gntdev files are one inode. Which of them an open is for
 * tells the look-up just before it, by the same thread: names are not cached. */
#define THREADS 1024u
struct tree {
	struct fuse_host host; /* first */
	struct {
		uint32_t thread;
		fuse_ino_t node;
	} looked_up[THREADS];
};

static struct fuse_host *host_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct gntsim_domain *domain_of(fuse_req_t req, fuse_ino_t ino)
{
	uint32_t domid = NODE_DOMID(ino);

	return domid < N_DOMIDS ? gntsim_domain_find(host_of(req)->broker->machine, (uint16_t)domid)
				: NULL;
}

static bool describe(fuse_req_t req, fuse_ino_t ino, struct stat *st)
{
	unsigned int place = NODE_PLACE(ino);

	*st = (struct stat){.st_ino = ino, .st_uid = geteuid(), .st_gid = getegid()};
	if (ino == PAGES_INO) {
		st->st_mode = S_IFREG | 0666;
		st->st_nlink = 2;
		st->st_size = PAGES_SIZE;
		return true;
	}
	if (ino == FUSE_ROOT_ID || place == FOLDER) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
	} else {
		st->st_mode = S_IFREG | 0666;
		st->st_nlink = 1;
		if (place < N_PLACES && places[place].device == WIRE_DEV_EVTCHN)
			st->st_size = WIRE_EVTCHN_BYTES;
	}
	return ino == FUSE_ROOT_ID || domain_of(req, ino);
}

static void tree_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (describe(req, ino, &st))
		fuse_reply_attr(req, &st, 0);
	else
		fuse_reply_err(req, ENOENT);
}

/* They cannot be cut, as no device can. O_TRUNC never gets here: open() takes it as a flag. */
static void tree_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int which,
			 struct fuse_file_info *fi)
{
	(void)attr;
	(void)ino;
	(void)fi;
	fuse_reply_err(req, which & FUSE_SET_ATTR_SIZE ? EINVAL : EPERM);
}

static fuse_ino_t find_domain(fuse_req_t req, const char *name)
{
	char *end;
	unsigned long domid = strtoul(name, &end, 10);
	char canonical[16];

	snprintf(canonical, sizeof(canonical), "%lu", domid);
	if (*end || strcmp(canonical, name) || domid >= N_DOMIDS ||
	    !gntsim_domain_find(host_of(req)->broker->machine, (uint16_t)domid))
		return 0;
	return NODE(domid, FOLDER);
}

static fuse_ino_t find_node(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	if (folder == FUSE_ROOT_ID)
		return find_domain(req, name);
	if (NODE_PLACE(folder) != FOLDER || !domain_of(req, folder))
		return 0;
	for (unsigned int i = 1; i < N_PLACES; i++)
		if (strcmp(places[i].name, name) == 0 &&
		    (!places[i].assisted || !host_of(req)->memory) &&
		    !device_is_missing(host_of(req)->broker, (uint16_t)NODE_DOMID(folder),
				       places[i].device))
			return NODE(NODE_DOMID(folder), i);
	return 0;
}

static bool is_mapped(fuse_ino_t ino)
{
	unsigned int place = NODE_PLACE(ino);

	return place != FOLDER && place < N_PLACES && places[place].device <= WIRE_DEV_GNTDEV;
}

static void tree_lookup(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	struct fuse_entry_param e = {.ino = find_node(req, folder, name)};
	struct tree *t = (struct tree *)host_of(req);

	if (t->host.memory && e.ino && is_mapped(e.ino)) {
		uint32_t thread = (uint32_t)fuse_req_ctx(req)->pid;

		t->looked_up[thread % THREADS].thread = thread;
		t->looked_up[thread % THREADS].node = e.ino;
		e.ino = PAGES_INO;
	}
	if (e.ino && describe(req, e.ino, &e.attr))
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOENT);
}

/* A folder's entries from the offset on: ".", "..", then domains by number or files by place. */
struct listing {
	fuse_req_t req;
	fuse_ino_t folder;
	char *buf;
	size_t used, size;
};

static bool list(struct listing *l, const char *name, fuse_ino_t ino, off_t next)
{
	struct stat st;
	size_t need;

	if (!describe(l->req, ino, &st))
		return true;
	/* What they stand for: the kernel would look for a driver if the files said so themselves. */
	if (S_ISREG(st.st_mode))
		st.st_mode = S_IFCHR | 0666;
	need = fuse_add_direntry(l->req, l->buf + l->used, l->size - l->used, name, &st, next);
	if (need > l->size - l->used)
		return false;
	l->used += need;
	return true;
}

static void list_all(struct listing *l, off_t from)
{
	const bool root = l->folder == FUSE_ROOT_ID;
	const off_t end = 2 + (root ? (off_t)N_DOMIDS : (off_t)N_PLACES - 1);

	for (off_t i = from; i < end; i++) {
		const char *name = i == 0 ? "." : "..";
		fuse_ino_t ino = i == 0 ? l->folder : FUSE_ROOT_ID;
		char number[16];

		if (i >= 2 && root) {
			snprintf(number, sizeof(number), "%d", (int)i - 2);
			name = number;
			ino = NODE(i - 2, FOLDER);
		} else if (i >= 2) {
			name = places[i - 1].name;
			ino = find_node(l->req, l->folder, name);
			if (!ino)
				continue;
		}
		if (!list(l, name, ino, i + 1))
			return;
	}
}

static void tree_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t from,
			 struct fuse_file_info *fi)
{
	struct listing l = {.req = req, .folder = ino, .size = size, .buf = malloc(size)};

	(void)fi;
	if (!l.buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	list_all(&l, from);
	fuse_reply_buf(req, l.buf, l.used);
	free(l.buf);
}

static fuse_ino_t last_looked_up(fuse_req_t req)
{
	struct tree *t = (struct tree *)host_of(req);
	uint32_t thread = (uint32_t)fuse_req_ctx(req)->pid;
	fuse_ino_t node = t->looked_up[thread % THREADS].node;

	if (t->looked_up[thread % THREADS].thread != thread || node == 0) {
		fprintf(stderr,
			"gntsim: refused: thread %u opens gntalloc or gntdev without its name "
			"(by /proc/self/fd?), which tells them apart (--assist=no)\n",
			thread);
		return NODE(N_DOMIDS, FOLDER);
	}
	t->looked_up[thread % THREADS].node = 0;
	return node;
}

static void tree_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gntsim_domain *dom;
	unsigned int place;

	if (ino == PAGES_INO) {
		/* The page cache is everybody's. */
		if (fi->flags & O_TRUNC) {
			fuse_reply_err(req, EINVAL);
			return;
		}
		ino = last_looked_up(req);
	}
	dom = domain_of(req, ino);
	place = NODE_PLACE(ino);
	if (!dom || place == FOLDER || place >= N_PLACES)
		fuse_reply_err(req, ENODEV);
	else
		fuse_file_open(host_of(req), req, dom, places[place].device, &front_fuse, fi);
}

static void tree_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fuse_file_flush(req, fi);
}

static void tree_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fuse_file_release(req, fi);
}

static void tree_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *fi)
{
	if (ino == PAGES_INO)
		memory_read(host_of(req)->memory, req, (uint64_t)offset, size);
	else if (fi->lock_owner == 0)
		fuse_reply_err(req, EIO); /* not read(): a page of a private mapping */
	else
		fuse_file_read(req, size, fi);
}

static void tree_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	if (ino == PAGES_INO && fi->writepage)
		memory_write(host_of(req)->memory, req, (uint64_t)offset, buf, size);
	else if (ino == PAGES_INO)
		fuse_reply_err(req, EINVAL);
	else
		fuse_file_write(req, buf, size, fi);
}

static void tree_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		      struct fuse_pollhandle *ph)
{
	(void)ino;
	fuse_file_poll(req, fi, ph);
}

static void tree_init(void *ctx, struct fuse_conn_info *conn)
{
	const struct fuse_host *h = ctx;

	/* Requests are small, and splicing needs two pipes. */
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS);
	/* RELEASE is a background request: none may wait behind others, or it would be overtaken. */
	conn->max_background = conn->congestion_threshold = UINT16_MAX;
	/* The page cache is the memory: nobody but its programs and we may change it. What lies beyond
	 * a program's pages must not be read ahead, it is an error. */
	if (h->memory) {
		conn->want &= ~(unsigned int)FUSE_CAP_AUTO_INVAL_DATA;
		conn->max_readahead = 0;
	}
}

/* Nobody makes or takes a name there. */
static void tree_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent, (void)name, (void)mode, (void)rdev;
	fuse_reply_err(req, EPERM);
}

static void tree_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EPERM);
}

static void tree_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void tree_symlink(fuse_req_t req, const char *to, fuse_ino_t parent, const char *name)
{
	(void)to, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void tree_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void tree_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to,
			const char *new_name, unsigned int flags)
{
	(void)from, (void)name, (void)to, (void)new_name, (void)flags;
	fuse_reply_err(req, EPERM);
}

static const struct fuse_lowlevel_ops operations = {
    .init = tree_init,
    .lookup = tree_lookup,
    .getattr = tree_getattr,
    .setattr = tree_setattr,
    .readdir = tree_readdir,
    .open = tree_open,
    .flush = tree_flush,
    .release = tree_release,
    .read = tree_read,
    .write = tree_write,
    .poll = tree_poll,
    .mknod = tree_mknod,
    .mkdir = tree_mkdir,
    .unlink = tree_unlink,
    .rmdir = tree_unlink,
    .symlink = tree_symlink,
    .link = tree_link,
    .rename = tree_rename,
};

static bool is_dev_fuse(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(10, 229);
}

int fuse_serve_tree(struct broker *b, int fd)
{
	char *argv[] = {(char[]){"gntsim"}, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_host *h;
	int err = 0;

	if (!is_dev_fuse(fd))
		return -EINVAL;
	if (!late_has_fuse())
		return -ELIBACC;
	/* Pages are shared within one tree only. */
	if (b->config.unassisted && b->hosts.next != &b->hosts)
		return -EBUSY;
	h = calloc(1, sizeof(struct tree));
	if (!h)
		return -ENOMEM;
	h->session = fuse_session_new(&args, &operations, sizeof(operations), h);
	fuse_opt_free_args(&args);
	if (!h->session)
		err = -ENOMEM;
	else if (b->config.unassisted)
		err = memory_new(b, h->session, &h->memory);
	if (err == 0)
		err = fuse_host_start(h, b, fd);
	if (err < 0) {
		if (h->session)
			fuse_session_destroy(h->session);
		memory_free(h->memory);
		free(h);
	}
	return err;
}

const struct front front_fuse = {
    .name = "fuse",
    .ends_late = true,
    .open = fuse_front_open,
    .events = fuse_front_events,
    .written = fuse_xenbus_written,
    .reset = fuse_front_reset,
    .readers = fuse_front_readers,
    .end = fuse_front_end,
};
