/* SPDX-License-Identifier: MIT */
/*
 * Any requests of the kernel's to the FUSE and the CUSE front: each is answered once, as the kernel takes it; the
 * machine is consistent all the time, and empty when the sessions have ended. What the kernel guards is kept: a
 * file's number is one that it was given, and lives. What is asked is read off a byte string, a choice after the
 * other.
 */
#define _GNU_SOURCE
#include "broker/broker-internal.h"
#include "broker/store.h"
#include "choices.h"
#include "commands.h"
#include "fronts/fronts.h"
#include "fuzz.h"
#include "kernel.h"
#include "no-memory.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* Memory of the process that calls, which is this one: what follows it can't be touched. */
#define SCRATCH (1u << 20)
#define TREE    0u /* of the sessions; the others are CUSE's devices */
#define MOST    4u
#define DOMAINS 3u
#define ROOMY   (128u * 1024u)

static struct kernel kernels[MOST];
static unsigned int n_kernels;
static unsigned char *scratch;
static struct choices choices;

/* ---- the devices, which the front opens or is given ---- */

int __real_fstat64(int fd, struct stat64 *st);
int __wrap_fstat64(int fd, struct stat64 *st);
ssize_t __real_read(int fd, void *bytes, size_t n);
ssize_t __wrap_read(int fd, void *bytes, size_t n);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static int session_end = -1;

int __wrap_fstat64(int fd, struct stat64 *st)
{
	int result = __real_fstat64(fd, st);

	if (result == 0 && fd == session_end) {
		st->st_mode = S_IFCHR | 0600;
		st->st_rdev = makedev(10, 229);
	}
	return result;
}

/* The end of a session is an error there. Nobody else reads such a socket. */
ssize_t __wrap_read(int fd, void *bytes, size_t n)
{
	ssize_t got = __real_read(fd, bytes, n);
	int type;
	socklen_t len = sizeof(type);

	if (got == 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0) {
		errno = ENODEV;
		return -1;
	}
	return got;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	ssize_t done = __real_writev(fd, iov, n);

	if (done < 0 && errno == EPIPE)
		errno = ENODEV;
	return done;
}

int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	unsigned int mode;

	if (strcmp(path, "/dev/cuse") == 0)
		return n_kernels < MOST ? kernel_start(&kernels[n_kernels++], true) : -1;
	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned int) : 0;
	va_end(args);
	return __real_open64(path, flags, mode);
}

/* ---- choices ---- */

static uint32_t roll(uint32_t n)
{
	return choose(&choices, n);
}

static uint64_t number(void)
{
	static const uint64_t pool[] = {
	    0,      1,        2,          3,          4,         8,          9,         10,
	    64,     256,      1024,       4095,       4096,      4097,       8192,      65535,
	    0x7ff0, 1u << 20, 0x7fffffff, UINT32_MAX, INT64_MAX, UINT64_MAX, 1ull << 44};

	return roll(8) ? pool[roll(sizeof(pool) / sizeof(pool[0]))] : roll(1u << 20);
}

static uint64_t address(void)
{
	switch (roll(8)) {
	case 0:
		return number();
	case 1:
		return (uint64_t)(uintptr_t)scratch + SCRATCH - roll(128);
	default:
		return (uint64_t)(uintptr_t)scratch + roll(4) * 4096 + roll(2) * roll(256);
	}
}

static uint32_t command(void)
{
	switch (roll(12)) {
	case 0:
		return (uint32_t)number();
	case 1:
		return WIRE_IOC_IDENTIFY;
	default:
		return commands[roll(N_COMMANDS)];
	}
}

/* What an argument may be: small numbers, most of them, and addresses of more. */
static void fill(void)
{
	for (unsigned int at = 0; at < 128; at += 4) {
		uint32_t word = roll(3) ? roll(12) : (uint32_t)number();
		uint64_t where;

		memcpy(scratch + at, &word, sizeof(word));
		if (at % 8 || roll(6))
			continue;
		where = address();
		memcpy(scratch + at, &where, sizeof(where));
		at += 4;
	}
}

/* ---- requests ---- */

