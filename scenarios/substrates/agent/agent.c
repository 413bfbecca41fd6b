/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lang/bounds.h"

#define CONTROL_FD 900
#define AREA_SIZE  SCN_MAX_BYTES

struct agent {
	int control;
	uint8_t *area; /* argument memory; an inaccessible page follows */
	size_t page;
	const char *const *argv; /* of its program; NULL: it was started so */
};

/* A request with what follows it. */
struct request {
	struct scn_wire_call call;
	char *path;
	uint8_t *image;
	struct scn_reloc *relocs;
	int fd; /* that came with it, or -1 */
};

struct reply {
	struct scn_wire_result result;
	uint8_t *data;
	int fd;    /* to go with it, or -1 */
	bool lost; /* there was no memory for what came of the call: nobody is told anything else */
};

/* A fault handler has no argument of ours: where it goes on must be a global. */
static sigjmp_buf *volatile fault_target;

static void on_fault(int signal)
{
	if (fault_target)
		siglongjmp(*fault_target, signal);
	_exit(128 + signal);
}

static void catch_faults(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	sigset_t held;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	/* The children of fork() are nobody's to wait for. */
	signal(SIGCHLD, SIG_IGN);
	/* Not to be taken but when it is asked for. exec() keeps both. */
	sigemptyset(&held);
	sigaddset(&held, SIGIO);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

static void *at_address(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* Of any address: that is what it is for. */
__attribute__((no_sanitize("undefined"))) static void do_access(const volatile uint8_t *from,
								volatile uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i];
}

/* Returns 0 or the signal. */
static int access_bytes(const void *from, void *to, size_t len)
{
	sigjmp_buf target;
	int signal = sigsetjmp(target, 0); /* SA_NODEFER: the mask is as it was */

	if (signal == 0) {
		fault_target = &target;
		do_access(from, to, len);
	}
	fault_target = NULL;
	return signal;
}

/* If something of the program is there already, that does as well. */
static void make_floor(size_t page)
{
	mmap(at_address(SCN_PROGRAM_END - page), page, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static bool make_area(struct agent *a)
{
	a->page = (size_t)sysconf(_SC_PAGESIZE);
	make_floor(a->page);
	a->area = mmap(NULL, AREA_SIZE + a->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->area == MAP_FAILED)
		return false;
	return mprotect(a->area + AREA_SIZE, a->page, PROT_NONE) == 0;
}

/* Puts the image where the request wants it; the bytes that are accessible there in *reach. */
static uint8_t *place_image(const struct agent *a, const struct request *r, size_t *reach)
{
	const struct scn_wire_call *c = &r->call;
	uint8_t *base = a->area;

	*reach = c->image_len;
	if (c->place == SCN_PLACE_SHORT && c->reach < c->image_len) {
		*reach = c->reach;
		base = a->area + AREA_SIZE - c->reach;
	}
	for (uint32_t i = 0; i < c->n_relocs; i++) {
		uint64_t target = (uint64_t)(uintptr_t)(base + r->relocs[i].target);

		memcpy(r->image + r->relocs[i].at, &target, sizeof(target));
	}
	memcpy(base, r->image, *reach);
	return base;
}

static long long returned(long long value)
{
	return value < 0 ? -errno : value;
}

static void do_ioctl(const struct agent *a, const struct request *r, struct reply *reply)
{
	const struct scn_wire_call *c = &r->call;
	bool readonly = c->place == SCN_PLACE_READONLY;
	uint8_t *base;
	size_t reach;

	if (!c->has_image) {
		reply->result.value =
		    returned(ioctl((int)c->arg[0], c->arg[1], at_address(c->arg[2])));
		return;
	}
	base = place_image(a, r, &reach);
	if (readonly)
		mprotect(a->area, AREA_SIZE, PROT_READ);
	reply->result.value = returned(ioctl((int)c->arg[0], c->arg[1], base));
	if (readonly)
		mprotect(a->area, AREA_SIZE, PROT_READ | PROT_WRITE);
	reply->data = calloc(1, c->image_len + 1u);
	reply->lost = !reply->data;
	if (reply->lost)
		return;
	memcpy(reply->data, base, reach);
	reply->result.data_len = c->image_len;
}

static void do_load(const struct request *r, struct reply *reply)
{
	size_t len = r->call.arg[1] < SCN_MAX_BYTES ? (size_t)r->call.arg[1] : SCN_MAX_BYTES;

	reply->data = calloc(1, len + 1);
	reply->lost = !reply->data;
	if (reply->lost)
		return;
	reply->result.signal = access_bytes(at_address(r->call.arg[0]), reply->data, len);
	reply->result.value = (int64_t)len;
	reply->result.data_len = (uint32_t)len;
}

/* Whether a read can be made without waiting first: it fails at once, or is told not to block. */
static bool never_blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* Opened for neither (3) it reads as little as one for writing. */
	return flags < 0 || (flags & O_NONBLOCK) || (flags & O_WRONLY);
}

/* Whether a read has something to say, waiting as long as it makes sense to. */
static bool wait_readable(const struct scn_wire_call *c)
{
	struct pollfd p = {.fd = (int)c->arg[0], .events = POLLIN};

	return poll(&p, 1, (int)(c->expect_nothing ? c->quiet_ms : c->patience_ms)) != 0;
}

static void do_read(const struct agent *a, const struct request *r, struct reply *reply)
{
	const struct scn_wire_call *c = &r->call;
	size_t len = c->arg[1] < AREA_SIZE || c->use_address ? (size_t)c->arg[1] : AREA_SIZE;
	void *buf = c->use_address ? at_address(c->arg[2]) : a->area;
	bool ready = len < 4 || wait_readable(c);
	ssize_t n;

	if (!ready && !never_blocks((int)c->arg[0])) {
		reply->result.kind = SCN_BLOCKED;
		return;
	}
	n = read((int)c->arg[0], buf, len);
	reply->result.value = returned(n);
	if (n <= 0)
		return;
	reply->data = malloc((size_t)n);
	reply->lost = !reply->data;
	if (reply->lost)
		return;
	memcpy(reply->data, buf, (size_t)n);
	reply->result.data_len = (uint32_t)n;
}

static void do_write(const struct agent *a, const struct request *r, struct reply *reply)
{
	const struct scn_wire_call *c = &r->call;
	const void *buf = at_address(c->arg[2]);
	size_t reach;

	if (c->has_image) {
		memset(a->area, 0, 2 * a->page);
		buf = place_image(a, r, &reach);
	}
	reply->result.value = returned(write((int)c->arg[0], buf, (size_t)c->arg[1]));
}

/* A pipe has the page itself, until it is read or closed. */
static int pin(uint64_t address)
{
	struct iovec byte = {at_address(address), 1};
	int fds[2], result;

	if (pipe(fds))
		return -errno;
	result = vmsplice(fds[1], &byte, 1, 0) == 1 ? fds[0] : -errno;
	close(fds[1]);
	if (result < 0)
		close(fds[0]);
	return result;
}

static int poll_once(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static void do_poll(const struct request *r, struct reply *reply)
{
	const struct scn_wire_call *c = &r->call;
	const struct timespec pause = {.tv_nsec = 1000000};

	for (uint32_t i = 0; i <= c->patience_ms; i++) {
		reply->result.value = poll_once((int)c->arg[0]);
		if (c->expect_events < 0 || reply->result.value == c->expect_events)
			return;
		nanosleep(&pause, NULL);
	}
}

/* How long it may take: as with an event. */
static int take_sigio(const struct scn_wire_call *c)
{
	uint32_t ms = c->expect_events == 0  ? c->quiet_ms
		      : c->expect_events < 0 ? 0
					     : c->patience_ms;
	const struct timespec patience = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	do
		got = sigtimedwait(&set, NULL, &patience);
	while (got < 0 && errno == EINTR);
	return got == SIGIO;
}

static void move_control(struct agent *a, int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, CONTROL_FD);

	if (high >= 0)
		close(fd);
	a->control = high >= 0 ? high : fd;
}

/* The child replies too, to its own player's end: a fork is over when both sides have come back from
 * it. Before that the child may hold what only the parent is to hold. */
static void do_fork(struct agent *a, struct request *r, struct reply *reply)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(a->control);
		move_control(a, r->fd);
		reply->result.pid = getpid();
		return;
	}
	close(r->fd);
	reply->result.value = returned(pid < 0 ? pid : 0);
	reply->result.pid = pid;
}

