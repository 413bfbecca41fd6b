/* SPDX-License-Identifier: MIT */
/* gntalloc and gntdev files whose mmap is the kernel's: of mmap and munmap we hear nothing. So what
 * a program allocates or maps counts as mapped from the ioctl on, in an address space that stands
 * for it in the model: a gntalloc page until the file is closed, a gntdev map until
 * UNMAP_GRANT_REF. What cannot work that way fails in the ioctl, with a line on stderr. */
#define _GNU_SOURCE
#include "fuse-memory.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE GNTSIM_PAGE_SIZE
/* More than any limit of either driver that a machine is given. */
#define MOST_PAGES (1u << 20)

/* A gntdev map. */
struct map {
	struct link link;
	struct window *window;
	uint64_t slot;  /* the index that the program knows */
	uint64_t index; /* the model's */
	uint64_t addr;  /* in the stand-in address space */
	uint64_t clear; /* slot of the byte to clear; 0 none */
	uint32_t count;
};

/* A byte of a gntalloc page to clear. */
struct clear {
	struct link link;
	uint64_t slot;
};

struct pages {
	struct gntsim_mm *mm;
	struct window *window; /* gntalloc */
	struct link maps;      /* gntdev; the newest last */
	struct link clears;    /* gntalloc */
	uint64_t next_addr;
};

static struct pages *pages_of(const struct fuse_file *ff)
{
	return ff->unassisted;
}

static struct map *map_of(struct link *l)
{
	return (struct map *)(void *)((char *)l - offsetof(struct map, link));
}

static struct clear *clear_of(struct link *l)
{
	return (struct clear *)(void *)((char *)l - offsetof(struct clear, link));
}

static long refuse(const struct fuse_file *ff, long err, const char *why)
{
	fprintf(stderr,
		"gntsim: refused, because the program maps without help (--assist=no): %s "
		"(thread %u)\n",
		why, ff->opener);
	return err;
}

int pages_open(struct fuse_file *ff)
{
	struct gntsim_file *file = ff->device->file;
	struct pages *p = calloc(1, sizeof(*p));

	if (!p || gntsim_mm_create(gntsim_file_domain(file), &p->mm) < 0) {
		free(p);
		return -ENOMEM;
	}
	link_init(&p->maps);
	link_init(&p->clears);
	p->next_addr = 1ull << 32;
	if (ff->device->device == WIRE_DEV_GNTALLOC) {
		p->window = window_open(ff->host->memory);
		if (!p->window) {
			gntsim_mm_destroy(p->mm);
			free(p);
			return -ENOMEM;
		}
	}
	ff->unassisted = p;
	return 0;
}

/* Maps in the model what the program may from now on map. */
static int stand_in(struct fuse_file *ff, uint64_t index, uint32_t count, int prot, uint64_t *addr)
{
	struct pages *p = pages_of(ff);
	uint64_t len = (uint64_t)count * PAGE;
	int err = gntsim_mmap(p->mm, ff->device->file, p->next_addr, len, prot, MAP_SHARED, index);

	*addr = p->next_addr;
	if (err == 0)
		p->next_addr += len + PAGE;
	return err;
}

static int prot_of(const struct fuse_file *ff)
{
	return (ff->device->open_flags & O_ACCMODE) == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ;
}

static long add_pages(struct fuse_file *ff, uint16_t domid, uint16_t flags, uint32_t count,
		      uint64_t *index, gntsim_gref *refs)
{
	struct pages *p = pages_of(ff);
	uint64_t model_index = 0, addr;
	long err = gntsim_gntalloc_alloc(ff->device->file, domid, flags, count, &model_index, refs);

	if (err == -ENOSPC)
		return refuse(ff, err,
			      "out of pages: those of DEALLOC_GREF stay until the file is "
			      "closed");
	if (err < 0 || count == 0) {
		*index = window_base(p->window) + model_index;
		return err;
	}
	*index = window_base(p->window) + model_index;
	/* A file that cannot be mapped shared needs no stand-in. */
	if ((ff->device->open_flags & O_ACCMODE) == O_RDWR)
		err = stand_in(ff, model_index, count, prot_of(ff), &addr);
	for (uint32_t i = 0; i < count && err == 0; i++) {
		struct gntsim_grant_entry e;

		gntsim_grant_entry_get(gntsim_file_domain(ff->device->file), refs[i], &e);
		err = window_set(ff->host->memory, p->window, model_index + (uint64_t)i * PAGE,
				 e.frame);
	}
	return err;
}

