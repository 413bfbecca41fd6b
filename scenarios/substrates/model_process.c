/* SPDX-License-Identifier: MIT */
#include "model_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <gntsim/pin.h>

#include "lang/bounds.h"
#include "substrates/agent/agent.h"

#define PAGE                 ((uint64_t)GNTSIM_PAGE_SIZE)
#define FIRST_ADDR           UINT64_C(0x7f0000000000)
#define TASK_END             UINT64_C(0x7ffffffff000)
#define SCRATCH_ADDR         UINT64_C(0x10000000)
#define GAP                  (16 * PAGE) /* between mappings, so that none is found by chance */
#define MAX_IO               16384u      /* more than the driver takes */
#define NOREPLACE            0x100000
#define GET_OFFSET_FOR_VADDR (uint32_t) _IOC(_IOC_NONE, 'G', 2, 24)
#define REMAP_MAYMOVE        1u
#define REMAP_FIXED          2u
#define REMAP_KEEP           4u

struct scn_model_file {
	struct gntsim_file *file; /* NULL: of a device's page that the kernel uses */
	struct gntsim_pin *pin;   /* of it; NULL: it is no device's */
	struct scn_allowance *allowance;
	struct scn_model_effects *effects;
	unsigned int users;
	int flags;
	struct scn_model_process *owner; /* F_SETOWN; NULL: nobody */
	bool async;                      /* the driver's fasync() has been asked to send it SIGIO */
};

static void put_file(struct scn_model_file *f)
{
	if (--f->users > 0)
		return;
	/* What it sent before it ends. */
	if (f->file)
		scn_model_take_effects(f->effects);
	if (f->file)
		gntsim_close(f->file);
	if (f->pin)
		gntsim_unpin(f->pin);
	scn_allowance_free(f->allowance, f, sizeof(*f));
}

static struct scn_model_file *any_file_of(const struct scn_model_process *p, uint64_t fd)
{
	uint32_t n = (uint32_t)fd;

	return n < p->n_fds ? p->fds[n].file : NULL;
}

static struct scn_model_file *file_of(const struct scn_model_process *p, uint64_t fd)
{
	struct scn_model_file *f = any_file_of(p, fd);

	return f && f->file ? f : NULL;
}

static int install(struct scn_model_process *p, struct scn_model_file *f, bool cloexec)
{
	uint32_t fd = 3;

	while (fd < p->n_fds && p->fds[fd].file)
		fd++;
	if (fd == SCN_MODEL_FDS)
		return -EMFILE;
	for (; p->n_fds <= fd; p->n_fds++)
		p->fds[p->n_fds] = (struct scn_model_fd){0};
	p->fds[fd] = (struct scn_model_fd){f, cloexec};
	return (int)fd;
}

static int call_open(struct scn_model_process *p, const struct scn_call *call)
{
	static const char *const nodes[] = {
	    [GNTSIM_DEV_GNTALLOC] = "/dev/xen/gntalloc",
	    [GNTSIM_DEV_GNTDEV] = "/dev/xen/gntdev",
	    [GNTSIM_DEV_EVTCHN] = "/dev/xen/evtchn",
	};
	struct scn_model_file *f;
	unsigned int device = 0;
	int err, fd;

	while (device < 3 && strcmp(call->path, nodes[device]) != 0)
		device++;
	if (device == 3)
		return -ENOENT;
	f = scn_allowance_alloc(p->memory.allowance, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct scn_model_file){
	    .allowance = p->memory.allowance,
	    .effects = p->effects,
	    .users = 1,
	    .flags = (int)call->arg[0],
	};
	err = gntsim_open(gntsim_mm_domain(p->mm), (enum gntsim_device)device, f->flags, &f->file);
	if (err) {
		scn_allowance_free(f->allowance, f, sizeof(*f));
		return err;
	}
	gntsim_file_set_data(f->file, f);
	fd = install(p, f, f->flags & O_CLOEXEC);
	if (fd < 0)
		put_file(f);
	return fd;
}

