/* SPDX-License-Identifier: MIT */
/** @file paths.h What the interposed calls with a path share. */
#ifndef FAKEDEV_PRELOAD_PATHS_H
#define FAKEDEV_PRELOAD_PATHS_H

#include "preload/library.h"

/** lib_node() and lib_node_shown(), cheap for most other paths. */
static inline int node_at(int dirfd, const char *path)
{
	return lib_is_elsewhere(path) ? -1 : lib_node(dirfd, path);
}
static inline int node_shown_at(int dirfd, const char *path)
{
	return lib_is_elsewhere(path) ? -1 : lib_node_shown(dirfd, path);
}

#define FAILED_AS(result) _Generic((result), int : -1L, ssize_t : -1L, default : 0L)
#define FAILED(result)    ((long)(result) == FAILED_AS(result))

/**
 * The call of the C library; what the kernel did not find may be a link that leads to a node, whose number
 * @p node (a variable) then is. A macro: the call is made where it stands.
 */
#define OR_BEHIND(call, dirfd, path, found)                                                        \
	({                                                                                         \
		int kept = errno;                                                                  \
		__typeof__(call) result = (call);                                                  \
		if (FAILED(result) && errno == ENOENT &&                                           \
		    (node = lib_node_behind(dirfd, path)) >= 0) {                                  \
			errno = kept;                                                              \
			result = (found);                                                          \
		}                                                                                  \
		result;                                                                            \
	})

/** The same of an open: and the path may be one to a descriptor, which is a socket and can't be opened. */
#define OR_ANOTHER(call, dirfd, path, found)                                                       \
	({                                                                                         \
		int before = errno;                                                                \
		__typeof__(call) opened = OR_BEHIND(call, dirfd, path, found);                     \
		if (FAILED(opened) && errno == ENXIO && (node = lib_node_reopened(path)) >= 0) {   \
			errno = before;                                                            \
			opened = (found);                                                          \
		}                                                                                  \
		opened;                                                                            \
	})

#endif