/* The arguments that this program was started with, but for the last one. How many. */
static int own_arguments(char *args, size_t size, char **argv, int most)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, args, size - 1) : -1;
	int n = 0;

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return -ENOENT;
	args[len] = '\0';
	for (ssize_t i = 0; i < len && n < most; i += (ssize_t)strlen(args + i) + 1)
		argv[n++] = args + i;
	return n - 1;
}

static int exec_again(const struct agent *a)
{
	union {
		const char *in[16];
		char *out[16];
	} argv;
	char args[4096], number[16];
	int n = 0;

	if (a->argv)
		for (; n < 14 && a->argv[n]; n++)
			argv.in[n] = a->argv[n];
	else
		n = own_arguments(args, sizeof(args), argv.out, 15);
	if (n < 0)
		return n;
	snprintf(number, sizeof(number), "%d", a->control);
	argv.out[n] = number;
	argv.out[n + 1] = NULL;
	fcntl(a->control, F_SETFD, 0);
	execv("/proc/self/exe", argv.out);
	fcntl(a->control, F_SETFD, FD_CLOEXEC);
	return -errno;
}

static void make_call(struct agent *a, struct request *r, struct reply *reply)
{
	const struct scn_wire_call *c = &r->call;
	const uint64_t *arg = c->arg;
	void *got;

	if (c->kind == SCN_WIRE_RECEIVE) {
		reply->result.value = r->fd >= 0 ? r->fd : -EBADF;
		return;
	}
	switch ((enum scn_call_kind)c->kind) {
	case SCN_OPEN:
		reply->result.value = returned(open(r->path, (int)arg[0]));
		break;
	case SCN_CLOSE:
		reply->result.value = returned(close((int)arg[0]));
		break;
	case SCN_DUP:
		reply->result.value = returned(dup((int)arg[0]));
		break;
	case SCN_IOCTL:
		do_ioctl(a, r, reply);
		break;
	case SCN_MMAP:
		got = mmap(at_address(arg[0]), arg[1], (int)arg[2], (int)arg[3], (int)arg[4],
			   (off_t)arg[5]);
		reply->result.value = got == MAP_FAILED ? -errno : (int64_t)(uintptr_t)got;
		break;
	case SCN_MUNMAP:
		reply->result.value = returned(munmap(at_address(arg[0]), arg[1]));
		break;
	case SCN_MPROTECT:
		reply->result.value = returned(mprotect(at_address(arg[0]), arg[1], (int)arg[2]));
		break;
	case SCN_MADVISE:
		reply->result.value = returned(madvise(at_address(arg[0]), arg[1], (int)arg[2]));
		break;
	case SCN_FUTEX:
		reply->result.value =
		    returned(syscall(SYS_futex, at_address(arg[0]), (int)arg[1], 1));
		break;
	case SCN_MREMAP:
		got = mremap(at_address(arg[0]), arg[1], arg[2], (int)arg[3], at_address(arg[4]));
		reply->result.value = got == MAP_FAILED ? -errno : (int64_t)(uintptr_t)got;
		break;
	case SCN_LOAD:
		do_load(r, reply);
		break;
	case SCN_STORE:
		reply->result.signal = access_bytes(r->image, at_address(arg[0]), c->image_len);
		break;
	case SCN_READ:
		do_read(a, r, reply);
		break;
	case SCN_WRITE:
		do_write(a, r, reply);
		break;
	case SCN_POLL:
		do_poll(r, reply);
		break;
	case SCN_FCNTL:
		reply->result.value = returned(fcntl((int)arg[0], (int)arg[1], (int)arg[2]));
		break;
	case SCN_SIGIO:
		reply->result.value = take_sigio(c);
		break;
	case SCN_PIN:
		reply->result.value = pin(arg[0]);
		break;
	case SCN_FORK:
		do_fork(a, r, reply);
		break;
	case SCN_EXEC:
		reply->result.value = exec_again(a);
		break;
	case SCN_EXIT:
		_exit((int)arg[0]);
	case SCN_SEND_FD:
		reply->result.value = fcntl((int)arg[0], F_GETFD) < 0 ? -errno : 0;
		reply->fd = reply->result.value < 0 ? -1 : (int)arg[0];
		break;
	case SCN_N_CALLS:
	default:
		reply->result.value = -ENOSYS;
		break;
	}
	if (reply->result.signal)
		reply->result.kind = SCN_FAULTED;
}

