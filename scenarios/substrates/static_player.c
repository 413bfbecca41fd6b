/* SPDX-License-Identifier: MIT */
#include "substrates/static_player.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scn_static_player(const char *suffix, struct scn_buf *place)
{
	const char *said = getenv("GNTSIM_PLAY_STATIC");
	char bin[PATH_MAX];
	ssize_t n;

	if (said && *said) {
		scn_buf_str(place, said);
		return;
	}
	n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);
	bin[n < 0 ? 0 : n] = '\0';
	*(strrchr(bin, '/') ?: bin) = '\0';
	scn_buf_printf(place, "%s/%s%s", bin, SCN_PLAY_STATIC_BUILT, suffix);
	if (access(scn_buf_text(place), X_OK) == 0)
		return;
	scn_buf_clear(place);
	scn_buf_printf(place, "%s/%s%s", bin, SCN_PLAY_STATIC_INSTALLED, suffix);
}
