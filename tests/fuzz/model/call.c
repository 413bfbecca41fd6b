/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>

#include "call.h"

#define SETUP_ARM      1u
#define SETUP_SILO     2u
#define SETUP_DESTROYS 32u
#define SETUP_TWO      64u

/* In the order in which they came to be, so that old inputs mean what they did. */
static const enum gntsim_kernel kernels[] = {
    GNTSIM_KERNEL_DEFAULT, GNTSIM_KERNEL_5_10, GNTSIM_KERNEL_6_1,      GNTSIM_KERNEL_6_12,
    GNTSIM_KERNEL_6_18,    GNTSIM_KERNEL_7_3,  GNTSIM_KERNEL_5_10_260,
};

static void read_setup(const uint8_t *s, struct setup *out)
{
	bool arm = s[1] & SETUP_ARM;

	*out = (struct setup){
	    .config.kernel = kernels[s[0] % (sizeof(kernels) / sizeof(*kernels))],
	    .config.gntalloc_limit = s[3] & 31,
	    .config.max_ports = s[4] & 31 ? 1u + (s[4] & 31) : 0,
	    .config.max_maptrack_frames = s[5] & 128 ? 1 : 0,
	    .config.max_grant_frames = s[5] & 128 ? 1 : 0,
	    .config.free_per_iteration = s[6] & 3,
	    .config.gntdev_limit = s[6] >> 4,
	    .xen = (enum gntsim_xen)(s[2] % (GNTSIM_XEN_4_21 + 1)),
	    .xsm = s[1] & SETUP_SILO ? GNTSIM_XSM_SILO : GNTSIM_XSM_DUMMY,
	    .arch = arm ? GNTSIM_ARCH_ARM64 : GNTSIM_ARCH_AMD64,
	    .dmabufs = (enum gntsim_dmabufs)((s[4] >> 5 & 3) % (GNTSIM_DMABUFS_ALL + 1)),
	    .n_frames = s[5] & 15 ? s[5] & 15 : N_FRAMES,
	    .fail_at = s[7],
	    .destroys = s[1] & SETUP_DESTROYS,
	    .n_domains = s[1] & SETUP_TWO ? 2 : N_DOMAINS,
	};
	for (unsigned int i = 0; i < N_DOMAINS; i++) {
		/* A bit turns what the domain is by itself. */
		bool pv = (i == 0) != !!(s[1] >> 2 & 1u << i);

		out->guest[i] = pv && !arm ? GNTSIM_GUEST_PV : GNTSIM_GUEST_PVH;
	}
}

void sequence_read(const uint8_t *data, size_t size, struct sequence *out)
{
	uint8_t s[CALL_BYTES] = {0};

	memcpy(s, data, size < sizeof(s) ? size : sizeof(s));
	read_setup(s, &out->setup);
	data += sizeof(s);
	size = size < sizeof(s) ? 0 : size - sizeof(s);
	for (out->n = 0; size >= CALL_BYTES && out->n < CALL_MOST; size -= CALL_BYTES) {
		out->calls[out->n++] = (struct call){
		    .op = (enum call_op)(data[0] % N_CALL_OPS),
		    .self = data[1],
		    .a = data[2],
		    .b = data[3],
		    .c = data[4],
		    .d = data[5],
		    .e = (uint16_t)(data[6] | data[7] << 8),
		};
		data += CALL_BYTES;
	}
}

void call_write(const struct call *c, uint8_t bytes[CALL_BYTES])
{
	bytes[0] = (uint8_t)c->op;
	bytes[1] = c->self;
	bytes[2] = c->a;
	bytes[3] = c->b;
	bytes[4] = c->c;
	bytes[5] = c->d;
	bytes[6] = (uint8_t)(c->e & 255);
	bytes[7] = (uint8_t)(c->e >> 8);
}

