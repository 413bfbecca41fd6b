/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

/* How much of the bytes was kept. Without memory a line is cut where we are. */
static size_t keep(struct lines *l, const char *bytes, size_t n)
{
	if (n > LINE_MAX_BYTES - l->n)
		n = LINE_MAX_BYTES - l->n;
	if (l->n + n > l->room) {
		size_t room = l->n + n > l->room * 2 ? l->n + n : l->room * 2;
		char *begun = realloc(l->begun, room);

		if (!begun)
			return 0;
		l->begun = begun;
		l->room = room;
	}
	memcpy(l->begun + l->n, bytes, n);
	l->n += n;
	return n;
}

void lines_add(struct lines *l, const char *bytes, size_t n,
	       void (*take)(void *ctx, const char *line, size_t len), void *ctx)
{
	while (n > 0) {
		const char *newline = memchr(bytes, '\n', n);
		size_t part = newline ? (size_t)(newline - bytes) : n, kept;

		if (l->n == 0 && newline && part <= LINE_MAX_BYTES) {
			take(ctx, bytes, part);
			kept = part;
		} else {
			kept = keep(l, bytes, part);
			if (kept < part) {
				/* Without memory for a byte it is lost, rather than tried for ever. */
				kept += l->n == 0;
				if (l->n > 0)
					take(ctx, l->begun, l->n);
				l->n = 0;
				bytes += kept;
				n -= kept;
				continue;
			}
			if (newline) {
				take(ctx, l->n ? l->begun : "", l->n);
				l->n = 0;
			}
		}
		bytes += kept + (newline != NULL);
		n -= kept + (newline != NULL);
	}
}

void lines_end(struct lines *l, void (*take)(void *ctx, const char *line, size_t len), void *ctx)
{
	if (l->n > 0)
		take(ctx, l->begun, l->n);
	free(l->begun);
	*l = (struct lines){0};
}
