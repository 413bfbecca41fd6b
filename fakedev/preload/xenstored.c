/* SPDX-License-Identifier: MIT */
/* xenstored, who serves a machine. A second one would take away the first one's socket before it found out
 * that domain 0's page is another's: it is told so before it does anything. */
#include "library.h"
#include "place/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_xenstored(void)
{
	return strcmp(program_invocation_short_name, "xenstored") == 0 ||
	       strcmp(program_invocation_short_name, "oxenstored") == 0;
}

/* Where OCaml's leaves to itself what it knows, at a live update; and where it may. */
static const char host_state[] = "/var/run/xenstored/db";
static char own_state[256];

const char *lib_xenstored_path(const char *path)
{
	return own_state[0] && strcmp(path, host_state) == 0 ? own_state : path;
}

static void find_state(void)
{
	const char *dir = getenv("XENSTORED_RUNDIR");
	int n = dir ? snprintf(own_state, sizeof(own_state), "%s/db", dir) : 0;

	if (n < 0 || (size_t)n >= sizeof(own_state))
		own_state[0] = '\0';
}

/* It only tells how it is used; OCaml's asks that of whom it is to become. */
static bool is_asked(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-help") == 0 ||
		    strcmp(argv[i], "-H") == 0)
			return true;
	return false;
}

__attribute__((constructor)) static void look(int argc, char **argv)
{
	static const char told[] =
	    "gntsim: this machine has a xenstored, which lives: another one is refused\n";
	struct wire_file f;
	sigset_t saved;
	int fd, err;

	if (!lib_active() || lib_settings.domid != 0 || !is_xenstored() || is_asked(argc, argv))
		return;
	find_state();
	lib_enter(&saved);
	err = node_open(place_of_device(WIRE_DEV_XSD_KVA, 0), O_RDWR, &f, &fd);
	if (fd >= 0)
		raw_close(fd);
	lib_leave(&saved);
	if (err != -EBUSY)
		return;
	raw_syscall(SYS_write, STDERR_FILENO, (long)told, sizeof(told) - 1, 0, 0, 0);
	_exit(1);
}
