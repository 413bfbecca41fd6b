/* SPDX-License-Identifier: MIT */
#include "model_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <gntsim/pin.h>

#include "model_memory.h"

#define PAGE   ((size_t)GNTSIM_PAGE_SIZE)
#define MAX_IO 16384u /* more than the driver takes */

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

int scn_model_open(struct scn_model_process *p, const struct scn_call *call)
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
int scn_model_pin(struct scn_model_process *p, const struct scn_call *call)
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

int scn_model_close(struct scn_model_process *p, uint64_t fd)
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

int scn_model_dup(struct scn_model_process *p, uint64_t fd)
{
	return scn_model_process_send(p, any_file_of(p, fd) ? (int)fd : -1, p);
}

int scn_model_install(void *ctx, struct gntsim_file *dmabuf)
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

int scn_model_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	const struct scn_model_file *f = any_file_of(ctx, fd);

	if (!f)
		return -EBADF;
	*out = f->file;
	return f->file && gntsim_file_device(f->file) == GNTSIM_DEV_DMABUF ? 0 : -EINVAL;
}

/* Who opens it with 3 can do neither. */
static bool opened_for(const struct scn_model_file *f, int mode)
{
	int given = f->flags & O_ACCMODE;

	return given == mode || given == O_RDWR;
}

static int read_ports(struct scn_model_process *p, struct gntsim_file *file,
		      const struct scn_call *call, struct scn_result *result)
{
	size_t count = call->arg[1] < MAX_IO ? (size_t)call->arg[1] : MAX_IO;
	gntsim_port ports[MAX_IO / sizeof(gntsim_port)];
	int n = gntsim_evtchn_peek(file, count, ports);

	if (n > 0 && call->use_address && scn_model_user_write(p, call->arg[2], ports, (size_t)n))
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

int scn_model_read(struct scn_model_process *p, const struct scn_call *call,
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

int64_t scn_model_write(struct scn_model_process *p, const struct scn_call *call)
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
	else if (scn_model_user_read(p, call->arg[2], ports,
				     (count < PAGE ? count : PAGE) & ~(size_t)3))
		return -EFAULT;
	return gntsim_evtchn_write(f->file, count, ports);
}

int64_t scn_model_poll(const struct scn_model_process *p, const struct scn_call *call)
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
int scn_model_set_flags(const struct scn_model_process *p, const struct scn_call *call)
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

void scn_model_files_exec(struct scn_model_process *p)
{
	for (uint32_t fd = 0; fd < p->n_fds; fd++) {
		if (p->fds[fd].file && p->fds[fd].cloexec)
			scn_model_close(p, fd);
	}
}

void scn_model_files_fork(const struct scn_model_process *parent, struct scn_model_process *child)
{
	child->n_fds = parent->n_fds;
	memcpy(child->fds, parent->fds, parent->n_fds * sizeof(child->fds[0]));
	for (uint32_t fd = 0; fd < child->n_fds; fd++) {
		if (child->fds[fd].file)
			child->fds[fd].file->users++;
	}
}

void scn_model_files_end(struct scn_model_process *p)
{
	/* The kernel puts each release before those that wait already (task_work_add()). */
	for (uint32_t fd = p->n_fds; fd-- > 0;) {
		if (p->fds[fd].file)
			put_file(p->fds[fd].file);
	}
	p->n_fds = 0;
}

struct gntsim_file *scn_model_process_file(const struct scn_model_process *p, uint64_t fd,
					   bool *last)
{
	const struct scn_model_file *f = file_of(p, fd);

	*last = f && f->users == 1;
	return f ? f->file : NULL;
}