const char *call_name(enum call_op op)
{
	static const char *const names[N_CALL_OPS] = {
	    [CALL_NOTHING] = "nothing",
	    [CALL_OPEN] = "open",
	    [CALL_CLOSE] = "close",
	    [CALL_MM_CREATE] = "mm_create",
	    [CALL_MM_FORK] = "mm_fork",
	    [CALL_MM_END] = "mm_end",
	    [CALL_ALLOC] = "ALLOC_GREF",
	    [CALL_DEALLOC] = "DEALLOC_GREF",
	    [CALL_SET_NOTIFY] = "SET_UNMAP_NOTIFY",
	    [CALL_MAP] = "MAP_GRANT_REF",
	    [CALL_UNMAP] = "UNMAP_GRANT_REF",
	    [CALL_GET_OFFSET] = "GET_OFFSET_FOR_VADDR",
	    [CALL_BIND_UNBOUND] = "BIND_UNBOUND_PORT",
	    [CALL_BIND_INTERDOMAIN] = "BIND_INTERDOMAIN",
	    [CALL_BIND_VIRQ] = "BIND_VIRQ",
	    [CALL_BIND_STATIC] = "BIND_STATIC",
	    [CALL_UNBIND] = "UNBIND",
	    [CALL_NOTIFY] = "NOTIFY",
	    [CALL_RESET] = "RESET",
	    [CALL_RESTRICT] = "RESTRICT_DOMID",
	    [CALL_READ] = "read",
	    [CALL_WRITE] = "write",
	    [CALL_POLL] = "poll",
	    [CALL_MMAP] = "mmap",
	    [CALL_MUNMAP] = "munmap",
	    [CALL_MPROTECT] = "mprotect",
	    [CALL_MREMAP] = "mremap",
	    [CALL_MADVISE] = "madvise",
	    [CALL_STORE] = "store",
	    [CALL_LOAD] = "load",
	    [CALL_COPY] = "GRANT_COPY",
	    [CALL_ADVANCE] = "advance",
	    [CALL_DMABUF_EXPORT] = "DMABUF_EXP_FROM_REFS",
	    [CALL_DMABUF_WAIT] = "DMABUF_EXP_WAIT_RELEASED",
	    [CALL_DMABUF_IMPORT] = "DMABUF_IMP_TO_REFS",
	    [CALL_DMABUF_RELEASE] = "DMABUF_IMP_RELEASE",
	    [CALL_DMABUF_ALLOC] = "dmabuf_alloc",
	    [CALL_DMABUF_WAIT_BEGIN] = "dmabuf_wait",
	    [CALL_DMABUF_WAIT_END] = "wait_end",
	    [CALL_DOMAIN_CREATE] = "domain_create",
	    [CALL_DOMAIN_DESTROY] = "domain_destroy",
	    [CALL_RAISE_VIRQ] = "raise_virq",
	    [CALL_LIMIT] = "limit",
	    [CALL_INTERRUPT] = "interrupt_mmap",
	    [CALL_REFUSE] = "refuse_maps",
	    [CALL_FAIL] = "fail_allocation",
	    [CALL_IOCTL] = "ioctl",
	    [CALL_FRAME_ALLOC] = "frame_alloc",
	    [CALL_FRAME_FREE] = "frame_free",
	    [CALL_FRAME_HOLD] = "frame_hold",
	    [CALL_FRAME_UNHOLD] = "frame_unhold",
	    [CALL_GRANT_ACCESS] = "grant_access",
	    [CALL_GRANT_END] = "grant_try_end",
	    [CALL_ENTRY_SET] = "entry_set",
	    [CALL_GNTTAB_MAP] = "gnttab_map",
	    [CALL_GNTTAB_UNMAP] = "gnttab_unmap",
	    [CALL_GNTTAB_COPY] = "gnttab_copy",
	    [CALL_GNTTAB_SIZE] = "gnttab_query_size",
	    [CALL_PORT_UNBOUND] = "port_alloc_unbound",
	    [CALL_PORT_BIND] = "port_bind_interdomain",
	    [CALL_PORT_VIRQ] = "port_bind_virq",
	    [CALL_PORT_USE] = "port_use",
	    [CALL_QUERY] = "query",
	};

	return names[op] ? names[op] : "nothing";
}

uint32_t call_domid(uint8_t a)
{
	static const uint32_t odd[] = {GNTSIM_DOMID_SELF, 7, 0x10001, GNTSIM_DOMID_INVALID, 0xffff};

	a &= 31;
	return a < 27 ? a % N_DOMAINS : odd[a - 27];
}

gntsim_port call_port(uint8_t b)
{
	static const gntsim_port odd[] = {1023, 1024, 4096, 131071, 131072, UINT32_MAX};

	return b < 250 ? b & 31 : odd[b - 250];
}

gntsim_gref call_ref(uint8_t b)
{
	static const gntsim_gref odd[] = {0, 7, 511, 512, 32767, 32768, UINT32_MAX};

	return b < 249 ? 8u + (b & 31) : odd[b - 249];
}

uint64_t call_addr(uint8_t d)
{
	return MAP_BASE + (d & 31) * PAGE + (d >= 248 ? 1 : 0);
}

uint32_t call_count(uint8_t c)
{
	static const uint32_t odd[] = {100, 1024, 1025, 65536, 65537, UINT32_MAX};

	return c < 250 ? c & 7 : odd[c - 250];
}

int call_prot(uint8_t b)
{
	return b >> 2 & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

uint64_t call_pages(uint8_t b)
{
	return b == 255 ? 0 : 1u + (b & 3);
}

int call_map_flags(uint8_t b)
{
	static const int flags[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 0};

	return flags[b >> 5 & 3];
}

int call_remap_flags(uint8_t a)
{
	static const int flags[] = {MREMAP_MAYMOVE,
				    MREMAP_MAYMOVE | MREMAP_FIXED,
				    0,
				    MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
				    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
				    MREMAP_FIXED};

	return flags[a % 6];
}

int call_advice(uint8_t c)
{
	static const int advices[] = {MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_NORMAL};

	return advices[c & 3];
}

uint32_t call_dmabuf(uint8_t b)
{
	return b & 15;
}

uint32_t call_dmabuf_flags(uint8_t d)
{
	return (d >> 2 & 3u) | (uint32_t)(d >> 7) << 2;
}

/* Some are beyond the first page. */
uint32_t call_data_ofs(uint16_t e)
{
	return e & (2 * GNTSIM_PAGE_SIZE - 1);
}

bool call_find(uint32_t (*means)(uint8_t), uint32_t wanted, uint8_t *out)
{
	for (unsigned int byte = 0; byte < 256; byte++) {
		if (means((uint8_t)byte) == wanted) {
			*out = (uint8_t)byte;
			return true;
		}
	}
	return false;
}
