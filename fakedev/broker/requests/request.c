/* SPDX-License-Identifier: MIT */
/* The requests of a control connection, but those in files of their own. */
#define _GNU_SOURCE
#include "broker/deaths/look.h"
#include "broker/place/shadow.h"
#include "broker/place/text.h"
#include "broker/reads.h"
#include "broker/show/show.h"
#include "broker/store.h"
#include "broker/trace-internal.h"
#include "place/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int client_reply(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		 size_t len, const int *fds, int n_fds)
{
	const struct broker_trace *trace = c->broker->config.trace;
	bool first = trace && trace->before_answer;
	int err;

	/* It is the machine that has no descriptor left, not the caller. */
	if (result == -EMFILE)
		result = -ENFILE;
	/* What the call did elsewhere has happened before the caller learns that it is done. */
	broker_effects(c->broker);
	if (first)
		trace_request(c, in, result, payload, len);
	/* Who has just been ended is not answered. */
	err = c->broker->config.deaths && deaths_after(c, in)
		  ? 0
		  : client_send(c, in->msg.op, result, payload, len, fds, n_fds);
	/* The caller goes on meanwhile. */
	if (!first)
		trace_request(c, in, result, payload, len);
	return err;
}

bool client_payload(const struct wire_in *in, void *payload, size_t size)
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

/* Each is told of from time to time, and no more than can be read. */
static bool is_news(struct broker *b, uint32_t program)
{
	struct unreached *at = NULL;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (unsigned int i = 0; i < UNREACHED_TOLD; i++) {
		struct unreached *u = &b->unreached[i];
		bool is_fresh = u->told && now.tv_sec - u->told < UNREACHED_AGAIN_S;

		if (is_fresh && u->program == program)
			return false;
		if (!is_fresh)
			at = u;
	}
	if (at)
		*at = (struct unreached){program, now.tv_sec};
	return at;
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
	uint32_t pid;

	if (!client_payload(in, &h, sizeof(h)))
		return -EPROTO;
	if (h.role > WIRE_ROLE_UNREACHED || rundir > 512 || tree > 512)
		return -EPROTO;
	if (h.role == WIRE_ROLE_UNREACHED)
		return reply(c, in, is_news(b, h.pid), NULL, 0);
	c->watches = h.role == WIRE_ROLE_WATCH;
	c->traced = h.role == WIRE_ROLE_TRACED;
	/* Who traces speaks for the process. */
	pid = h.role == WIRE_ROLE_TRACED ? h.pid : in->pid;
	program_look(&c->program, pid);
	c->below = leaks_watch_of(b, pid);
	/* Asked once is enough: it costs both ends something at each message. */
	setsockopt(c->endpoint.fd, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off));
	if (c->greeted) { /* a forked child, which came with its address space */
		if (c->mm)
			client_index(c);
		if (h.role == WIRE_ROLE_SHARING)
			client_watch_process(c);
		err = c->mm && !gntsim_mm_domain(c->mm) ? -ENODEV : 0;
		return reply(c, in, err, NULL, 0);
	}
	if (h.role != WIRE_ROLE_WATCH)
		err = broker_add_domain(b, h.domid, h.guest, NULL);
	dom = h.domid <= UINT16_MAX ? gntsim_domain_find(b->machine, (uint16_t)h.domid) : NULL;
	if (err == 0 && !dom && h.role != WIRE_ROLE_WATCH)
		err = -ENODEV;
	if (err == 0 && (h.role == WIRE_ROLE_PROCESS || h.role == WIRE_ROLE_TRACED)) {
		err = gntsim_mm_create(dom, &c->mm);
		if (err == 0) {
			gntsim_mm_set_data(c->mm, c);
			client_index(c);
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
	    .traced = b->config.trace != NULL,
	    .watched = b->config.deaths != NULL,
	    .tree_len = (uint32_t)tree};
	memcpy(out, &r, sizeof(r));
	if (rundir)
		memcpy(out + sizeof(r), b->rundir, rundir);
	if (tree)
		memcpy(out + sizeof(r) + rundir, b->config.tree, tree);
	return reply(c, in, 0, out, sizeof(r) + rundir + tree);
}

/* Is the page another process's, which lives? The same one has it again after it executed itself, as at a
 * live update. */
static bool has_xenstored(const struct broker *b, const struct client *c)
{
	for (unsigned int i = 0; i < PROCESS_BUCKETS; i++) {
		const struct link *head = &b->processes[i];

		for (const struct link *l = head->next; l != head; l = l->next) {
			const struct client *other =
			    (const struct client *)(const void *)((const char *)l -
								  offsetof(struct client,
									   by_process));

			if (other->is_xenstored && !other->endpoint.dead &&
			    other->program.pid != c->program.pid)
				return true;
		}
	}
	return false;
}

