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

/* What the two say to each other before it traces. */
struct word {
	int32_t number; /* a process, or a negative errno */
	int32_t call;   /* whose errno: enum needed */
};
enum needed { NO_CALL_AT_ALL, CALL_SIGNALFD, CALL_WAITID, CALL_WAIT4, CALL_PTRACE };
static const char *const call_names[] = {[CALL_SIGNALFD] = "signalfd4(2)",
					 [CALL_WAITID] = "waitid(2)",
					 [CALL_WAIT4] = "wait4(2)",
					 [CALL_PTRACE] = "ptrace(2)"};

static int send_word(int fd, int32_t number, enum needed call)
{
	const struct word w = {number, (int32_t)call};

	return send(fd, &w, sizeof(w), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static struct word receive_word(int fd)
{
	struct word w;
	ssize_t n;

	do
		n = recv(fd, &w, sizeof(w), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(w) ? w : (struct word){.number = n < 0 ? -errno : -EPIPE};
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

/* Stops are waited for: a filter that we are under may refuse it. (We are no child of our own.) */
static int may_wait(enum needed *call)
{
	siginfo_t info;
	int status;

	*call = CALL_WAITID;
	if (waitid(P_PID, (id_t)getpid(), &info, WEXITED | WNOHANG) < 0 && errno != ECHILD)
		return -errno;
	*call = CALL_WAIT4;
	return waitpid(getpid(), &status, WNOHANG) < 0 && errno != ECHILD ? -errno : 0;
}

/* @return a process's number to be told, or a negative errno, of *call */
static int prepare(struct follower *f, enum needed *call)
{
	int err = may_wait(call);

	if (err < 0)
		return err;
	*call = CALL_SIGNALFD;
	f->signals = signals();
	return f->signals < 0 ? -errno : getpid();
}

static int be_follower(const struct ptrace_front *front, int control, pid_t first)
{
	static struct follower ours;
	struct follower *f = &ours;
	enum needed call;
	int number;

	if (strlen(front->socket) >= sizeof(f->addr.sun_path))
		return 1;
	prctl(PR_SET_NAME, PTRACE_FRONT_NAME);
	f->front = front;
	f->addr.sun_family = AF_UNIX;
	memcpy(f->addr.sun_path, front->socket, strlen(front->socket) + 1);
	f->control = control;
	f->listener = f->machine = -1;
	number = prepare(f, &call);
	/* It names us to the kernel as one that may trace it, where only an ancestor may (Yama). */
	if (send_word(control, number, call) < 0 || number < 0 || receive_word(control).number < 0)
		return 1;
	number = ptrace(PTRACE_SEIZE, first, 0, OPTIONS) < 0 ? -errno : 0;
	if (send_word(control, number, CALL_PTRACE) < 0 || number < 0)
		return 1;
	return follow(f, first);
}

/* A process without a parent here: the program has no child that it did not make. */
static int start(const struct ptrace_front *front, int *control)
{
	pid_t first = getpid(), between, ended = -1;
	int ends[2], status;

	if (!late_has_filters())
		return -ELIBACC;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
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
	while (between > 0 && (ended = waitpid(between, &status, 0)) < 0 && errno == EINTR)
		continue;
	if (between < 0 || ended < 0) {
		int err = -errno;

		close(ends[0]);
		return err;
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

/* What makes filters says no more of a refusal than that it can't (EINVAL). */
static int may_filter(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0 ? -errno : 0;
}

static int set_filter(const struct ptrace_front *front, int control, struct failure *f)
{
	struct sock_fprog p;
	int err = may_filter(), fd;

	if (err < 0)
		return fail(f, err,
			    "cannot set a seccomp filter with a listener: seccomp(2) fails: %s",
			    strerror(-err));
	err = filter_base(front->store != NULL, &p);
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

/* @return what the one that traces said last */
static struct word be_traced(int control)
{
	struct word w = receive_word(control);

	if (w.number <= 0)
		return w;
	prctl(PR_SET_PTRACER, w.number);
	send_word(control, 0, NO_CALL_AT_ALL);
	return receive_word(control);
}

int ptrace_front_enter(const struct ptrace_front *front, struct failure *f)
{
	int control = -1, err = start(front, &control);
	struct word w;

	if (err < 0)
		return fail(f, err, "cannot start who traces: %s", strerror(-err));
	w = be_traced(control);
	err = w.number;
	if (err == -EPERM && w.call == CALL_PTRACE)
		err = fail(f, err,
			   "the ptrace front can't be used: ptrace(2) is forbidden here, or "
			   "this process is traced already (by a debugger, or strace)");
	else if (err < 0 && w.call != NO_CALL_AT_ALL)
		err = fail(f, err, "the ptrace front can't be used: %s fails: %s",
			   call_names[w.call], strerror(-err));
	else if (err == -EPIPE)
		err = fail(f, err,
			   "the ptrace front can't be used: who traces has ended (may it make "
			   "all system calls?)");
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
