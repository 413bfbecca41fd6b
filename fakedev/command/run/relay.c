/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "relay.h"

#include "command/command.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK 65536

/* One pipe: a program's stdout, or stderr, or both where ours are one file. */
struct stream {
	int in, out;
	unsigned int source;
	bool mute; /* nobody reads our end: the program is to learn that when it prints */
	struct lines lines;
};

struct relaying {
	struct relay_source *sources;
	bool *told; /* of each source: its line was found */
	struct stream *streams;
	unsigned int n_sources, n_streams;
	int control;
};

static bool write_all(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(fd, v, n);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			poll(&p, 1, -1);
			continue;
		}
		if (done < 0 && errno != EINTR)
			return false;
		for (; n > 0 && done >= (ssize_t)v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n > 0 && done > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return true;
}

static void put(struct stream *s, struct iovec *v, int n)
{
	if (s->mute || write_all(s->out, v, n))
		return;
	if (errno != EPIPE)
		complain("cannot pass on what a program prints: %s", strerror(errno));
	s->mute = true;
}

static void tell(struct relaying *r, unsigned int source, bool found)
{
	struct relay_news news = {.source = source, .found = found};

	if (r->told[source])
		return;
	r->told[source] = found;
	send(r->control, &news, sizeof(news), MSG_NOSIGNAL);
}

static bool matches(const regex_t *wanted, const char *line, size_t len)
{
	regmatch_t all = {.rm_so = 0, .rm_eo = (regoff_t)len};

	return regexec(wanted, line, 1, &all, REG_STARTEND) == 0;
}

struct context {
	struct relaying *r;
	struct stream *s;
};

static void look_for_wanted(struct relaying *r, unsigned int source, const char *line, size_t len)
{
	const regex_t *wanted = r->sources[source].wanted;

	if (wanted && !r->told[source] && matches(wanted, line, len))
		tell(r, source, true);
}

static void take_line(void *ctx, const char *line, size_t len)
{
	const struct context *c = ctx;
	const struct relay_source *source = &c->r->sources[c->s->source];
	union {
		const char *in;
		char *out;
	} tag = {source->tag}, text = {line}, end = {"\n"};
	struct iovec v[] = {{.iov_base = tag.out, .iov_len = source->tag ? strlen(source->tag) : 0},
			    {.iov_base = text.out, .iov_len = len},
			    {.iov_base = end.out, .iov_len = 1}};

	if (source->tag)
		put(c->s, v, 3);
	look_for_wanted(c->r, c->s->source, line, len);
}

static void close_stream(struct stream *s)
{
	close(s->in);
	s->in = -1;
}

/* What is there now. False: no more, for the time being or for ever. */
static bool pass_on(struct relaying *r, struct stream *s)
{
	const struct relay_source *source = &r->sources[s->source];
	struct context c = {r, s};
	static char bytes[CHUNK];
	ssize_t n = read(s->in, bytes, sizeof(bytes));
	struct iovec v = {.iov_base = bytes, .iov_len = n > 0 ? (size_t)n : 0};

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		lines_end(&s->lines, take_line, &c);
		close_stream(s);
		return false;
	}
	if (!source->tag)
		put(s, &v, 1);
	if (source->tag || (source->wanted && !r->told[s->source]))
		lines_add(&s->lines, bytes, v.iov_len, take_line, &c);
	/* A line that somebody waits for may come yet. */
	if (s->mute && (!source->wanted || r->told[s->source]))
		close_stream(s);
	return s->in >= 0;
}

/* The program is gone, and with it what it had not finished; its children may print yet. */
static void look_at_all(struct relaying *r, unsigned int source)
{
	for (unsigned int i = 0; i < r->n_streams; i++) {
		struct stream *s = &r->streams[i];

		if (s->source != source)
			continue;
		while (s->in >= 0 && pass_on(r, s))
			;
		if (s->lines.n > 0)
			look_for_wanted(r, source, s->lines.begun, s->lines.n);
	}
	tell(r, source, false);
}

/* False when there is nothing more to come. */
static bool take_order(struct relaying *r)
{
	uint32_t source;
	ssize_t n = recv(r->control, &source, sizeof(source), 0);

	if (n == sizeof(source)) {
		look_at_all(r, source);
		return true;
	}
	return n < 0 && errno == EINTR;
}