/* One that a look-up may have given, of a domain that may be gone. */
static uint64_t node(const struct kernel *k)
{
	return k->cuse   ? 0
	       : roll(8) ? (uint64_t)(roll(DOMAINS + 1) + 1) << 8 | roll(8)
			 : FUSE_ROOT_ID;
}

static struct fuse_in_header head_of(uint32_t opcode, uint64_t nodeid)
{
	return (struct fuse_in_header){.opcode = opcode,
				       .nodeid = nodeid,
				       .pid = roll(16) ? (uint32_t)getpid() : roll(2) * INT32_MAX};
}

static struct kernel_file *open_file(struct kernel *k)
{
	struct kernel_file *f = &k->files[roll(KERNEL_OPEN)];

	return f->open ? f : NULL;
}

static void ask_for_node(struct kernel *k)
{
	static const char *const names[] = {
	    "0",      "1",         "2",       "3",         "00",     "32751",          "gntalloc",
	    "gntdev", "evtchn",    "privcmd", "hypercall", "xenbus", "xenbus_backend", "",
	    "..",     "4294967296"};
	const char *name = names[roll(sizeof(names) / sizeof(names[0]))];
	struct fuse_getattr_in getattr = {0};
	struct fuse_setattr_in setattr = {.valid = (uint32_t)roll(64), .size = number()};
	struct fuse_read_in read = {.size = (uint32_t)number() % ROOMY,
				    .offset = number() & INT64_MAX};

	switch (roll(5)) {
	case 0:
		kernel_send(k, head_of(FUSE_LOOKUP, node(k)), name, strlen(name) + 1,
			    sizeof(struct fuse_entry_out), NULL);
		break;
	case 1:
		kernel_send(k, head_of(FUSE_GETATTR, node(k)), &getattr, sizeof(getattr),
			    sizeof(struct fuse_attr_out), NULL);
		break;
	case 2:
		kernel_send(k, head_of(FUSE_SETATTR, node(k)), &setattr, sizeof(setattr),
			    sizeof(struct fuse_attr_out), NULL);
		break;
	case 3:
		kernel_send(k, head_of(FUSE_READDIR, node(k)), &read, sizeof(read), read.size,
			    NULL);
		break;
	default: { /* what nobody serves */
		static const uint32_t others[] = {
		    FUSE_READLINK,        FUSE_MKDIR,     FUSE_UNLINK, FUSE_STATFS,    FUSE_FSYNC,
		    FUSE_GETXATTR,        FUSE_LISTXATTR, FUSE_ACCESS, FUSE_FALLOCATE, FUSE_LSEEK,
		    FUSE_COPY_FILE_RANGE, FUSE_BMAP,      FUSE_GETLK,  FUSE_OPENDIR,   200};
		static const unsigned char none[128];

		kernel_send(k, head_of(others[roll(sizeof(others) / sizeof(others[0]))], node(k)),
			    none, sizeof(none), KERNEL_DATA, NULL);
	}
	}
}

static void ask_to_open(struct kernel *k)
{
	static const uint32_t modes[] = {
	    O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK, O_RDWR | O_TRUNC};
	struct fuse_open_in open = {.flags = modes[roll(sizeof(modes) / sizeof(modes[0]))]};
	struct kernel_file *f = &k->files[roll(KERNEL_OPEN)];
	uint64_t at = node(k);

	if (f->open || f->waiting)
		return;
	*f = (struct kernel_file){.node = at};
	kernel_send(k, head_of(FUSE_OPEN, at), &open, sizeof(open), sizeof(struct fuse_open_out),
		    f);
}

static void ask_to_read(struct kernel *k, struct kernel_file *f)
{
	struct fuse_read_in read = {.fh = f->fh,
				    .offset = number() & INT64_MAX,
				    .size = (uint32_t)number() % ROOMY,
				    .read_flags = FUSE_READ_LOCKOWNER,
				    .lock_owner = roll(8),
				    .flags = roll(2) ? O_NONBLOCK : 0};

	kernel_send(k, head_of(FUSE_READ, f->node), &read, sizeof(read), read.size, f);
}

