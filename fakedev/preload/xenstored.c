/* SPDX-License-Identifier: MIT */
/* A second xenstored in a machine. It would take away the first one's socket before it found out that
 * domain 0's page is another's: it is told so before it does anything. */
#include "library.h"
#include "place/place.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool is_xenstored(void)
{
	return strcmp(program_invocation_short_name, "xenstored") == 0 ||
	       strcmp(program_invocation_short_name, "oxenstored") == 0;
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
