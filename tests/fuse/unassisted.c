/* SPDX-License-Identifier: MIT */
/*
 * unassisted DIR: two domains of a mounted tree through the kernel alone: no library, static.
 * unassisted self: /dev/xen, whose domain deals with itself.
 * Where the front knows too little to be the driver, it must do as gntsim-fronts(7) says.
 */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096
#define RW      (PROT_READ | PROT_WRITE)
#define SECONDS 60

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__,          \
				#condition, errno, strerror(errno));                               \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const char *tree; /* NULL: there is one domain, 0 */

static int open_device(int domid, const char *name, int flags)
{
	char path[512];
	int fd;

	if (tree)
		snprintf(path, sizeof(path), "%s/%d/%s", tree, domid, name);
	else
		snprintf(path, sizeof(path), "/dev/xen/%s", name);
	fd = open(path, O_RDWR | flags);
	CHECK(fd >= 0);
	return fd;
}

struct grants {
	uint64_t index;
	uint32_t ref[64];
};

static int try_alloc(int fd, int domid, uint32_t count, int flags, struct grants *out)
{
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[64];
	} arg = {.op = {.domid = (uint16_t)(tree ? domid : 0),
			.flags = (uint16_t)flags,
			.count = count}};
	int r = ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &arg);

	out->index = arg.op.index;
	memcpy(out->ref, (char *)&arg + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
	       sizeof(out->ref));
	return r;
}

static struct grants alloc(int fd, int domid, uint32_t count)
{
	struct grants g;

	CHECK(try_alloc(fd, domid, count, GNTALLOC_FLAG_WRITABLE, &g) == 0);
	return g;
}

static int try_map(int fd, int domid, const uint32_t *ref, uint32_t count, uint64_t *index)
{
	struct {
		struct ioctl_gntdev_map_grant_ref op;
		struct ioctl_gntdev_grant_ref more[64];
	} arg = {.op.count = count};
	struct ioctl_gntdev_grant_ref *refs = &arg.op.refs[0];
	int r;

	for (uint32_t i = 0; i < count; i++) {
		struct ioctl_gntdev_grant_ref g = {.domid = (uint32_t)domid, .ref = ref[i]};

		memcpy((char *)refs + i * sizeof(g), &g, sizeof(g));
	}
	r = ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &arg);
	*index = arg.op.index;
	return r;
}

static unsigned char *map_pages(int fd, uint64_t index, size_t pages)
{
	unsigned char *p = mmap(NULL, pages * PAGE, RW, MAP_SHARED, fd, (off_t)index);

	CHECK(p != MAP_FAILED);
	return p;
}

static unsigned char *map_grants(int fd, int domid, const struct grants *g, uint32_t count,
				 uint64_t *index)
{
	CHECK(try_map(fd, domid, g->ref, count, index) == 0);
	return map_pages(fd, *index, count);
}

static int unmap(int fd, uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = {.index = index, .count = count};

	return ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
}

static int notify(int fd, unsigned long cmd, uint64_t index, uint32_t action, uint32_t port)
{
	struct ioctl_gntdev_unmap_notify op = {
	    .index = index, .action = action, .event_channel_port = port};

	return ioctl(fd, cmd, &op);
}

/* An event channel between two domains, with its first event taken. */
struct channel {
	int fd[2];
	uint32_t port[2];
};

static struct channel connect_domains(int a, int b)
{
	struct channel c = {.fd = {open_device(a, "evtchn", 0), open_device(b, "evtchn", 0)}};
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain =
							     tree ? (unsigned int)b : 0};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = (unsigned int)a};
	uint32_t port;
	int r = ioctl(c.fd[0], IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);

	CHECK(r > 0);
	c.port[0] = inter.remote_port = (uint32_t)r;
	r = ioctl(c.fd[1], IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter);
	CHECK(r > 0);
	c.port[1] = (uint32_t)r;
	CHECK(read(c.fd[1], &port, sizeof(port)) == sizeof(port) && port == c.port[1]);
	CHECK(write(c.fd[1], &port, sizeof(port)) == sizeof(port));
	return c;
}

