/* SPDX-License-Identifier: MIT */
#include "place.h"
#include "wire.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER(name)                                                                               \
	{                                                                                          \
		.path = (name), .kind = PLACE_FOLDER, .mode = S_IFDIR | 0755,                      \
		.device = WIRE_DEV_PLACE                                                           \
	}
#define MISC(name, number, its_minor)                                                              \
	{                                                                                          \
		.path = "/dev/xen/" name, .kind = PLACE_DEVICE, .mode = S_IFCHR | 0600,            \
		.device = (number), .minor = (its_minor)                                           \
	}
/* The same driver's file in /proc. */
#define XENFS(name, number)                                                                        \
	{                                                                                          \
		.path = "/proc/xen/" name, .kind = PLACE_DEVICE, .mode = S_IFREG | 0600,           \
		.device = (number)                                                                 \
	}
#define XSD(name, number)                                                                          \
	{                                                                                          \
		.path = "/proc/xen/" name, .kind = PLACE_TEXT, .mode = S_IFREG | 0600,             \
		.device = (number), .control = true                                                \
	}
#define TEXT(name, what)                                                                           \
	{                                                                                          \
		.path = (name), .kind = PLACE_TEXT, .mode = S_IFREG | 0444,                        \
		.device = WIRE_DEV_PLACE, .says = (what)                                           \
	}
#define PARAMETER(name, its_mode, its_limit)                                                       \
	{                                                                                          \
		.path = "/sys/module/" name, .kind = PLACE_TEXT, .mode = S_IFREG | (its_mode),     \
		.device = WIRE_DEV_PLACE, .says = PLACE_SAYS_LIMIT, .limit = (its_limit)           \
	}

/* Minors are dynamic; these are what the lab's domain 0 shows, Debian's 6.1 on Xen 4.17. */
static const struct place places[] = {
    FOLDER("/dev/xen"),
    MISC("gntalloc", WIRE_DEV_GNTALLOC, 119),
    MISC("gntdev", WIRE_DEV_GNTDEV, 118),
    MISC("evtchn", WIRE_DEV_EVTCHN, 120),
    MISC("privcmd", WIRE_DEV_PRIVCMD, 122),
    MISC("hypercall", WIRE_DEV_PRIVCMD, 121),
    MISC("xenbus", WIRE_DEV_XENBUS, 125),
    {.path = "/dev/xen/xenbus_backend",
     .kind = PLACE_DEVICE,
     .mode = S_IFCHR | 0600,
     .device = WIRE_DEV_XENBUS_BACKEND,
     .minor = 124,
     .control = true},
    FOLDER("/proc/xen"),
    TEXT("/proc/xen/capabilities", PLACE_SAYS_CONTROL),
    XENFS("privcmd", WIRE_DEV_PRIVCMD),
    XENFS("xenbus", WIRE_DEV_XENBUS),
    XSD("xsd_kva", WIRE_DEV_XSD_KVA),
    XSD("xsd_port", WIRE_DEV_XSD_PORT),
    FOLDER("/sys/hypervisor"),
    TEXT("/sys/hypervisor/type", PLACE_SAYS_TYPE),
    TEXT("/sys/hypervisor/guest_type", PLACE_SAYS_GUEST_TYPE),
    TEXT("/sys/hypervisor/uuid", PLACE_SAYS_UUID),
    FOLDER("/sys/hypervisor/version"),
    TEXT("/sys/hypervisor/version/major", PLACE_SAYS_MAJOR),
    TEXT("/sys/hypervisor/version/minor", PLACE_SAYS_MINOR),
    TEXT("/sys/hypervisor/version/extra", PLACE_SAYS_EXTRA),
    FOLDER("/sys/hypervisor/compilation"),
    TEXT("/sys/hypervisor/compilation/compiler", PLACE_SAYS_COMPILER),
    TEXT("/sys/hypervisor/compilation/compiled_by", PLACE_SAYS_COMPILED_BY),
    TEXT("/sys/hypervisor/compilation/compile_date", PLACE_SAYS_COMPILE_DATE),
    FOLDER("/sys/hypervisor/properties"),
    TEXT("/sys/hypervisor/properties/capabilities", PLACE_SAYS_CAPABILITIES),
    TEXT("/sys/hypervisor/properties/changeset", PLACE_SAYS_CHANGESET),
    TEXT("/sys/hypervisor/properties/virtual_start", PLACE_SAYS_VIRTUAL_START),
    TEXT("/sys/hypervisor/properties/pagesize", PLACE_SAYS_PAGESIZE),
    TEXT("/sys/hypervisor/properties/features", PLACE_SAYS_FEATURES),
    FOLDER("/sys/module/xen_gntalloc"),
    FOLDER("/sys/module/xen_gntalloc/parameters"),
    PARAMETER("xen_gntalloc/parameters/limit", 0644, GNTSIM_LIMIT_GNTALLOC),
    FOLDER("/sys/module/xen_gntdev"),
    FOLDER("/sys/module/xen_gntdev/parameters"),
    PARAMETER("xen_gntdev/parameters/limit", 0644, GNTSIM_LIMIT_GNTDEV),
    FOLDER("/sys/module/grant_table"),
    FOLDER("/sys/module/grant_table/parameters"),
    PARAMETER("grant_table/parameters/free_per_iteration", 0600, GNTSIM_LIMIT_FREE_PER_ITERATION),
};

#define N_PLACES ((int)(sizeof(places) / sizeof(places[0])))

const struct place *place_at(int node)
{
	return node >= 0 && node < N_PLACES ? &places[node] : NULL;
}

int place_find(const char *path, uint32_t domid)
{
	for (int i = 0; i < N_PLACES; i++)
		if (strcmp(places[i].path, path) == 0)
			return places[i].control && domid != 0 ? -1 : i;
	return -1;
}

int place_of_device(uint32_t device, uint32_t minor)
{
	int first = -1;

	for (int i = 0; i < N_PLACES; i++) {
		if (places[i].kind == PLACE_FOLDER || places[i].device != device)
			continue;
		if (places[i].minor == minor)
			return i;
		if (first < 0)
			first = i;
	}
	return first;
}

uint32_t place_minor(uint32_t device)
{
	int node = place_of_device(device, UINT32_MAX);

	return node < 0 ? 0 : places[node].minor;
}

bool place_is_of_dev(const struct place *p)
{
	return strncmp(p->path, "/dev/", 5) == 0;
}
