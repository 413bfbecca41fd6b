/* SPDX-License-Identifier: MIT */
/* xenstored's socket, of which each domain has its own: also for those that know but one path. */
#include "calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

bool lib_store_address(uint64_t addr, uint64_t len, struct sockaddr_un *own)
{
	static const char *const names[] = {"/var/run/xenstored/socket", "/run/xenstored/socket"};
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	const char *path = lib_store_path();
	struct sockaddr_un a = {0};

	if (!path || strlen(path) >= sizeof(own->sun_path) || len <= before || len > sizeof(a) ||
	    lib_copy_in(&a, addr, len) < 0 || a.sun_family != AF_UNIX)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strncmp(a.sun_path, names[i], sizeof(a.sun_path)) != 0)
			continue;
		*own = (struct sockaddr_un){.sun_family = AF_UNIX};
		strcpy(own->sun_path, path);
		return true;
	}
	return false;
}
