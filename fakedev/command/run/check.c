/* SPDX-License-Identifier: MIT */
/* gntsim run --check: a last look at the machine when the programs have ended. */
#define _GNU_SOURCE
#include "command/command.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check {
	const char *command;
	const struct run_place *at;
};

static int become_shell(void *ctx)
{
	const struct check *c = ctx;
	sigset_t none;

	/* The programs' watch over signals was ours alone. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("GNTSIM_SOCKET", c->at->socket, 1);
	if (*c->at->rundir)
		xenstore_environment(c->at->rundir, 0);
	restore_limits();
	execl("/bin/sh", "sh", "-c", c->command, (char *)NULL);
	return complain("cannot run /bin/sh: %s", strerror(errno));
}

int run_check(const char *command, const struct run_place *at)
{
	struct check c = {.command = command, .at = at};
	struct running r;
	int n = 0, status;

	if (running_prepare(&r, at->xenstore) < 0 ||
	    broker_watch(at->broker, r.signals, running_signal, &r) < 0)
		return complain("cannot watch for signals: %s", strerror(errno));
	if (running_start(&r, become_shell, &c) < 0) {
		status = complain("cannot fork: %s", strerror(errno));
	} else {
		while (!r.ended && n >= 0)
			n = broker_serve(at->broker, -1);
		status = r.ended ? exit_status(r.status)
				 : complain("the event loop failed: %s", strerror(-n));
	}
	broker_unwatch(at->broker, r.signals);
	if (status && status != EXIT_GNTSIM)
		complain("--check: status %d of %s", status, command);
	return status;
}
