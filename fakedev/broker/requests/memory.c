/* SPDX-License-Identifier: MIT */
/* WIRE_MMAP and what changes a mapping later: the reply says what the program is to map where. */
#define _GNU_SOURCE
#include "broker/foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int reply(struct client *c, const struct wire_in *in, int64_t result)
{
	return client_reply(c, in, result, NULL, 0, NULL, 0);
}

/* Runs of a mapping, gathered before they are sent. */
struct runs {
	struct wire_run *run;
	uint32_t n, room;
	bool rw, ro;
};

static int add_page(const struct broker *b, struct runs *r, uint64_t addr, int prot,
		    const struct gntsim_page *page, bool plain)
{
	bool gone = page->frame == GNTSIM_NO_FRAME;
	struct wire_run *last = r->n ? &r->run[r->n - 1] : NULL;
	uint64_t offset = gone ? b->arena.size : (uint64_t)page->frame * GNTSIM_PAGE_SIZE;
	uint32_t flags = (gone ? prot & PROT_WRITE : page->writable) ? WIRE_RUN_RW : 0;
	int want = prot;

	/* Writable as protected but not as granted: the store must fault. And a PV mapping may be
	 * readable though PROT_NONE: Xen wrote its PTE. */
	if (page->discards || page->copies)
		flags = WIRE_RUN_PRIVATE;
	else if (!page->writable && !gone)
		want &= ~PROT_WRITE;
	if (page->readable && !gone)
		want |= PROT_READ;
	if (plain)
		flags = WIRE_RUN_PLAIN;
	else
		*(flags & WIRE_RUN_RW ? &r->rw : &r->ro) = true;
	if (last && last->addr + last->len == addr && last->flags == flags && last->prot == want &&
	    (gone ? last->offset == offset : last->offset + last->len == offset)) {
		last->len += GNTSIM_PAGE_SIZE;
		return 0;
	}
	if (r->n == r->room) {
		uint32_t room = r->room ? r->room * 2 : 8;
		struct wire_run *run = reallocarray(r->run, room, sizeof(*run));

		if (!run)
			return -ENOMEM;
		r->run = run;
		r->room = room;
	}
	r->run[r->n++] = (struct wire_run){
	    .addr = addr, .offset = offset, .len = GNTSIM_PAGE_SIZE, .prot = want, .flags = flags};
	return 0;
}

/* Where pages of mappings of privcmd are gathered. */
struct foreign_runs {
	const struct broker *broker;
	struct runs *runs;
	uint32_t *flags;
};

static int add_foreign(void *ctx, uint64_t addr, gntsim_frame frame, int prot)
{
	const struct foreign_runs *f = ctx;
	const struct gntsim_page page = {.frame = frame, .writable = true};

	*f->flags |= WIRE_M_DONTFORK;
	return add_page(f->broker, f->runs, addr, prot, &page, frame == GNTSIM_NO_FRAME);
}

