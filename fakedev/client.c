/* SPDX-License-Identifier: MIT */
/* A control connection and its requests. */
#define _GNU_SOURCE
#include "broker-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int client_reply(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		 size_t len, const int *fds, int n_fds)
{
	/* What the call did elsewhere has happened before the caller learns that it is done. */
	broker_effects(c->broker);
	return wire_send(c->endpoint.fd, in->msg.op, result, payload, len, fds, n_fds);
}

/* Copies a message's payload; false if it has another size. */
static bool take_payload(const struct wire_in *in, void *payload, size_t size)
{
	if (in->msg.payload != size)
		return false;
	memcpy(payload, in->payload, size);
	return true;
}

static int reply(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		 size_t len)
{
	return client_reply(c, in, result, payload, len, NULL, 0);
}

int client_hold(struct client *c, struct device_file *file, uint32_t *id)
{
	struct hold *h;

	for (struct link *l = file->holds.next; l != &file->holds; l = l->next) {
		h = (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));
		if (h->client == c) {
			*id = h->id;
			return 0;
		}
	}
	while (c->free_id < c->n_holds && c->holds[c->free_id])
		c->free_id++;
	if (c->free_id == c->n_holds) {
		uint32_t n = c->n_holds ? c->n_holds * 2 : 4;
		struct hold **holds = reallocarray(c->holds, n, sizeof(*holds));

		if (!holds)
			return -ENOMEM;
		memset(holds + c->n_holds, 0, (n - c->n_holds) * sizeof(*holds));
		c->holds = holds;
		c->n_holds = n;
	}
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct hold){.client = c, .file = file, .id = c->free_id};
	c->holds[h->id] = h;
	link_add(&file->holds, &h->of_file);
	*id = h->id;
	return 0;
}

struct device_file *client_file(struct client *c, uint32_t id)
{
	return id < c->n_holds && c->holds[id] ? c->holds[id]->file : NULL;
}

/* From now on the address space is found by its process. */
static void index_by_process(struct client *c)
{
	link_del(&c->by_process);
	if (c->pid)
		link_add(&c->broker->processes[c->pid % PROCESS_BUCKETS], &c->by_process);
}

struct gntsim_mm *client_mm_of_process(const struct broker *b, uint32_t process)
{
	const struct link *head = &b->processes[process % PROCESS_BUCKETS];

	for (struct link *l = head->prev; l != head; l = l->prev) {
		const struct client *c =
		    (struct client *)(void *)((char *)l - offsetof(struct client, by_process));

		if (c->pid == process)
			return c->mm;
	}
	return NULL;
}

static void client_destroy(struct endpoint *e)
{
	struct client *c = (struct client *)e;

	link_del(&c->by_process);
	for (uint32_t i = 0; i < c->n_holds; i++) {
		if (!c->holds[i])
			continue;
		link_del(&c->holds[i]->of_file);
		free(c->holds[i]);
	}
	free(c->holds);
	free(c);
}

/* The address space ends. */
static void client_end(struct client *c)
{
	struct broker *b = c->broker;

	link_del(&c->syncing);
	link_del(&c->by_process);
	if (c->mm) {
		leaks_of_mm(b, c);
		gntsim_mm_set_data(c->mm, NULL);
		gntsim_mm_destroy(c->mm);
		c->mm = NULL;
		broker_effects(b);
	}
	broker_end_endpoint(b, &c->endpoint);
}

/* One request. Returns false when there is none, or no more client. */
static bool serve_one(struct client *c)
{
	struct broker *b = c->broker;
	struct wire_in in;
	int err = wire_recv(c->endpoint.fd, MSG_DONTWAIT, b->buffer, &in);

	if (err == -EAGAIN)
		return false;
	if (err == 0) {
		err = in.fds_lost ? -EPROTO : client_request(c, &in);
		wire_in_done(&in);
	}
	if (err < 0)
		client_end(c);
	else
		broker_effects(b);
	return err == 0;
}

