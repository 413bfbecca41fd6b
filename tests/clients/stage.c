/* SPDX-License-Identifier: MIT */
/*
 * stage [OPTIONS] GNTSIM PROGRAM [ARGUMENTS]
 *
 * Runs a client program in the first domain of a machine of its own, and peers of it in any domain
 * as it asks. When all are gone the machine must be as empty as it was, the broker must hold no
 * descriptor more, and no process may be left.
 *
 *   --domains LIST  the domains, "0:pv,1:pvh" if not given; the program runs in the first
 *   --limit SEC     how long each process may take, 75 if not given (more in a coverage tree)
 *   --valgrind FILE run the program (not its peers) under Valgrind with these suppressions
 *   --virtual-time  no time passes until all are gone; then as much as deferred frees need
 *   --xenstore      have a xenstored in the machine
 *   --record FILE   have what happens written there, as a scenario
 *
 * Exit status: the program's; 1 if something is left behind; 77 skipped; 99 the stage itself.
 */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAX_ARGS = 64,
	START_MS = 20000,   /* for the machine to listen */
	PARTING_MS = 20000, /* for peers to end after the program */
	EMPTY_MS = 60000,   /* for deferred frees: ten pages a second */
};

struct stage {
	const char *gntsim, *domains_text, *limit;
	const char *record;
	const char *valgrind; /* a file of suppressions; NULL: do without */
	char **program;
	bool xenstore, virtual_time;
	struct stage_domain domains[STAGE_MAX_DOMAINS];
	unsigned n_domains;
	char dir[32], socket[64];
	pid_t broker, main;
	int main_status;
	bool main_ended, broker_killed;
	unsigned peers; /* running */
	int control;    /* to the program; -1 when it closed it */
	int signals;    /* signalfd of SIGCHLD */
	int result;
	struct stage_totals before;
};

