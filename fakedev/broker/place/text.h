/* SPDX-License-Identifier: MIT */
/**
 * @file text.h
 * What the texts of the place (place/place.h) say in a domain, and what comes of writing a parameter.
 */
#ifndef FAKEDEV_BROKER_PLACE_TEXT_H
#define FAKEDEV_BROKER_PLACE_TEXT_H

#include <gntsim/machine.h>
#include <stddef.h>
#include <stdint.h>

/** The longest: Xen's capabilities. */
#define TEXT_ROOM 1100
/** @return its length, or a negative errno: -ENOENT no text, or not in this domain */
int text_of(struct gntsim_domain *dom, uint32_t node, char out[TEXT_ROOM]);
/** A plain file with that text, open for reading. @return a descriptor, close-on-exec, or a negative errno */
int text_open(struct gntsim_domain *dom, uint32_t node);
/** The same of any text. */
int text_file(const char *text, size_t len);
/**
 * A write to a parameter: a whole number, as the kernel's own take it (0x and 0 before it; one newline).
 * @return @p len; -EINVAL no such number; -ERANGE it is too high
 */
long text_write(struct gntsim_domain *dom, uint32_t node, const char *text, size_t len);

#endif