static void client_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	(void)b;
	/* At the end: what was asked before it, then the end itself. */
	while (serve_one((struct client *)e) && (events & (EPOLLHUP | EPOLLRDHUP)))
		;
}

void client_answer_syncs(struct broker *b)
{
	while (b->syncs.next != &b->syncs) {
		struct client *c = (struct client *)(void *)((char *)b->syncs.next -
							     offsetof(struct client, syncing));

		link_del(&c->syncing);
		if (wire_send(c->endpoint.fd, WIRE_SYNC, 0, NULL, 0, NULL, 0) < 0)
			client_end(c);
	}
}

int client_add(struct broker *b, int fd, struct client **out)
{
	struct client *c = calloc(1, sizeof(*c));
	int err, on = 1;

	if (!c)
		return -ENOMEM;
	/* Who asks is the kernel's word, not the client's. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	c->broker = b;
	link_init(&c->syncing);
	link_init(&c->by_process);
	c->endpoint = (struct endpoint){.ready = client_ready, .destroy = client_destroy, .fd = fd};
	err = broker_add_endpoint(b, &c->endpoint, EPOLLIN | EPOLLRDHUP);
	if (err < 0) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

static int hello(struct client *c, const struct wire_in *in)
{
	struct broker *b = c->broker;
	struct wire_hello h;
	size_t rundir = b->rundir ? strlen(b->rundir) : 0;
	size_t tree = b->config.tree ? strlen(b->config.tree) : 0;
	unsigned char out[sizeof(struct wire_hello_reply) + 1024];
	struct wire_hello_reply r;
	struct gntsim_domain *dom;
	int err = 0, off = 0;

	if (!take_payload(in, &h, sizeof(h)))
		return -EPROTO;
	if (h.role > WIRE_ROLE_WATCH || rundir > 512 || tree > 512)
		return -EPROTO;
	c->pid = in->pid;
	/* Asked once is enough: it costs both ends something at each message. */
	setsockopt(c->endpoint.fd, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off));
	if (c->greeted) { /* a forked child, which came with its address space */
		if (c->mm)
			index_by_process(c);
		err = c->mm && !gntsim_mm_domain(c->mm) ? -ENODEV : 0;
		return reply(c, in, err, NULL, 0);
	}
	if (h.role != WIRE_ROLE_WATCH)
		err = broker_add_domain(b, h.domid, h.guest);
	dom = h.domid <= UINT16_MAX ? gntsim_domain_find(b->machine, (uint16_t)h.domid) : NULL;
	if (err == 0 && !dom && h.role != WIRE_ROLE_WATCH)
		err = -ENODEV;
	if (err == 0 && h.role == WIRE_ROLE_PROCESS) {
		err = gntsim_mm_create(dom, &c->mm);
		if (err == 0) {
			gntsim_mm_set_data(c->mm, c);
			index_by_process(c);
		}
	}
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	c->greeted = true;
	c->domid = (uint16_t)h.domid;
	r = (struct wire_hello_reply){
	    .domid = h.domid,
	    .guest = dom && gntsim_domain_guest(dom) == GNTSIM_GUEST_PV ? 1 : 2,
	    .broker_pid = (uint32_t)getpid(),
	    .rundir_len = (uint32_t)rundir,
	    .unassisted = b->config.unassisted,
	    .tree_len = (uint32_t)tree};
	memcpy(out, &r, sizeof(r));
	if (rundir)
		memcpy(out + sizeof(r), b->rundir, rundir);
	if (tree)
		memcpy(out + sizeof(r) + rundir, b->config.tree, tree);
	return reply(c, in, 0, out, sizeof(r) + rundir + tree);
}

