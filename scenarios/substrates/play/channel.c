/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "player/clock.h"

#define AGAIN_MS 200 /* how soon what nobody listens at is tried again */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
		struct sockaddr_un file;
	};
	socklen_t len;
};

static bool take_port(const char *text, in_port_t *out)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	*out = htons((in_port_t)port);
	return *text >= '0' && *text <= '9' && !*end && port > 0 && port <= 65535;
}

static bool take_file(const char *path, struct address *out)
{
	*out = (struct address){.file.sun_family = AF_UNIX, .len = sizeof(out->file)};
	if (strlen(path) >= sizeof(out->file.sun_path))
		return false;
	strcpy(out->file.sun_path, path);
	return true;
}

/* A port alone is one of every address. */
static bool take_address(const char *name, struct address *out)
{
	const char *colon = strrchr(name, ':');
	size_t n = colon ? (size_t)(colon - name) : 0;
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	if (!take_port(colon ? colon + 1 : name, &port))
		return false;
	if (n > 2 && name[0] == '[' && name[n - 1] == ']' && n - 2 < sizeof(host)) {
		memcpy(host, name + 1, n - 2);
		host[n - 2] = '\0';
		*out = (struct address){.ip6 = {.sin6_family = AF_INET6, .sin6_port = port},
					.len = sizeof(out->ip6)};
		return inet_pton(AF_INET6, host, &out->ip6.sin6_addr) == 1;
	}
	if (n >= sizeof(host))
		return false;
	memcpy(host, name, n);
	host[n] = '\0';
	*out = (struct address){.ip4 = {.sin_family = AF_INET, .sin_port = port},
				.len = sizeof(out->ip4)};
	return !colon || inet_pton(AF_INET, host, &out->ip4.sin_addr) == 1;
}

static int fail(const char *name, struct scn_buf *why)
{
	int err = errno;

	scn_buf_printf(why, "%s: %s", name, strerror(err));
	return -err;
}

static int nobody(const char *name, unsigned int seconds, struct scn_buf *why)
{
	scn_buf_printf(why, "%s: nobody came within %u seconds", name, seconds);
	return -ETIMEDOUT;
}

/* Each request waits for its reply: none may wait for more to go along. */
static void send_at_once(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static int wait_at(const char *name, const struct address *address, unsigned int seconds,
		   struct scn_buf *why)
{
	int listener = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	struct pollfd p = {.fd = listener, .events = POLLIN};
	int ready;

	if (listener < 0)
		return fail(name, why);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(listener, &address->any, address->len) || listen(listener, 1)) {
		fd = fail(name, why);
	} else {
		ready = poll(&p, 1, (int)seconds * 1000);
		if (ready > 0)
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (ready == 0)
			fd = nobody(name, seconds, why);
		else if (fd < 0)
			fd = fail(name, why);
		if (address->any.sa_family == AF_UNIX)
			unlink(address->file.sun_path);
	}
	close(listener);
	return fd;
}

/* Whoever is to listen there may be late. */
static bool may_come(int err)
{
	return err == ECONNREFUSED || err == ENOENT || err == ENETUNREACH || err == EHOSTUNREACH ||
	       err == ETIMEDOUT;
}

static int call_at(const char *name, const struct address *address, unsigned int seconds,
		   struct scn_buf *why)
{
	double until = scn_now() + seconds;

	for (;;) {
		int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, &address->any, address->len) == 0)
			return fd;
		if (fd < 0 || !may_come(errno)) {
			int err = fail(name, why);

			if (fd >= 0)
				close(fd);
			return err;
		}
		close(fd);
		if (scn_now() >= until)
			return nobody(name, seconds, why);
		poll(NULL, 0, AGAIN_MS);
	}
}

static int no_name(const char *name, struct scn_buf *why)
{
	scn_buf_printf(why, "expected " SCN_CHANNEL_NAMES ", found '%s'", name);
	return -EINVAL;
}

static int take_fd(const char *name, struct scn_buf *why)
{
	char *end;
	long n = strtol(name + 3, &end, 10);

	if (end == name + 3 || *end || n < 0 || n > 1 << 20)
		return no_name(name, why);
	return fcntl((int)n, F_GETFD) < 0 ? fail(name, why) : (int)n;
}

static int open_name(const char *name, unsigned int seconds, struct scn_buf *why)
{
	static const char listening[] = "listen:";
	bool listens = !strncmp(name, listening, strlen(listening));
	const char *at = listens ? name + strlen(listening) : name;
	struct address address;
	struct stat st;
	int fd;

	if (!strncmp(name, "fd:", 3))
		return take_fd(name, why);
	if (!strchr(at, '/')) {
		if (!take_address(at, &address) || (!listens && !strchr(at, ':')))
			return no_name(name, why);
		return listens ? wait_at(name, &address, seconds, why)
			       : call_at(name, &address, seconds, why);
	}
	if (!take_file(at, &address))
		return no_name(name, why);
	if (listens)
		return wait_at(name, &address, seconds, why);
	if (stat(at, &st) ? strncmp(at, "/dev/", 5) != 0 : S_ISSOCK(st.st_mode))
		return call_at(name, &address, seconds, why);
	fd = open(at, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? fail(name, why) : fd;
}

int scn_channel_reach(const char *name, unsigned int seconds, struct scn_reached *out,
		      struct scn_buf *why)
{
	struct termios raw;

	*out = (struct scn_reached){.fd = open_name(name, seconds, why)};
	if (out->fd < 0)
		return out->fd;
	fcntl(out->fd, F_SETFD, FD_CLOEXEC);
	send_at_once(out->fd);
	if (tcgetattr(out->fd, &out->before))
		return 0;
	out->terminal = true;
	raw = out->before;
	cfmakeraw(&raw);
	tcsetattr(out->fd, TCSANOW, &raw);
	return 0;
}

void scn_channel_leave(struct scn_reached *reached)
{
	if (reached->fd < 0)
		return;
	if (reached->terminal)
		tcsetattr(reached->fd, TCSANOW, &reached->before);
	close(reached->fd);
	reached->fd = -1;
}
