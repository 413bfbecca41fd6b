/* SPDX-License-Identifier: MIT */
/* ci/demo's main part. Debian's vchan-socket-proxy, unmodified, as server in domain 0 and as client
 * in domain 1, over Debian's xenstored: data through the vchan, then one side is killed and the
 * other notices through its unmap notification.
 *
 * Started plain, this program starts a machine and then itself again as a process of domain 1,
 * where it watches: it maps the vchan's page with gntdev, as any process of that domain may, and
 * holds a duplicate of the survivor's evtchn descriptor. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntdev.h>

/* Of each connection its own: a killed server leaves its keys behind. */
static const char *vchan_path;
/* libxenvchan.h: struct vchan_interface */
#define CLI_LIVE 20
#define SRV_LIVE 21
#define LIMIT_S  120

static const char *gntsim, *proxy;
/* Bytes of each transfer. */
static size_t total = 64u << 20;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	fputs("vchan-demo: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* With @p fd as its standard input and output; -1: ours. */
static pid_t start(const char *const argv[], int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd >= 0 && (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0))
			die("dup2: %s", strerror(errno));
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	return pid;
}

/* A proxy in a domain, its data on a socket pair. */
static pid_t start_proxy(const char *domain, const char *mode, const char *peer, int *data)
{
	const char *argv[] = {gntsim,     "run",  "--socket", getenv("GNTSIM_SOCKET"),
			      "--domain", domain, "--",       proxy,
			      "--mode",   mode,   peer,       vchan_path,
			      "-",        NULL};
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair: %s", strerror(errno));
	pid = start(argv, pair[1]);
	close(pair[1]);
	*data = pair[0];
	printf("  domain %s: vchan-socket-proxy --mode %s %s %s -  (pid %d)\n", domain, mode, peer,
	       vchan_path, pid);
	return pid;
}

static uint64_t checksum(uint64_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 0x100000001b3ull; /* FNV-1a */
	return sum;
}

struct sender {
	int fd;
	uint64_t sum;
};

static void *send_all(void *p)
{
	struct sender *s = p;
	static unsigned char block[65536];
	uint32_t x = 1;

	s->sum = 0xcbf29ce484222325ull;
	for (size_t sent = 0; sent < total; sent += sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++) {
			x = x * 1664525u + 1013904223u;
			block[i] = (unsigned char)(x >> 24);
		}
		s->sum = checksum(s->sum, block, sizeof(block));
		for (size_t at = 0; at < sizeof(block);) {
			ssize_t n = write(s->fd, block + at, sizeof(block) - at);

			if (n <= 0)
				die("write into the client's proxy: %s", strerror(errno));
			at += (size_t)n;
		}
	}
	return NULL;
}

static void transfer(int client, int server)
{
	struct sender s = {.fd = client};
	static unsigned char block[65536];
	uint64_t sum = 0xcbf29ce484222325ull;
	double begin = now(), took;
	size_t got = 0;
	pthread_t t;

	pthread_create(&t, NULL, send_all, &s);
	while (got < total) {
		ssize_t n = read(server, block, sizeof(block));

		if (n <= 0)
			die("the server's side ended after %zu bytes", got);
		sum = checksum(sum, block, (size_t)n);
		got += (size_t)n;
		if (got / (total / 4) != (got - (size_t)n) / (total / 4))
			printf("  %zu MiB\n", got >> 20);
	}
	took = now() - begin;
	pthread_join(t, NULL);
	printf("  %zu MiB from domain 1 to domain 0 in %.2f s: %.1f MiB/s; checksums %016llx and "
	       "%016llx %s\n",
	       total >> 20, took, (double)(total >> 20) / took, (unsigned long long)s.sum,
	       (unsigned long long)sum, s.sum == sum ? "agree" : "DIFFER");
	if (s.sum != sum)
		die("the data was damaged");
}

/* The vchan's page, mapped in domain 1 like by any of its processes. */
static volatile const unsigned char *map_ring(void)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	char ref[32] = "";
	FILE *f;
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	char command[128];
	void *p;

	snprintf(command, sizeof(command), "xenstore-read %s/ring-ref", vchan_path);
	f = popen(command, "r");
	if (!f || !fgets(ref, sizeof(ref), f) || pclose(f))
		die("xenstore-read ring-ref failed");
	map.refs[0].domid = 0;
	map.refs[0].ref = (uint32_t)strtoul(ref, NULL, 10);
	if (fd < 0 || ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0)
		die("map reference %u: %s", map.refs[0].ref, strerror(errno));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (off_t)map.index);
	if (p == MAP_FAILED)
		die("mmap reference %u: %s", map.refs[0].ref, strerror(errno));
	close(fd);
	return p;
}

/* A duplicate of the process's evtchn descriptor: the same kernel object. */
static int evtchn_of(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat want, st;
	char path[32];

	stat("/dev/xen/evtchn", &want);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	for (int n = 0; n < 64; n++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0);

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
		    st.st_rdev == want.st_rdev) {
			close(pidfd);
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	die("process %d has no evtchn descriptor", pid);
}

