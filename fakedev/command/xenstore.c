/* SPDX-License-Identifier: MIT */
/* Debian's own xenstored as a process of the machine's domain 0. */
#define _GNU_SOURCE
#include "command.h"
#include "substrates/agent/remove.h"
#include "substrates/agent/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKAGE "xen-utils-4.17"
/* xenstored needs some 20 ms; under Valgrind a few seconds. */
#define START_TRIES   4000
#define START_STEP_MS 5

static const char *const names[] = {[XENSTORE_C] = "xenstored", [XENSTORE_OCAML] = "oxenstored"};

bool parse_xenstore(const char *command, const char *text, enum xenstore_kind *out)
{
	*out = XENSTORE_C;
	for (unsigned int i = XENSTORE_C; text && i <= XENSTORE_OCAML; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum xenstore_kind)i;
			return true;
		}
	}
	if (text)
		complain("%s: --xenstore: expected xenstored or oxenstored, found '%s'", command,
			 text);
	return text == NULL;
}

/* The wrapper in /usr/sbin asks the running Xen for its version: take the program itself. */
static int find_program(enum xenstore_kind kind, char *out, size_t room, struct failure *f)
{
	char pattern[64];
	glob_t g;
	int err = 0;

	snprintf(pattern, sizeof(pattern), "/usr/lib/xen-*/bin/%s", names[kind]);
	if (glob(pattern, 0, NULL, &g) != 0)
		return fail(f, -ENOENT,
			    "--xenstore needs %s, which is not installed: "
			    "apt-get install " PACKAGE,
			    names[kind]);
	if (strlen(g.gl_pathv[g.gl_pathc - 1]) < room)
		strcpy(out, g.gl_pathv[g.gl_pathc - 1]);
	else
		err = fail(f, -ENAMETOOLONG, "xenstored's path is too long");
	globfree(&g);
	return err;
}

/* Domain 0 has xenstored's own directory; every other one of its own, below it. */
void xenstore_environment(const char *rundir, uint32_t domid)
{
	char dir[600], path[620];

	if (domid)
		snprintf(dir, sizeof(dir), "%s/%u", rundir, domid);
	else
		snprintf(dir, sizeof(dir), "%s", rundir);
	snprintf(path, sizeof(path), "%s/socket", dir);
	setenv("XENSTORED_PATH", path, 1);
	setenv("XENSTORED_RUNDIR", dir, 1);
	setenv("XENSTORED_ROOTDIR", dir, 1);
}

/* OCaml's has no other place for its socket than the host's: it does without one, and we listen. It
 * looks for its own settings, and writes its number, where the host's would. */
static int write_settings(const struct xenstore *x, char *path, size_t room)
{
	FILE *out;
	bool bad;

	snprintf(path, room, "%s/conf", x->rundir);
	out = fopen(path, "we");
	if (!out)
		return -errno;
	fprintf(out,
		"pid-file = %s/xenstored.pid\npersistent = false\n"
		"xenstored-kva = /proc/xen/xsd_kva\nxenstored-port = /proc/xen/xsd_port\n"
		"xenstored-log-file = %s/log\naccess-log-file = %s/access\n"
		"xenstored-log-level = error\nxenstored-log-nb-files = 1\n"
		"access-log-nb-files = 1\n",
		x->rundir, x->rundir, x->rundir);
	bad = ferror(out) != 0;
	return fclose(out) != 0 || bad ? -EIO : 0;
}

static void exec_xenstored(const struct xenstore *x, const char *program, const char *socket)
{
	char settings[sizeof(x->rundir) + 8];
	struct joining j = {.socket = socket, .domid = 0};
	struct failure f;
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	xenstore_environment(x->rundir, 0);
	unsetenv("XENSTORED_PATH");
	setenv("GNTSIM_ONE_WAY", "", 1);
	if (join_environment(&j, &f) < 0)
		_exit(complain("%s", f.text));
	restore_signals();
	/* Not of the terminal's group: ^C is for the program. */
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (x->kind == XENSTORE_C)
		execl(program, names[x->kind], "--no-fork", "--internal-db", (char *)NULL);
	else if (write_settings(x, settings, sizeof(settings)) == 0)
		execl(program, names[x->kind], "--no-fork", "--disable-socket", "--config-file",
		      settings, (char *)NULL);
	_exit(complain("cannot run %s: %s", program, strerror(errno)));
}