/* The plain files that xenstored finds in domain 0. */
static int open_for_xenstored(struct broker *b, struct client *c, uint32_t device)
{
	char text[16];
	int fd;

	if (c->domid != 0)
		return -ENOENT;
	if (!b->store) {
		/* A xenstored that a user starts. */
		int err = store_start(b, NULL, false);

		if (err < 0)
			return err;
	}
	if (device == WIRE_DEV_XSD_KVA) {
		if (has_xenstored(b, c))
			return -EBUSY;
		if (store_has_died(b))
			store_revive(b);
		fd = dup(store_kva(b));
		c->is_xenstored = true;
		return fd < 0 ? -errno : fd;
	}
	snprintf(text, sizeof(text), "%u", store_port(b));
	return text_file(text, strlen(text));
}

/* What is no device: the kernel's own file from then on. */
static int open_plain(struct client *c, const struct wire_open *o)
{
	struct gntsim_domain *dom = c->mm ? gntsim_mm_domain(c->mm) : NULL;
	const struct place *p = o->node <= INT_MAX ? place_at((int)o->node) : NULL;

	if (o->device != WIRE_DEV_PLACE)
		return open_for_xenstored(c->broker, c, o->device);
	if (!dom || !p)
		return dom ? -ENOENT : -ENODEV;
	if (p->kind != PLACE_FOLDER && !(o->flags & O_PATH))
		return text_open(dom, o->node);
	c->broker->shadows = true;
	return shadow_open(c->broker->config.socket_path, c->domid, o->node, o->flags);
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
	const struct place *p;
	struct wire_open o;
	struct device_file *f;
	uint32_t id = 0;
	int fd, err;

	if (!client_payload(in, &o, sizeof(o)))
		return -EPROTO;
	if (o.device >= WIRE_DEV_MAX)
		return -EPROTO;
	if (o.device >= WIRE_DEV_XSD_PORT) {
		struct wire_file plain = {.device = o.device};

		fd = open_plain(c, &o);
		if (fd < 0)
			return reply(c, in, fd, NULL, 0);
		err = client_reply(c, in, 0, &plain, sizeof(plain), &fd, 1);
		close(fd);
		return err;
	}
	if (!c->mm || !gntsim_mm_domain(c->mm))
		return reply(c, in, -ENODEV, NULL, 0);
	err = o.device == WIRE_DEV_PARAMETER
		  ? device_open_parameter(b, gntsim_mm_domain(c->mm), o.node, o.flags, &f, &fd)
		  : device_open(b, b->config.fronts->by_descriptor, gntsim_mm_domain(c->mm),
				(enum wire_device)o.device, o.flags, &f, &fd);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	p = o.node <= INT_MAX ? place_at((int)o.node) : NULL;
	if (p && p->kind == PLACE_DEVICE && p->device == o.device)
		f->minor = p->minor;
	f->opener = c->program;
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

	if (!client_payload(in, &cookie, sizeof(cookie)))
		return -EPROTO;
	f = device_find(c->broker, cookie);
	/* A socket's cookie is no secret: its holder shows the socket. */
	if (!f || f->front == c->broker->config.fronts->by_descriptor)
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
	err = c->broker->config.fronts->make_devices(c->broker, c->domid, (uint32_t)peer.pid,
						     folder, sizeof(folder));
	return reply(c, in, err, folder, err < 0 ? 0 : strlen(folder));
}

static int write_ports(struct client *c, const struct wire_in *in, const struct device_file *f)
{
	uint32_t ports[1024];
	size_t len = in->msg.payload - sizeof(struct wire_write);

	if (len > sizeof(ports))
		return -EPROTO;
	memcpy(ports, in->payload + sizeof(struct wire_write), len);
	return reply(c, in, gntsim_evtchn_write(f->file, len, ports), NULL, 0);
}

/* The answer may come later, from xenstored. */
static int write_xenbus(struct client *c, const struct wire_in *in, struct device_file *f)
{
	long n = xenbus_write(f->xenbus, in->payload + sizeof(struct wire_write),
			      in->msg.payload - sizeof(struct wire_write));

	if (n != -EINPROGRESS)
		return reply(c, in, n, NULL, 0);
	f->writer = c;
	c->writing = f;
	trace_request(c, in, 0, NULL, 0);
	return 0;
}

static int write_device(struct client *c, const struct wire_in *in)
{
	struct wire_write w;
	struct device_file *f;

	if (in->msg.payload < sizeof(w))
		return -EPROTO;
	memcpy(&w, in->payload, sizeof(w));
	if (w.len != in->msg.payload - sizeof(w))
		return -EPROTO;
	f = client_file(c, w.file);
	if (f && f->xenbus && !c->writing && !f->writer)
		return write_xenbus(c, in, f);
	if (f && f->device == WIRE_DEV_PARAMETER)
		return reply(
		    c, in, device_write_parameter(f, (const char *)in->payload + sizeof(w), w.len),
		    NULL, 0);
	if (!f || !f->file)
		return reply(c, in, !f ? -EBADF : f->xenbus ? -EBUSY : -EINVAL, NULL, 0);
	return write_ports(c, in, f);
}