static void ask_to_write(struct kernel *k, struct kernel_file *f)
{
	static struct {
		struct fuse_write_in head;
		unsigned char data[8192];
	} w;
	uint32_t n = (uint32_t)number() % sizeof(w.data);

	memcpy(w.data, scratch, 128);
	w.head = (struct fuse_write_in){.fh = f->fh, .offset = number() & INT64_MAX, .size = n};
	kernel_send(k, head_of(FUSE_WRITE, f->node), &w, sizeof(w.head) + n,
		    sizeof(struct fuse_write_out), f);
}

static void ask_to_poll(struct kernel *k, struct kernel_file *f)
{
	struct fuse_poll_in poll = {.fh = f->fh,
				    .kh = roll(4),
				    .flags = roll(2) ? FUSE_POLL_SCHEDULE_NOTIFY : 0,
				    .events = POLLIN};

	kernel_send(k, head_of(FUSE_POLL, f->node), &poll, sizeof(poll),
		    sizeof(struct fuse_poll_out), f);
}

/* The last request of a CUSE ioctl, with what the session asked for. */
static struct {
	struct fuse_ioctl_in head;
	unsigned char data[ROOMY];
} ioctl_request;

static void ask_ioctl(struct kernel *k, struct kernel_file *f, size_t in, size_t out)
{
	ioctl_request.head.in_size = (uint32_t)in;
	ioctl_request.head.out_size = (uint32_t)out;
	kernel_send(k, head_of(FUSE_IOCTL, f->node), &ioctl_request,
		    sizeof(ioctl_request.head) + in,
		    sizeof(struct fuse_ioctl_out) + (out > 256 * sizeof(struct fuse_ioctl_iovec)
							 ? out
							 : 256 * sizeof(struct fuse_ioctl_iovec)),
		    f);
}

static void ask_driver(struct kernel *k, struct kernel_file *f)
{
	uint32_t cmd = command();

	fill();
	ioctl_request.head =
	    (struct fuse_ioctl_in){.fh = f->fh,
				   .cmd = cmd,
				   .arg = address(),
				   .flags = k->cuse ? FUSE_IOCTL_UNRESTRICTED : roll(32) == 0};
	/* A tree's ioctl has the memory that its number says. */
	ask_ioctl(k, f, 0, k->cuse ? 0 : cmd == WIRE_IOC_IDENTIFY ? sizeof(struct wire_file) : 0);
}

static void interrupt(struct kernel *k)
{
	const struct kernel_request *r = &k->waiting[roll(KERNEL_WAITING)];
	struct fuse_interrupt_in in = {.unique = r->unique};
	struct fuse_in_header head = head_of(FUSE_INTERRUPT, 0);

	head.unique = r->unique | 1;
	if (r->unique)
		kernel_send(k, head, &in, sizeof(in), 0, NULL);
}

static void ask_to_close(struct kernel *k, struct kernel_file *f)
{
	struct fuse_release_in release = {.fh = f->fh};
	struct fuse_flush_in flush = {.fh = f->fh, .lock_owner = roll(8)};

	if (roll(3) == 0 && !k->cuse) {
		kernel_send(k, head_of(FUSE_FLUSH, f->node), &flush, sizeof(flush), 0, f);
		return;
	}
	/* Who waits keeps it open. */
	if (f->waiting)
		return;
	f->open = false;
	kernel_send(k, head_of(FUSE_RELEASE, f->node), &release, sizeof(release), 0, NULL);
}

static void ask(struct kernel *k)
{
	struct kernel_file *f = open_file(k);
	uint32_t what = roll(16);

	if (!f || what == 0)
		ask_to_open(k);
	else if (what == 1)
		ask_to_close(k, f);
	else if (what <= 3)
		ask_to_read(k, f);
	else if (what <= 5)
		ask_to_write(k, f);
	else if (what == 6)
		ask_to_poll(k, f);
	else if (what == 7)
		interrupt(k);
	else
		ask_driver(k, f);
}

/* ---- answers ---- */

static void must(const char *wrong, const struct kernel_request *r)
{
	if (!wrong)
		return;
	fprintf(stderr, "fuse-fuzz: %s (opcode %u)\n", wrong, r->opcode);
	abort();
}

