/* SPDX-License-Identifier: MIT */
#include "model_memory.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/bounds.h"
#include "substrates/agent/agent.h"

#define PAGE          ((uint64_t)GNTSIM_PAGE_SIZE)
#define TASK_END      UINT64_C(0x7ffffffff000)
#define GAP           (16 * PAGE) /* between mappings, so that none is found by chance */
#define NOREPLACE     0x100000
#define REMAP_MAYMOVE 1u
#define REMAP_FIXED   2u
#define REMAP_KEEP    4u

/* One piece of memory: where an access at addr goes, and how far in one piece. */
static int access_piece(struct scn_model_process *p, uint64_t addr, uint8_t *data, size_t len,
			bool write, size_t *done)
{
	struct scn_scratch *s = &p->scratch;
	enum gntsim_access got;
	uint8_t *memory = NULL;
	size_t run = 0;

	if (addr >= s->addr && addr - s->addr < s->len) {
		run = s->len - (size_t)(addr - s->addr);
		memory = write && !s->writable ? NULL : s->data + (addr - s->addr);
	} else {
		memory = scn_private_at(&p->memory, addr, write, &run);
	}
	if (run > 0) {
		if (!memory)
			return SIGSEGV;
		*done = run < len ? run : len;
		memcpy(write ? memory : data, write ? data : memory, *done);
		return 0;
	}
	*done = (size_t)(PAGE - (addr & (PAGE - 1)));
	*done = *done < len ? *done : len;
	got = write ? gntsim_mm_store(p->mm, addr, data, *done)
		    : gntsim_mm_load(p->mm, addr, data, *done);
	if (got == GNTSIM_ACCESS_OK)
		return 0;
	return got == GNTSIM_ACCESS_BUS ? SIGBUS : SIGSEGV;
}

/* Returns 0 or the signal of the first fault; what was before it is done. */
static int access_memory(struct scn_model_process *p, uint64_t addr, uint8_t *data, size_t len,
			 bool write)
{
	size_t done;

	for (; len > 0; addr += done, data += done, len -= done) {
		int signal = access_piece(p, addr, data, len, write, &done);

		if (signal)
			return signal;
	}
	return 0;
}

int scn_model_user_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	return access_memory(ctx, addr, dst, len, false) ? -EFAULT : 0;
}

int scn_model_user_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	const uint8_t *from = src;
	struct scn_model_process *p = ctx;
	uint8_t chunk[256];

	for (size_t at = 0; at < len; at += sizeof(chunk)) {
		size_t n = len - at < sizeof(chunk) ? len - at : sizeof(chunk);

		memcpy(chunk, from + at, n);
		if (access_memory(p, addr + at, chunk, n, true))
			return -EFAULT;
	}
	return 0;
}

static bool may_write(const struct scn_model_process *p, uint64_t addr, size_t *run)
{
	struct gntsim_page page;

	if (addr >= p->scratch.addr && addr - p->scratch.addr < p->scratch.len) {
		*run = p->scratch.len - (size_t)(addr - p->scratch.addr);
		return p->scratch.writable;
	}
	if (scn_private_at(&p->memory, addr, true, run))
		return true;
	if (*run > 0)
		return false;
	*run = (size_t)(PAGE - (addr & (PAGE - 1)));
	return gntsim_mm_page(p->mm, addr, &page) == 0 && (page.writable || page.copies) &&
	       page.frame != GNTSIM_NO_FRAME;
}

int scn_model_user_probe_write(void *ctx, uint64_t addr, size_t len)
{
	size_t run;

	for (size_t at = 0; at < len; at += run) {
		if (!may_write(ctx, addr + at, &run))
			return -EFAULT;
	}
	return 0;
}

/* What find_vma() finds there: the model knows the devices' mappings alone. */
bool scn_model_finds_other_memory(const struct scn_model_process *p, uint64_t addr)
{
	uint64_t other = addr < SCN_PROGRAM_END ? 0 : scn_private_next(&p->memory, addr);
	struct gntsim_vma device;

	return !gntsim_mm_find_vma(p->mm, addr, &device) ||
	       (device.start > addr && other < device.start);
}

static bool is_free(const struct scn_model_process *p, uint64_t start, uint64_t end)
{
	struct gntsim_vma vma;

	if (scn_private_overlaps(&p->memory, start, end))
		return false;
	return !gntsim_mm_find_vma(p->mm, start, &vma) || vma.start >= end;
}

static uint64_t choose_address(struct scn_model_process *p, uint64_t hint, uint64_t len)
{
	uint64_t addr;

	if (hint && !(hint & (PAGE - 1)) && hint + len < TASK_END && is_free(p, hint, hint + len))
		return hint;
	do {
		addr = p->next_addr;
		p->next_addr += len + GAP;
	} while (!is_free(p, addr, addr + len));
	return addr;
}

static int64_t map_anonymous(struct scn_model_process *p, uint64_t addr, uint64_t len,
			     const struct scn_call *call)
{
	int err = gntsim_munmap(p->mm, addr, len);

	if (!err)
		err = scn_private_map(&p->memory, addr, addr + len, (int)call->arg[2],
				      !(call->arg[3] & MAP_PRIVATE));
	return err ? err : (int64_t)addr;
}

/* The kernel's own checks of mmap's arguments, in its order; 0 if they pass. */
static int check_mmap(const struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t flags = call->arg[3];
	bool last;

	if (call->arg[5] & (PAGE - 1))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS) && !scn_model_process_file(p, call->arg[4], &last))
		return -EBADF;
	if (call->arg[1] == 0)
		return -EINVAL;
	if (call->arg[1] > TASK_END)
		return -ENOMEM;
	if (!(flags & (MAP_FIXED | NOREPLACE)))
		return 0;
	if (call->arg[0] > TASK_END - call->arg[1])
		return -ENOMEM;
	return call->arg[0] & (PAGE - 1) ? -EINVAL : 0;
}