static void close_channel(const struct channel *c)
{
	close(c->fd[0]);
	close(c->fd[1]);
}

static void sharing(void)
{
	int a = open_device(0, "gntalloc", 0), m = open_device(1, "gntdev", 0);
	struct grants g = alloc(a, 1, 4), none;
	unsigned char *mine = map_pages(a, g.index, 4), *theirs;
	uint64_t index, part;

	CHECK(mine[0] == 0 && mine[4 * PAGE - 1] == 0);
	strcpy((char *)mine + PAGE, "from the granter");
	theirs = map_grants(m, 0, &g, 4, &index);
	CHECK(strcmp((char *)theirs + PAGE, "from the granter") == 0);
	strcpy((char *)theirs + 3 * PAGE, "from the mapper");
	CHECK(strcmp((char *)mine + 3 * PAGE, "from the mapper") == 0);

	/* A part of the run; then scattered pages, which no kernel mapping could show. */
	CHECK(try_map(m, 0, g.ref + 1, 2, &part) == 0 && part == index + PAGE);
	CHECK(unmap(m, part, 2) == 0);
	none.ref[0] = g.ref[0];
	none.ref[1] = g.ref[2];
	CHECK(try_map(m, 0, none.ref, 2, &part) == -1 && errno == EINVAL);
	none.ref[0] = 500;
	CHECK(try_map(m, 0, none.ref, 1, &part) == -1 && errno == EINVAL);

	CHECK(unmap(m, index, 3) == -1 && errno == ENOENT);
	CHECK(munmap(theirs, 4 * PAGE) == 0 && unmap(m, index, 4) == 0);
	CHECK(unmap(m, index, 0) == -1 && errno == ENOENT);
	CHECK(munmap(mine, 4 * PAGE) == 0);
	close(a);
	close(m);
}

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

/* An offset without a page faults. */
static void no_page(void)
{
	int a = open_device(0, "gntalloc", 0);
	struct grants g = alloc(a, 1, 1);
	volatile unsigned char *p = map_pages(a, g.index, 2);
	int sig;

	signal(SIGBUS, on_fault);
	sig = sigsetjmp(fault, 1);
	if (sig == 0)
		p[PAGE]++;
	CHECK(sig == SIGBUS);
	p[0]++;
	CHECK(p[0] == 1);
	signal(SIGBUS, SIG_DFL);
	munmap((void *)(uintptr_t)p, 2 * PAGE);
	close(a);
}

static void wait_byte(const volatile unsigned char *p, unsigned char value)
{
	for (int i = 0; *p != value && i < 5000; i++)
		usleep(1000);
	CHECK(*p == value);
}

static void expect_event(int fd, uint32_t port)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint32_t got;

	CHECK(poll(&p, 1, 5000) == 1 && (p.revents & POLLIN));
	CHECK(read(fd, &got, sizeof(got)) == sizeof(got) && got == port);
	CHECK(write(fd, &got, sizeof(got)) == sizeof(got));
}