static int introduce(struct client *c, const struct wire_in *in)
{
	uint32_t domid;
	int settled;

	if (!client_payload(in, &domid, sizeof(domid)) || c->introducing.next != &c->introducing)
		return -EPROTO;
	settled = store_settled(c->broker, (uint16_t)domid);
	if (settled != 0)
		return reply(c, in, settled < 0 ? settled : 0, NULL, 0);
	store_await(c, (uint16_t)domid);
	return 0;
}

static int open_console(struct client *c, const struct wire_in *in)
{
	uint32_t domid;
	int fd, err;

	if (!client_payload(in, &domid, sizeof(domid)))
		return -EPROTO;
	err = domid > UINT16_MAX ? -ENOENT : store_console_open(c->broker, (uint16_t)domid, &fd);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	err = client_reply(c, in, 0, NULL, 0, &fd, 1);
	close(fd);
	return err;
}

static int give_arena(struct client *c, const struct wire_in *in)
{
	struct arena *a = &c->broker->arena;
	int err;

	if (in->msg.payload != 0)
		return -EPROTO;
	if (!c->mm || c->broker->config.unassisted)
		return reply(c, in, -ENODEV, NULL, 0);
	err = arena_open_readonly(a);
	if (err < 0)
		return reply(c, in, err, NULL, 0);
	return client_reply(c, in, 0, NULL, 0, (const int[]){a->ro, a->rw}, 2);
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
	child->part = c->part;
	child->fork = ++c->broker->n_forks;
	err = client_reply(c, in, 0, NULL, 0, &pair[1], 1);
	close(pair[1]);
	return err;
}

static int told_read(struct client *c, const struct wire_in *in)
{
	int err = trace_told_read(c, in);

	return err < 0 || !c->broker->config.deaths ? err : reply(c, in, 0, NULL, 0);
}

int client_request(struct client *c, struct wire_in *in)
{
	enum wire_op op = (enum wire_op)in->msg.op;

	if (!c->greeted && op != WIRE_HELLO)
		return -EPROTO;
	if (op == WIRE_IOCTL ? in->n_fds > 1 : in->n_fds != (op == WIRE_ATTACH || op == WIRE_MOUNT))
		return -EPROTO;
	c->executing = op == WIRE_EXEC;
	origins_skip(c->broker);
	c->broker->cause = (struct cause){
	    .kind = CAUSE_REQUEST, .domid = c->domid, .program = c->program, .request = in};
	if (c->broker->config.deaths) {
		int err = deaths_before(c, in);

		if (err == -EINTR && op == WIRE_MMAP)
			request_mmap_interrupted(c, in);
		if (err != 0)
			return err < 0 ? reply(c, in, err, NULL, 0) : 0;
	}
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
	case WIRE_MUNMAP:
	case WIRE_MPROTECT:
	case WIRE_MADVISE:
	case WIRE_MREMAP:
	case WIRE_PAGES:
		return request_memory(c, in);
	case WIRE_ARENA:
		return give_arena(c, in);
	case WIRE_FORK:
		return fork_mm(c, in);
	case WIRE_WATCH:
		if (in->msg.payload != 0)
			return -EPROTO;
		leaks_watch(c);
		return reply(c, in, 0, NULL, 0);
	case WIRE_LEAKS:
		if (in->msg.payload != 0)
			return -EPROTO;
		leaks_catch_up(c->broker);
		return reply(c, in, c->noted.lost ? 1 : 0, c->noted.text, c->noted.len);
	case WIRE_SYNC:
		if (in->msg.payload != 0 || c->syncing.next != &c->syncing)
			return -EPROTO;
		/* The process may have closed something. */
		leaks_look_at_files(c);
		link_add(&c->broker->syncs, &c->syncing);
		return 0;
	case WIRE_STATUS:
	case WIRE_CREATE:
	case WIRE_DESTROY:
	case WIRE_ADVANCE:
	case WIRE_LIMIT:
		return request_machine(c, in);
	case WIRE_INTRODUCE:
		return introduce(c, in);
	case WIRE_CONSOLE:
		return open_console(c, in);
	case WIRE_SHOW:
		return show_request(c, in);
	case WIRE_EXEC:
		return in->msg.payload != 0 ? -EPROTO : reply(c, in, 0, NULL, 0);
	case WIRE_READ:
		return told_read(c, in);
	case WIRE_READS:
		return reads_give(c, in);
	case WIRE_BELL:
		return bells_give(c, in);
	case WIRE_BEFORE:
		return in->msg.payload != sizeof(struct wire_before)
			   ? -EPROTO
			   : reply(c, in, deaths_call_number(c), NULL, 0);
	case WIRE_END:
		deaths_take_look(c, in);
		return 0;
	case WIRE_LOOK:
		look_receive(c, in);
		return 0;
	case WIRE_OP_MAX:
		break;
	}
	return -EPROTO;
}
