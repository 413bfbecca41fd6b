/* SPDX-License-Identifier: MIT */
#include "user_memory.h"

static bool reachable(const struct user *u, uint64_t addr, size_t len, bool write)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t offset = addr + i - USER_BASE;

		if (offset >= sizeof(u->bytes))
			return false;
		if (u->page[offset / PAGE] == USER_HOLE ||
		    (write && u->page[offset / PAGE] == USER_RO))
			return false;
	}
	return true;
}

static int user_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct user *u = ctx;

	if (!reachable(u, addr, len, false))
		return -EFAULT;
	if (len)
		memcpy(dst, u->bytes + (addr - USER_BASE), len);
	return 0;
}

static int user_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct user *u = ctx;

	if (!reachable(u, addr, len, true))
		return -EFAULT;
	if (len)
		memcpy(u->bytes + (addr - USER_BASE), src, len);
	return 0;
}

static int user_probe_write(void *ctx, uint64_t addr, size_t len)
{
	return reachable(ctx, addr, len, true) ? 0 : -EFAULT;
}

/* The lowest that is free, from 3. */
static int user_install(void *ctx, struct gntsim_file *file)
{
	struct user *u = ctx;

	for (unsigned i = 0; i < USER_FILES && !u->full; i++) {
		if (!u->files[i]) {
			u->files[i] = file;
			return (int)i + 3;
		}
	}
	return -EMFILE;
}

static int user_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	const struct user *u = ctx;

	if (fd < 3 || fd >= 3 + USER_FILES || !u->files[fd - 3])
		return -EBADF;
	*out = u->files[fd - 3];
	return 0;
}

void user_close(struct user *u, uint32_t fd)
{
	gntsim_close(u->files[fd - 3]);
	u->files[fd - 3] = NULL;
}

void user_init(struct user *u)
{
	memset(u->bytes, 0xDB, sizeof(u->bytes));
	memset(u->files, 0, sizeof(u->files));
	u->full = false;
	for (unsigned i = 0; i < USER_PAGES; i++)
		u->page[i] = USER_RW;
	u->ops = (struct gntsim_user_memory){.read = user_read,
					     .write = user_write,
					     .probe_write = user_probe_write,
					     .ctx = u,
					     .install = user_install,
					     .dmabuf = user_dmabuf};
}

void *user_ptr(struct user *u, uint64_t addr)
{
	return u->bytes + (addr - USER_BASE);
}

uint64_t user_before_page(unsigned page, size_t n)
{
	return USER_BASE + page * PAGE - n;
}