/* SIGKILL: the byte is cleared, the event arrives; to the granter, then to the mapper. */
static void death(void)
{
	int a = open_device(0, "gntalloc", 0);
	struct grants g = alloc(a, 1, 1);
	unsigned char *mine = map_pages(a, g.index, 1);
	struct channel c = connect_domains(0, 1);
	int ready[2], status;
	uint64_t index;
	pid_t child;
	char byte;

	CHECK(pipe(ready) == 0);
	mine[7] = 1;
	child = fork();
	if (child == 0) {
		int m = open_device(1, "gntdev", 0);
		unsigned char *theirs = map_grants(m, 0, &g, 1, &index);

		CHECK(notify(m, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, index + 7, 3, c.port[1]) == 0);
		theirs[8] = 2;
		CHECK(write(ready[1], "", 1) == 1);
		pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK(mine[7] == 1 && mine[8] == 2);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	expect_event(c.fd[0], c.port[0]);
	wait_byte(mine + 7, 0);
	CHECK(mine[8] == 2);
	munmap(mine, PAGE);
	close(a);

	child = fork();
	if (child == 0) {
		struct grants g2;

		a = open_device(0, "gntalloc", 0);
		g2 = alloc(a, 1, 2);
		mine = map_pages(a, g2.index, 2);
		mine[PAGE + 9] = 1;
		mine[PAGE + 10] = 3;
		CHECK(notify(a, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, g2.index + PAGE + 9, 3,
			     c.port[0]) == 0);
		CHECK(write(ready[1], &g2, sizeof(g2)) == sizeof(g2));
		pause();
	}
	CHECK(read(ready[0], &g, sizeof(g)) == sizeof(g));
	{
		int m = open_device(1, "gntdev", 0);
		unsigned char *theirs = map_grants(m, 0, &g, 2, &index);

		CHECK(theirs[PAGE + 9] == 1);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		expect_event(c.fd[1], c.port[1]);
		wait_byte(theirs + PAGE + 9, 0);
		CHECK(theirs[PAGE + 10] == 3);
		theirs[0] = 5; /* stays usable */
		CHECK(theirs[0] == 5);
		munmap(theirs, 2 * PAGE);
		CHECK(unmap(m, index, 2) == 0);
		close(m);
	}
	close_channel(&c);
	close(ready[0]);
	close(ready[1]);
}

static int copy(int fd, struct gntdev_grant_copy_segment *s, uint32_t n)
{
	struct ioctl_gntdev_grant_copy op = {.count = n, .segments = s};

	return ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op);
}

/* GRANT_COPY sees what programs wrote, and they see what it wrote; also when the local side is a
 * page of the same tree that nobody touched yet. */
static void copying(void)
{
	int a = open_device(0, "gntalloc", 0), d = open_device(1, "gntdev", 0);
	int own = open_device(1, "gntalloc", 0);
	struct grants g = alloc(a, 1, 2), local = alloc(own, 0, 1);
	unsigned char *p = map_pages(a, g.index, 2), *untouched = map_pages(own, local.index, 1);
	char buf[64] = "";
	struct gntdev_grant_copy_segment s = {.flags = GNTCOPY_source_gref, .len = 32};

	strcpy((char *)p + 100, "written through the mapping");
	s.source.foreign.ref = g.ref[0];
	s.source.foreign.offset = 100;
	s.dest.virt = buf;
	CHECK(copy(d, &s, 1) == 0 && s.status == 0);
	CHECK(strcmp(buf, "written through the mapping") == 0);

	s.dest.virt = untouched;
	CHECK(copy(d, &s, 1) == 0 && s.status == 0);
	CHECK(strcmp((char *)untouched, "written through the mapping") == 0);

	p[PAGE + 99] = 'x';
	memset(&s, 0, sizeof(s));
	s.flags = GNTCOPY_dest_gref;
	s.len = 5;
	s.source.virt = (void *)(uintptr_t) "hello";
	s.dest.foreign.ref = g.ref[1];
	s.dest.foreign.offset = 100;
	CHECK(copy(d, &s, 1) == 0 && s.status == 0);
	CHECK(memcmp(p + PAGE + 99, "xhello", 7) == 0);
	munmap(p, 2 * PAGE);
	munmap(untouched, PAGE);
	close(a);
	close(d);
	close(own);
}

static void offsets(void)
{
	int a = open_device(0, "gntalloc", 0), m = open_device(1, "gntdev", 0);
	struct grants g = alloc(a, 1, 3);
	struct ioctl_gntdev_get_offset_for_vaddr op = {0};
	uint64_t index;
	unsigned char *p = map_grants(m, 0, &g, 3, &index);

	op.vaddr = (uint64_t)(uintptr_t)p + PAGE + 5;
	CHECK(ioctl(m, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &op) == 0);
	CHECK(op.offset == index && op.count == 3);
	op.vaddr = (uint64_t)(uintptr_t)&op;
	CHECK(ioctl(m, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &op) == -1 && errno == EINVAL);
	munmap(p, 3 * PAGE);
	close(a);
	close(m);
}

