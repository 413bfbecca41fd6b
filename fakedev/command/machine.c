/* SPDX-License-Identifier: MIT */
/* A connection to a machine that somebody serves: what answers there may be stopped, may be no machine
 * at all, and nobody waits for it for ever. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Seconds. A machine under load answers within a fraction of one. */
#define PATIENCE 20

static unsigned int patience_of(const struct joining *j)
{
	return j->patience ? j->patience : PATIENCE;
}

static const char *hello_problem(int err)
{
	switch (-err) {
	case EEXIST:
		return "the domain exists with another guest type";
	case EBUSY:
		return "a domain of that number was destroyed and is not gone yet: others map its "
		       "pages, or its processes are being killed";
	case EINVAL:
		return "no such domain id, or a PV guest on arm64";
	case ENFILE:
		return "its limit of open files is reached (ulimit -n)";
	default:
		return strerror(-err);
	}
}

/* Why there was no reply. */
static int no_reply(const struct joining *j, int err, struct failure *f)
{
	switch (-err) {
	case EAGAIN:
		return fail(
		    f, -ETIMEDOUT,
		    "what listens at %s does not answer within %u second%s: its process is "
		    "stopped or hangs, or it is no machine of gntsim's (--patience waits longer)",
		    j->socket, patience_of(j), patience_of(j) == 1 ? "" : "s");
	case EPIPE:
		return fail(
		    f, err,
		    "what listens at %s closes the connection: the machine has ended, or it "
		    "is none of this version of gntsim",
		    j->socket);
	case EPROTO:
		return fail(f, err,
			    "what listens at %s is no machine of this version of gntsim: it speaks "
			    "another protocol",
			    j->socket);
	default:
		return fail(f, err, "cannot talk to the machine at %s: %s", j->socket,
			    strerror(-err));
	}
}

static int no_machine(const struct joining *j, int err, struct failure *f)
{
	struct stat st;

	if (err == -EAGAIN)
		return no_reply(j, err, f);
	if (err == -EPROTOTYPE)
		return fail(f, err, "no machine at %s: the socket there is another program's",
			    j->socket);
	if (err == -ECONNREFUSED && stat(j->socket, &st) == 0)
		return fail(f, err, "no machine at %s: %s", j->socket,
			    S_ISSOCK(st.st_mode)
				? "nobody listens at the socket (its machine is dead)"
				: "that is no socket");
	return fail(f, err, "%s %s: %s",
		    err == -EACCES ? "cannot reach a machine at" : "no machine at", j->socket,
		    strerror(-err));
}

int machine_ask(const struct joining *j, int fd, enum wire_op op, const struct machine_question *q,
		struct wire_in *in, struct failure *f)
{
	static unsigned char buffer[WIRE_BUFFER];
	int err = wire_send(fd, (uint16_t)op, 0, q->payload, q->len, &q->fd, q->with_fd);

	err = wire_recv_first(fd, err, buffer, in);
	if (err == 0 && in->msg.op != op) {
		wire_in_done(in);
		err = -EPROTO;
	}
	return err < 0 ? no_reply(j, err, f) : 0;
}

static void read_about(const struct wire_in *in, struct machine_about *about)
{
	const unsigned char *text = in->payload + sizeof(struct wire_hello_reply);
	struct wire_hello_reply r;

	if (in->msg.payload < sizeof(r))
		return;
	memcpy(&r, in->payload, sizeof(r));
	if (r.rundir_len >= sizeof(about->rundir) || r.tree_len >= sizeof(about->tree) ||
	    r.rundir_len + r.tree_len > in->msg.payload - sizeof(r))
		return;
	memcpy(about->rundir, text, r.rundir_len);
	memcpy(about->tree, text + r.rundir_len, r.tree_len);
	about->unassisted = r.unassisted != 0;
}

static int say_hello(const struct joining *j, int fd, uint32_t role, struct machine_about *about,
		     struct failure *f)
{
	struct wire_hello h = {
	    .domid = j->domid, .guest = j->guest, .role = role, .pid = (uint32_t)getpid()};
	struct machine_question q = {.payload = &h, .len = sizeof(h)};
	struct wire_in in;
	int err = machine_ask(j, fd, WIRE_HELLO, &q, &in, f);

	if (err < 0)
		return err;
	err = (int)in.msg.result;
	if (err == 0 && about)
		read_about(&in, about);
	wire_in_done(&in);
	return err < 0 ? fail(f, err, "machine at %s refuses domain %u: %s", j->socket, j->domid,
			      hello_problem(err))
		       : 0;
}

int machine_connect(const struct joining *j, uint32_t role, struct machine_about *about,
		    struct failure *f)
{
	struct timeval patience = {.tv_sec = (time_t)patience_of(j)};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, err = 0;

	if (strlen(j->socket) >= sizeof(addr.sun_path))
		return fail(f, -ENAMETOOLONG, "socket path is too long: %s", j->socket);
	memcpy(addr.sun_path, j->socket, strlen(j->socket) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(f, -errno, "cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	err = connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0
		  ? no_machine(j, -errno, f)
		  : say_hello(j, fd, role, about, f);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}
