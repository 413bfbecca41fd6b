/* SPDX-License-Identifier: MIT */
/**
 * @file place.h
 * What of a Xen domain's file system is the machine's: /dev/xen, /proc/xen, /sys/hypervisor and the
 * parameters of the modules in /sys/module. One table, for who answers a program about a path (the
 * preloaded library, the ptrace front), for the FUSE tree, and for the broker, which opens what is there.
 * Names, modes and contents are those of Linux 6.1 (drivers/xen: xenfs/super.c, sys-hypervisor.c,
 * gntalloc.c, gntdev.c, grant-table.c, and the misc devices).
 */
#ifndef FAKEDEV_PLACE_H
#define FAKEDEV_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum place_kind { PLACE_FOLDER, PLACE_DEVICE, PLACE_TEXT };

/** What a text says. */
enum place_says {
	PLACE_SAYS_DEVICE, /**< it is opened as a device (XSD_PORT, XSD_KVA) */
	PLACE_SAYS_CONTROL,
	PLACE_SAYS_TYPE,
	PLACE_SAYS_GUEST_TYPE,
	PLACE_SAYS_UUID,
	PLACE_SAYS_MAJOR,
	PLACE_SAYS_MINOR,
	PLACE_SAYS_EXTRA,
	PLACE_SAYS_COMPILER,
	PLACE_SAYS_COMPILED_BY,
	PLACE_SAYS_COMPILE_DATE,
	PLACE_SAYS_CAPABILITIES,
	PLACE_SAYS_CHANGESET,
	PLACE_SAYS_VIRTUAL_START,
	PLACE_SAYS_PAGESIZE,
	PLACE_SAYS_FEATURES,
	PLACE_SAYS_LIMIT, /**< a parameter: place.limit */
};

struct place {
	const char *path; /**< absolute */
	enum place_kind kind;
	mode_t mode;     /**< with its type */
	uint32_t device; /**< enum wire_device, if it is opened as one */
	uint32_t minor;  /**< of a misc device */
	enum place_says says;
	uint32_t limit; /**< enum gntsim_limit */
	bool control;   /**< in domain 0 alone */
};

/** All of them, a folder before what is in it. Nodes are numbered from 0. @retval NULL there are no more */
const struct place *place_at(int node);
/** The node with this path, in domain @p domid. @retval -1 there is none */
int place_find(const char *path, uint32_t domid);
/** The node that is this device, by its number and, where there are several, its minor. @retval -1 */
int place_of_device(uint32_t device, uint32_t minor);
/** The minor of a device's first node. */
uint32_t place_minor(uint32_t device);
/** Is it in /dev/xen, where the FUSE and CUSE fronts have files of their own? */
bool place_is_of_dev(const struct place *p);

#endif