static void bad_pointers(void)
{
	int a = open_device(0, "gntalloc", 0), m = open_device(1, "gntdev", 0);

	CHECK(ioctl(a, IOCTL_GNTALLOC_ALLOC_GREF, 8) == -1 && errno == EFAULT);
	CHECK(ioctl(m, IOCTL_GNTDEV_MAP_GRANT_REF, 8) == -1 && errno == EFAULT);
	CHECK(ioctl(m, _IOC(_IOC_NONE, 'G', 99, 0), 8) == -1 && errno == ENOTTY);
	/* Memory that only root may read is a bad pointer too. (Who made our namespace may.) */
	if (tree && getuid() != 0) {
		struct grants none;

		CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
		CHECK(try_alloc(a, 1, 1, 0, &none) == -1 && errno == EFAULT);
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
		CHECK(try_alloc(a, 1, 1, 0, &none) == 0);
	}
	close(a);
	close(m);
}

/* Until a child sleeps: in its read(), for it does nothing else that takes time. */
static void wait_asleep(pid_t child)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	for (int i = 0; state != 'S' && i < 5000; i++) {
		FILE *f = fopen(path, "r");

		CHECK(f && fscanf(f, "%*d %*s %c", &state) == 1);
		fclose(f);
		if (state != 'S')
			usleep(1000);
	}
	CHECK(state == 'S');
}

static void nothing(int sig)
{
	(void)sig;
}

/* read() of events: blocking, not blocking, interrupted; with a killed reader. */
static void events(void)
{
	struct channel c = connect_domains(0, 1);
	struct ioctl_evtchn_notify n = {.port = c.port[1]};
	struct sigaction act = {.sa_handler = nothing};
	uint32_t port;
	pid_t child;
	int status;

	sigaction(SIGALRM, &act, NULL);
	alarm(1);
	CHECK(read(c.fd[0], &port, sizeof(port)) == -1 && errno == EINTR);
	alarm(SECONDS);
	fcntl(c.fd[0], F_SETFL, O_NONBLOCK);
	CHECK(read(c.fd[0], &port, sizeof(port)) == -1 && errno == EAGAIN);
	fcntl(c.fd[0], F_SETFL, 0);
	child = fork();
	if (child == 0) {
		CHECK(read(c.fd[0], &port, sizeof(port)) == sizeof(port) && port == c.port[0]);
		_exit(0);
	}
	wait_asleep(child);
	/* A writer does not wait for the reader. */
	CHECK(write(c.fd[0], &c.port[0], 4) == 4);
	CHECK(ioctl(c.fd[1], IOCTL_EVTCHN_NOTIFY, &n) == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);

	child = fork();
	if (child == 0) {
		CHECK(read(c.fd[0], &port, sizeof(port)) == sizeof(port));
		_exit(0);
	}
	wait_asleep(child);
	kill(child, SIGKILL);
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK(write(c.fd[0], &c.port[0], 4) == 4);
	CHECK(ioctl(c.fd[1], IOCTL_EVTCHN_NOTIFY, &n) == 0);
	expect_event(c.fd[0], c.port[0]);
	close_channel(&c);
}

static void many_opens(void)
{
	static int fd[1000];

	for (int i = 0; i < 1000; i++) {
		fd[i] = open_device(i % 2, i % 3 ? "gntalloc" : "gntdev", O_CLOEXEC);
		if (i % 3) {
			struct grants g = alloc(fd[i], 1, 1);
			unsigned char *p = map_pages(fd[i], g.index, 1);

			*p = (unsigned char)i;
			munmap(p, PAGE);
			if (i >= 900)
				continue;
			close(fd[i]);
			fd[i] = -1;
		}
	}
	for (int i = 0; i < 1000; i++)
		close(fd[i]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
	    {"sharing", sharing}, {"no page", no_page},
	    {"death", death},     {"copying", copying},
	    {"offsets", offsets}, {"bad pointers", bad_pointers},
	    {"events", events},   {"a thousand opens", many_opens},
	};

	CHECK(argc == 2);
	tree = strcmp(argv[1], "self") ? argv[1] : NULL;
	alarm(SECONDS);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
		fflush(stdout);
	}
	return 0;
}
