/* SPDX-License-Identifier: MIT */
/* How a process comes to be traced: who traces is started, and told; then the filter is set. */
#include "follower.h"

#include "late/late.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

/* ---- who traces ---- */

static int send_number(int fd, int32_t number)
{
	return send(fd, &number, sizeof(number), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int32_t receive_number(int fd)
{
	int32_t number;
	ssize_t n;

	do
		n = recv(fd, &number, sizeof(number), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(number) ? number : -EPIPE;
}

static int signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int be_follower(const struct ptrace_front *front, int control, pid_t first)
{
	static struct follower ours;
	struct follower *f = &ours;
	int err;

	if (strlen(front->socket) >= sizeof(f->addr.sun_path))
		return 1;
	prctl(PR_SET_NAME, PTRACE_FRONT_NAME);
	f->front = front;
	f->addr.sun_family = AF_UNIX;
	memcpy(f->addr.sun_path, front->socket, strlen(front->socket) + 1);
	f->control = control;
	f->listener = f->machine = -1;
	f->signals = signals();
	/* It names us to the kernel as one that may trace it, where only an ancestor may (Yama). */
	if (f->signals < 0 || send_number(control, getpid()) < 0 || receive_number(control) < 0)
		return 1;
	err = ptrace(PTRACE_SEIZE, first, 0, OPTIONS) < 0 ? -errno : 0;
	if (send_number(control, err) < 0 || err < 0)
		return 1;
	return follow(f, first);
}

/* A process without a parent here: the program has no child that it did not make. */
static int start(const struct ptrace_front *front, int *control)
{
	pid_t first = getpid(), between;
	int ends[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	late_load_filters();
	between = fork();
	if (between == 0) {
		/* No higher than it must: a limit of descriptors may be low. */
		int mine = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

		/* What others wait for the end of must not stay open here. */
		if (fork() != 0)
			_exit(0);
		if (mine >= 0) {
			close_range(0, (unsigned int)mine - 1, 0);
			close_range((unsigned int)mine + 1, ~0u, 0);
			_exit(be_follower(front, mine, first));
		}
		_exit(1);
	}
	close(ends[1]);
	if (between < 0 || waitpid(between, &status, 0) < 0) {
		close(ends[0]);
		return -errno;
	}
	*control = ends[0];
	return 0;
}

/* ---- the program to be ---- */

/* With the right to, without giving up rights that executing gives. @return the listener */
static int install(const struct sock_fprog *p)
{
	static const unsigned long ways[] = {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0};
	long fd = -1;

	for (int may_gain = 1; may_gain >= 0 && fd < 0; may_gain--) {
		if (!may_gain && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return -errno;
		for (size_t i = 0; i < 2 && fd < 0; i++)
			fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				     SECCOMP_FILTER_FLAG_NEW_LISTENER | ways[i], p);
		if (fd < 0 && errno != EACCES)
			return -errno;
	}
	return fd < 0 ? -errno : (int)fd;
}

static int set_filter(const struct ptrace_front *front, int control, struct failure *f)
{
	struct sock_fprog p;
	int err = filter_base(front->store != NULL, &p), fd;

	if (err < 0)
		return fail(f, err, "cannot make a seccomp filter: %s", strerror(-err));
	fd = install(&p);
	free(p.filter);
	if (fd == -EBUSY)
		return fail(f, fd,
			    "a seccomp filter with a listener is set here already: the "
			    "ptrace front needs one of its own");
	if (fd < 0)
		return fail(f, fd, "cannot set a seccomp filter: %s", strerror(-fd));
	err = wire_send(control, WIRE_ATTACH, 0, NULL, 0, &fd, 1);
	close(fd);
	return err < 0 ? fail(f, err, "who traces is gone: %s", strerror(-err)) : 0;
}

int ptrace_front_enter(const struct ptrace_front *front, struct failure *f)
{
	int control = -1, err = start(front, &control);
	int32_t tracer;

	if (err < 0)
		return fail(f, err, "cannot start who traces: %s", strerror(-err));
	tracer = receive_number(control);
	if (tracer > 0) {
		prctl(PR_SET_PTRACER, tracer);
		send_number(control, 0);
		err = receive_number(control);
	} else {
		err = -EPIPE;
	}
	if (err == -EPERM)
		err = fail(f, err,
			   "the ptrace front can't be used: ptrace(2) is forbidden here, or "
			   "this process is traced already (by a debugger, or strace)");
	else if (err < 0)
		err = fail(f, err, "the ptrace front can't be used: %s", strerror(-err));
	else
		err = set_filter(front, control, f);
	close(control);
	return err;
}

int ptrace_front_try(struct failure *f)
{
	const struct ptrace_front nowhere = {.socket = "/"};
	int ends[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(f, -errno, "cannot make a socket: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		err = ptrace_front_enter(&nowhere, f);
		send(ends[1], f, sizeof(*f), MSG_NOSIGNAL);
		_exit(err == 0 ? 0 : -err);
	}
	close(ends[1]);
	err = pid < 0 ? fail(f, -errno, "cannot fork: %s", strerror(errno)) : 0;
	if (err == 0 && recv(ends[0], f, sizeof(*f), 0) != sizeof(*f))
		err = fail(f, -EPERM, "the ptrace front can't be used: who tried it was killed");
	close(ends[0]);
	if (pid > 0) {
		int status;

		waitpid(pid, &status, 0);
		if (err == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
			err = WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
	}
	return err;
}
