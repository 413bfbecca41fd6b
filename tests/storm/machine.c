/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include "wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long an answer may take: a broker that waits for one of its clients never gives any. */
#define PATIENCE_MS 30000

static void ask(struct machine *m, enum wire_op op, const void *payload, size_t len, char *text,
		size_t room)
{
	static unsigned char buffer[WIRE_BUFFER];
	struct pollfd p = {.fd = m->wire, .events = POLLIN};
	struct wire_in in;
	int err = wire_send(m->wire, (uint16_t)op, 0, payload, len, NULL, 0);

	if (err < 0)
		storm_failed("the broker: request %d: %s", op, strerror(-err));
	if (poll(&p, 1, PATIENCE_MS) <= 0)
		storm_failed("the broker does not answer request %d within %d s", op,
			     PATIENCE_MS / 1000);
	err = wire_recv(m->wire, 0, buffer, &in);
	if (err < 0 || in.msg.result < 0)
		storm_failed("the broker: answer to %d: %s", op,
			     strerror(err < 0 ? -err : (int)-in.msg.result));
	if (room) {
		size_t n = in.msg.payload < room - 1 ? in.msg.payload : room - 1;

		memcpy(text, in.payload, n);
		text[n] = 0;
	}
	wire_in_done(&in);
}

static void join(struct machine *m)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct wire_hello hello = {.role = WIRE_ROLE_WATCH};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", m->socket);
	m->wire = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(m->wire, (struct sockaddr *)&a, sizeof(a)) < 0)
		storm_failed("%s: %s", m->socket, strerror(errno));
	ask(m, WIRE_HELLO, &hello, sizeof(hello), NULL, 0);
}

void machine_start(struct machine *m, int memory)
{
	char line[256], number[16];
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		storm_failed("pipe: %s", strerror(errno));
	m->pid = fork();
	if (m->pid == 0) {
		dup2(ends[1], 1);
		fcntl(memory, F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", memory);
		setenv("STORM_MEMORY", number, 1);
		/* What is deferred comes back at once, not ten a second. */
		execl(m->command, m->command, "serve", "--socket", m->socket, "--hazards",
		      "--free-per-iteration", "1000000", "--gntalloc-limit", "16384",
		      m->trace ? "--trace" : (char *)NULL, m->trace, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	m->output = ends[0];
	n = m->pid > 0 ? read(m->output, line, sizeof(line)) : -1;
	if (n <= 0 || !memmem(line, (size_t)n, "serving", 7))
		storm_failed("no machine started");
	fcntl(m->output, F_SETFL, O_NONBLOCK);
	join(m);
}

void machine_sync(struct machine *m)
{
	char said[4096];

	ask(m, WIRE_SYNC, NULL, 0, NULL, 0);
	while (read(m->output, said, sizeof(said)) > 0) /* hazards: random calls are full of them */
		;
}

/* A process that we started, or one of these: all orphans among them come to us. */
static bool is_of_the_storm(int pid)
{
	char path[32];
	FILE *f;

	while (pid > 1 && pid != getpid()) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %*c %d", &pid) != 1)
			pid = 0;
		if (f)
			fclose(f);
	}
	return pid == getpid();
}

void machine_destroy(struct machine *m, uint32_t domid)
{
	char left[4096];
	const char *at;
	int pid;

	ask(m, WIRE_DESTROY, &domid, sizeof(domid), left, sizeof(left));
	/* Who can't be looked at may be a stranger, who runs beside the storm. */
	for (at = left; (at = strstr(at, "(process ")); at++)
		if (sscanf(at, "(process %d", &pid) == 1 && is_of_the_storm(pid))
			storm_failed("domain %u is destroyed, and not all of its processes: %s",
				     domid, left);
	if (*left && !strstr(left, "(process "))
		storm_failed("domain %u is destroyed: %s", domid, left);
}

struct totals machine_totals(struct machine *m)
{
	char text[1024];
	struct totals t;

	ask(m, WIRE_STATUS, NULL, 0, text, sizeof(text));
	if (sscanf(text,
		   "domains %llu zombies %llu files %llu mms %llu vmas %llu frames %llu grants "
		   "%llu deferred %llu "
		   "gntdev_maps %llu maptrack %llu ports %llu bytes %llu",
		   &t.domains, &t.zombies, &t.files, &t.mms, &t.vmas, &t.frames, &t.grants,
		   &t.deferred, &t.gntdev_maps, &t.maptrack, &t.ports, &t.bytes) != 12)
		storm_failed("the broker's totals are no such: %s", text);
	return t;
}

unsigned int machine_descriptors(const struct machine *m)
{
	char path[64];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", m->pid);
	dir = opendir(path);
	if (!dir)
		storm_failed("%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(dir));)
		n += *e->d_name != '.';
	closedir(dir);
	return n;
}

unsigned long long machine_memory(struct machine *m)
{
	uint64_t end = storm_now() + PATIENCE_MS * 1000000ull;

	m->shared->measure++;
	while (m->shared->measured != m->shared->measure) {
		if (storm_now() > end)
			storm_failed("the broker does not serve");
		machine_sync(m);
	}
	return m->shared->memory;
}

void machine_end(struct machine *m, bool kill_it)
{
	int status;

	kill(m->pid, kill_it ? SIGKILL : SIGTERM);
	if (waitpid(m->pid, &status, 0) < 0)
		storm_failed("the broker: %s", strerror(errno));
	if (!kill_it && status)
		storm_failed("the broker ended with status %#x", (unsigned)status);
	m->pid = 0;
	close(m->wire);
	close(m->output);
}