static void work(struct relaying *r)
{
	struct pollfd *p = calloc(r->n_streams + 1, sizeof(*p));
	unsigned int n = r->n_streams;

	for (bool ordered = true; p && ordered;) {
		for (unsigned int i = 0; i < n; i++)
			p[i] = (struct pollfd){.fd = r->streams[i].in, .events = POLLIN};
		p[n] = (struct pollfd){.fd = r->control, .events = POLLIN};
		if (poll(p, n + 1, -1) < 0)
			continue;
		for (unsigned int i = 0; i < n; i++)
			if (p[i].revents)
				pass_on(r, &r->streams[i]);
		if (p[n].revents)
			ordered = take_order(r);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct context c = {r, &r->streams[i]};

		while (r->streams[i].in >= 0 && pass_on(r, &r->streams[i]))
			;
		lines_end(&r->streams[i].lines, take_line, &c);
	}
	free(p);
}

/* One that was closed is filled, but not for programs (fill_standard_descriptors()). */
static bool is_open(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Then what is printed to both has one order. */
static bool are_one_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The ends are not to be mistaken for standard streams that are closed. */
static int make_pipe(int *in, int *out)
{
	int ends[2], err = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*in = fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	*out = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (*in < 0 || *out < 0 || fcntl(*in, F_SETFL, O_NONBLOCK) < 0)
		err = -errno;
	close(ends[0]);
	close(ends[1]);
	return err;
}

static int add_stream(struct relaying *r, unsigned int source, int fd)
{
	struct stream *s = &r->streams[r->n_streams];
	int err = make_pipe(&s->in, &r->sources[source].ends[fd - STDOUT_FILENO]);

	if (err < 0)
		return err;
	s->out = fd;
	s->source = source;
	r->n_streams++;
	return 0;
}

static int add_streams(struct relaying *r, unsigned int source)
{
	int *ends = r->sources[source].ends, err = 0;
	bool out = is_open(STDOUT_FILENO), both = out && are_one_file(STDOUT_FILENO, STDERR_FILENO);

	if (!r->sources[source].tag && !r->sources[source].wanted)
		return 0;
	if (out)
		err = add_stream(r, source, STDOUT_FILENO);
	if (err == 0 && both)
		ends[1] = ends[0];
	else if (err == 0 && is_open(STDERR_FILENO))
		err = add_stream(r, source, STDERR_FILENO);
	return err;
}

void relay_source_close(struct relay_source *source)
{
	for (unsigned int k = 0; k < 2; k++) {
		if (source->ends[k] > STDERR_FILENO &&
		    (k == 0 || source->ends[1] != source->ends[0]))
			close(source->ends[k]);
	}
	source->ends[0] = source->ends[1] = -1;
}

/* Signals that end the programs do not end it: it goes when they have. */
static void be_the_relay(struct relaying *r, pid_t parent)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	close(STDIN_FILENO);
	for (unsigned int i = 0; i < r->n_sources; i++)
		relay_source_close(&r->sources[i]);
	work(r);
	_exit(0);
}

int relay_start(struct relay *r, struct relay_source *sources, unsigned int n, struct failure *f)
{
	struct relaying w = {.sources = sources,
			     .told = calloc(n, sizeof(bool)),
			     .streams = calloc(2 * (size_t)n, sizeof(struct stream)),
			     .n_sources = n};
	pid_t parent = getpid();
	int pair[2], err = 0;

	*r = (struct relay){.control = -1};
	for (unsigned int i = 0; i < n; i++)
		sources[i].ends[0] = sources[i].ends[1] = -1;
	for (unsigned int i = 0; w.told && w.streams && err == 0 && i < n; i++)
		err = add_streams(&w, i);
	if (!w.told || !w.streams)
		err = -ENOMEM;
	if (err == 0 && w.n_streams > 0) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
			err = -errno;
		} else {
			w.control = pair[1];
			r->pid = fork();
			if (r->pid == 0) {
				close(pair[0]);
				be_the_relay(&w, parent);
			}
			err = r->pid < 0 ? -errno : 0;
			close(pair[1]);
			r->control = pair[0];
		}
	}
	for (unsigned int i = 0; i < w.n_streams; i++)
		close(w.streams[i].in);
	free(w.told);
	free(w.streams);
	return err < 0 ? fail(f, err, "cannot stand between the programs and their output: %s",
			      strerror(-err))
		       : 0;
}

void relay_program_ended(const struct relay *r, unsigned int source)
{
	uint32_t number = source;

	if (r->control >= 0)
		send(r->control, &number, sizeof(number), MSG_NOSIGNAL);
}

bool relay_next(const struct relay *r, struct relay_news *out)
{
	return r->control >= 0 && recv(r->control, out, sizeof(*out), MSG_DONTWAIT) == sizeof(*out);
}

bool relay_is_lost(const struct relay *r)
{
	char byte;

	return r->control >= 0 && recv(r->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void relay_finish(struct relay *r)
{
	if (r->control >= 0)
		close(r->control);
	r->control = -1;
}