static void wait_gone(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	printf("  %s ended: %s %d\n", what, WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Kills one side and watches what reaches the other. */
static void kill_and_watch(pid_t victim, pid_t survivor, size_t live, const char *victim_name,
			   const char *survivor_name, volatile const unsigned char *ring)
{
	double killed, byte = 0, event = 0, until;
	int evtchn = evtchn_of(survivor), waiting = 0;

	/* What is there before the kill is not the notification. */
	for (until = now() + 2; ioctl(evtchn, FIONREAD, &waiting) == 0 && waiting && now() < until;)
		poll(NULL, 0, 1);
	if (ring[live] == 0)
		die("the %s is not live", victim_name);
	/* Held still, the survivor cannot take the event before it is seen here. */
	kill(survivor, SIGSTOP);
	printf("  SIGKILL to the %s (pid %d)\n", victim_name, victim);
	killed = now();
	kill(victim, SIGKILL);
	until = killed + 10;
	while ((byte == 0 || event == 0) && now() < until) {
		if (byte == 0 && ring[live] == 0)
			byte = now();
		if (event == 0) {
			struct pollfd p = {.fd = evtchn, .events = POLLIN};

			if (poll(&p, 1, 0) == 1 && (p.revents & POLLIN))
				event = now();
		}
	}
	if (byte == 0 || event == 0)
		die("the notification did not come: byte %s, event %s", byte > 0 ? "clear" : "set",
		    event > 0 ? "seen" : "not seen");
	printf(
	    "  byte %zu (%s) clear after %.0f us, event in the survivor's evtchn after %.0f us\n",
	    live, live == SRV_LIVE ? "srv_live" : "cli_live", (byte - killed) * 1e6,
	    (event - killed) * 1e6);
	close(evtchn);
	killed = now();
	kill(survivor, SIGCONT);
	wait_gone(victim, victim_name);
	wait_gone(survivor, survivor_name);
	printf("  (%.0f us after it was let go: it was stopped while we watched its event)\n",
	       (now() - killed) * 1e6);
}

static void round_trip(bool kill_server)
{
	volatile const unsigned char *ring;
	int client, server;
	pid_t s, c;

	printf("\n%s\n",
	       kill_server ? "Data, then the server is killed" : "Data, then the client is killed");
	vchan_path = kill_server ? "/local/domain/0/data/first" : "/local/domain/0/data/second";
	s = start_proxy("0", "server", "1", &server);
	c = start_proxy("1", "client", "0", &client);
	transfer(client, server);
	ring = map_ring();
	if (kill_server)
		kill_and_watch(s, c, SRV_LIVE, "server in domain 0", "client in domain 1", ring);
	else
		kill_and_watch(c, s, CLI_LIVE, "client in domain 1", "server in domain 0", ring);
	munmap((void *)(uintptr_t)ring, 4096);
	close(client);
	close(server);
}

static int inside(void)
{
	round_trip(true);
	round_trip(false);
	return 0;
}

static const char *find_proxy(void)
{
	static const char *const paths[] = {"/usr/lib/xen-4.17/bin/vchan-socket-proxy",
					    "/usr/lib/xen-4.14/bin/vchan-socket-proxy"};

	for (size_t i = 0; i < 2; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	die("vchan-socket-proxy is missing: apt-get install xen-utils-4.17");
}

/* The machine, kept by gntsim serve until we end. */
static pid_t serve(const char *socket)
{
	const char *argv[] = {gntsim, "serve", "--xenstore", "--socket", socket, NULL};
	int fds[2], saved = dup(STDOUT_FILENO);
	char line[256];
	FILE *f;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	dup2(fds[1], STDOUT_FILENO);
	pid = start(argv, -1);
	dup2(saved, STDOUT_FILENO);
	close(fds[1]);
	close(saved);
	f = fdopen(fds[0], "r");
	if (!f || !fgets(line, sizeof(line), f))
		die("gntsim serve failed");
	fputs(line, stdout);
	return pid;
}

int main(int argc, char **argv)
{
	char socket[96], dir[] = "/tmp/vchan-demo-XXXXXX", *domain;
	pid_t server, self;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(LIMIT_S);
	if (argc < 2)
		die("usage: vchan-demo GNTSIM [MIB]");
	gntsim = argv[1];
	if (argc > 2 && atoi(argv[2]) > 0)
		total = (size_t)atoi(argv[2]) << 20;
	proxy = find_proxy();
	domain = getenv("GNTSIM_DOMAIN");
	if (argc == 4 && domain) {
		return inside();
	}
	if (!mkdtemp(dir))
		die("mkdtemp: %s", strerror(errno));
	snprintf(socket, sizeof(socket), "%s/machine", dir);
	server = serve(socket);
	self = start((const char *[]){argv[1], "run", "--socket", socket, "--domain", "1", "--",
				      argv[0], argv[1], argc > 2 ? argv[2] : "64", "inside", NULL},
		     -1);
	waitpid(self, &status, 0);
	printf("\nWhat is left in the machine two (virtual) seconds later; the ports are "
	       "xenstored's:\n");
	waitpid(start((const char *[]){argv[1], "control", "--socket", socket, "advance",
				       "2000000000", NULL},
		      -1),
		NULL, 0);
	waitpid(start((const char *[]){argv[1], "status", "--socket", socket, NULL}, -1), NULL, 0);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	rmdir(dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
