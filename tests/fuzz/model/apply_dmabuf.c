/* SPDX-License-Identifier: MIT */
/* gntdev's calls for dma-bufs. All files are one process's: a descriptor's number is its file's place. */
#include <errno.h>
#include <string.h>

#include "uapi.h"
#include "world.h"

#define ARGUMENT  UINT64_C(0x1000)
#define WORDS     6u /* before the references, at most */
#define ARG_BYTES ((WORDS + N_WORDS) * sizeof(uint32_t))

/* What a file has done with exports, as its data: what holds what may go round in a circle then. */
#define HAS_EXPORTED        1u
#define HAS_IMPORTED_EXPORT 2u
#define IS_EXPORT           4u

struct process {
	struct world *w;
	uint32_t words[WORDS + N_WORDS];
	bool bad, readonly;
	uint32_t newest; /* descriptor */
};

static bool in_argument(const struct process *p, uint64_t addr, size_t len)
{
	return !p->bad && addr >= ARGUMENT && len <= ARG_BYTES &&
	       addr - ARGUMENT <= ARG_BYTES - len;
}

static int read_user(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct process *p = ctx;

	if (!in_argument(p, addr, len))
		return -EFAULT;
	memcpy(dst, (char *)p->words + (addr - ARGUMENT), len);
	return 0;
}

static int write_user(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct process *p = ctx;

	if (p->readonly || !in_argument(p, addr, len))
		return -EFAULT;
	memcpy((char *)p->words + (addr - ARGUMENT), src, len);
	return 0;
}

static int probe_write(void *ctx, uint64_t addr, size_t len)
{
	struct process *p = ctx;

	return p->readonly || !in_argument(p, addr, len) ? -EFAULT : 0;
}

static void mark(struct gntsim_file *file, uintptr_t what)
{
	gntsim_file_set_data(file, (void *)((uintptr_t)gntsim_file_data(file) | what));
}

static bool is_marked(const struct gntsim_file *file, uintptr_t what)
{
	return ((uintptr_t)gntsim_file_data(file) & what) == what;
}

static int install(void *ctx, struct gntsim_file *dmabuf)
{
	struct process *p = ctx;

	for (unsigned int i = 0; i < N_FILES; i++) {
		if (p->w->file[i])
			continue;
		p->w->file[i] = dmabuf;
		mark(dmabuf, IS_EXPORT);
		p->newest = i;
		return (int)i;
	}
	return -EMFILE;
}

static int find_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	struct process *p = ctx;
	struct gntsim_file *file = fd < N_FILES ? p->w->file[fd] : NULL;

	if (!file)
		return -EBADF;
	if (gntsim_file_device(file) != GNTSIM_DEV_DMABUF)
		return -EINVAL;
	*out = file;
	return 0;
}

static void ask(struct process *p, struct gntsim_file *file, uint32_t cmd, struct outcome *out)
{
	const struct gntsim_user_memory um = {.read = read_user,
					      .write = write_user,
					      .probe_write = probe_write,
					      .ctx = p,
					      .install = install,
					      .dmabuf = find_dmabuf};

	out->value = gntsim_ioctl(file, NULL, cmd, ARGUMENT, &um);
}

static void note(struct world *w, struct gntsim_file *file, uintptr_t what)
{
	mark(file, what);
	w->keeps_itself |= is_marked(file, HAS_EXPORTED | HAS_IMPORTED_EXPORT);
}

static void export(struct process *p, struct gntsim_file *file, const struct call *c,
		   struct outcome *out)
{
	bool v2 = c->d & DMABUF_V2;
	uint32_t *refs = p->words + (v2 ? 5 : 4), *fd = refs - 2;