/* The device memory in [addr, addr + len), as the address space has it now. */
static int collect(const struct client *c, uint64_t addr, uint64_t len, struct runs *r,
		   uint32_t *flags)
{
	uint64_t end = addr + len;
	struct gntsim_vma vma;

	while (addr < end && gntsim_mm_find_vma(c->mm, addr, &vma) && vma.start < end) {
		if (addr < vma.start)
			addr = vma.start;
		if (vma.dontcopy)
			*flags |= WIRE_M_DONTFORK;
		for (; addr < vma.end && addr < end; addr += GNTSIM_PAGE_SIZE) {
			struct gntsim_page page;
			int err = gntsim_mm_page(c->mm, addr, &page);

			if (err == 0)
				err = add_page(c->broker, r, addr, vma.prot, &page, false);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* Replies with the runs of a range, and the descriptors to map them from. */
static int reply_runs(struct client *c, const struct wire_in *in, uint64_t addr, uint64_t len)
{
	struct arena *arena = &c->broker->arena;
	struct runs r = {0};
	struct wire_map_reply *out;
	uint32_t flags = 0;
	int fds[2], n_fds = 0;
	size_t size;
	struct foreign_runs foreign = {c->broker, &r, &flags};
	int err = collect(c, addr, len, &r, &flags);

	if (err == 0)
		err = foreign_each(c, addr, len, add_foreign, &foreign);
	size = sizeof(*out) + r.n * sizeof(*r.run);
	if (err == 0 && r.ro)
		err = arena_open_readonly(arena);
	out = err < 0 ? NULL : malloc(size);
	if (!out) {
		free(r.run);
		gntsim_munmap(c->mm, addr, len);
		foreign_unmap(c, addr, len);
		return reply(c, in, -ENOMEM);
	}
	*out = (struct wire_map_reply){.n_runs = r.n, .flags = flags};
	if (r.n)
		memcpy(out + 1, r.run, r.n * sizeof(*r.run));
	if (r.rw)
		fds[n_fds++] = arena->rw;
	if (r.ro)
		fds[n_fds++] = arena->ro;
	err = client_reply(c, in, 0, out, size, fds, n_fds);
	free(out);
	free(r.run);
	return err;
}

/* Replies to a call that changed a range, or could not. */
static int reply_changed(struct client *c, const struct wire_in *in, int err, uint64_t addr,
			 uint64_t len)
{
	return err < 0 ? reply(c, in, err) : reply_runs(c, in, addr, len);
}

static bool is_mappable(const struct device_file *f)
{
	return f->file || f->device == WIRE_DEV_PRIVCMD;
}

static int map(struct client *c, const struct wire_in *in)
{
	struct wire_map m;
	struct device_file *f;
	int err;

	if (!client_payload(in, &m, sizeof(m)))
		return -EPROTO;
	f = client_file(c, m.file);
	if (!f)
		return reply(c, in, -EBADF);
	/* What xenstored maps are pages of the kernels', which no program has by another way. */
	if (!c->mm || !is_mappable(f) || (c->broker->config.unassisted && !c->is_xenstored))
		return reply(c, in, -ENODEV);
	foreign_unmap(c, m.addr, m.len);
	if (!f->file) {
		gntsim_munmap(c->mm, m.addr, m.len);
		err = foreign_map(c, &m);
		return reply_changed(c, in, err, m.addr, m.len);
	}
	err = gntsim_mmap(c->mm, f->file, m.addr, m.len, m.prot, m.flags, m.offset);
	return reply_changed(c, in, err, m.addr, m.len);
}

void request_mmap_interrupted(struct client *c, const struct wire_in *in)
{
	struct gntsim_machine *m = c->broker->machine;
	const struct device_file *f;
	struct wire_map w;

	if (!client_payload(in, &w, sizeof(w)) || !c->mm || c->broker->config.unassisted)
		return;
	f = client_file(c, w.file);
	if (!f || !f->file || f->device != WIRE_DEV_GNTDEV ||
	    gntsim_domain_guest(gntsim_mm_domain(c->mm)) != GNTSIM_GUEST_PV)
		return;
	gntsim_interrupt_mmap(m, 1);
	gntsim_mmap(c->mm, f->file, w.addr, w.len, w.prot, w.flags, w.offset);
	gntsim_interrupt_mmap(m, 0);
}

static int change_range(struct client *c, const struct wire_in *in)
{
	struct wire_range r;
	int err;

	if (!client_payload(in, &r, sizeof(r)))
		return -EPROTO;
	if (!c->mm)
		return reply(c, in, -ENODEV);
	if (in->msg.op == WIRE_PAGES)
		return reply_runs(c, in, r.addr, r.len);
	if (in->msg.op == WIRE_MUNMAP) {
		foreign_unmap(c, r.addr, r.len);
		return reply(c, in, gntsim_munmap(c->mm, r.addr, r.len));
	}
	if (in->msg.op == WIRE_MADVISE)
		err = gntsim_madvise(c->mm, r.addr, r.len, r.prot);
	else
		err = gntsim_mprotect(c->mm, r.addr, r.len, r.prot);
	if (err == 0 && in->msg.op == WIRE_MPROTECT)
		foreign_protect(c, r.addr, r.len, r.prot);
	return reply_changed(c, in, err, r.addr, r.len);
}

static int remap(struct client *c, const struct wire_in *in)
{
	struct wire_remap r;
	bool emptied;
	int err;

	if (!client_payload(in, &r, sizeof(r)))
		return -EPROTO;
	if (!c->mm)
		return reply(c, in, -ENODEV);
	/* They may not be moved here; in Linux they may not grow. */
	if (foreign_any(c, r.old_addr, r.old_len))
		return reply(c, in, -EFAULT);
	emptied =
	    gntsim_mremap_empties(c->mm, r.old_addr, r.old_len, r.new_len, r.flags, r.new_addr);
	err = gntsim_mremap(c->mm, r.old_addr, r.old_len, r.new_len, r.flags, r.new_addr);
	if (err == 0 || emptied)
		foreign_unmap(c, r.new_addr, r.new_len);
	if (err < 0 && emptied) {
		const struct wire_map_reply head = {.flags = WIRE_M_EMPTIED};

		return client_reply(c, in, err, &head, sizeof(head), NULL, 0);
	}
	return reply_changed(c, in, err, r.new_addr, r.new_len);
}

int request_memory(struct client *c, const struct wire_in *in)
{
	switch (in->msg.op) {
	case WIRE_MMAP:
		return map(c, in);
	case WIRE_MREMAP:
		return remap(c, in);
	default:
		return change_range(c, in);
	}
}
