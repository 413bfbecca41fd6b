/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void *lib_find_next(void **slot, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	__atomic_store_n(slot, p, __ATOMIC_RELEASE);
	return p;
}

const char *gnu_get_libc_version(void) __attribute__((weak));

/* Only there is known what its functions do. */
static bool is_c_library(void *p)
{
#if defined(__x86_64__) || defined(__aarch64__)
	Dl_info next, library;

	return &gnu_get_libc_version && p && dladdr(p, &next) &&
	       dladdr((void *)gnu_get_libc_version, &library) &&
	       next.dli_fbase == library.dli_fbase;
#else
	(void)p;
	return false;
#endif
}

void *lib_find_next_or_kernel(void **slot, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (is_c_library(p))
		p = LIB_KERNEL;
	__atomic_store_n(slot, p, __ATOMIC_RELEASE);
	return p;
}

/* As the environment was at the first look: a program may change it later. */
struct lib_settings lib_settings LIB_NEAR;

static LIB_NEAR _Atomic int known; /* 0 not asked yet, 1 no machine, 2 a machine */

static bool read_domid(const char *text)
{
	uint32_t number = 0;
	size_t digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && digits < 6; digits++)
		number = number * 10 + (uint32_t)(text[digits] - '0');
	if (digits == 0 || digits > 5 || text[digits])
		return false;
	lib_settings.domid = number;
	return true;
}

static void read_settings(const char *path)
{
	const char *domid = getenv("GNTSIM_DOMAIN"), *guest = getenv("GNTSIM_GUEST");

	const char *preload = getenv("LD_PRELOAD"), *store = getenv("XENSTORED_PATH");

	if (store && strlen(store) < sizeof(lib_settings.store))
		strcpy(lib_settings.store, store);
	lib_settings.one_way = getenv("GNTSIM_ONE_WAY") != NULL;
	lib_settings.no_bell = getenv("GNTSIM_NO_DOORBELL") != NULL;
	lib_settings.valgrind = preload && strstr(preload, "vgpreload");
	lib_settings.addr.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(lib_settings.addr.sun_path))
		memcpy(lib_settings.addr.sun_path, path, strlen(path) + 1);
	if (domid && !read_domid(domid))
		lib_settings.unusable = "GNTSIM_DOMAIN is no domain's number";
	lib_settings.guest = !guest ? 0u : strcmp(guest, "pv") == 0 ? 1u : 2u;
	if (lib_settings.guest == 2 && strcmp(guest, "pvh") != 0)
		lib_settings.unusable = "GNTSIM_GUEST is neither pv nor pvh";
}

bool lib_active(void)
{
	int k = atomic_load_explicit(&known, memory_order_acquire);

	/* environ is not set up yet while the first constructors run: ask again. */
	if (k == 0 && environ) {
		const char *path = getenv("GNTSIM_SOCKET");

		k = path && *path ? 2 : 1;
		if (k == 2)
			read_settings(path);
		atomic_store_explicit(&known, k, memory_order_release);
	}
	return k == 2;
}

bool lib_under_valgrind(void)
{
	return lib_settings.valgrind;
}
