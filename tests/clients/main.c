/* SPDX-License-Identifier: MIT */
/* The beginning of every client program: a test, a peer of one, or the program executed again. */
#include "check.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>

__attribute__((weak)) int again(int argc, char **argv)
{
	(void)argc;
	check_failed(__FILE__, __LINE__, argv[1], "this program takes no arguments");
}

int main(int argc, char **argv)
{
	const char *role = getenv(STAGE_ENV_ROLE);

	limit_time();
	peer_init();
	if (argc > 1)
		return again(argc, argv);
	if (!role)
		skip("this program needs the stage: stage GNTSIM PROGRAM");
	if (!strcmp(role, "peer"))
		peer_serve(stage_socket());
	test();
	peers_finish();
	return 0;
}
