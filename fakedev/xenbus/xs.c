/* SPDX-License-Identifier: MIT */
#include "xs.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int err;
	const char *name;
} errors[] = {{EINVAL, "EINVAL"}, {EACCES, "EACCES"}, {EEXIST, "EEXIST"}, {ENOENT, "ENOENT"},
	      {ENOMEM, "ENOMEM"}, {ENOSPC, "ENOSPC"}, {EIO, "EIO"},       {E2BIG, "E2BIG"},
	      {EPERM, "EPERM"},   {EBUSY, "EBUSY"},   {EAGAIN, "EAGAIN"}, {EISCONN, "EISCONN"}};

int xs_error_of(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return -errors[i].err;
	return -EINVAL;
}

int xs_compose(struct xs_text *m, enum xs_type type, const char *format, va_list args)
{
	int n = vsnprintf(m->body, sizeof(m->body), format, args);

	if (n < 0 || (size_t)n >= sizeof(m->body))
		return -E2BIG;
	for (int i = 0; i < n; i++)
		if (m->body[i] == '|')
			m->body[i] = '\0';
	m->head = (struct xs_msg){.type = type, .len = (uint32_t)n};
	return (int)sizeof(m->head) + n;
}
