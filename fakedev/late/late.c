/* SPDX-License-Identifier: MIT */
#include "late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_LOADER 127

static _Noreturn void give_up(void)
{
	fprintf(stderr, "gntsim: error while loading shared libraries: %s\n", dlerror());
	exit(EXIT_LOADER);
}

void *late_find(struct late_library *library, const char *function)
{
	void *handle = atomic_load(&library->handle), *found;

	/* Two at once get the same. */
	if (!handle) {
		handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
		if (!handle)
			give_up();
		atomic_store(&library->handle, handle);
	}
	found = dlsym(handle, function);
	if (!found)
		give_up();
	return found;
}
