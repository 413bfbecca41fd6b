/* SPDX-License-Identifier: MIT */
#include "module_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const paths[SCN_MODULE_LIMITS] = {
    [GNTSIM_LIMIT_GNTALLOC] = "/sys/module/xen_gntalloc/parameters/limit",
    [GNTSIM_LIMIT_GNTDEV] = "/sys/module/xen_gntdev/parameters/limit",
    [GNTSIM_LIMIT_FREE_PER_ITERATION] = "/sys/module/grant_table/parameters/free_per_iteration",
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static long read_limit(enum gntsim_limit limit)
{
	__attribute__((cleanup(close_fd))) int fd = open(paths[limit], O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (n < 0)
		return -1;
	text[n] = '\0';
	return atol(text);
}

static bool write_limit(enum gntsim_limit limit, unsigned long value)
{
	__attribute__((cleanup(close_fd))) int fd = open(paths[limit], O_WRONLY | O_CLOEXEC);
	char text[32];
	int n = snprintf(text, sizeof(text), "%lu\n", value);

	return fd >= 0 && write(fd, text, (size_t)n) == n;
}

void scn_module_limits_init(struct scn_module_limits *m)
{
	for (unsigned int l = 0; l < SCN_MODULE_LIMITS; l++)
		m->saved[l] = -1;
}

uint64_t scn_module_limits_capabilities(void)
{
	uint64_t caps = 0;

	for (unsigned int l = 0; l < SCN_MODULE_LIMITS; l++)
		if (access(paths[l], W_OK) == 0)
			caps |= 1ull << scn_limit_capability((enum gntsim_limit)l);
	return caps;
}

enum scn_status scn_module_limits_set(struct scn_module_limits *m, enum gntsim_limit limit,
				      uint64_t value, struct scn_buf *why)
{
	if (limit >= SCN_MODULE_LIMITS) {
		scn_buf_printf(why, "%s is no module's parameter", gntsim_limit(limit)->name);
		return SCN_ERROR;
	}
	if (m->saved[limit] < 0)
		m->saved[limit] = read_limit(limit);
	if (write_limit(limit, value))
		return SCN_OK;
	scn_buf_printf(why, "%s: %s", paths[limit], strerror(errno));
	return SCN_ERROR;
}

void scn_module_limits_restore(struct scn_module_limits *m)
{
	for (unsigned int l = 0; l < SCN_MODULE_LIMITS; l++) {
		if (m->saved[l] >= 0)
			write_limit((enum gntsim_limit)l, (unsigned long)m->saved[l]);
		m->saved[l] = -1;
	}
}
