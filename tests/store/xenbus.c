/* SPDX-License-Identifier: MIT */
/* /dev/xen/xenbus as its driver behaves: messages in pieces, bad ones, transactions and watches a
 * descriptor, blocking, poll. usage: xenbus CASE; prints what differs. */
#include "raw.h"
#include "xenbus/xs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define EXPECT(what)                                                                               \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			failures++;                                                                \
			printf("line %d: expected %s (errno %s)\n", __LINE__, #what,               \
			       strerror(errno));                                                   \
		}                                                                                  \
	} while (0)

static int node(int flags)
{
	int fd = open("/dev/xen/xenbus", flags | O_CLOEXEC);

	if (fd < 0) {
		perror("/dev/xen/xenbus");
		exit(1);
	}
	return fd;
}

struct message {
	struct xs_msg head;
	char body[XS_PAYLOAD_MAX + 1];
};

/* The body is written with '|' for a zero byte. */
static size_t compose(struct message *m, uint32_t type, uint32_t tx, const char *body)
{
	static uint32_t number = 77;

	m->head = (struct xs_msg){type, number++, tx, (uint32_t)strlen(body)};
	for (size_t i = 0; body[i]; i++)
		m->body[i] = body[i] == '|' ? '\0' : body[i];
	return sizeof(m->head) + m->head.len;
}

static int readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

static int set; /* watches, so far */
/* How long an answer may take, ms. */
static int patience = 10000;

static void read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = readable(fd, patience) ? read(fd, (char *)to + done, len - done) : -1;

		if (n <= 0) {
			printf("no answer: %s, after %d watches\n",
			       n < 0 ? strerror(errno) : "0 bytes", set);
			exit(1);
		}
		done += (size_t)n;
	}
}

static void receive(int fd, struct message *m)
{
	read_all(fd, &m->head, sizeof(m->head));
	if (m->head.len > XS_PAYLOAD_MAX) {
		printf("a body of %u bytes\n", m->head.len);
		exit(1);
	}
	read_all(fd, m->body, m->head.len);
	m->body[m->head.len] = '\0';
}

static ssize_t say(int fd, struct message *m, uint32_t type, uint32_t tx, const char *body)
{
	size_t n = compose(m, type, tx, body);

	return write(fd, m, n);
}

static void ask(int fd, struct message *m, uint32_t type, uint32_t tx, const char *body)
{
	uint32_t number;

	EXPECT(say(fd, m, type, tx, body) == (ssize_t)(sizeof(m->head) + strlen(body)));
	number = m->head.req_id;
	receive(fd, m);
	EXPECT(m->head.req_id == number);
}

static int is(const struct message *m, uint32_t type, const char *body)
{
	return m->head.type == type && strcmp(m->body, body) == 0;
}

static void pieces(void)
{
	struct message m;
	int fd = node(O_RDWR), other = node(O_RDWR | O_NONBLOCK);
	size_t n = compose(&m, XS_READ, 0, "name|");
	char byte;

	for (size_t i = 0; i < n; i++)
		EXPECT(write(fd, (char *)&m + i, 1) == 1);
	receive(fd, &m);
	EXPECT(is(&m, XS_READ, "domain-3"));
	/* An answer a byte at a time. */
	EXPECT(say(fd, &m, XS_READ, 0, "domid|") > 0);
	for (size_t i = 0; i < sizeof(m.head) + 1; i++)
		read_all(fd, (char *)&m + i, 1);
	EXPECT(m.head.len == 1 && m.body[0] == '3');
	EXPECT(write(fd, &m, 0) == 0 && read(fd, &m, 0) == 0);
	EXPECT(read(other, &byte, 1) == -1 && errno == EAGAIN);
	EXPECT(!readable(other, 0));
	close(other);
	/* Half a message, and the end of who wrote it: nobody else is touched. */
	other = node(O_RDWR);
	compose(&m, XS_WRITE, 0, "data/half|x");
	EXPECT(write(other, &m, 20) == 20);
	close(other);
	ask(fd, &m, XS_READ, 0, "data/half|");
	EXPECT(is(&m, XS_ERROR, "ENOENT"));
	close(fd);
}

