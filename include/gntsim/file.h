/* SPDX-License-Identifier: MIT */
/**
 * @file file.h
 * Open files of the three drivers. A file lives as long as a descriptor or a mapping of it:
 * gntsim_close() says that the last descriptor is gone, the driver's release() runs when the
 * last mapping is gone too.
 */
#ifndef GNTSIM_FILE_H
#define GNTSIM_FILE_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Opens a device in a domain.
 * @param open_flags O_RDONLY, O_WRONLY or O_RDWR; other bits are ignored. Decides which
 *        mmap() protections (EACCES) and whether read and write (EBADF) are allowed, as the
 *        kernel's VFS does; the drivers' ioctls do not look at it.
 * @retval -ENOMEM
 * @retval -EINVAL a dma-buf, which no node opens
 */
int gntsim_open(struct gntsim_domain *dom, enum gntsim_device device, int open_flags,
		struct gntsim_file **out);

/**
 * The last descriptor of the file is gone. @p file must not be used by the caller again; the
 * driver's release runs now, or when the last mapping ends.
 */
void gntsim_close(struct gntsim_file *file);

/** The device that was opened. */
enum gntsim_device gntsim_file_device(const struct gntsim_file *file);
/** The file's domain; NULL when that domain was destroyed. */
struct gntsim_domain *gntsim_file_domain(const struct gntsim_file *file);

/** A pointer of the caller's, NULL at first. The library never looks at it. */
void gntsim_file_set_data(struct gntsim_file *file, void *data);
void *gntsim_file_data(const struct gntsim_file *file);

#ifdef __cplusplus
}
#endif
#endif
