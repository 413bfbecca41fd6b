/* SPDX-License-Identifier: MIT */
/* gntsim control console: what is typed is what the domain says on its console, what is shown is what it
 * hears there. */
#define _GNU_SOURCE
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* Control-], as of 'xl console'. */
#define ESCAPE 0x1d

/* A terminal gives each key as it comes. @return whether it is one */
static bool make_raw(struct termios *before)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, before) < 0)
		return false;
	raw = *before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static bool put(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		}
	}
	return true;
}

/* What was typed. @return false: it is to end */
static bool typed(int fd, bool terminal, bool *more)
{
	char bytes[1024];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	const char *escape = n > 0 && terminal ? memchr(bytes, ESCAPE, (size_t)n) : NULL;

	if (n <= 0) {
		*more = false;
		shutdown(fd, SHUT_WR);
		return true;
	}
	return put(fd, bytes, escape ? (size_t)(escape - bytes) : (size_t)n) && !escape;
}

/* @return false: the console has ended */
static bool heard(int fd)
{
	char bytes[1024];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	return n > 0 && put(STDOUT_FILENO, bytes, (size_t)n);
}

static void connect_both(int fd, bool terminal)
{
	bool more = true;

	for (;;) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN},
				     {.fd = more ? STDIN_FILENO : -1, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents && !heard(fd))
			return;
		if (p[1].revents && !typed(fd, terminal, &more))
			return;
	}
}

static const char *problem(int err)
{
	return err == -ENOENT
		   ? "no such domain, or it has no console: that comes with --xenstore, to "
		     "all but domain 0"
	       : err == -EBUSY ? "somebody has it already"
			       : strerror(-err);
}

int console(const struct joining *j, uint32_t domid)
{
	struct machine_question q = {.payload = &domid, .len = sizeof(domid)};
	struct termios before;
	struct failure f;
	struct wire_in in;
	bool terminal;
	int control = machine_connect(j, WIRE_ROLE_WATCH, NULL, &f), fd, err;

	if (control < 0)
		return complain("%s", f.text);
	err = machine_ask(j, control, WIRE_CONSOLE, &q, &in, &f);
	close(control);
	if (err < 0)
		return complain("%s", f.text);
	err = (int)in.msg.result;
	fd = wire_in_take_fd(&in, 0);
	wire_in_done(&in);
	if (err < 0 || fd < 0)
		return complain("console %u: %s", domid, problem(err < 0 ? err : -EMFILE));
	terminal = make_raw(&before);
	connect_both(fd, terminal);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	close(fd);
	return 0;
}