/* The memory that the session wants of the caller: the call is made again with it. */
static void retry(struct kernel *k, const struct kernel_request *r)
{
	struct fuse_ioctl_out out;
	struct fuse_ioctl_iovec iov;
	size_t in = 0, room = 0;

	memcpy(&out, k->data, sizeof(out));
	if (!(out.flags & FUSE_IOCTL_RETRY))
		return;
	if (!k->cuse)
		must("a restricted ioctl is to be made again", r);
	if (k->n != sizeof(out) + (out.in_iovs + (size_t)out.out_iovs) * sizeof(iov) ||
	    out.in_iovs > 256 || out.out_iovs > 256 || out.in_iovs + out.out_iovs > 256)
		must("more pieces of memory than the kernel takes", r);
	for (unsigned int i = 0; i < out.in_iovs + out.out_iovs; i++) {
		memcpy(&iov, k->data + sizeof(out) + i * sizeof(iov), sizeof(iov));
		if (i >= out.in_iovs) {
			room += iov.len;
			continue;
		}
		if (iov.len > ROOMY - in)
			must("more memory than the kernel takes", r);
		/* Or the call is EFAULT, and over. */
		if (iov.base < (uintptr_t)scratch || iov.base - (uintptr_t)scratch > SCRATCH ||
		    iov.len > SCRATCH - (iov.base - (uintptr_t)scratch))
			return;
		memcpy(ioctl_request.data + in, (void *)(uintptr_t)iov.base, iov.len);
		in += iov.len;
	}
	if (room > ROOMY)
		must("more room than the kernel takes", r);
	ioctl_request.head = r->call;
	if (roll(8))
		ask_ioctl(k, r->file, in, room);
}

static void answered(struct kernel *k, const struct kernel_request *r)
{
	struct fuse_open_out open;
	struct fuse_write_out written;

	if (k->error || !r->unique)
		return;
	if (r->opcode == FUSE_OPEN) {
		if (k->n != sizeof(open))
			must("an open's answer", r);
		memcpy(&open, k->data, sizeof(open));
		r->file->fh = open.fh;
		r->file->open = true;
	} else if (r->opcode == FUSE_IOCTL) {
		if (k->n < sizeof(struct fuse_ioctl_out))
			must("an ioctl's answer", r);
		retry(k, r);
	} else if (r->opcode == FUSE_WRITE) {
		memcpy(&written, k->data, sizeof(written));
		if (k->n != sizeof(written))
			must("a write's answer", r);
	}
}

static void verify(struct broker *b)
{
	const char *wrong = gntsim_machine_check(b->machine);

	must(wrong, &(struct kernel_request){0});
}

static void serve(struct broker *b)
{
	bool any;

	do {
		any = broker_serve(b, 0) > 0;
		for (unsigned int i = 0; i < n_kernels; i++) {
			struct kernel_request r;

			for (;;) {
				must(kernel_take(&kernels[i], &r), &r);
				if (r.opcode == UINT32_MAX)
					break;
				any = true;
				answered(&kernels[i], &r);
			}
		}
	} while (any);
	for (unsigned int i = 0; i < n_kernels; i++)
		for (unsigned int j = 0; j < KERNEL_WAITING; j++)
			if (kernels[i].waiting[j].unique && !kernels[i].ended &&
			    kernels[i].waiting[j].opcode != FUSE_READ &&
			    kernels[i].waiting[j].opcode != FUSE_WRITE)
				must("no answer", &kernels[i].waiting[j]);
	verify(b);
}

/* ---- a run ---- */

static void greet(struct kernel *k)
{
	const struct fuse_init_in init = {
	    .major = FUSE_KERNEL_VERSION, .minor = 36, .max_readahead = 131072};
	const struct cuse_init_in cuse = {
	    .major = FUSE_KERNEL_VERSION, .minor = 36, .flags = CUSE_UNRESTRICTED_IOCTL};

	if (k->cuse)
		kernel_send(k, head_of(CUSE_INIT, 0), &cuse, sizeof(cuse), 4096, NULL);
	else
		kernel_send(k, head_of(FUSE_INIT, 0), &init, sizeof(init), 4096, NULL);
}