static long alloc_gref(struct fuse_file *ff, uint64_t arg, const struct gntsim_user_memory *um)
{
	struct ioctl_gntalloc_alloc_gref op;
	gntsim_gref *refs;
	long err;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	/* It makes no page: which error it is depends on the kernel. */
	if (op.count > MOST_PAGES)
		return gntsim_ioctl(ff->device->file, pages_of(ff)->mm, IOCTL_GNTALLOC_ALLOC_GREF,
				    arg, um);
	refs = calloc(op.count ? op.count : 1, sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	err = add_pages(ff, op.domid, op.flags, op.count, (uint64_t *)&op.index, refs);
	if (err == 0 &&
	    (um->write(um->ctx, arg, &op, sizeof(op)) ||
	     um->write(um->ctx, arg + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids), refs,
		       op.count * sizeof(*refs))))
		err = -EFAULT;
	free(refs);
	return err;
}

static long dealloc_gref(const struct fuse_file *ff, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct ioctl_gntalloc_dealloc_gref op;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	return gntsim_gntalloc_dealloc(ff->device->file,
				       op.index - window_base(pages_of(ff)->window), op.count);
}

/* Remembers which byte of a page the model will clear, if any. */
static int note_clear(struct pages *p, uint64_t slot, bool clears)
{
	struct clear *c;

	for (struct link *l = p->clears.next; l != &p->clears; l = l->next) {
		c = clear_of(l);
		if (c->slot / PAGE != slot / PAGE)
			continue;
		link_del(l);
		free(c);
		break;
	}
	if (!clears)
		return 0;
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->slot = slot;
	link_add(&p->clears, &c->link);
	return 0;
}

static long gntalloc_notify(const struct fuse_file *ff, uint64_t arg,
			    const struct gntsim_user_memory *um)
{
	struct ioctl_gntalloc_unmap_notify op;
	struct pages *p = pages_of(ff);
	long err;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	err = gntsim_gntalloc_set_unmap_notify(ff->device->file, op.index - window_base(p->window),
					       op.action, op.event_channel_port);
	return err < 0 ? err : note_clear(p, op.index, op.action & UNMAP_NOTIFY_CLEAR_BYTE);
}

/* The offset at which all pages of a map lie one behind the other; UINT64_MAX if they do not. */
static uint64_t contiguous(const struct fuse_file *ff, uint64_t addr, uint32_t count)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < count; i++) {
		struct gntsim_page page;
		uint64_t slot = UINT64_MAX;

		if (gntsim_mm_page(pages_of(ff)->mm, addr + (uint64_t)i * PAGE, &page) == 0)
			slot = memory_slot(ff->host->memory, page.frame);
		if (i == 0)
			first = slot;
		if (slot == UINT64_MAX || slot - first != (uint64_t)i * PAGE)
			return UINT64_MAX;
	}
	return first;
}

static long new_map(struct fuse_file *ff, const struct gntsim_grant *grants, struct map *m)
{
	struct gntsim_file *file = ff->device->file;
	struct pages *p = pages_of(ff);
	int prot = prot_of(ff);
	long err;

	/* A grant that is read-only maps so; a map that failed once is of no more use. */
	for (;; prot = PROT_READ) {
		err = gntsim_gntdev_map(file, m->count, grants, &m->index);
		if (err < 0)
			return err;
		err = stand_in(ff, m->index, m->count, prot, &m->addr);
		if (err == 0)
			break;
		gntsim_gntdev_unmap(file, m->index, m->count);
		if (prot == PROT_READ)
			return refuse(ff, err, "a grant of MAP_GRANT_REF cannot be mapped");
	}
	m->slot = contiguous(ff, m->addr, m->count);
	m->window = m->slot == UINT64_MAX ? NULL : window_map(ff->host->memory, m->slot);
	if (m->window) {
		link_add(&p->maps, &m->link);
		return 0;
	}
	gntsim_munmap(p->mm, m->addr, (uint64_t)m->count * PAGE);
	gntsim_gntdev_unmap(file, m->index, m->count);
	return refuse(ff, -EINVAL,
		      "the grants of MAP_GRANT_REF are not one run of pages of one "
		      "ALLOC_GREF");
}

static void end_map(struct fuse_file *ff, struct map *m)
{
	if (m->clear)
		memory_cleared(ff->host->memory, m->clear);
	gntsim_munmap(pages_of(ff)->mm, m->addr, (uint64_t)m->count * PAGE);
	gntsim_gntdev_unmap(ff->device->file, m->index, m->count);
	link_del(&m->link);
	window_unmap(ff->host->memory, m->window);
	free(m);
}

