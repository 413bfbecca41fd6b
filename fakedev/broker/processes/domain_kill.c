/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "domain_kill.h"

#include "aside.h"
#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a program's environment may be for us to look at it. */
#define ENVIRON_MAX (256u * 1024u)
/* How long a look may take: the first that is late, each of the others, which have been waiting too. */
#define PATIENCE_MS      5000u
#define PATIENCE_MORE_MS 500u
#define MOST_LATE        64u
/* So many are looked at by one thread, as long as none is late: on a busy machine each change of threads waits
 * for a processor. */
#define MOST_TOGETHER 64u
#define TOGETHER_MS   2000u
#define MOST_ROUNDS   8

static void note(struct survivors *s, uint32_t pid, const char *what, const char *why)
{
	struct program program;
	char who[PROGRAM_TEXT];
	int n;

	program_look(&program, pid);
	n = snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s %s: %s\n",
		     program_text(&program, who), what, why);
	if (n > 0 && (size_t)n < sizeof(s->text) - s->len)
		s->len += (uint32_t)n;
}

void domain_kill_process(struct survivors *s, uint32_t pid)
{
	if (pid > 1 && pid != (uint32_t)getpid() && kill((pid_t)pid, SIGKILL) < 0 && errno != ESRCH)
		note(s, pid, "lives on", strerror(errno));
}

static const char *value(const char *environment, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = environment; p < environment + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* One process, looked at. */
struct look {
	uint32_t pid, domid;
	int err; /* of killing it */
	char socket[PATH_MAX];
};

/* Started by gntsim, or by who was, and not let go since. */
static bool is_started_in(const struct look *l, char *room)
{
	char path[32], number[16];
	const char *at, *domain, *preload, *front;
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/environ", l->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len < ENVIRON_MAX && (n = read(fd, room + len, ENVIRON_MAX - len)) > 0)
		len += (size_t)n;
	close(fd);
	room[len] = '\0';
	at = value(room, len, "GNTSIM_SOCKET");
	domain = value(room, len, "GNTSIM_DOMAIN");
	preload = value(room, len, "LD_PRELOAD");
	front = value(room, len, "GNTSIM_FRONT");
	snprintf(number, sizeof(number), "%u", l->domid);
	return at && domain && strcmp(at, l->socket) == 0 &&
	       (l->domid == DOMAIN_KILL_EACH || strcmp(domain, number) == 0) &&
	       ((preload && strstr(preload, "libgntsim-preload")) ||
		(front && strcmp(front, "ptrace") == 0));
}

/* The number may be another's by the time that we have looked: the pidfd is not. */
static void look_at(void *args)
{
	struct look *l = args;
	int fd = (int)syscall(SYS_pidfd_open, l->pid, 0);
	char *room = malloc(ENVIRON_MAX + 1);

	if (!room)
		l->err = ENOMEM;
	else if (fd >= 0 && is_started_in(l, room) &&
		 syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		l->err = errno;
	free(room);
	if (fd >= 0)
		close(fd);
}

struct looks {
	struct look look; /* what is looked for */
	uint32_t n, pid[MOST_TOGETHER];
	int err[MOST_TOGETHER];
};

static void look_at_several(void *args)
{
	struct looks *several = args;

	for (uint32_t i = 0; i < several->n; i++) {
		several->look.pid = several->pid[i];
		several->look.err = 0;
		look_at(&several->look);
		several->err[i] = several->look.err;
	}
}

struct domain_kill {
	pthread_mutex_t lock;
	unsigned int users; /* the thread, who started it */
	struct survivors survivors;
	struct look look; /* what is looked for */
	uint32_t asker, highest;
	uint32_t late[MOST_LATE];
	unsigned int n_late;
	int done; /* closed when it is */
};

static void let_go(struct domain_kill *k)
{
	unsigned int left;

	pthread_mutex_lock(&k->lock);
	left = --k->users;
	pthread_mutex_unlock(&k->lock);
	if (left)
		return;
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static bool is_late(const struct domain_kill *k, uint32_t pid)
{
	for (unsigned int i = 0; i < k->n_late; i++)
		if (k->late[i] == pid)
			return true;
	return k->n_late == MOST_LATE;
}

static void tell(struct domain_kill *k, uint32_t pid, const char *what, const char *why)
{
	pthread_mutex_lock(&k->lock);
	note(&k->survivors, pid, what, why);
	pthread_mutex_unlock(&k->lock);
}

static void look_at_one(struct domain_kill *k, uint32_t pid)
{
	struct look l = k->look;

	l.pid = pid;
	if (k->n_late == MOST_LATE)
		return;
	if (!aside(look_at, &l, sizeof(l), k->n_late ? PATIENCE_MORE_MS : PATIENCE_MS)) {
		k->late[k->n_late++] = pid;
		tell(k, pid, "may live on", "it cannot be looked at");
	} else if (l.err) {
		tell(k, pid, "lives on", strerror(l.err));
	}
}

/* One that is late is found among them by a look at each. */
static void look_at_these(struct domain_kill *k, struct looks *several)
{
	bool in_time = aside(look_at_several, several, sizeof(*several), TOGETHER_MS);

	for (uint32_t i = 0; i < several->n; i++)
		if (!in_time)
			look_at_one(k, several->pid[i]);
		else if (several->err[i])
			tell(k, several->pid[i], "lives on", strerror(several->err[i]));
	several->n = 0;
}

static bool look_at_all(struct domain_kill *k)
{
	DIR *proc = opendir("/proc");
	struct looks several = {.look = k->look};
	uint32_t before = k->highest;
	const struct dirent *d;

	while (proc && (d = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (pid > k->highest)
			k->highest = pid;
		if (pid <= 1 || pid == k->asker || pid == (uint32_t)getpid() || is_late(k, pid))
			continue;
		several.pid[several.n++] = pid;
		if (several.n == MOST_TOGETHER)
			look_at_these(k, &several);
	}
	look_at_these(k, &several);
	if (proc)
		closedir(proc);
	return k->highest != before;
}

static void *kill_all(void *ctx)
{
	struct domain_kill *k = ctx;

	/* Whoever was forked while we looked is new at the next look. */
	for (int i = 0; i < MOST_ROUNDS && look_at_all(k); i++)
		;
	close(k->done);
	let_go(k);
	return NULL;
}

int domain_kill_start(const char *socket, uint32_t domid, uint32_t asker, struct domain_kill **out,
		      int *fd)
{
	struct domain_kill *k = calloc(1, sizeof(*k));
	int ends[2], err;

	if (!k)
		return -ENOMEM;
	*k = (struct domain_kill){.users = 2, .look.domid = domid, .asker = asker};
	if (!realpath(socket, k->look.socket))
		snprintf(k->look.socket, sizeof(k->look.socket), "%s", socket);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		err = -errno;
		free(k);
		return err;
	}
	k->done = ends[1];
	pthread_mutex_init(&k->lock, NULL);
	err = aside_start(kill_all, k);
	if (err < 0) {
		close(ends[0]);
		close(ends[1]);
		k->users = 1;
		let_go(k);
		return err;
	}
	*fd = ends[0];
	*out = k;
	return 0;
}

void domain_kill_end(struct domain_kill *k, struct survivors *s)
{
	size_t n;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	n = k->survivors.len;
	if (s && n < sizeof(s->text) - s->len) {
		memcpy(s->text + s->len, k->survivors.text, n + 1);
		s->len += (uint32_t)n;
	}
	pthread_mutex_unlock(&k->lock);
	let_go(k);
}