/* vmsplice of a byte into a pipe. */
static int call_pin(struct scn_model_process *p, const struct scn_call *call)
{
	struct scn_model_file *f = scn_allowance_alloc(p->memory.allowance, sizeof(*f));
	size_t run = 0;
	int fd;

	if (!f)
		return -ENOMEM;
	*f = (struct scn_model_file){.allowance = p->memory.allowance, .users = 1};
	if (scn_private_at(&p->memory, call->arg[0], false, &run))
		fd = 0;
	else
		fd = run > 0 ? -EFAULT : gntsim_pin(p->mm, call->arg[0], &f->pin);
	if (fd == 0)
		fd = install(p, f, false);
	if (fd < 0)
		put_file(f);
	return fd;
}

static int call_close(struct scn_model_process *p, uint64_t fd)
{
	struct scn_model_file *f = any_file_of(p, fd);

	if (!f)
		return -EBADF;
	p->fds[fd].file = NULL;
	put_file(f);
	return 0;
}

int scn_model_process_send(struct scn_model_process *from, int fd, struct scn_model_process *to)
{
	struct scn_model_file *f = any_file_of(from, (uint64_t)fd);
	int got;

	if (!f)
		return -EBADF;
	got = install(to, f, false);
	if (got >= 0)
		f->users++;
	return got;
}

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

static int user_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	return access_memory(ctx, addr, dst, len, false) ? -EFAULT : 0;
}

static int user_write(void *ctx, uint64_t addr, const void *src, size_t len)
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

static int user_probe_write(void *ctx, uint64_t addr, size_t len)
{
	size_t run;

	for (size_t at = 0; at < len; at += run) {
		if (!may_write(ctx, addr + at, &run))
			return -EFAULT;
	}
	return 0;
}

static void set_scratch(struct scn_model_process *p, const struct scn_call *call, uint8_t *data)
{
	bool is_short = call->place == SCN_PLACE_SHORT && call->reach < call->image_len;

	p->scratch =
	    (struct scn_scratch){SCRATCH_ADDR, data, is_short ? call->reach : call->image_len,
				 call->place != SCN_PLACE_READONLY};
	for (uint32_t i = 0; i < call->n_relocs; i++) {
		uint64_t target = SCRATCH_ADDR + call->relocs[i].target;

		memcpy(data + call->relocs[i].at, &target, sizeof(target));
	}
}

/* What find_vma() finds there: the model knows the devices' mappings alone. */
static bool finds_other_memory(const struct scn_model_process *p, uint64_t addr)
{
	uint64_t other = addr < SCN_PROGRAM_END ? 0 : scn_private_next(&p->memory, addr);
	struct gntsim_vma device;

	return !gntsim_mm_find_vma(p->mm, addr, &device) ||
	       (device.start > addr && other < device.start);
}

static int user_install(void *ctx, struct gntsim_file *dmabuf)
{
	struct scn_model_process *p = ctx;
	struct scn_model_file *f = scn_allowance_alloc(p->memory.allowance, sizeof(*f));
	int fd;

	if (!f)
		return -EMFILE;
	*f = (struct scn_model_file){
	    .file = dmabuf,
	    .allowance = p->memory.allowance,
	    .effects = p->effects,
	    .users = 1,
	    .flags = O_RDWR,
	};
	fd = install(p, f, true);
	if (fd < 0)
		scn_allowance_free(f->allowance, f, sizeof(*f));
	return fd;
}

static int user_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	const struct scn_model_file *f = any_file_of(ctx, fd);

	if (!f)
		return -EBADF;
	*out = f->file;
	return f->file && gntsim_file_device(f->file) == GNTSIM_DEV_DMABUF ? 0 : -EINVAL;
}

