/* SPDX-License-Identifier: MIT */
/* The player alone: one static program without dependencies, for guests. */
#include "play_main.h"

#include <stddef.h>

int main(int argc, char **argv)
{
	return gntsim_play_main(argc, argv, NULL);
}
