/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <gntsim/machine.h>
#include <string.h>

#include "substrates/model/model_state.h"

static void save_vars(const struct scn_vars *v, struct scn_buf *out)
{
	scn_buf_clear(out);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct scn_var *var = &v->vars[i];

		scn_buf_add(out, &var->n, sizeof(var->n));
		scn_buf_add(out, var->elements, var->n * sizeof(var->elements[0]));
	}
}

/* A name has never less room than it had. */
static void restore_vars(struct scn_vars *v, const struct scn_buf *saved)
{
	const char *from = saved->data;

	for (uint32_t i = 0; i < v->n; i++) {
		struct scn_var *var = &v->vars[i];
		uint32_t n;

		memcpy(&n, from, sizeof(n));
		from += sizeof(n);
		if (n > 0)
			memcpy(var->elements, from, n * sizeof(var->elements[0]));
		from += n * sizeof(var->elements[0]);
		for (; n < var->n; n++)
			var->elements[n].set = false;
	}
}

void state_save(struct scn_player *p, struct saved *out)
{
	scn_model_save(p->self, &out->model);
	save_vars(&p->cx.vars, &out->vars);
	memcpy(out->alive, p->alive, sizeof(out->alive));
	memcpy(out->destroyed, p->destroyed, sizeof(out->destroyed));
	out->after_branch = p->after_branch;
	out->work = p->cx.work;
	out->n_always = p->n_always;
}

void state_restore(struct scn_player *p, const struct saved *saved)
{
	scn_model_restore(p->self, &saved->model);
	restore_vars(&p->cx.vars, &saved->vars);
	memcpy(p->alive, saved->alive, sizeof(p->alive));
	memcpy(p->destroyed, saved->destroyed, sizeof(p->destroyed));
	p->after_branch = saved->after_branch;
	p->cx.work = saved->work;
	p->n_always = saved->n_always;
}

void state_free(struct saved *saved)
{
	scn_buf_free(&saved->model);
	scn_buf_free(&saved->vars);
}

bool state_is_whole(const struct saved *saved)
{
	return !saved->model.failed && !saved->vars.failed;
}

uint64_t digest_add(uint64_t digest, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	/* FNV-1a */
	for (size_t i = 0; i < len; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
	return digest;
}

static void add_number(uint64_t *digest, uint64_t n)
{
	*digest = digest_add(*digest, &n, sizeof(n));
}

static bool add_grant(void *ctx, const struct gntsim_grant_info *g)
{
	add_number(ctx, (uint64_t)g->granter << 32 | g->ref);
	add_number(ctx, (uint64_t)g->grantee << 32 | g->pins);
	add_number(ctx, (uint64_t)g->readonly << 4 | (uint64_t)g->reading << 3 |
			    (uint64_t)g->writing << 2 | (uint64_t)g->deferred << 1 |
			    (g->file != NULL));
	return true;
}

static bool add_port(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	struct gntsim_port_info info = {0};

	gntsim_port_describe(dom, port, &info);
	add_number(ctx, (uint64_t)gntsim_domain_id(dom) << 32 | port);
	add_number(ctx, (uint64_t)info.status.state << 32 | info.status.remote_domid);
	add_number(ctx, (uint64_t)info.status.remote_port << 8 |
			    (uint64_t)info.status.pending << 3 | (uint64_t)info.status.masked << 2 |
			    (uint64_t)info.enabled << 1 | (info.file != NULL));
	return true;
}

static bool add_static_port(void *ctx, const struct gntsim_file *file, gntsim_port port)
{
	const struct gntsim_domain *dom = gntsim_file_domain(file);

	add_number(ctx, (uint64_t)gntsim_domain_id(dom) << 32 | port);
	return true;
}

static bool add_notify(void *ctx, const struct gntsim_notify_info *n)
{
	add_number(ctx, (uint64_t)n->domid << 32 | n->action);
	add_number(ctx, (uint64_t)n->offset << 32 | n->port);
	return true;
}

static void add_memory(uint64_t *digest, const struct gntsim_machine *m, const struct gntsim_mm *mm)
{
	struct gntsim_vma vma;
	struct gntsim_page page;

	for (uint64_t at = 0; gntsim_mm_find_vma(mm, at, &vma); at = vma.end) {
		add_number(digest, vma.start);
		add_number(digest, vma.end);
		for (uint64_t addr = vma.start; addr < vma.end; addr += GNTSIM_PAGE_SIZE) {
			if (gntsim_mm_page(mm, addr, &page) || page.frame == GNTSIM_NO_FRAME)
				add_number(digest, addr);
			else
				*digest = digest_add(*digest, gntsim_frame_ptr(m, page.frame), 64);
		}
	}
}

static void add_process(uint64_t *digest, const struct scn_player *p, uint32_t process)
{
	const struct scn_model_process *of = scn_model_process(p->self, process);

	add_number(digest, of->mm != NULL);
	if (!of->mm)
		return;
	add_memory(digest, scn_model_machine(p->self), of->mm);
	for (uint32_t fd = 0; fd < of->n_fds; fd++) {
		bool last;
		struct gntsim_file *file = scn_model_process_file(of, fd, &last);
		gntsim_port ports[64];
		int n;

		if (!file)
			continue;
		add_number(digest, (uint64_t)fd << 32 | (uint64_t)gntsim_file_device(file));
		if (gntsim_file_device(file) != GNTSIM_DEV_EVTCHN)
			continue;
		n = gntsim_evtchn_peek(file, sizeof(ports), ports);
		add_number(digest, (uint64_t)n);
		if (n > 0)
			*digest = digest_add(*digest, ports, (size_t)n);
	}
}

uint64_t state_digest(struct scn_player *p)
{
	uint64_t digest = UINT64_C(0xcbf29ce484222325);
	struct gntsim_machine *m = scn_model_machine(p->self);
	struct gntsim_totals totals;

	gntsim_machine_totals(m, &totals);
	totals.bytes = 0;
	digest = digest_add(digest, &totals, sizeof(totals));
	for (uint32_t i = 0; i < p->s->n_processes; i++)
		add_process(&digest, p, i);
	for (uint32_t i = 0; i < p->cx.vars.n; i++) {
		const struct scn_var *var = &p->cx.vars.vars[i];

		for (uint32_t k = 0; k < var->n; k++) {
			if (!var->elements[k].set)
				continue;
			add_number(&digest, (uint64_t)i << 32 | k);
			add_number(&digest, var->elements[k].value);
		}
	}
	gntsim_for_each_grant(m, add_grant, &digest);
	gntsim_for_each_port(m, add_port, &digest);
	gntsim_for_each_static_port(m, add_static_port, &digest);
	gntsim_for_each_notify(m, add_notify, &digest);
	return digest;
}