static long driver_ioctl(struct scn_model_process *p, struct gntsim_file *file, uint32_t cmd,
			 uint64_t arg)
{
	const struct gntsim_user_memory um = {.read = user_read,
					      .write = user_write,
					      .probe_write = user_probe_write,
					      .ctx = p,
					      .install = user_install,
					      .dmabuf = user_dmabuf};
	uint64_t vaddr; /* first in the structure */
	bool is_other = cmd == GET_OFFSET_FOR_VADDR && !user_read(p, arg, &vaddr, sizeof(vaddr)) &&
			finds_other_memory(p, vaddr);

	return gntsim_ioctl(file, is_other ? NULL : p->mm, cmd, arg, &um);
}

static int call_ioctl(struct scn_model_process *p, const struct scn_call *call,
		      struct scn_result *result)
{
	struct scn_model_file *f = file_of(p, call->arg[0]);
	uint64_t arg = call->arg[2];

	if (!f) {
		result->value = -EBADF;
		return 0;
	}
	if (call->image) {
		result->data = malloc(call->image_len + 1u);
		if (!result->data)
			return -ENOMEM;
		memcpy(result->data, call->image, call->image_len);
		result->data_len = call->image_len;
		set_scratch(p, call, result->data);
		arg = SCRATCH_ADDR;
	}
	result->value = driver_ioctl(p, f->file, (uint32_t)call->arg[1], arg);
	p->scratch = (struct scn_scratch){0};
	return 0;
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

	if (call->arg[5] & (PAGE - 1))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS) && !file_of(p, call->arg[4]))
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

static int64_t call_mmap(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t len = (call->arg[1] + PAGE - 1) & ~(PAGE - 1);
	uint64_t flags = call->arg[3];
	uint64_t addr = call->arg[0];
	struct scn_model_file *f = file_of(p, call->arg[4]);
	int err = check_mmap(p, call);

	if (err)
		return err;
	if (!(flags & (MAP_FIXED | NOREPLACE)))
		addr = choose_address(p, addr, len);
	else if ((flags & NOREPLACE) && !is_free(p, addr, addr + len))
		return -EEXIST;
	if ((flags & MAP_ANONYMOUS) || !f)
		return map_anonymous(p, addr, len, call);
	err = gntsim_mmap(p->mm, f->file, addr, len, (int)call->arg[2], (int)flags, call->arg[5]);
	if (err)
		return err;
	err = scn_private_unmap(&p->memory, addr, addr + len);
	return err ? err : (int64_t)addr;
}

static int call_munmap(struct scn_model_process *p, const struct scn_call *call)
{
	uint64_t len = (call->arg[1] + PAGE - 1) & ~(PAGE - 1);
	uint64_t addr = call->arg[0];
	int err;

	if ((addr & (PAGE - 1)) || call->arg[1] == 0 || addr > TASK_END || len > TASK_END - addr)
		return -EINVAL;
	err = gntsim_munmap(p->mm, addr, len);
	return err ? err : scn_private_unmap(&p->memory, addr, addr + len);
}

static int call_mprotect(struct scn_model_process *p, const struct scn_call *call)
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

static int call_madvise(struct scn_model_process *p, const struct scn_call *call)
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
static int call_futex(struct scn_model_process *p, const struct scn_call *call)
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

static int64_t call_mremap(struct scn_model_process *p, const struct scn_call *call)
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