static long map_grant_ref(struct fuse_file *ff, uint64_t arg, const struct gntsim_user_memory *um)
{
	struct ioctl_gntdev_map_grant_ref op;
	struct gntsim_grant *grants;
	struct map *m;
	long err;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	if (op.count == 0 || op.count > MOST_PAGES)
		return -EINVAL;
	grants = calloc(op.count, sizeof(*grants));
	m = calloc(1, sizeof(*m));
	if (!grants || !m) {
		err = -ENOMEM;
	} else {
		m->count = op.count;
		err = um->read(um->ctx, arg + offsetof(struct ioctl_gntdev_map_grant_ref, refs),
			       grants, op.count * sizeof(*grants))
			  ? -EFAULT
			  : new_map(ff, grants, m);
	}
	free(grants);
	if (err < 0) {
		free(m);
		return err;
	}
	op.index = m->slot;
	if (um->write(um->ctx, arg, &op, sizeof(op))) {
		end_map(ff, m);
		return -EFAULT;
	}
	return 0;
}

/* The newest map at an offset; count 0: of any length. */
static struct map *find_map(const struct pages *p, uint64_t slot, uint32_t count)
{
	for (struct link *l = p->maps.prev; l != &p->maps; l = l->prev) {
		struct map *m = map_of(l);

		if (m->slot == slot && (count == 0 || m->count == count))
			return m;
	}
	return NULL;
}

static struct map *map_around(const struct pages *p, uint64_t slot)
{
	for (struct link *l = p->maps.prev; l != &p->maps; l = l->prev) {
		struct map *m = map_of(l);

		if (slot >= m->slot && slot - m->slot < (uint64_t)m->count * PAGE)
			return m;
	}
	return NULL;
}

static long unmap_grant_ref(struct fuse_file *ff, uint64_t arg, const struct gntsim_user_memory *um)
{
	struct ioctl_gntdev_unmap_grant_ref op;
	struct map *m;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	m = find_map(pages_of(ff), op.index & ~(uint64_t)(PAGE - 1), op.count);
	if (!m)
		return -ENOENT;
	end_map(ff, m);
	return 0;
}

static long gntdev_notify(const struct fuse_file *ff, uint64_t arg,
			  const struct gntsim_user_memory *um)
{
	struct ioctl_gntdev_unmap_notify op;
	struct map *m;
	long err;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	m = map_around(pages_of(ff), op.index);
	/* An index in no map of the model's: it has its own order of checks. */
	err = gntsim_gntdev_set_unmap_notify(ff->device->file,
					     m ? m->index + (op.index - m->slot) : UINT64_MAX,
					     op.action, op.event_channel_port);
	if (err == 0 && m)
		m->clear = op.action & UNMAP_NOTIFY_CLEAR_BYTE ? op.index : 0;
	return err;
}

/* The caller's first mapping that ends above an address, if it is of our files: its offset. */
static bool offset_of(uint32_t thread, uint64_t vaddr, uint64_t *offset)
{
	uint64_t start, end, at, inode;
	bool found = false;
	char path[32], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", thread);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64, &start,
			   &end, &at, &inode) != 4 ||
		    end <= vaddr)
			continue;
		found = inode == PAGES_INO && at >= 1ull << WINDOW_SHIFT;
		*offset = at + (vaddr > start ? vaddr - start : 0);
		break;
	}
	fclose(f);
	return found;
}

static const struct map *map_of_any(const struct fuse_file *ff, uint64_t slot)
{
	const struct map *m = map_around(pages_of(ff), slot);

	for (struct link *l = ff->host->files.next; !m && l != &ff->host->files; l = l->next) {
		const struct fuse_file *other =
		    (struct fuse_file *)(void *)((char *)l - offsetof(struct fuse_file, of_host));

		if (other->unassisted)
			m = map_around(other->unassisted, slot);
	}
	return m;
}

static long get_offset(const struct fuse_file *ff, uint32_t thread, uint64_t arg,
		       const struct gntsim_user_memory *um)
{
	struct ioctl_gntdev_get_offset_for_vaddr op;
	const struct map *m = NULL;
	uint64_t slot;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	/* The address is the question, not the file. */
	if (offset_of(thread, op.vaddr, &slot))
		m = map_of_any(ff, slot);
	if (!m)
		return -EINVAL;
	op.offset = m->slot;
	op.count = m->count;
	return um->write(um->ctx, arg, &op, sizeof(op)) ? -EFAULT : 0;
}