static int read_part(struct scn_wire_message *m, void **out, size_t len)
{
	*out = calloc(1, len + 8);
	return *out ? scn_wire_take(m, *out, len) : -ENOMEM;
}

static void free_request(struct request *r)
{
	free(r->path);
	free(r->image);
	free(r->relocs);
}

static int read_request(const struct agent *a, struct request *r)
{
	void *path = NULL, *image = NULL, *relocs = NULL;
	struct scn_wire_message m = {.sock = a->control, .fd = -1};
	int err = scn_wire_take(&m, &r->call, sizeof(r->call));

	r->fd = m.fd;
	if (err)
		return err;
	if (r->call.image_len > AREA_SIZE)
		return -E2BIG;
	err = read_part(&m, &path, r->call.path_len);
	if (!err)
		err = read_part(&m, &image, r->call.image_len);
	if (!err)
		err = read_part(&m, &relocs, r->call.n_relocs * sizeof(*r->relocs));
	r->path = path;
	r->image = image;
	r->relocs = relocs;
	return err;
}

static int send_reply(const struct agent *a, struct reply *reply)
{
	struct iovec parts[] = {{&reply->result, sizeof(reply->result)},
				{reply->data, reply->result.data_len}};

	return scn_wire_send(a->control, parts, 2, reply->fd);
}

static int serve_one(struct agent *a)
{
	struct request r = {.fd = -1};
	struct reply reply = {.fd = -1};
	int err = read_request(a, &r);

	if (!err) {
		make_call(a, &r, &reply);
		err = reply.lost ? -ENOMEM : send_reply(a, &reply);
	}
	free_request(&r);
	free(reply.data);
	return err;
}

int scn_agent_main(const char *fd)
{
	return scn_agent_serve(atoi(fd), NULL);
}

int scn_agent_serve(int fd, const char *const *argv)
{
	struct agent a = {.control = -1, .argv = argv};
	struct reply hello = {.fd = -1};

	move_control(&a, fd);
	catch_faults();
	if (!make_area(&a))
		return 1;
	hello.result.pid = getpid();
	if (send_reply(&a, &hello))
		return 1;
	while (serve_one(&a) == 0)
		;
	return 0;
}