static int call_access(struct scn_model_process *p, const struct scn_call *call,
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

static int read_ports(struct scn_model_process *p, struct gntsim_file *file,
		      const struct scn_call *call, struct scn_result *result)
{
	size_t count = call->arg[1] < MAX_IO ? (size_t)call->arg[1] : MAX_IO;
	gntsim_port ports[MAX_IO / sizeof(gntsim_port)];
	int n = gntsim_evtchn_peek(file, count, ports);

	if (n > 0 && call->use_address && user_write(p, call->arg[2], ports, (size_t)n))
		n = -EFAULT;
	if (n >= 0)
		n = gntsim_evtchn_read(file, count, ports);
	if (n > 0) {
		result->data = malloc((size_t)n);
		if (!result->data)
			return -ENOMEM;
		memcpy(result->data, ports, (size_t)n);
		result->data_len = (uint32_t)n;
	}
	result->value = n;
	return 0;
}

/* Who opens it with 3 can do neither. */
static bool opened_for(const struct scn_model_file *f, int mode)
{
	int given = f->flags & O_ACCMODE;

	return given == mode || given == O_RDWR;
}

static int call_read(struct scn_model_process *p, const struct scn_call *call,
		     struct scn_result *result)
{
	struct scn_model_file *f = file_of(p, call->arg[0]);
	int err;

	result->value = f ? -EINVAL : -EBADF;
	if (!f)
		return 0;
	if (!opened_for(f, O_RDONLY))
		result->value = -EBADF;
	if (gntsim_file_device(f->file) != GNTSIM_DEV_EVTCHN)
		return 0;
	err = read_ports(p, f->file, call, result);
	if (result->value == -EAGAIN && !(f->flags & O_NONBLOCK)) {
		result->kind = SCN_BLOCKED;
		result->value = 0;
	}
	return err;
}

static int64_t call_write(struct scn_model_process *p, const struct scn_call *call)
{
	size_t count = call->arg[1] < MAX_IO ? (size_t)call->arg[1] : MAX_IO;
	struct scn_model_file *f = file_of(p, call->arg[0]);
	gntsim_port ports[MAX_IO / sizeof(gntsim_port)] = {0};

	if (!f || !opened_for(f, O_WRONLY))
		return -EBADF;
	if (gntsim_file_device(f->file) != GNTSIM_DEV_EVTCHN)
		return -EINVAL;
	if (call->image)
		memcpy(ports, call->image, call->image_len < count ? call->image_len : count);
	else if (user_read(p, call->arg[2], ports, (count < PAGE ? count : PAGE) & ~(size_t)3))
		return -EFAULT;
	return gntsim_evtchn_write(f->file, count, ports);
}

static int64_t call_poll(const struct scn_model_process *p, const struct scn_call *call)
{
	struct scn_model_file *f = file_of(p, call->arg[0]);

	if (!f)
		return POLLNVAL;
	if (gntsim_file_device(f->file) != GNTSIM_DEV_EVTCHN)
		return POLLIN | POLLOUT;
	return gntsim_evtchn_poll(f->file) & (POLLIN | POLLOUT | POLLERR | POLLHUP);
}

void scn_model_take_effects(struct scn_model_effects *e)
{
	struct gntsim_effect effect;

	while (gntsim_next_effect(e->machine, &effect)) {
		const struct scn_model_file *f =
		    effect.kind == GNTSIM_EFFECT_EVENT ? gntsim_file_data(effect.file) : NULL;

		if (effect.kind == GNTSIM_EFFECT_HAZARD)
			e->hazard = effect.hazard;
		if (f && effect.sigio && f->async && f->owner && f->owner->mm)
			f->owner->sigio = true;
	}
}

int scn_model_process_own(struct scn_model_process *p, uint64_t fd, struct scn_model_process *owner)
{
	struct scn_model_file *f = any_file_of(p, fd);

	if (!f)
		return -EBADF;
	f->owner = owner;
	return 0;
}

/* Only a change of O_ASYNC is told the driver: who opens a file with it gets nothing, then or later. */
static int call_set_flags(const struct scn_model_process *p, const struct scn_call *call)
{
	const int settable = O_NONBLOCK | O_ASYNC;
	struct scn_model_file *f = any_file_of(p, call->arg[0]);
	int flags = (int)call->arg[2];

	if (!f)
		return -EBADF;
	if ((flags ^ f->flags) & O_ASYNC)
		f->async = flags & O_ASYNC;
	f->flags = (f->flags & ~settable) | (flags & settable);
	return 0;
}

static int call_exec(struct scn_model_process *p)
{
	struct gntsim_mm *mm;
	int err = gntsim_mm_create(gntsim_mm_domain(p->mm), &mm);

	if (err)
		return err;
	gntsim_mm_destroy(p->mm);
	scn_private_free(&p->memory);
	p->mm = mm;
	for (uint32_t fd = 0; fd < p->n_fds; fd++) {
		if (p->fds[fd].file && p->fds[fd].cloexec)
			call_close(p, fd);
	}
	return 0;
}

int scn_model_process_call(struct scn_model_process *p, const struct scn_call *call,
			   struct scn_result *result)
{
	struct scn_model_file *f;

	switch (call->kind) {
	case SCN_OPEN:
		result->value = call_open(p, call);
		return 0;
	case SCN_CLOSE:
		result->value = call_close(p, call->arg[0]);
		return 0;
	case SCN_DUP:
		f = any_file_of(p, call->arg[0]);
		result->value = scn_model_process_send(p, f ? (int)call->arg[0] : -1, p);
		return 0;
	case SCN_IOCTL:
		return call_ioctl(p, call, result);
	case SCN_MMAP:
		result->value = call_mmap(p, call);
		return 0;
	case SCN_MUNMAP:
		result->value = call_munmap(p, call);
		return 0;
	case SCN_MPROTECT:
		result->value = call_mprotect(p, call);
		return 0;
	case SCN_MADVISE:
		result->value = call_madvise(p, call);
		return 0;
	case SCN_PIN:
		result->value = call_pin(p, call);
		return 0;
	case SCN_FUTEX:
		result->value = call_futex(p, call);
		return 0;
	case SCN_MREMAP:
		result->value = call_mremap(p, call);
		return 0;
	case SCN_LOAD:
	case SCN_STORE:
		return call_access(p, call, result);
	case SCN_READ:
		return call_read(p, call, result);
	case SCN_WRITE:
		result->value = call_write(p, call);
		return 0;
	case SCN_POLL:
		result->value = call_poll(p, call);
		return 0;
	case SCN_FCNTL:
		result->value = call_set_flags(p, call);
		return 0;
	case SCN_SIGIO:
		result->value = p->sigio;
		p->sigio = false;
		return 0;
	case SCN_EXEC:
		result->value = call_exec(p);
		return 0;
	case SCN_FORK:
	case SCN_EXIT:
	case SCN_SEND_FD:
	case SCN_N_CALLS:
		break;
	}
	return -ENOTSUP;
}

int scn_model_process_start(struct scn_model_process *p, struct gntsim_domain *dom,
			    struct scn_allowance *allowance, struct scn_model_effects *effects)
{
	*p = (struct scn_model_process){
	    .memory.allowance = allowance, .next_addr = FIRST_ADDR, .effects = effects};
	return gntsim_mm_create(dom, &p->mm);
}

int scn_model_process_fork(struct scn_model_process *parent, struct scn_model_process *child)
{
	int err;

	*child =
	    (struct scn_model_process){.next_addr = parent->next_addr, .effects = parent->effects};
	err = gntsim_mm_fork(parent->mm, &child->mm);
	if (err)
		return err;
	err = scn_private_fork(&parent->memory, &child->memory);
	if (err) {
		gntsim_mm_destroy(child->mm);
		child->mm = NULL;
		return err;
	}
	child->n_fds = parent->n_fds;
	memcpy(child->fds, parent->fds, parent->n_fds * sizeof(child->fds[0]));
	for (uint32_t fd = 0; fd < child->n_fds; fd++) {
		if (child->fds[fd].file)
			child->fds[fd].file->users++;
	}
	return 0;
}

void scn_model_process_end(struct scn_model_process *p)
{
	if (!p->mm)
		return;
	gntsim_mm_destroy(p->mm);
	scn_private_free(&p->memory);
	/* The kernel puts each release before those that wait already (task_work_add()). */
	for (uint32_t fd = p->n_fds; fd-- > 0;) {
		if (p->fds[fd].file)
			put_file(p->fds[fd].file);
	}
	p->mm = NULL;
	p->n_fds = 0;
}

struct gntsim_file *scn_model_process_file(const struct scn_model_process *p, uint64_t fd,
					   bool *last)
{
	const struct scn_model_file *f = file_of(p, fd);

	*last = f && f->users == 1;
	return f ? f->file : NULL;
}
