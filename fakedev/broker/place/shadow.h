/* SPDX-License-Identifier: MIT */
/**
 * @file shadow.h
 * Folders of the place (place/place.h) as the kernel can list them: a tree of the same names beside the
 * machine's socket, one for each domain that asked, made when it first does. Its files are only names: a
 * device's is a character device without a driver, if that can be made.
 */
#ifndef FAKEDEV_BROKER_PLACE_SHADOW_H
#define FAKEDEV_BROKER_PLACE_SHADOW_H

#include <stdint.h>

/**
 * Opens a node's name.
 * @param flags open(2)'s, of which O_PATH and O_DIRECTORY count
 * @return a descriptor, close-on-exec, or a negative errno: -ENOENT no such node in that domain, -EEXIST
 *         somebody else's file stands where the tree would
 */
int shadow_open(const char *socket, uint16_t domid, uint32_t node, uint32_t flags);
/** Removes all of it, if it is ours. */
void shadow_remove(const char *socket);

#endif
