/* SPDX-License-Identifier: MIT */
/* Which device a descriptor is. The kernel's socket cookie is the identity: unique for the life of
 * the host, so an answer once given stays true. */
#include "library.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static bool cookie_of(int fd, uint64_t *cookie)
{
	socklen_t len = sizeof(*cookie);
	long r;

	if (fd < 0)
		return false;
	r = raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, (long)cookie, (long)&len, 0);
	lib_forbidden(SYS_getsockopt, r);
	return r == 0;
}

/* Device descriptors are made by socketpair: Unix stream sockets whose peer has no name. */
static bool may_be_device(int fd)
{
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer), int_len = sizeof(int);
	int type = 0;

	return raw_syscall(SYS_getpeername, fd, (long)&peer, (long)&len, 0, 0, 0) == 0 &&
	       len == sizeof(sa_family_t) && peer.sun_family == AF_UNIX &&
	       raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, (long)&type, (long)&int_len,
			   0) == 0 &&
	       type == SOCK_STREAM;
}

bool lib_claim(uint64_t cookie, struct device *out)
{
	struct wire_in in;
	struct wire_file f;
	bool known = lib_recall(cookie, out);

	if (!known) {
		known = lib_call(WIRE_CLAIM, &cookie, sizeof(cookie), NULL, 0, &in) == 0 &&
			in.msg.payload == sizeof(f);
		if (known) {
			memcpy(&f, in.payload, sizeof(f));
			lib_remember(&f, cookie, false);
			known = lib_recall(cookie, out);
		}
		wire_in_done(&in);
	}
	return known;
}

/* Shows the descriptor to the broker: that proves that this process holds it. @return 0 or an errno */
static int attach(int fd, uint64_t cookie)
{
	struct wire_file f;
	struct wire_in in;
	int err = lib_call(WIRE_ATTACH, NULL, 0, &fd, 1, &in);

	if (err == 0 && in.msg.payload != sizeof(f))
		err = -EPROTO;
	if (err == 0) {
		memcpy(&f, in.payload, sizeof(f));
		lib_remember(&f, cookie, true);
	} else if (err == -ENOENT) {
		lib_remember_other(cookie);
	}
	wire_in_done(&in);
	return err;
}

static bool identify(int fd, uint64_t cookie, struct device *out)
{
	int err = lib_recall(cookie, out) ? 0 : attach(fd, cookie);

	/* The machine is gone: what was a device of it is one still, and its calls fail. */
	return err == -EIO ? lib_recall_former(cookie, out) : err == 0 && lib_recall(cookie, out);
}

static bool known_other(int fd, uint64_t cookie)
{
	if (lib_recall_other(cookie))
		return true;
	if (may_be_device(fd))
		return false;
	lib_remember_other(cookie);
	return true;
}

static bool find(int fd, struct device *out)
{
	sigset_t saved;
	uint64_t cookie;
	bool is_device;

	if (!lib_active())
		return false;
	if (lib_may(SYS_getsockopt) && !cookie_of(fd, &cookie)) {
		lib_found_other();
		return false;
	}
	if (!lib_may(SYS_getsockopt))
		return lib_noted(fd, out) && out->is_socket;
	/* After a fork that went unseen the answers are the parent's: lib_enter() forgets them. */
	if (lib_same_process() && lib_recall(cookie, out))
		return true;
	if (known_other(fd, cookie)) {
		lib_found_other();
		return false;
	}
	lib_enter(&saved);
	is_device = identify(fd, cookie, out);
	lib_leave(&saved);
	return is_device;
}

bool lib_find_device(int fd, struct device *out)
{
	struct wire_bell *shared = lib_shared();

	if (!find(fd, out))
		return false;
	/* The id is of the same connection as the page: of another one there is another page. */
	out->shared =
	    out->is_socket && lib_same_process() && lib_shared() == shared ? shared : NULL;
	return true;
}