static void bad(void)
{
	static char room[5000];
	struct message m;
	int fd = node(O_RDWR);
	size_t n;

	EXPECT(write(fd, room, sizeof(room)) == -1 && errno == EINVAL);
	n = compose(&m, XS_READ, 0, "name|");
	m.head.len = 4081;
	EXPECT(write(fd, &m, n) == -1 && errno == E2BIG);
	m.head.len = UINT32_MAX;
	EXPECT(write(fd, &m, n) == -1 && errno == E2BIG);
	/* What came before an error is forgotten. */
	EXPECT(write(fd, &m, 10) == 10);
	EXPECT(write(fd, room, 4090) == -1 && errno == EINVAL);
	ask(fd, &m, XS_READ, 0, "name|");
	EXPECT(is(&m, XS_READ, "domain-3"));
	ask(fd, &m, 99, 0, "name|");
	EXPECT(m.head.type == XS_ERROR);
	ask(fd, &m, XS_WATCH, 0, "no token");
	EXPECT(is(&m, XS_ERROR, "EINVAL"));
	ask(fd, &m, XS_READ, 4711, "name|");
	EXPECT(is(&m, XS_ERROR, "ENOENT"));
	ask(fd, &m, XS_TRANSACTION_END, 0, "X|");
	EXPECT(is(&m, XS_ERROR, "EINVAL"));
	/* A watch that xenstored does not take is the write's own error. */
	EXPECT(say(fd, &m, XS_WATCH, 0, "a//b|t|") == -1 && errno == EINVAL);
	ask(fd, &m, XS_UNWATCH, 0, "data|never|");
	EXPECT(is(&m, XS_UNWATCH, "OK"));
	EXPECT(ioctl(fd, 0x305000) == -1 && errno == ENOTTY);
	close(fd);
	fd = node(O_RDONLY);
	EXPECT(write(fd, &m, 1) == -1 && errno == EBADF);
	close(fd);
}

/* One descriptor's transaction is none of another's, and ends with it. */
static void transactions(void)
{
	struct message m;
	int fd = node(O_RDWR), other = node(O_RDWR);
	uint32_t tx;

	ask(fd, &m, XS_TRANSACTION_START, 0, "|");
	tx = (uint32_t)strtoul(m.body, NULL, 10);
	EXPECT(m.head.type == XS_TRANSACTION_START && tx);
	ask(fd, &m, XS_WRITE, tx, "data/t|1");
	EXPECT(is(&m, XS_WRITE, "OK"));
	ask(other, &m, XS_READ, 0, "data/t|");
	EXPECT(is(&m, XS_ERROR, "ENOENT"));
	ask(other, &m, XS_READ, tx, "data/t|");
	EXPECT(is(&m, XS_ERROR, "ENOENT"));
	ask(fd, &m, XS_TRANSACTION_END, tx, "T|");
	EXPECT(is(&m, XS_TRANSACTION_END, "OK"));
	ask(other, &m, XS_READ, 0, "data/t|");
	EXPECT(m.head.type == XS_READ && m.head.len == 1);
	/* xenstored allows a domain ten at a time: those of closed files are over. */
	for (int i = 0; i < 25; i++) {
		int mine = node(O_RDWR);

		ask(mine, &m, XS_TRANSACTION_START, 0, "|");
		EXPECT(m.head.type == XS_TRANSACTION_START);
		tx = (uint32_t)strtoul(m.body, NULL, 10);
		if (i % 2)
			ask(mine, &m, XS_WRITE, tx, "data/u|1");
		close(mine);
	}
	ask(other, &m, XS_READ, 0, "data/u|");
	EXPECT(is(&m, XS_ERROR, "ENOENT"));
	close(fd);
	close(other);
}

static void watches(void)
{
	struct message m;
	int fd = node(O_RDWR), other = node(O_RDWR);
	const char *token;

	/* Its own answer may come after the first event, as the driver has it. */
	EXPECT(say(fd, &m, XS_WATCH, 0, "data/w|a token|") > 0);
	for (int i = 0; i < 2; i++) {
		receive(fd, &m);
		token = m.body + strlen(m.body) + 1;
		EXPECT(is(&m, XS_WATCH, "OK") ||
		       (is(&m, XS_WATCH_EVENT, "data/w") && strcmp(token, "a token") == 0));
	}
	/* The same of another descriptor is another watch. */
	EXPECT(say(other, &m, XS_WATCH, 0, "data/w|a token|") > 0);
	receive(other, &m);
	receive(other, &m);
	EXPECT(!readable(fd, 0));
	ask(other, &m, XS_UNWATCH, 0, "data/w|a token|");
	EXPECT(is(&m, XS_UNWATCH, "OK"));
	ask(other, &m, XS_WRITE, 0, "data/w/x|1");
	EXPECT(is(&m, XS_WRITE, "OK"));
	receive(fd, &m);
	token = m.body + strlen(m.body) + 1;
	EXPECT(is(&m, XS_WATCH_EVENT, "data/w/x") && strcmp(token, "a token") == 0);
	EXPECT(!readable(other, 0));
	/* More than xenstored allows, and what closing gives back. */
	for (int round = 0; round < 2; round++) {
		int mine = node(O_RDWR), n = 0;
		char body[64];

		for (; n < 10000; n++) {
			snprintf(body, sizeof(body), "data/%d|t|", n);
			if (say(mine, &m, XS_WATCH, 0, body) < 0)
				break;
		}
		EXPECT(errno == E2BIG && n > 100 && n < 130);
		close(mine);
	}
	close(fd);
	close(other);
}

