/* SPDX-License-Identifier: MIT */
/* gntdev's dma-buf calls: what they do with descriptors of the program's. */
#include "calls.h"
#include "uapi.h"

#include <fcntl.h>
#include <string.h>

static bool is_export(uint32_t cmd)
{
	return cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS ||
	       cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2;
}

bool dmabuf_imports(uint32_t cmd)
{
	return cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS || cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2;
}

static void close_number(int number)
{
	lib_program_call(SYS_close, number, 0, 0, 0, 0, 0);
}

void dmabuf_begin(struct dmabuf *b, int fd, uint32_t cmd, uint64_t arg)
{
	struct ioctl_gntdev_dmabuf_imp_to_refs imp;

	*b = (struct dmabuf){.borrowed = -1, .number = -EMFILE};
	if (is_export(cmd))
		b->number = lib_reserve(fd);
	/* Without it the driver looks at all else first, and finds none. */
	if (dmabuf_imports(cmd) && lib_copy_in(&imp, arg, sizeof(imp)) == 0) {
		b->borrowed = lib_borrow((int)imp.fd);
		if (b->borrowed < 0)
			b->number = b->borrowed;
	}
	lib_room_begin(&b->room);
}

long dmabuf_end(struct dmabuf *b, struct wire_in *in, long result)
{
	int fd = wire_in_take_fd(in, 0);

	b->came = -1;
	if (b->borrowed >= 0)
		lib_give_back(b->borrowed);
	if (b->number < 0 || fd < 0) {
		b->wait = b->number < 0 ? fd : -1;
		if (b->number >= 0)
			close_number(b->number);
		/* It was the program that had none free. */
		if (b->number == -EMFILE && result == -ENFILE)
			result = -EMFILE;
	} else {
		b->wait = -1;
		fd = lib_hand_over(fd);
		if (fd >= 0) {
			lib_program_call(SYS_dup3, fd, b->number, O_CLOEXEC, 0, 0, 0);
			close_number(fd);
			b->came = b->number;
		}
	}
	lib_room_end(&b->room);
	return result;
}

uint64_t dmabuf_size(const struct device *d)
{
	return (uint64_t)d->minor * 4096;
}

long dmabuf_seek(const struct device *d, int64_t offset, int whence)
{
	if ((whence != SEEK_END && whence != SEEK_SET) || offset != 0)
		return -EINVAL;
	return whence == SEEK_END ? (long)dmabuf_size(d) : 0;
}