/* What a segment's reference side is in the page cache. */
static bool copy_side(const struct fuse_file *ff, const struct gntdev_grant_copy_segment *s,
		      bool dest, uint64_t *slot)
{
	struct gntsim_machine *machine = ff->host->broker->machine;
	uint16_t domid = dest ? s->dest.foreign.domid : s->source.foreign.domid;
	uint32_t ref = dest ? s->dest.foreign.ref : s->source.foreign.ref;
	uint32_t offset = dest ? s->dest.foreign.offset : s->source.foreign.offset;
	struct gntsim_domain *dom;
	struct gntsim_grant_entry e;

	if (!(s->flags & (dest ? GNTCOPY_dest_gref : GNTCOPY_source_gref)) ||
	    offset + s->len > PAGE || s->len == 0)
		return false;
	dom = domid == GNTSIM_DOMID_SELF ? gntsim_file_domain(ff->device->file)
					 : gntsim_domain_find(machine, domid);
	if (!dom || gntsim_grant_entry_get(dom, ref, &e) < 0)
		return false;
	*slot = memory_slot(ff->host->memory, e.frame);
	if (*slot == UINT64_MAX)
		return false;
	*slot += offset;
	return true;
}

/* The hypervisor copies frames: what programs wrote goes there first, what it wrote is shown. */
static long grant_copy(const struct fuse_file *ff, uint32_t cmd, uint64_t arg,
		       const struct gntsim_user_memory *um)
{
	struct fuse_memory *memory = ff->host->memory;
	struct gntdev_grant_copy_segment s;
	struct ioctl_gntdev_grant_copy op;
	uint64_t slot, at;
	long err;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	at = (uint64_t)(uintptr_t)op.segments;
	for (uint32_t i = 0; i < op.count; i++) {
		if (um->read(um->ctx, at + i * sizeof(s), &s, sizeof(s)))
			break;
		for (int dest = 0; dest < 2; dest++)
			if (copy_side(ff, &s, dest, &slot))
				memory_collect(memory, slot & ~(uint64_t)(PAGE - 1), PAGE);
	}
	err = gntsim_ioctl(ff->device->file, pages_of(ff)->mm, cmd, arg, um);
	for (uint32_t i = 0; i < op.count; i++) {
		if (um->read(um->ctx, at + i * sizeof(s), &s, sizeof(s)))
			break;
		if (s.status == GNTSIM_GNTST_OKAY && copy_side(ff, &s, true, &slot))
			memory_show(memory, slot, s.len);
	}
	return err;
}

long pages_ioctl(struct fuse_file *ff, uint32_t thread, uint32_t cmd, uint64_t arg,
		 const struct gntsim_user_memory *um)
{
	bool gntalloc = ff->device->device == WIRE_DEV_GNTALLOC;

	if (!gntsim_file_domain(ff->device->file))
		return -ENODEV;
	if (gntalloc && cmd == IOCTL_GNTALLOC_ALLOC_GREF)
		return alloc_gref(ff, arg, um);
	if (gntalloc && cmd == IOCTL_GNTALLOC_DEALLOC_GREF)
		return dealloc_gref(ff, arg, um);
	if (gntalloc && cmd == IOCTL_GNTALLOC_SET_UNMAP_NOTIFY)
		return gntalloc_notify(ff, arg, um);
	if (!gntalloc && cmd == IOCTL_GNTDEV_MAP_GRANT_REF)
		return map_grant_ref(ff, arg, um);
	if (!gntalloc && cmd == IOCTL_GNTDEV_UNMAP_GRANT_REF)
		return unmap_grant_ref(ff, arg, um);
	if (!gntalloc && cmd == IOCTL_GNTDEV_SET_UNMAP_NOTIFY)
		return gntdev_notify(ff, arg, um);
	if (!gntalloc && cmd == IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR)
		return get_offset(ff, thread, arg, um);
	if (!gntalloc && cmd == IOCTL_GNTDEV_GRANT_COPY)
		return grant_copy(ff, cmd, arg, um);
	return gntsim_ioctl(ff->device->file, pages_of(ff)->mm, cmd, arg, um);
}

void pages_end(struct fuse_file *ff)
{
	struct pages *p = pages_of(ff);
	bool alive = gntsim_file_domain(ff->device->file) != NULL;

	ff->unassisted = NULL;
	/* A domain that was destroyed clears nothing. */
	while (p->maps.next != &p->maps) {
		struct map *m = map_of(p->maps.next);

		if (m->clear && alive)
			memory_cleared(ff->host->memory, m->clear);
		link_del(&m->link);
		window_unmap(ff->host->memory, m->window);
		free(m);
	}
	while (p->clears.next != &p->clears) {
		struct clear *c = clear_of(p->clears.next);

		if (alive)
			memory_cleared(ff->host->memory, c->slot);
		link_del(&c->link);
		free(c);
	}
	gntsim_mm_destroy(p->mm);
	if (p->window)
		window_close(ff->host->memory, p->window);
	free(p);
}