static void mount_tree(struct broker *b)
{
	session_end = kernel_start(&kernels[TREE], false);
	if (session_end < 0 || broker_mount(b, session_end) < 0)
		must("no session", &(struct kernel_request){0});
	session_end = -1;
	greet(&kernels[TREE]);
}

/* A domain's three; none while there are others. */
static void make_devices(struct broker *b)
{
	char folder[64];

	for (unsigned int i = 1; i < n_kernels; i++)
		if (!kernels[i].ended)
			return;
	n_kernels = 1;
	b->config.fronts->make_devices(b, (uint16_t)roll(DOMAINS), (uint32_t)getpid(), folder,
				       sizeof(folder));
	for (unsigned int i = 1; i < n_kernels; i++)
		greet(&kernels[i]);
}

static void begin(struct broker *b)
{
	n_kernels = 1;
	mount_tree(b);
	for (uint32_t i = 1; i < DOMAINS; i++)
		broker_add_domain(b, i, roll(3), NULL);
	make_devices(b);
	/* A xenstored that never says anything. */
	if (roll(2))
		store_start(b, NULL, false);
	serve(b);
}

/* Unmounted, or aborted: and there anew. */
static void end_one(struct broker *b, struct kernel *k)
{
	kernel_end(k);
	serve(b);
	if (k->cuse)
		make_devices(b);
	else
		mount_tree(b);
}

static void end(struct broker *b)
{
	struct gntsim_totals t;

	for (unsigned int i = 0; i < n_kernels; i++)
		kernel_end(&kernels[i]);
	while (broker_serve(b, 0) > 0)
		;
	store_free(b);
	gntsim_machine_advance(b->machine, 3600ull * 1000000000u);
	verify(b);
	gntsim_machine_totals(b->machine, &t);
	if (t.files || t.mms || t.vmas || t.frames || t.grants || t.gntdev_maps || t.maptrack ||
	    t.zombies)
		must("the sessions have ended, and something is left", &(struct kernel_request){0});
	broker_free(b);
}

static void ignore(const char *hazard)
{
	(void)hazard;
}

static char socket_dir[] = "/tmp/fuse-fuzz-XXXXXX";

static void remove_dir(void)
{
	rmdir(socket_dir);
}

static void prepare(void)
{
	scratch =
	    mmap(NULL, SCRATCH + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch == MAP_FAILED || mprotect(scratch + SCRATCH, 4096, PROT_NONE) < 0 ||
	    !mkdtemp(socket_dir))
		abort();
	atexit(remove_dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	struct broker_config config = {.fronts = &fakedev_fronts,
				       .socket_path = path,
				       .virtual_time = true,
				       .on_hazard = ignore};
	struct broker *b;
	struct failure f;

	/* As the broker does. */
	signal(SIGPIPE, SIG_IGN);
	if (!scratch)
		prepare();
	snprintf(path, sizeof(path), "%s/s", socket_dir);
	choices = (struct choices){data, size};
	if (broker_new(&config, &b, &f) < 0) {
		fprintf(stderr, "fuse-fuzz: %s\n", f.text);
		abort();
	}
	begin(b);
	while (choices.n) {
		struct kernel *k = &kernels[roll(2) ? TREE : roll(n_kernels)];
		uint32_t what = roll(64);

		if (what == 1)
			end_one(b, k);
		else if (what == 4 && b->store && !store_has_died(b))
			store_died(b);
		else if (what == 2)
			gntsim_machine_advance(b->machine, roll(30) * 100000000ull);
		else if (what == 3 && gntsim_domain_find(b->machine, 2))
			gntsim_domain_destroy(gntsim_domain_find(b->machine, 2));
		else if (what < 16 && !k->cuse)
			ask_for_node(k);
		else
			ask(k);
		/* Sometimes several wait. */
		if (roll(4)) {
			fails_in = roll(16) ? 0 : 1 + roll(6);
			serve(b);
			fails_in = 0;
		}
	}
	serve(b);
	end(b);
	return 0;
}
