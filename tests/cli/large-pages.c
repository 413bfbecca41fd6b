/* SPDX-License-Identifier: MIT */
/* Preloaded: a host whose pages are of 64 KiB, as far as the C library says. */
#include <dlfcn.h>
#include <unistd.h>

long sysconf(int name)
{
	union {
		void *found;
		long (*call)(int name);
	} real = {.found = dlsym(RTLD_NEXT, "sysconf")};

	return name == _SC_PAGESIZE ? 65536 : real.call(name);
}
