/* SPDX-License-Identifier: MIT */
/* Messages to xenstored. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item *request_new(const struct xs_msg *head, const void *body, size_t len)
{
	struct item *i = calloc(1, sizeof(*i) + sizeof(*head) + len);

	if (!i)
		return NULL;
	i->type = head->type;
	i->len = sizeof(*head) + len;
	memcpy(i->bytes, head, sizeof(*head));
	memcpy(i->bytes + sizeof(*head), body, len);
	return i;
}

/* The kernel's own token. */
struct item *request_watch(enum xs_type type, const struct watch *w)
{
	char body[XS_PAYLOAD_MAX + 16];
	size_t n = strlen(w->path) + 1;
	struct xs_msg head = {.type = type};

	memcpy(body, w->path, n);
	n += (size_t)snprintf(body + n, sizeof(body) - n, "%X", w->token) + 1;
	head.len = (uint32_t)n;
	return request_new(&head, body, n);
}
