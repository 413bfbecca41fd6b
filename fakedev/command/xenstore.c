/* SPDX-License-Identifier: MIT */
/* Debian's own xenstored as a process of the machine's domain 0, and what a toolstack writes into
 * it. libxenstore is loaded when it is needed: the packages that bring xenstored bring it too. */
#define _GNU_SOURCE
#include "command.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKAGE "xen-utils-4.17"
/* xenstored needs some 20 ms; under Valgrind a few seconds. */
#define START_TRIES   4000
#define START_STEP_MS 5

/* The wrapper in /usr/sbin asks the running Xen for its version: take the program itself. */
static int find_program(char *out, size_t room, struct failure *f)
{
	glob_t g;
	int err = 0;

	if (glob("/usr/lib/xen-*/bin/xenstored", 0, NULL, &g) != 0)
		return fail(f, -ENOENT,
			    "--xenstore needs xenstored, which is not installed: "
			    "apt-get install " PACKAGE);
	if (strlen(g.gl_pathv[g.gl_pathc - 1]) < room)
		strcpy(out, g.gl_pathv[g.gl_pathc - 1]);
	else
		err = fail(f, -ENAMETOOLONG, "xenstored's path is too long");
	globfree(&g);
	return err;
}

void xenstore_environment(const char *rundir)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/socket", rundir);
	setenv("XENSTORED_PATH", path, 1);
	setenv("XENSTORED_RUNDIR", rundir, 1);
	setenv("XENSTORED_ROOTDIR", rundir, 1);
}

static void exec_xenstored(const char *program, const char *socket, const char *rundir)
{
	struct joining j = {.socket = socket, .domid = 0};
	struct failure f;
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	xenstore_environment(rundir);
	unsetenv("XENSTORED_PATH");
	if (join_environment(&j, &f) < 0)
		_exit(complain("%s", f.text));
	restore_signals();
	/* Not of the terminal's group: ^C is for the program. */
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	execl(program, "xenstored", "--no-fork", "--internal-db", (char *)NULL);
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

/* Serves the machine until the child ends; its exit status, 0 if somebody else reaped it. */
static int serve_until(struct broker *b, pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0)
		broker_serve(b, START_STEP_MS);
	return exit_status(status);
}

int xenstore_start(struct xenstore *x, const char *socket, struct broker *b, struct failure *f)
{
	char program[256], room[PATH_MAX];
	pid_t child;
	int err = find_program(program, sizeof(program), f);

	if (err < 0)
		return err;
	snprintf(x->rundir, sizeof(x->rundir), "%s/gntsim-xenstore-XXXXXX",
		 temporary_directory(room));
	if (!mkdtemp(x->rundir)) {
		err = -errno;
		x->rundir[0] = '\0';
		return fail(f, err, "cannot make a directory for xenstored: %s", strerror(-err));
	}
	err = broker_set_rundir(b, x->rundir);
	if (err < 0)
		return fail(f, err, "out of memory");
	x->pid = fork();
	if (x->pid < 0)
		return fail(f, -errno, "cannot fork: %s", strerror(errno));
	if (x->pid == 0)
		exec_xenstored(program, socket, x->rundir);
	for (int i = 0; !answers(x->rundir); i++) {
		int status;

		if (waitpid(x->pid, &status, WNOHANG) == x->pid) {
			x->pid = 0;
			return fail(f, -EIO, "xenstored ended at its start (status %d)",
				    exit_status(status));
		}
		if (i == START_TRIES)
			return fail(f, -ETIMEDOUT, "xenstored does not answer");
		broker_serve(b, START_STEP_MS);
	}
	/* Writing waits for xenstored, which waits for us: in a process of its own. */
	child = fork();
	if (child < 0)
		return fail(f, -errno, "cannot fork: %s", strerror(errno));
	if (child == 0) {
		/* It holds all our descriptors, /dev/fuse too. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (xenstore_introduce(x->rundir, 0, f) < 0)
			_exit(complain("%s", f->text));
		_exit(0);
	}
	if (serve_until(b, child) != 0)
		return fail(f, -EIO, "cannot write domain 0 into xenstore");
	return 0;
}

static void remove_files(const char *dir)
{
	static const char *const names[] = {"socket", "socket_ro", "xenstored.pid", "tdb"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

void xenstore_stop(struct xenstore *x, struct broker *b)
{
	pid_t pid = x->pid;

	/* From here on its end is no news. */
	x->pid = 0;
	if (pid > 0) {
		kill(pid, SIGKILL);
		serve_until(b, pid);
	}
	if (x->rundir[0])
		remove_files(x->rundir);
	x->rundir[0] = '\0';
}

struct xs_handle;
struct library {
	struct xs_handle *(*open)(unsigned long flags);
	void (*close)(struct xs_handle *h);
	bool (*write)(struct xs_handle *h, uint32_t transaction, const char *path, const void *data,
		      unsigned int len);
};

static int load(struct library *l, struct failure *f)
{
	void *so = dlopen("libxenstore.so.4", RTLD_NOW);

	if (!so)
		return fail(f, -ENOENT, "cannot load libxenstore (package libxenstore4): %s",
			    dlerror());
	*(void **)&l->open = dlsym(so, "xs_open");
	*(void **)&l->close = dlsym(so, "xs_close");
	*(void **)&l->write = dlsym(so, "xs_write");
	return l->open && l->close && l->write
		   ? 0
		   : fail(f, -ENOENT, "libxenstore.so.4 lacks xs_open, xs_close or xs_write");
}

static bool write_key(const struct library *l, struct xs_handle *h, uint32_t domid, const char *key,
		      const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, key);
	return l->write(h, 0, path, value, (unsigned int)strlen(value));
}

int xenstore_introduce(const char *rundir, uint32_t domid, struct failure *f)
{
	char number[16], name[32];
	struct xs_handle *h;
	struct library l = {0};
	int err = load(&l, f);

	if (err < 0)
		return err;
	xenstore_environment(rundir);
	h = l.open(0);
	if (!h)
		return fail(f, -errno, "cannot connect to xenstored in %s: %s", rundir,
			    strerror(errno));
	snprintf(number, sizeof(number), "%u", domid);
	snprintf(name, sizeof(name), domid ? "domain-%u" : "Domain-%u", domid);
	if (!write_key(&l, h, domid, "domid", number) || !write_key(&l, h, domid, "name", name))
		err = fail(f, -EIO, "cannot write domain %u into xenstore: %s", domid,
			   strerror(errno));
	l.close(h);
	return err;
}
