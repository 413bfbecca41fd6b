/* SPDX-License-Identifier: MIT */
#include "agents.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "player/child.h"

#define DEATH_MS    10000
#define MAX_ARGS    40
#define PATIENCE_MS 2000
#define QUIET_MS    20
/* How long a call may take on a machine that is alive. The lab looks after its own guests sooner. */
#define HANG_S 600

void scn_agents_init(struct scn_agents *a, const struct scn_options *options)
{
	for (unsigned int i = 0; i < 64; i++)
		a->agents[i] = (struct scn_agent){-1, -1, 0, 0};
	a->agent_argv = options->agent_argv;
	a->patience_ms = options->patience_ms ? options->patience_ms : PATIENCE_MS;
	a->quiet_ms = options->quiet_ms ? options->quiet_ms : QUIET_MS;
	a->hang_s = HANG_S;
	/* A forked agent whose parent was killed becomes ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static enum scn_status broken(struct scn_buf *why, const char *what, int err)
{
	scn_buf_printf(why, "%s: %s", what, strerror(-err));
	return SCN_ERROR;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void adopt(const struct scn_agents *a, struct scn_agent *agent, int sock, pid_t pid)
{
	struct timeval hang = {.tv_sec = (time_t)a->hang_s};

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang));
	agent->sock = sock;
	agent->pid = pid;
	agent->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
}

static void await_death(const struct scn_agent *agent)
{
	if (agent->pidfd < 0)
		scn_await_child(agent->pid, NULL);
	else if (scn_await_input(agent->pidfd, DEATH_MS))
		waitpid(agent->pid, NULL, WNOHANG);
}

static void forget(struct scn_agent *agent)
{
	await_death(agent);
	close_fd(&agent->sock);
	close_fd(&agent->pidfd);
	agent->pid = 0;
}

void scn_agents_end(struct scn_agents *a)
{
	for (unsigned int i = 0; i < 64; i++) {
		if (a->agents[i].pid > 0) {
			kill(a->agents[i].pid, SIGKILL);
			forget(&a->agents[i]);
		}
	}
}

enum scn_status scn_agents_kill(struct scn_agents *a, uint32_t process, struct scn_buf *why)
{
	struct scn_agent *agent = &a->agents[process];

	if (agent->pid <= 0)
		return broken(why, "kill", -ESRCH);
	kill(agent->pid, SIGKILL);
	forget(agent);
	return SCN_OK;
}

enum scn_status scn_agents_await(struct scn_agents *a, uint32_t process, struct scn_buf *why)
{
	struct scn_agent *agent = &a->agents[process];

	if (agent->pidfd >= 0 && !scn_await_input(agent->pidfd, (int)a->patience_ms)) {
		scn_buf_str(why, "a process lives on that should have been killed");
		return SCN_ERROR;
	}
	forget(agent);
	return SCN_OK;
}

/* Starts the program that becomes the agent, with its end of the socket. */
static int start_agent(const struct scn_agents *a, const char *const *launcher, int sock,
		       pid_t *pid)
{
	union {
		const char *in[MAX_ARGS];
		char *out[MAX_ARGS];
	} argv;
	const char *const *parts[] = {launcher, a->agent_argv};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t ours;
	char number[16];
	size_t n = 0;
	int err;

	for (size_t part = 0; part < 2; part++) {
		for (size_t i = 0; parts[part][i] && n < MAX_ARGS - 2; i++)
			argv.in[n++] = parts[part][i];
	}
	snprintf(number, sizeof(number), "%d", sock);
	argv.in[n++] = number;
	argv.in[n] = NULL;
	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE);
	sigaddset(&ours, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &ours);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	/* Onto itself: it stays open. */
	err = posix_spawn_file_actions_adddup2(&files, sock, sock);
	if (!err)
		err = posix_spawn(pid, argv.out[0], &files, &attributes, argv.out, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

/* What an agent is not to have of its player's; its numbers are free for the scenario. */
static void close_all_but(int keep)
{
	if (keep > 3)
		syscall(SYS_close_range, 3, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, UINT_MAX, 0);
}

/* A copy of the player becomes the agent: where a program's start is what costs most. */
static int fork_agent(const struct scn_agents *a, int sock, pid_t *pid)
{
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		signal(SIGXFSZ, SIG_DFL);
		close_all_but(sock);
		_exit(scn_agent_serve(sock, a->agent_argv));
	}
	return 0;
}

static enum scn_status hear_hello(struct scn_agent *agent, struct scn_buf *why)
{
	struct scn_wire_message m = {.sock = agent->sock, .fd = -1};
	struct scn_wire_result hello;

	if (scn_wire_take(&m, &hello, sizeof(hello)) == 0) {
		agent->own_pid = hello.pid;
		return SCN_OK;
	}
	kill(agent->pid, SIGKILL);
	forget(agent);
	scn_buf_str(why, "a process of the scenario did not start");
	return SCN_ERROR;
}

enum scn_status scn_agents_spawn(struct scn_agents *a, uint32_t process,
				 const char *const *launcher, struct scn_buf *why)
{
	int socks[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return broken(why, "socketpair", -errno);
	err = launcher ? start_agent(a, launcher, socks[1], &pid) : fork_agent(a, socks[1], &pid);
	close(socks[1]);
	if (err) {
		close(socks[0]);
		return broken(why, "a process of the scenario", err);
	}
	adopt(a, &a->agents[process], socks[0], pid);
	return hear_hello(&a->agents[process], why);
}

static struct iovec part(const void *data, size_t len)
{
	union {
		const void *in;
		void *out;
	} base = {.in = data};

	return (struct iovec){base.out, len};
}

static int send_call(const struct scn_agents *a, const struct scn_agent *agent,
		     const struct scn_call *call, int fd)
{
	struct scn_wire_call w = {
	    .kind = call->kind,
	    .path_len = call->path ? (uint32_t)strlen(call->path) : 0,
	    .image_len = call->image ? call->image_len : 0,
	    .n_relocs = call->n_relocs,
	    .place = call->place,
	    .reach = call->reach,
	    .has_image = call->image != NULL,
	    .use_address = call->use_address,
	    .expect_nothing = call->expect_nothing,
	    .expect_events = call->expect_events,
	    .patience_ms = a->patience_ms,
	    .quiet_ms = a->quiet_ms,
	};
	struct iovec parts[] = {
	    {&w, sizeof(w)},
	    part(call->path, w.path_len),
	    part(call->image, w.image_len),
	    part(call->relocs, w.n_relocs * sizeof(*call->relocs)),
	};

	memcpy(w.arg, call->arg, sizeof(w.arg));
	return scn_wire_send(agent->sock, parts, 4, fd);
}

static int receive_result(const struct scn_agent *agent, struct scn_result *result, int *fd,
			  pid_t *pid)
{
	struct scn_wire_message m = {.sock = agent->sock, .fd = -1};
	struct scn_wire_result w;
	int err = scn_wire_take(&m, &w, sizeof(w));

	*fd = m.fd;
	if (err)
		return err;
	result->kind = (enum scn_result_kind)w.kind;
	result->value = w.value;
	result->signal = w.signal;
	*pid = w.pid;
	if (!w.data_len)
		return 0;
	result->data = malloc(w.data_len);
	result->data_len = w.data_len;
	return result->data ? scn_wire_take(&m, result->data, w.data_len) : -ENOMEM;
}

/* Sends a request and waits for its reply; `fd` goes along, *got comes back. */
static enum scn_status exchange(struct scn_agents *a, struct scn_agent *agent,
				const struct scn_call *call, int fd, struct scn_result *result,
				int *got, pid_t *pid, struct scn_buf *why)
{
	int err;

	if (agent->sock < 0)
		return broken(why, "a process of the scenario", -ESRCH);
	err = send_call(a, agent, call, fd);
	if (!err)
		err = receive_result(agent, result, got, pid);
	if (!err)
		return SCN_OK;
	scn_buf_printf(why, "a process of the scenario %s in %s", err == -EAGAIN ? "hangs" : "died",
		       scn_call_name(call->kind));
	return SCN_ERROR;
}

static enum scn_status call_fork(struct scn_agents *a, struct scn_agent *agent,
				 const struct scn_call *call, struct scn_result *result,
				 struct scn_buf *why)
{
	enum scn_status status;
	int socks[2], got;
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return broken(why, "socketpair", -errno);
	status = exchange(a, agent, call, socks[1], result, &got, &pid, why);
	close(socks[1]);
	if (status != SCN_OK || result->value < 0) {
		close(socks[0]);
		return status;
	}
	adopt(a, &a->agents[call->peer], socks[0], pid);
	return hear_hello(&a->agents[call->peer], why);
}

static enum scn_status call_send_fd(struct scn_agents *a, struct scn_agent *agent,
				    const struct scn_call *call, struct scn_result *result,
				    struct scn_buf *why)
{
	struct scn_call receive = {.kind = (enum scn_call_kind)SCN_WIRE_RECEIVE};
	enum scn_status status;
	int fd = -1, none;
	pid_t pid;

	status = exchange(a, agent, call, -1, result, &fd, &pid, why);
	if (status == SCN_OK && result->value >= 0)
		status =
		    exchange(a, &a->agents[call->peer], &receive, fd, result, &none, &pid, why);
	close_fd(&fd);
	return status;
}

static enum scn_status call_exit(struct scn_agents *a, struct scn_agent *agent,
				 const struct scn_call *call, struct scn_buf *why)
{
	int err = send_call(a, agent, call, -1);

	if (err)
		return broken(why, "exit", err);
	forget(agent);
	return SCN_OK;
}

enum scn_status scn_agents_call(struct scn_agents *a, uint32_t process, const struct scn_call *call,
				struct scn_result *result, struct scn_buf *why)
{
	struct scn_agent *agent = &a->agents[process];
	struct scn_call owned = *call;
	int fd = -1;
	pid_t pid;

	if (call->kind == SCN_FORK)
		return call_fork(a, agent, call, result, why);
	if (call->kind == SCN_SEND_FD)
		return call_send_fd(a, agent, call, result, why);
	if (call->kind == SCN_EXIT)
		return call_exit(a, agent, call, why);
	if (call->kind == SCN_FCNTL && call->arg[1] == F_SETOWN) {
		owned.arg[2] = (uint64_t)a->agents[call->peer].own_pid;
		call = &owned;
	}
	return exchange(a, agent, call, -1, result, &fd, &pid, why);
}