static bool answers(const char *rundir)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, r;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/socket", rundir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return r == 0;
}

/* Serves the machine until the child ends. */
static void serve_until(struct broker *b, pid_t child)
{
	while (waitpid(child, NULL, WNOHANG) == 0)
		broker_serve(b, START_STEP_MS);
}

/* It answers on its socket, and knows domain 0. @return 0: not yet; else 1, or -errno, explained */
static int is_up(struct xenstore *x, const struct broker *b, struct failure *f)
{
	int status;

	if (waitpid(x->pid, &status, WNOHANG) == x->pid) {
		x->pid = 0;
		return fail(f, -EIO, "%s ended at its start (status %d)", names[x->kind],
			    exit_status(status));
	}
	/* Nobody waits behind it: it has room for one who is not let in yet. */
	x->answers = x->answers || answers(x->rundir);
	return x->answers && broker_store_settled(b) == 1;
}

int xenstore_start(struct xenstore *x, enum xenstore_kind kind, const char *socket,
		   struct broker *b, struct failure *f)
{
	char program[256], room[PATH_MAX];
	int err = find_program(kind, program, sizeof(program), f);

	if (err < 0)
		return err;
	snprintf(x->rundir, sizeof(x->rundir), "%s/gntsim-xenstore-XXXXXX", scn_temporary(room));
	if (!mkdtemp(x->rundir)) {
		err = -errno;
		x->rundir[0] = '\0';
		return fail(f, err, "cannot make a directory for xenstored: %s", strerror(-err));
	}
	x->broker = b;
	x->kind = kind;
	err = broker_store_start(b, x->rundir, kind == XENSTORE_OCAML);
	if (err < 0)
		return fail(f, err, "cannot make a xenstore: %s", strerror(-err));
	x->pid = fork();
	if (x->pid < 0)
		return fail(f, -errno, "cannot fork: %s", strerror(errno));
	if (x->pid == 0)
		exec_xenstored(x, program, socket);
	broker_store_program(b, x->pid);
	for (int i = 0; (err = is_up(x, b, f)) == 0; i++) {
		if (i == START_TRIES)
			return fail(f, -ETIMEDOUT, "%s does not answer", names[x->kind]);
		broker_serve(b, START_STEP_MS);
	}
	return err < 0 ? err : 0;
}

void xenstore_ended(struct xenstore *x, int status)
{
	x->pid = 0;
	complain("%s ended (status %d)", names[x->kind], exit_status(status));
	broker_store_died(x->broker);
}

void xenstore_stop(struct xenstore *x, struct broker *b)
{
	pid_t pid = x->pid;

	/* From here on its end is no news. */
	x->pid = 0;
	if (pid > 0) {
		kill(pid, SIGKILL);
		serve_until(b, pid);
		/* The kernel closed all that was its own before it could be waited for. */
		broker_catch_up(b);
	}
	broker_store_end(b);
	/* Whatever xenstoreds, this one and those that were started in domain 0 after it, have left there. */
	if (x->rundir[0])
		scn_remove(x->rundir);
	x->rundir[0] = '\0';
}

int xenstore_introduce(const struct joining *j, struct failure *f)
{
	const struct machine_question q = {.payload = &j->domid, .len = sizeof(j->domid)};
	struct wire_in in;
	int fd = machine_connect(j, WIRE_ROLE_COMMAND, NULL, f), err;

	if (fd < 0)
		return fd;
	err = machine_ask(j, fd, WIRE_INTRODUCE, &q, &in, f);
	if (err == -ETIMEDOUT)
		fail(f, err, "domain %u is made, but not in xenstore: xenstored does not answer",
		     j->domid);
	if (err == 0) {
		err = (int)in.msg.result;
		wire_in_done(&in);
		if (err == -ENOTCONN)
			fail(f, err, "domain %u is made, but not in xenstore: xenstored has ended",
			     j->domid);
		else if (err < 0)
			fail(f, err, "cannot write domain %u into xenstore: %s", j->domid,
			     err == -EIO ? "xenstored has ended" : strerror(-err));
	}
	close(fd);
	return err;
}