	p->words[0] = call_dmabuf_flags(c->d);
	p->words[1] = call_count(c->c);
	if (v2)
		p->words[2] = call_data_ofs(c->e);
	*fd = UINT32_MAX;
	refs[-1] = call_domid(c->a);
	for (unsigned int i = 0; i < N_WORDS; i++)
		refs[i] = call_ref((uint8_t)(c->b + i * (c->d & 3)));
	ask(p, file, v2 ? IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2 : IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS,
	    out);
	if (p->newest != UINT32_MAX) {
		note(p->w, file, HAS_EXPORTED);
		put(out, p->newest);
		put(out, *fd == p->newest);
	} else if (*fd != UINT32_MAX) {
		put(out, *fd);
	}
}

static void import(struct process *p, struct gntsim_file *file, const struct call *c,
		   struct outcome *out)
{
	bool v2 = c->d & DMABUF_V2;
	uint32_t *refs = p->words + (v2 ? 5 : 4), count = call_count(c->c);
	struct gntsim_file *dmabuf;

	p->words[0] = call_dmabuf(c->b);
	p->words[1] = count;
	p->words[2] = call_domid(c->a);
	ask(p, file, v2 ? IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2 : IOCTL_GNTDEV_DMABUF_IMP_TO_REFS,
	    out);
	if (out->value)
		return;
	for (unsigned int i = 0; i < count && i < N_WORDS; i++)
		put(out, refs[i]);
	if (v2)
		put(out, p->words[4]);
	if (!find_dmabuf(p, p->words[0], &dmabuf) && is_marked(dmabuf, IS_EXPORT))
		note(p->w, file, HAS_IMPORTED_EXPORT);
}

static void call_by_number(struct process *p, struct gntsim_file *file, const struct call *c,
			   struct outcome *out)
{
	p->words[0] = call_dmabuf(c->b);
	p->words[1] = c->c;
	ask(p, file,
	    c->op == CALL_DMABUF_WAIT ? IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED
				      : IOCTL_GNTDEV_DMABUF_IMP_RELEASE,
	    out);
}

static void alloc(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_domain *dom = world_domain(w, c->a);
	struct gntsim_file **file = world_file(w, c->self);

	out->skipped = !dom || *file;
	if (!out->skipped)
		out->value = gntsim_dmabuf_alloc(dom, call_count(c->c), file);
}

static void begin_wait(struct world *w, struct gntsim_file *file, const struct call *c,
		       struct outcome *out)
{
	unsigned int at = c->a % N_WAITS;

	out->skipped = w->wait[at] != NULL;
	if (out->skipped)
		return;
	out->value = gntsim_dmabuf_wait(file, call_dmabuf(c->b), &w->wait[at], &w->wait[at]);
	w->told[at] = false;
	if (!out->value && gntsim_wait_data(w->wait[at]) != &w->wait[at])
		__builtin_trap();
}

static void end_wait(struct world *w, const struct call *c, struct outcome *out)
{
	unsigned int at = c->self % N_WAITS;

	out->skipped = !w->wait[at];
	if (out->skipped)
		return;
	gntsim_wait_end(w->wait[at]);
	w->wait[at] = NULL;
}

bool apply_dmabuf(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_file *file = *world_file(w, c->self);
	struct process p = {.w = w,
			    .bad = c->d & DMABUF_BAD,
			    .readonly = c->d & DMABUF_READONLY,
			    .newest = UINT32_MAX};

	if (c->op < CALL_DMABUF_EXPORT || c->op > CALL_DMABUF_WAIT_END)
		return false;
	if (c->op == CALL_DMABUF_ALLOC) {
		alloc(w, c, out);
		return true;
	}
	if (c->op == CALL_DMABUF_WAIT_END) {
		end_wait(w, c, out);
		return true;
	}
	out->skipped = !file;
	if (out->skipped)
		return true;
	switch ((int)c->op) {
	case CALL_DMABUF_EXPORT:
		export(&p, file, c, out);
		break;
	case CALL_DMABUF_IMPORT:
		import(&p, file, c, out);
		break;
	case CALL_DMABUF_WAIT_BEGIN:
		begin_wait(w, file, c, out);
		break;
	default:
		call_by_number(&p, file, c, out);
		break;
	}
	return true;
}
