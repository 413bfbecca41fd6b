/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_xen_version: Xen common/kernel.c. What is said is Debian 12's Xen, and that it is us. */
#include "internal.h"

#include <string.h>

#define MAJOR     4u
#define MINOR     17u
#define PAGE_SIZE 4096

/* A text in an array of its size. */
static long tell(const struct asker *a, uint64_t arg, const char *text, size_t size)
{
	char room[1024] = "";

	strcpy(room, text);
	return ask_write(a, arg, room, size);
}

/* public/features.h */
enum {
	WRITABLE_PAGE_TABLES = 1 << 0,
	AUTO_TRANSLATED_PHYSMAP = 1 << 2,
	MMU_PT_UPDATE_PRESERVE_AD = 1 << 5,
	HIGHMEM_ASSIST = 1 << 6,
	GNTTAB_MAP_AVAIL_BITS = 1 << 7,
	HVM_CALLBACK_VECTOR = 1 << 8,
	HVM_SAFE_PVCLOCK = 1 << 9,
	DOM0 = 1 << 11,
	MEMORY_OP_VNODE_SUPPORTED = 1 << 13,
};

static uint32_t features(const struct gntsim_domain *dom)
{
	uint32_t map = MEMORY_OP_VNODE_SUPPORTED | (gntsim_domain_id(dom) ? 0u : (uint32_t)DOM0);

	return gntsim_domain_guest(dom) == GNTSIM_GUEST_PV
		   ? map | MMU_PT_UPDATE_PRESERVE_AD | HIGHMEM_ASSIST | GNTTAB_MAP_AVAIL_BITS
		   : map | WRITABLE_PAGE_TABLES | AUTO_TRANSLATED_PHYSMAP | HVM_CALLBACK_VECTOR |
			 HVM_SAFE_PVCLOCK;
}

static long get_features(const struct asker *a, uint64_t arg)
{
	struct abi_feature_info info;

	if (ask_read(a, arg, &info, sizeof(info)) < 0)
		return -EFAULT;
	if (info.index > 0)
		return -EINVAL;
	info.map = features(a->dom);
	return ask_write(a, arg, &info, sizeof(info));
}

static long compile_info(const struct asker *a, uint64_t arg)
{
	const struct abi_compile_info info = {"gntsim", "gntsim", "", ""};

	return ask_write(a, arg, &info, sizeof(info));
}

/* The kernel's own memory, which is as long as it says. */
struct own_memory {
	unsigned char *bytes;
	size_t room;
};

static int own_write(void *ctx, uint64_t addr, const void *from, size_t len)
{
	const struct own_memory *m = ctx;

	if (addr < m->room)
		memcpy(m->bytes + addr, from, len < m->room - addr ? len : m->room - addr);
	return 0;
}

static int own_read(void *ctx, uint64_t addr, void *to, size_t len)
{
	const struct own_memory *m = ctx;

	if (addr + len > m->room)
		return -1;
	memcpy(to, m->bytes + addr, len);
	return 0;
}

long privcmd_version(struct gntsim_domain *dom, uint32_t op, void *out, size_t room)
{
	struct own_memory memory = {out, room};
	const struct gntsim_user_memory um = {.ctx = &memory, .read = own_read, .write = own_write};
	const struct asker a = {dom, &um};

	return privcmd_xen_version(&a, op, 0);
}

long privcmd_xen_version(const struct asker *a, uint32_t op, uint64_t arg)
{
	const uint64_t virt_start = 0;
	uint8_t handle[16] = {0};

	switch (op) {
	case XENVER_VERSION:
		return MAJOR << 16 | MINOR;
	case XENVER_EXTRAVERSION:
		return tell(a, arg, ".7", 16);
	case XENVER_COMPILE_INFO:
		return compile_info(a, arg);
	case XENVER_CAPABILITIES:
		return tell(a, arg, "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64",
			    1024);
	case XENVER_CHANGESET:
		return tell(a, arg, "gntsim", 64);
	case XENVER_PLATFORM_PARAMETERS:
		return ask_write(a, arg, &virt_start, sizeof(virt_start));
	case XENVER_GET_FEATURES:
		return get_features(a, arg);
	case XENVER_PAGESIZE:
		return PAGE_SIZE;
	case XENVER_GUEST_HANDLE:
		handle[14] = (uint8_t)(gntsim_domain_id(a->dom) >> 8);
		handle[15] = (uint8_t)gntsim_domain_id(a->dom);
		return ask_write(a, arg, handle, sizeof(handle));
	case XENVER_COMMANDLINE:
		return gntsim_domain_id(a->dom) ? -EPERM : tell(a, arg, "", 1024);
	case XENVER_BUILD_ID:
		return gntsim_domain_id(a->dom) ? -EPERM : -ENODATA;
	default:
		return -EPERM;
	}
}