static noreturn void die(struct stage *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void complain(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void clean_up(struct stage *s)
{
	char lock[sizeof(s->socket) + 8];

	if (s->broker > 0)
		kill(s->broker, SIGKILL);
	snprintf(lock, sizeof(lock), "%s.lock", s->socket);
	unlink(s->socket);
	unlink(lock);
	if (s->dir[0])
		rmdir(s->dir);
}

static noreturn void die(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	fputs("stage: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	clean_up(s);
	exit(STAGE_ERROR);
}

static void complain(struct stage *s, const char *fmt, ...)
{
	va_list ap;

	fputs("stage: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (!s->result)
		s->result = STAGE_FAILURE;
}

/* Starts a process; out, if not -1, is its stdout, fd stays open in it. */
static pid_t start(struct stage *s, const char *const argv[], int out, int fd,
		   const char *const env[][2])
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		die(s, "fork: %s", strerror(errno));
	if (!pid) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(STAGE_ERROR);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		for (unsigned i = 0; env && env[i][0]; i++)
			setenv(env[i][0], env[i][1], 1);
		if (fd >= 0) {
			int copy = dup(fd); /* without close-on-exec */
			char number[16];

			snprintf(number, sizeof(number), "%d", copy);
			setenv(STAGE_ENV_SOCKET, number, 1);
		}
		execv(argv[0], (char **)(uintptr_t)argv);
		fprintf(stderr, "stage: %s: %s\n", argv[0], strerror(errno));
		_exit(STAGE_ERROR);
	}
	return pid;
}

/* There is a xenstored to start: Debian's package has it below its own version's directory. */
static bool has_xenstored(void)
{
	glob_t found;
	bool has = !glob("/usr/lib/xen-*/bin/xenstored", 0, NULL, &found);

	if (has)
		globfree(&found);
	return has;
}

/* Domain 0 is there from the beginning; of which kind it is must be said then. */
static const char *guest_of_domain0(const struct stage *s)
{
	for (unsigned i = 0; i < s->n_domains; i++)
		if (!s->domains[i].id)
			return s->domains[i].pv ? "pv" : "pvh";
	return "pv";
}

/* Returns when the machine says that it can be joined. */
static void start_machine(struct stage *s)
{
	const char *argv[] = {s->gntsim,
			      "serve",
			      "--socket",
			      s->socket,
			      "--guest",
			      guest_of_domain0(s),
			      s->virtual_time ? "--virtual-time"
			      : s->xenstore   ? "--xenstore"
					      : NULL,
			      s->virtual_time && s->xenstore ? "--xenstore" : NULL,
			      NULL,
			      NULL,
			      NULL};
	struct pollfd said = {.events = POLLIN};
	char line[128];
	int out[2];

	if (s->xenstore && !has_xenstored()) {
		fputs("skipped: no xenstored (package xen-utils-4.17)\n", stderr);
		exit(STAGE_SKIP);
	}
	for (unsigned n = 0; s->record && n < sizeof(argv) / sizeof(argv[0]); n++) {
		if (argv[n])
			continue;
		argv[n] = "--record";
		argv[n + 1] = s->record;
		break;
	}
	snprintf(s->dir, sizeof(s->dir), "/tmp/stage-XXXXXX");
	if (!mkdtemp(s->dir) || pipe2(out, O_CLOEXEC))
		die(s, "%s", strerror(errno));
	snprintf(s->socket, sizeof(s->socket), "%s/machine", s->dir);
	s->broker = start(s, argv, out[1], -1, NULL);
	close(out[1]);
	said.fd = out[0];
	if (poll(&said, 1, START_MS) != 1 || read(out[0], line, sizeof(line)) <= 0)
		die(s, "gntsim serve does not serve");
	/* Who may join is the socket's mode: a test gives up its privileges. */
	if (chmod(s->dir, 0711) < 0 || chmod(s->socket, 0666) < 0)
		die(s, "chmod");
	/* The pipe stays open: a broker that prints more is not to die of it. */
}

/* What a domain shares with xenstored is there before the test: it counts as what was at first. */
static void make_domains(struct stage *s)
{
	for (unsigned i = 0; s->xenstore && i < s->n_domains; i++) {
		char id[16];
		const char *argv[] = {
		    s->gntsim,  "run",  "--socket", s->socket,
		    "--domain", id,     "--guest",  s->domains[i].pv ? "pv" : "pvh",
		    "--",       "true", NULL};
		int status;

		snprintf(id, sizeof(id), "%u", s->domains[i].id);
		if (waitpid(start(s, argv, STDERR_FILENO, -1, NULL), &status, 0) < 0 || status != 0)
			die(s, "domain %s does not begin", id);
	}
}

/* Starts the program in a domain, as the test or as a peer. Returns this end of its socket. */
static int start_program(struct stage *s, unsigned domain, bool peer, pid_t *pid)
{
	char id[16], home[16], suppressions[256];
	const char *argv[MAX_ARGS + 24];
	unsigned n = 0;
	int sv[2];
	const char *env[][2] = {
	    {STAGE_ENV_DOMAINS, s->domains_text},
	    {STAGE_ENV_HOME, home},
	    {STAGE_ENV_ROLE, peer ? "peer" : "test"},
	    {STAGE_ENV_LIMIT, s->limit},
	    {NULL, NULL},
	};

	snprintf(id, sizeof(id), "%u", s->domains[domain].id);
	snprintf(home, sizeof(home), "%u", domain);
	argv[n++] = s->gntsim;
	argv[n++] = "run";
	argv[n++] = "--socket";
	argv[n++] = s->socket;
	argv[n++] = "--domain";
	argv[n++] = id;
	argv[n++] = "--guest";
	argv[n++] = s->domains[domain].pv ? "pv" : "pvh";
	argv[n++] = "--";
	if (s->valgrind && !peer) {
		argv[n++] = "valgrind";
		snprintf(suppressions, sizeof(suppressions), "--suppressions=%s", s->valgrind);
		argv[n++] = "--quiet";
		argv[n++] = suppressions;
		argv[n++] = "--error-exitcode=98";
		argv[n++] = "--leak-check=full";
		argv[n++] = "--errors-for-leak-kinds=definite";
		argv[n++] = "--show-leak-kinds=definite";
	}
	for (char **p = s->program; *p; p++)
		argv[n++] = *p;
	argv[n] = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		die(s, "socketpair: %s", strerror(errno));
	*pid = start(s, argv, -1, sv[1], env);
	close(sv[1]);
	return sv[0];
}

static uint64_t count_fds(pid_t pid)
{
	char path[32];
	uint64_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void read_totals(struct stage *s, struct stage_totals *t)
{
	const struct {
		const char *name;
		uint64_t *value;
	} fields[] = {
	    {"domains", &t->domains},   {"files", &t->files},
	    {"mms", &t->mms},           {"vmas", &t->vmas},
	    {"frames", &t->frames},     {"grants", &t->grants},
	    {"deferred", &t->deferred}, {"gntdev_maps", &t->gntdev_maps},
	    {"maptrack", &t->maptrack}, {"ports", &t->ports},
	};
	const unsigned n_fields = sizeof(fields) / sizeof(fields[0]);
	char command[512], line[128], name[64];
	unsigned long long value;
	unsigned found = 0;
	FILE *status;

	snprintf(command, sizeof(command), "exec '%s' status --socket '%s'", s->gntsim, s->socket);
	status = popen(command, "re");
	if (!status)
		die(s, "popen: %s", strerror(errno));
	while (fgets(line, sizeof(line), status))
		for (unsigned i = 0; i < n_fields && sscanf(line, "%63s %llu", name, &value) == 2;
		     i++)
			if (!strcmp(name, fields[i].name)) {
				*fields[i].value = value;
				found++;
			}
	if (pclose(status) || found != n_fields)
		die(s, "gntsim status gave %u of %u totals", found, n_fields);
	t->broker_fds = count_fds(s->broker);
}

static void pass_time(struct stage *s)
{
	const char *argv[] = {s->gntsim, "control",    "--socket", s->socket,
			      "advance", "1000000000", NULL};
	int status;

	if (waitpid(start(s, argv, -1, -1, NULL), &status, 0) < 0 || status)
		die(s, "gntsim control does not let time pass");
}

static void end_broker(struct stage *s, int signal)
{
	int status;

	kill(s->broker, signal);
	if (waitpid(s->broker, &status, 0) == s->broker && signal != SIGKILL &&
	    !(WIFEXITED(status) && !WEXITSTATUS(status)) &&
	    !(WIFSIGNALED(status) && WTERMSIG(status) == signal))
		complain(s, "gntsim serve ended with wait status %#x", (unsigned)status);
	s->broker = 0;
}

static void answer(struct stage *s)
{
	struct stage_request request;
	struct stage_reply reply = {0};
	struct iovec iov = {&reply, sizeof(reply)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	int fd = -1;
	pid_t pid;

	if (recv(s->control, &request, sizeof(request), 0) != sizeof(request)) {
		close(s->control);
		s->control = -1;
		return;
	}
	switch (request.op) {
	case STAGE_PEER:
		if (request.domain >= s->n_domains) {
			reply.error = EINVAL;
			break;
		}
		fd = start_program(s, request.domain, true, &pid);
		s->peers++;
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		break;
	case STAGE_TOTALS:
		read_totals(s, &reply.totals);
		break;
	case STAGE_KILL_BROKER:
		end_broker(s, SIGKILL);
		s->broker_killed = true;
		break;
	default:
		reply.error = EINVAL;
	}
	if (sendmsg(s->control, &msg, MSG_NOSIGNAL) != sizeof(reply))
		complain(s, "the program is gone: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Notes the end of every child that ended. Orphans of the programs are children too. */
static void reap(struct stage *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->main) {
			s->main_ended = true;
			s->main_status = status;
		} else if (pid == s->broker) {
			s->broker = 0;
			s->broker_killed = true;
			complain(s, "gntsim serve ended with wait status %#x", (unsigned)status);
		} else {
			if (s->peers)
				s->peers--;
			if (WIFEXITED(status) && WEXITSTATUS(status) &&
			    WEXITSTATUS(status) != 128 + SIGKILL)
				complain(s, "process %d ended with status %d", pid,
					 WEXITSTATUS(status));
			if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
				complain(s, "process %d was ended by signal %d (%s)", pid,
					 WTERMSIG(status), strsignal(WTERMSIG(status)));
		}
	}
}

/* Waits for something to happen. Returns false when nothing did in this time. */
static bool serve(struct stage *s, int timeout_ms)
{
	struct pollfd fds[2] = {
	    {.fd = s->signals, .events = POLLIN},
	    {.fd = s->control, .events = POLLIN},
	};

	if (poll(fds, 2, timeout_ms) <= 0)
		return false;
	if (fds[1].revents)
		answer(s);
	if (fds[0].revents)
		reap(s);
	return true;
}

static void judge_program(struct stage *s)
{
	int status = s->main_status;

	if (WIFEXITED(status)) {
		if (WEXITSTATUS(status))
			s->result = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		complain(s, "the program was ended by signal %d (%s)", WTERMSIG(status),
			 WTERMSIG(status) == SIGALRM ? "the time limit"
						     : strsignal(WTERMSIG(status)));
	}
}

/* Any process that is still a child of the stage, but for the broker. */
static pid_t left_over(struct stage *s)
{
	char path[64];
	FILE *children;
	int pid, found = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	children = fopen(path, "re");
	while (children && !found && fscanf(children, "%d", &pid) == 1)
		if (pid != s->broker)
			found = pid;
	if (children)
		fclose(children);
	return found;
}

static bool as_before(const struct stage_totals *now, const struct stage_totals *before)
{
	return now->files == before->files && now->mms == before->mms &&
	       now->vmas == before->vmas && now->frames == before->frames &&
	       now->grants == before->grants && now->deferred == before->deferred &&
	       now->gntdev_maps == before->gntdev_maps && now->maptrack == before->maptrack &&
	       now->ports == before->ports && now->broker_fds <= before->broker_fds;
}

static void check_empty(struct stage *s)
{
	struct stage_totals now = {0};
	pid_t pid;

	for (int ms = 0; (pid = left_over(s)) && ms < PARTING_MS; ms += 10)
		serve(s, 10);
	if (pid) {
		complain(s, "process %d is left behind", pid);
		kill(pid, SIGKILL);
	}
	if (s->broker_killed)
		return;
	for (int ms = 0; ms < EMPTY_MS; ms += 20) {
		read_totals(s, &now);
		if (as_before(&now, &s->before) || s->result)
			break;
		if (s->virtual_time)
			pass_time(s);
		else
			poll(NULL, 0, 20);
	}
	if (!as_before(&now, &s->before))
		complain(s,
			 "left in the machine: files %ju, mms %ju, vmas %ju, frames %ju, "
			 "grants %ju, deferred %ju, gntdev_maps %ju, maptrack %ju, ports %ju; "
			 "the broker has %ju descriptors, %ju at first",
			 (uintmax_t)now.files, (uintmax_t)now.mms, (uintmax_t)now.vmas,
			 (uintmax_t)now.frames, (uintmax_t)now.grants, (uintmax_t)now.deferred,
			 (uintmax_t)now.gntdev_maps, (uintmax_t)now.maptrack, (uintmax_t)now.ports,
			 (uintmax_t)now.broker_fds, (uintmax_t)s->before.broker_fds);
	end_broker(s, SIGTERM);
}

static void parse(struct stage *s, int argc, char **argv)
{
	static const struct option options[] = {
	    {"domains", required_argument, NULL, 'd'},
	    {"limit", required_argument, NULL, 'l'},
	    {"valgrind", required_argument, NULL, 'v'},
	    {"xenstore", no_argument, NULL, 'x'},
	    {"virtual-time", no_argument, NULL, 't'},
	    {"record", required_argument, NULL, 'r'},
	    {NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		switch (c) {
		case 'd':
			s->domains_text = optarg;
			break;
		case 'l':
			s->limit = optarg;
			break;
		case 'v':
			s->valgrind = optarg;
			break;
		case 't':
			s->virtual_time = true;
			break;
		case 'x':
			s->xenstore = true;
			break;
		case 'r':
			s->record = optarg;
			break;
		default:
			die(s, "usage: stage [--domains LIST] [--limit SEC] [--valgrind FILE] "
			       "[--virtual-time] [--xenstore] GNTSIM PROGRAM [ARGUMENTS]");
		}
	if (argc - optind < 2 || argc - optind > MAX_ARGS)
		die(s, "a gntsim and a program must be named");
	s->gntsim = argv[optind];
	s->program = argv + optind + 1;
	s->n_domains = stage_parse_domains(s->domains_text, s->domains);
	if (!s->n_domains)
		die(s, "%s is no list of domains", s->domains_text);
}

int main(int argc, char **argv)
{
	struct stage s = {.domains_text = "0:pv,1:pvh", .limit = DEFAULT_LIMIT, .control = -1};
	sigset_t set;

	parse(&s, argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	start_machine(&s);
	make_domains(&s);
	read_totals(&s, &s.before);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s.signals < 0)
		die(&s, "signalfd: %s", strerror(errno));
	s.control = start_program(&s, 0, false, &s.main);
	while (!s.main_ended)
		serve(&s, -1);
	judge_program(&s);
	while (s.peers && serve(&s, PARTING_MS))
		;
	check_empty(&s);
	clean_up(&s);
	return s.result;
}
