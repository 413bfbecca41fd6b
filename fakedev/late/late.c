/* SPDX-License-Identifier: MIT */
#include "late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_LOADER 127

static void say_why(void)
{
	fprintf(stderr, "gntsim: error while loading shared libraries: %s\n", dlerror());
}

/* NULL: it can't be had. */
static void *load(struct late_library *library)
{
	void *handle = atomic_load(&library->handle);

	/* Two at once get the same. */
	if (!handle)
		handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
	atomic_store(&library->handle, handle);
	return handle;
}

bool late_has(struct late_library *library)
{
	if (load(library))
		return true;
	say_why();
	return false;
}

void *late_find(struct late_library *library, const char *function)
{
	void *handle = load(library), *found = handle ? dlsym(handle, function) : NULL;

	if (!found) {
		say_why();
		exit(EXIT_LOADER);
	}
	return found;
}

/* Of a build that is linked with it. */
__attribute__((weak)) bool late_has_fuse(void)
{
	return true;
}