/* A read that waits ends with the answer to what another thread of execution wrote. */
static void blocking(void)
{
	struct message m;
	int fd = node(O_RDWR), status = -1;
	pid_t child = fork();

	if (child == 0) {
		receive(fd, &m);
		_exit(is(&m, XS_READ, "domain-3") ? 0 : 1);
	}
	EXPECT(say(fd, &m, XS_READ, 0, "name|") > 0);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	close(fd);
}

/* Longer than the ring, and much in flight. */
static void much(void)
{
	struct message m;
	char body[1900]; /* xenstored takes 2048 bytes of a domain */
	int fd = node(O_RDWR), got = 0;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	memcpy(body, "data/long|", 10);
	ask(fd, &m, XS_WRITE, 0, body);
	EXPECT(is(&m, XS_WRITE, "OK"));
	for (int i = 0; i < 50; i++)
		EXPECT(say(fd, &m, XS_READ, 0, "data/long|") > 0);
	for (int i = 0; i < 50; i++) {
		receive(fd, &m);
		got += m.head.type == XS_READ && m.head.len == sizeof(body) - 11;
	}
	EXPECT(got == 50);
	close(fd);
}

static int how_many = 1000;

/* As many watches as only domain 0 may have: one of them fires, and closing gives all back. (What xenstored
 * takes for one grows with their number: 10,000 are a matter of minutes.) */
static void many(void)
{
	struct message m;
	char body[64], last[32];
	int fd = node(O_RDWR), other = node(O_RDWR), n = 0;

	for (; n < how_many; n++) {
		snprintf(body, sizeof(body), "/tool/many/%d|%d|", n, n);
		if (say(fd, &m, XS_WATCH, 0, body) < 0)
			break;
		/* Its answer and its first event. */
		receive(fd, &m);
		receive(fd, &m);
		set++;
	}
	EXPECT(n == how_many);
	snprintf(last, sizeof(last), "/tool/many/%d", n - 1);
	snprintf(body, sizeof(body), "%s|1", last);
	ask(other, &m, XS_WRITE, 0, body);
	EXPECT(is(&m, XS_WRITE, "OK"));
	receive(fd, &m);
	EXPECT(is(&m, XS_WATCH_EVENT, last));
	close(fd);
	ask(other, &m, XS_RM, 0, "/tool/many|");
	EXPECT(is(&m, XS_RM, "OK"));
	close(other);
}

/* Past the library: its messages go into the socket underneath. Whether a watch can be is not told then. */
static void raw(void)
{
	struct {
		struct message first, second;
	} two;
	struct message m;
	int fd = node(O_RDWR);
	size_t n;

	n = compose(&m, XS_WATCH, 0, "a//b|t|");
	EXPECT(raw_write(fd, &m, n) == (long)n);
	ask(fd, &m, XS_READ, 0, "name|");
	EXPECT(is(&m, XS_READ, "domain-3"));
	/* What comes behind a watch waits until that is set. */
	n = compose(&two.first, XS_WATCH, 0, "data/w|t|");
	n += compose(&two.second, XS_READ, 0, "domid|");
	memmove((char *)&two + n - two.second.head.len - sizeof(two.second.head), &two.second,
		sizeof(two.second.head) + two.second.head.len);
	EXPECT(raw_write(fd, &two, n) == (long)n);
	receive(fd, &m);
	receive(fd, &m);
	receive(fd, &m);
	EXPECT(is(&m, XS_READ, "3"));
	close(fd);
}

/* One that is open until there is a line to read; says what its end came to. */
static void held(void)
{
	struct message m;
	int fd = node(O_RDWR);
	uint32_t tx;

	ask(fd, &m, XS_TRANSACTION_START, 0, "|");
	tx = (uint32_t)strtoul(m.body, NULL, 10);
	ask(fd, &m, XS_WRITE, tx, "data/held|1");
	EXPECT(is(&m, XS_WRITE, "OK"));
	printf("begun\n");
	fflush(stdout);
	EXPECT(getchar() == '\n');
	ask(fd, &m, XS_TRANSACTION_END, tx, "T|");
	printf("%s\n", m.body);
	ask(fd, &m, XS_READ, 0, "name|");
	EXPECT(is(&m, XS_READ, "domain-3"));
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"pieces", pieces},   {"bad", bad},           {"transactions", transactions},
		     {"watches", watches}, {"blocking", blocking}, {"much", much},
		     {"many", many},       {"held", held},         {"raw", raw}};

	how_many = argc > 2 ? atoi(argv[2]) : how_many;
	/* That 10,000 are taken off is heard of when all are. */
	if (argc > 2)
		patience = 200000;
	alarm(argc > 2 ? 800 : 60);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = failures;

		if (argc > 1 ? strcmp(argv[1], cases[i].name) != 0
			     : cases[i].run == many || cases[i].run == held || cases[i].run == raw)
			continue;
		cases[i].run();
		if (failures > before)
			printf("%s: %d wrong\n", cases[i].name, failures - before);
	}
	return failures != 0;
}