int64_t scn_model_mmap(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t len = (call->arg[1] + PAGE - 1) & ~(PAGE - 1);
	uint64_t flags = call->arg[3];
	uint64_t addr = call->arg[0];
	bool last;
	struct gntsim_file *file = scn_model_process_file(p, call->arg[4], &last);
	int err = check_mmap(p, call);

	if (err)
		return err;
	if (!(flags & (MAP_FIXED | NOREPLACE)))
		addr = choose_address(p, addr, len);
	else if ((flags & NOREPLACE) && !is_free(p, addr, addr + len))
		return -EEXIST;
	if ((flags & MAP_ANONYMOUS) || !file)
		return map_anonymous(p, addr, len, call);
	err = gntsim_mmap(p->mm, file, addr, len, (int)call->arg[2], (int)flags, call->arg[5]);
	if (err)
		return err;
	err = scn_private_unmap(&p->memory, addr, addr + len);
	return err ? err : (int64_t)addr;
}

int scn_model_munmap(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t len = (call->arg[1] + PAGE - 1) & ~(PAGE - 1);
	uint64_t addr = call->arg[0];
	int err;

	if ((addr & (PAGE - 1)) || call->arg[1] == 0 || addr > TASK_END || len > TASK_END - addr)
		return -EINVAL;
	err = gntsim_munmap(p->mm, addr, len);
	return err ? err : scn_private_unmap(&p->memory, addr, addr + len);
}

int scn_model_mprotect(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t len = (call->arg[1] + PAGE - 1) & ~(PAGE - 1);
	uint64_t addr = call->arg[0];
	uint64_t end = addr;
	struct gntsim_vma vma;
	int err = 0;

	if (addr & (PAGE - 1))
		return -EINVAL;
	if (len == 0)
		return 0;
	/* Up to the first hole it is done, then it is ENOMEM. */
	while (end < addr + len && !is_free(p, end, end + PAGE))
		end += PAGE;
	if (gntsim_mm_find_vma(p->mm, addr, &vma) && vma.start < end)
		err = gntsim_mprotect(p->mm, addr, end - addr, (int)call->arg[2]);
	if (!err && end > addr)
		err = scn_private_protect(&p->memory, addr, end, (int)call->arg[2]);
	return !err && end < addr + len ? -ENOMEM : err;
}

static bool has_hole(const struct scn_model_process *p, uint64_t start, uint64_t end)
{
	while (start < end && !is_free(p, start, start + PAGE))
		start += PAGE;
	return start < end;
}

int scn_model_madvise(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t end = call->arg[0] + ((call->arg[1] + PAGE - 1) & ~(PAGE - 1));
	uint64_t from = call->arg[0];
	struct gntsim_vma vma;
	int err = 0;

	/* Of other memory than the devices' the model knows too little. */
	if (gntsim_mm_find_vma(p->mm, from, &vma) && (vma.start <= from || vma.start < end)) {
		from = vma.start > from ? vma.start : from;
		err = gntsim_madvise(p->mm, from, call->arg[1] - (from - call->arg[0]),
				     (int)call->arg[2]);
	}
	/* What is mapped has been advised then. */
	return !err && has_hole(p, call->arg[0], end) ? -ENOMEM : err;
}

/* A private futex is an address; one that processes share is a page and a place in it. */
int scn_model_futex(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t addr = call->arg[0];
	size_t run = 0;

	if (addr & 3)
		return -EINVAL;
	if (addr > TASK_END - 4)
		return -EFAULT;
	if (call->arg[1] != FUTEX_WAKE || scn_private_at(&p->memory, addr, false, &run))
		return 0;
	return run > 0 ? -EFAULT : gntsim_mm_futex(p->mm, addr);
}

int64_t scn_model_mremap(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t addr = call->arg[0], flags = call->arg[3];
	uint64_t len = (call->arg[2] + PAGE - 1) & ~(PAGE - 1);
	uint64_t to = addr;
	bool emptied;
	int err;

	if (flags & REMAP_FIXED)
		to = call->arg[4];
	else if (flags & REMAP_KEEP)
		to = choose_address(p, 0, len);
	emptied = gntsim_mremap_empties(p->mm, addr, call->arg[1], call->arg[2], (int)flags, to);
	err = gntsim_mremap(p->mm, addr, call->arg[1], call->arg[2], (int)flags, to);
	if ((err ? emptied : to != addr) && scn_private_unmap(&p->memory, to, to + len))
		err = -ENOMEM;
	return err ? err : (int64_t)to;
}

int scn_model_access(struct scn_model_process *p, const struct scn_call *call,
		     struct scn_result *result)
{
	bool store = call->kind == SCN_STORE;
	size_t len = store ? call->image_len : (size_t)call->arg[1];
	int signal;

	if (len > SCN_MAX_BYTES)
		return -ENOTSUP;
	result->data = calloc(1, len + 1);
	if (!result->data)
		return -ENOMEM;
	if (store)
		memcpy(result->data, call->image, len);
	signal = access_memory(p, call->arg[0], result->data, len, store);
	result->kind = signal ? SCN_FAULTED : SCN_RETURNED;
	result->signal = signal;
	result->value = signal || store ? 0 : (int64_t)len;
	result->data_len = (uint32_t)len;
	return 0;
}