/* The plain files that xenstored finds in domain 0. */
static int open_plain(struct broker *b, const struct client *c, uint32_t device)
{
	char text[16];
	int fd;

	if (c->domid != 0)
		return -ENOENT;
	if (device == WIRE_DEV_XSD_KVA) {
		if (b->xsd_kva < 0) {
			b->xsd_kva = memfd_create("gntsim-xsd_kva", MFD_CLOEXEC);
			if (b->xsd_kva >= 0 && ftruncate(b->xsd_kva, GNTSIM_PAGE_SIZE) < 0)
				return -errno;
		}
		return b->xsd_kva < 0 ? -errno : dup(b->xsd_kva);
	}
	if (b->xsd_port == 0) {
		int port = gntsim_port_alloc_unbound(gntsim_domain_find(b->machine, 0), 0);

		if (port < 0)
			return port;
		b->xsd_port = (uint32_t)port;
	}
	fd = memfd_create("gntsim-xsd_port", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%u", b->xsd_port);
	if (write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static int send_file(struct client *c, const struct wire_in *in, const struct device_file *f,
		     uint32_t id, int fd)
{
	struct wire_file out = {.id = id,
				.device = f->device,
				.flags = f->open_flags,
				.minor = f->minor,
				.cookie = f->cookie};

	return client_reply(c, in, 0, &out, sizeof(out), &fd, fd >= 0);
}

static int open_device(struct client *c, const struct wire_in *in)
{
	struct broker *b = c->broker;
	struct wire_open o;
	struct device_file *f;
	uint32_t id = 0;
	int fd, err;

	if (!take_payload(in, &o, sizeof(o)))
		return -EPROTO;
	if (o.device >= WIRE_DEV_MAX)
		return -EPROTO;
	if (o.device >= WIRE_DEV_XSD_PORT) {
		struct wire_file plain = {.device = o.device};

		fd = open_plain(b, c, o.device);
		if (fd < 0)
			return reply(c, in, fd, NULL, 0);
		err = client_reply(c, in, 0, &plain, sizeof(plain), &fd, 1);
		close(fd);
		return err;
	}
	if (!c->mm || !gntsim_mm_domain(c->mm))
		return reply(c, in, -ENODEV, NULL, 0);
	err = device_open(b, &front_socket, gntsim_mm_domain(c->mm), (enum wire_device)o.device,
			  o.flags, &f, &fd);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	/* If the hold fails the file ends with this descriptor. */
	err = client_hold(c, f, &id);
	err = err < 0 ? reply(c, in, err, NULL, 0) : send_file(c, in, f, id, fd);
	close(fd);
	return err;
}

static int attach(struct client *c, const struct wire_in *in)
{
	struct device_file *f = NULL;
	uint64_t cookie;
	socklen_t len = sizeof(cookie);
	uint32_t id = 0;
	int err;

	if (in->n_fds != 1 || in->msg.payload != 0)
		return -EPROTO;
	if (getsockopt(in->fds[0], SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0)
		f = device_find(c->broker, cookie);
	if (!f)
		return reply(c, in, -ENOENT, NULL, 0);
	err = client_hold(c, f, &id);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	return send_file(c, in, f, id, -1);
}

static int claim(struct client *c, const struct wire_in *in)
{
	struct device_file *f;
	uint64_t cookie;
	uint32_t id = 0;
	int err;

	if (!take_payload(in, &cookie, sizeof(cookie)))
		return -EPROTO;
	f = device_find(c->broker, cookie);
	/* A socket's cookie is no secret: its holder shows the socket. */
	if (!f || f->front == &front_socket)
		return reply(c, in, -ENOENT, NULL, 0);
	err = client_hold(c, f, &id);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	return send_file(c, in, f, id, -1);
}

static int serve_tree(struct client *c, struct wire_in *in)
{
	int fd, err;

	if (in->msg.payload != 0)
		return -EPROTO;
	fd = wire_in_take_fd(in, 0);
	err = broker_mount(c->broker, fd);
	if (err < 0)
		close(fd);
	return reply(c, in, err, NULL, 0);
}

static int make_devices(struct client *c, const struct wire_in *in)
{
	char folder[64];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int err;

	if (in->msg.payload != 0)
		return -EPROTO;
	if (getsockopt(c->endpoint.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return reply(c, in, -errno, NULL, 0);
	err = broker_cuse(c->broker, c->domid, (uint32_t)peer.pid, folder, sizeof(folder));
	return reply(c, in, err, folder, err < 0 ? 0 : strlen(folder));
}

static int write_device(struct client *c, const struct wire_in *in)
{
	struct wire_write w;
	struct device_file *f;
	uint32_t ports[1024];

	if (in->msg.payload < sizeof(w))
		return -EPROTO;
	memcpy(&w, in->payload, sizeof(w));
	if (w.len != in->msg.payload - sizeof(w) || w.len > sizeof(ports))
		return -EPROTO;
	f = client_file(c, w.file);
	if (!f || !f->file)
		return reply(c, in, f ? -EINVAL : -EBADF, NULL, 0);
	memcpy(ports, in->payload + sizeof(w), w.len);
	return reply(c, in, gntsim_evtchn_write(f->file, w.len, ports), NULL, 0);
}

/* Runs of a mapping, gathered before they are sent. */
struct runs {
	struct wire_run *run;
	uint32_t n, room;
	bool rw, ro;
};

static int add_page(const struct broker *b, struct runs *r, uint64_t addr, int prot,
		    const struct gntsim_page *page)
{
	bool gone = page->frame == GNTSIM_NO_FRAME;
	struct wire_run *last = r->n ? &r->run[r->n - 1] : NULL;
	uint64_t offset = gone ? b->arena.size : (uint64_t)page->frame * GNTSIM_PAGE_SIZE;
	uint32_t flags = (gone ? prot & PROT_WRITE : page->writable) ? WIRE_RUN_RW : 0;
	int want = prot;

	/* Writable as protected but not as granted: the store must fault. And a PV mapping may be
	 * readable though PROT_NONE: Xen wrote its PTE. */
	if (page->discards || page->copies)
		flags = WIRE_RUN_PRIVATE;
	else if (!page->writable && !gone)
		want &= ~PROT_WRITE;
	if (page->readable && !gone)
		want |= PROT_READ;
	*(flags & WIRE_RUN_RW ? &r->rw : &r->ro) = true;
	if (last && last->addr + last->len == addr && last->flags == flags && last->prot == want &&
	    (gone ? last->offset == offset : last->offset + last->len == offset)) {
		last->len += GNTSIM_PAGE_SIZE;
		return 0;
	}
	if (r->n == r->room) {
		uint32_t room = r->room ? r->room * 2 : 8;
		struct wire_run *run = reallocarray(r->run, room, sizeof(*run));

		if (!run)
			return -ENOMEM;
		r->run = run;
		r->room = room;
	}
	r->run[r->n++] = (struct wire_run){
	    .addr = addr, .offset = offset, .len = GNTSIM_PAGE_SIZE, .prot = want, .flags = flags};
	return 0;
}

/* The device memory in [addr, addr + len), as the address space has it now. */
static int collect(const struct client *c, uint64_t addr, uint64_t len, struct runs *r,
		   uint32_t *flags)
{
	uint64_t end = addr + len;
	struct gntsim_vma vma;

	while (addr < end && gntsim_mm_find_vma(c->mm, addr, &vma) && vma.start < end) {
		if (addr < vma.start)
			addr = vma.start;
		if (vma.dontcopy)
			*flags |= WIRE_M_DONTFORK;
		for (; addr < vma.end && addr < end; addr += GNTSIM_PAGE_SIZE) {
			struct gntsim_page page;
			int err = gntsim_mm_page(c->mm, addr, &page);

			if (err == 0)
				err = add_page(c->broker, r, addr, vma.prot, &page);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* Replies with the runs of a range, and the descriptors to map them from. */
static int reply_runs(struct client *c, const struct wire_in *in, uint64_t addr, uint64_t len)
{
	struct arena *arena = &c->broker->arena;
	struct runs r = {0};
	struct wire_map_reply *out;
	uint32_t flags = 0;
	int fds[2], n_fds = 0;
	size_t size;
	int err = collect(c, addr, len, &r, &flags);

	size = sizeof(*out) + r.n * sizeof(*r.run);
	out = err < 0 ? NULL : malloc(size);
	if (!out) {
		free(r.run);
		gntsim_munmap(c->mm, addr, len);
		return reply(c, in, -ENOMEM, NULL, 0);
	}
	*out = (struct wire_map_reply){.n_runs = r.n, .flags = flags};
	if (r.n)
		memcpy(out + 1, r.run, r.n * sizeof(*r.run));
	if (r.rw)
		fds[n_fds++] = arena->rw;
	if (r.ro)
		fds[n_fds++] = arena->ro;
	err = client_reply(c, in, 0, out, size, fds, n_fds);
	free(out);
	free(r.run);
	return err;
}

/* Replies to a call that changed a range, or could not. */
static int reply_changed(struct client *c, const struct wire_in *in, int err, uint64_t addr,
			 uint64_t len)
{
	return err < 0 ? reply(c, in, err, NULL, 0) : reply_runs(c, in, addr, len);
}

static int map(struct client *c, const struct wire_in *in)
{
	struct wire_map m;
	struct device_file *f;
	int err;

	if (!take_payload(in, &m, sizeof(m)))
		return -EPROTO;
	f = client_file(c, m.file);
	if (!f)
		return reply(c, in, -EBADF, NULL, 0);
	if (!c->mm || !f->file || c->broker->config.unassisted)
		return reply(c, in, -ENODEV, NULL, 0);
	err = gntsim_mmap(c->mm, f->file, m.addr, m.len, m.prot, m.flags, m.offset);
	return reply_changed(c, in, err, m.addr, m.len);
}

static int change_range(struct client *c, const struct wire_in *in)
{
	struct wire_range r;
	int err;

	if (!take_payload(in, &r, sizeof(r)))
		return -EPROTO;
	if (!c->mm)
		return reply(c, in, -ENODEV, NULL, 0);
	if (in->msg.op == WIRE_MUNMAP)
		return reply(c, in, gntsim_munmap(c->mm, r.addr, r.len), NULL, 0);
	if (in->msg.op == WIRE_MADVISE)
		err = gntsim_madvise(c->mm, r.addr, r.len, r.prot);
	else
		err = gntsim_mprotect(c->mm, r.addr, r.len, r.prot);
	return reply_changed(c, in, err, r.addr, r.len);
}

static int remap(struct client *c, const struct wire_in *in)
{
	struct wire_remap r;
	int err;

	if (!take_payload(in, &r, sizeof(r)))
		return -EPROTO;
	if (!c->mm)
		return reply(c, in, -ENODEV, NULL, 0);
	err = gntsim_mremap(c->mm, r.old_addr, r.old_len, r.new_len, r.flags, r.new_addr);
	return reply_changed(c, in, err, r.new_addr, r.new_len);
}

/* The child's connection, and its address space, exist before the child does. */
static int fork_mm(struct client *c, const struct wire_in *in)
{
	int pair[2], err;
	struct client *child;

	if (in->msg.payload != 0)
		return -EPROTO;
	if (!c->mm)
		return reply(c, in, -ENODEV, NULL, 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return reply(c, in, -errno, NULL, 0);
	err = client_add(c->broker, pair[0], &child);
	if (err < 0) {
		close(pair[0]);
		close(pair[1]);
		return reply(c, in, err, NULL, 0);
	}
	err = gntsim_mm_fork(c->mm, &child->mm);
	if (err < 0) {
		broker_end_endpoint(c->broker, &child->endpoint);
		close(pair[1]);
		return reply(c, in, err, NULL, 0);
	}
	gntsim_mm_set_data(child->mm, child);
	child->greeted = true;
	child->domid = c->domid;
	err = client_reply(c, in, 0, NULL, 0, &pair[1], 1);
	close(pair[1]);
	return err;
}

static int status(struct client *c, const struct wire_in *in)
{
	struct gntsim_totals t;
	char text[512];
	int n;

	gntsim_machine_totals(c->broker->machine, &t);
	n = snprintf(text, sizeof(text),
		     "domains %u\nzombies %u\nfiles %u\nmms %u\nvmas %u\nframes %u\ngrants %u\n"
		     "deferred %u\ngntdev_maps %u\nmaptrack %u\nports %u\nbytes %llu\n",
		     t.domains, t.zombies, t.files, t.mms, t.vmas, t.frames, t.grants, t.deferred,
		     t.gntdev_maps, t.maptrack, t.ports, (unsigned long long)t.bytes);
	return reply(c, in, 0, text, (size_t)n);
}

/* What a toolstack or an administrator does to a machine. */
static int administer(struct client *c, const struct wire_in *in)
{
	struct gntsim_machine *m = c->broker->machine;
	struct gntsim_domain *dom;
	struct wire_limit limit;
	uint64_t ns;
	uint32_t domid;

	if (in->msg.op == WIRE_ADVANCE) {
		if (!take_payload(in, &ns, sizeof(ns)))
			return -EPROTO;
		gntsim_machine_advance(m, ns);
		return reply(c, in, 0, NULL, 0);
	}
	if (in->msg.payload != (in->msg.op == WIRE_LIMIT ? sizeof(limit) : sizeof(domid)))
		return -EPROTO;
	memcpy(&limit, in->payload, in->msg.payload);
	domid = limit.domid;
	dom = domid <= UINT16_MAX ? gntsim_domain_find(m, (uint16_t)domid) : NULL;
	if (!dom)
		return reply(c, in, -ESRCH, NULL, 0);
	if (in->msg.op == WIRE_LIMIT)
		gntsim_domain_set_gntalloc_limit(dom, limit.limit);
	else
		gntsim_domain_destroy(dom);
	return reply(c, in, 0, NULL, 0);
}

int client_request(struct client *c, struct wire_in *in)
{
	enum wire_op op = (enum wire_op)in->msg.op;

	if (!c->greeted && op != WIRE_HELLO)
		return -EPROTO;
	if (in->n_fds != (op == WIRE_ATTACH || op == WIRE_MOUNT))
		return -EPROTO;
	switch (op) {
	case WIRE_HELLO:
		return hello(c, in);
	case WIRE_OPEN:
		return open_device(c, in);
	case WIRE_ATTACH:
		return attach(c, in);
	case WIRE_CLAIM:
		return claim(c, in);
	case WIRE_MOUNT:
		return serve_tree(c, in);
	case WIRE_CUSE:
		return make_devices(c, in);
	case WIRE_IOCTL:
		return request_ioctl(c, in);
	case WIRE_WRITE:
		return write_device(c, in);
	case WIRE_MMAP:
		return map(c, in);
	case WIRE_MUNMAP:
	case WIRE_MPROTECT:
	case WIRE_MADVISE:
		return change_range(c, in);
	case WIRE_MREMAP:
		return remap(c, in);
	case WIRE_FORK:
		return fork_mm(c, in);
	case WIRE_SYNC:
		if (in->msg.payload != 0 || c->syncing.next != &c->syncing)
			return -EPROTO;
		link_add(&c->broker->syncs, &c->syncing);
		return 0;
	case WIRE_STATUS:
		return status(c, in);
	case WIRE_DESTROY:
	case WIRE_ADVANCE:
	case WIRE_LIMIT:
		return administer(c, in);
	case WIRE_OP_MAX:
		break;
	}
	return -EPROTO;
}
