/* SPDX-License-Identifier: MIT */
/* gntdev's dma-bufs as steps: an export gives a descriptor, and the numbers by which a file of gntdev knows its exports
 * and imports are the variables that these had then. */
#include "recorder.h"

#include <errno.h>

#include "uapi.h"

static bool is_import(uint32_t cmd)
{
	return cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS || cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2;
}

bool dmabuf_is_export(uint32_t cmd)
{
	return cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS ||
	       cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2;
}

void dmabuf_put_number(const struct recorder *r, struct scn_buf *b, const struct trace_call *c,
		       uint32_t process, uint32_t file, int64_t number)
{
	const struct dmabuf *d = NULL;
	const struct file *given =
	    c->given ? world_find_file(&r->world, WIRE_DEV_DMABUF, c->given) : NULL;

	if (is_import(c->cmd) && given)
		put_fd(r, b, (uint32_t)(given - r->world.files), process);
	else if (is_import(c->cmd) && c->result == -EBADF)
		scn_buf_str(b, "-1");
	else if (is_import(c->cmd))
		put_fd(r, b, file, process); /* a file that is no dma-buf */
	else
		d = world_find_dmabuf(&r->world, file, (uint32_t)number,
				      c->cmd == IOCTL_GNTDEV_DMABUF_IMP_RELEASE);
	if (d)
		put_var(b, d->var);
	else if (!is_import(c->cmd))
		scn_buf_printf(b, "%lld", (long long)number);
}

static void took_export(struct recorder *r, const struct trace_call *c, uint32_t process,
			uint32_t file, struct step *s)
{
	bool second = c->cmd == IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS_V2;
	uint64_t at = c->addr + (second ? offsetof(struct ioctl_gntdev_dmabuf_exp_from_refs_v2, fd)
					: offsetof(struct ioctl_gntdev_dmabuf_exp_from_refs, fd));
	uint32_t var = script_var(&r->script, "dmabuf", s->process), number;
	struct dmabuf *d;
	struct holder *h;
	struct file *f;

	if (!trace_memory_after(c->memory, at, &number, sizeof(number)))
		return;
	s->outs[s->n_outs++] = (struct step_out){"fd", var, false, 0};
	d = world_dmabuf(&r->world);
	f = d ? world_file(&r->world) : NULL;
	h = f ? world_holder(&r->world) : NULL;
	if (!h)
		return;
	*d = (struct dmabuf){file, number, var, false};
	*f = (struct file){WIRE_DEV_DMABUF, c->given, false, true};
	*h = (struct holder){r->world.n_files - 1, process, var};
}

static void took_import(struct recorder *r, const struct trace_call *c, uint32_t process,
			uint32_t file, struct step *s)
{
	bool second = c->cmd == IOCTL_GNTDEV_DMABUF_IMP_TO_REFS_V2;
	uint64_t at = c->addr + (second ? offsetof(struct ioctl_gntdev_dmabuf_imp_to_refs_v2, refs)
					: offsetof(struct ioctl_gntdev_dmabuf_imp_to_refs, refs));
	const struct file *given = world_find_file(&r->world, WIRE_DEV_DMABUF, c->given);
	const struct holder *h =
	    given ? world_find_holder(&r->world, (uint32_t)(given - r->world.files), process)
		  : NULL;
	struct ioctl_gntdev_dmabuf_imp_to_refs op;
	struct dmabuf *d = world_dmabuf(&r->world);
	struct region *g = world_region(&r->world);
	uint32_t refs, region = r->world.n_regions - 1;

	if (!d || !g || !h ||
	    !trace_memory_before(c->memory, c->addr, &op,
				 offsetof(struct ioctl_gntdev_dmabuf_imp_to_refs, refs)))
		return;
	*d = (struct dmabuf){file, op.fd, h->var, true};
	refs = script_var(&r->script, op.count > 1 ? "dmabuf_refs" : "dmabuf_ref", s->process);
	if (refs != NO_VAR)
		r->script.vars[refs].array = op.count > 1;
	*g = (struct region){.file = file, .index = UINT64_MAX, .var = NO_VAR, .grant = refs};
	s->outs[s->n_outs++] = (struct step_out){"refs", refs, op.count == 1, 0};
	for (uint32_t i = 0; i < op.count; i++) {
		struct grant *grant;
		uint32_t ref;

		if (!trace_memory_after(c->memory, at + i * sizeof(ref), &ref, sizeof(ref)))
			continue;
		grant = world_grant(&r->world);
		if (grant)
			*grant = (struct grant){c->domid, ref, refs, i, region};
	}
}

bool dmabuf_took(struct recorder *r, const struct trace_call *c, uint32_t process, uint32_t file,
		 struct step *s)
{
	struct script_domain *d = script_domain(&r->script, c->domid);

	if (!dmabuf_is_export(c->cmd) && !is_import(c->cmd))
		return false;
	if (d)
		d->maps = true;
	if (dmabuf_is_export(c->cmd))
		took_export(r, c, process, file, s);
	else
		took_import(r, c, process, file, s);
	return true;
}
