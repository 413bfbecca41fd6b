/* SPDX-License-Identifier: MIT */
/* What a domain's kernel does in its own right: frames, grants, hypercalls, ports. */
#include "world.h"

static void hold(struct world *w, struct gntsim_domain *dom, const struct call *c,
		 struct outcome *out)
{
	out->skipped = w->n_held == N_RAW;
	if (out->skipped)
		return;
	out->value = gntsim_frame_hold(dom, c->b % N_FRAMES);
	if (!out->value)
		w->held[w->n_held++] = c->b % N_FRAMES;
}

static void unhold(struct world *w, const struct call *c, struct outcome *out)
{
	unsigned int i = w->n_held ? c->b % w->n_held : 0;

	out->skipped = !w->n_held;
	if (out->skipped)
		return;
	gntsim_frame_unhold(w->m, w->held[i]);
	w->held[i] = w->held[--w->n_held];
}

static void set_entry(struct world *w, struct gntsim_domain *dom, const struct call *c,
		      struct outcome *out)
{
	struct gntsim_grant_entry entry = {
	    .flags = c->c, .domid = (uint16_t)call_domid(c->a), .frame = c->d % (N_FRAMES + 1)};

	out->value = gntsim_grant_entry_set(dom, call_ref(c->b), &entry);
	w->raw_entries = true;
}

static void map(struct world *w, struct gntsim_domain *dom, const struct call *c,
		struct outcome *out)
{
	struct gntsim_map_grant_ref op = {.host_addr = c->e * PAGE,
					  .flags = c->c & 31,
					  .ref = call_ref(c->b),
					  .domid = (uint16_t)call_domid(c->a)};
	struct raw_map *raw = w->raw;

	while (raw < w->raw + N_RAW && raw->used)
		raw++;
	out->skipped = raw == w->raw + N_RAW;
	if (out->skipped)
		return;
	gntsim_gnttab_map(dom, &op);
	out->value = op.status;
	if (!op.status)
		*raw = (struct raw_map){true, op.flags & GNTSIM_GNTMAP_HOST_MAP,
					c->self % N_DOMAINS, op.handle, op.host_addr};
}

static void unmap(struct world *w, struct gntsim_domain *dom, const struct call *c,
		  struct outcome *out)
{
	struct raw_map *raw = &w->raw[c->b % N_RAW];
	struct gntsim_unmap_grant_ref op = {.host_addr = raw->addr, .handle = raw->handle};

	/* A driver's own handles are not for its kernel to end. */
	out->skipped = !raw->used || w->domain[raw->domain] != dom;
	if (out->skipped)
		return;
	if (c->e & 256)
		op.host_addr = (c->e & 15) * PAGE;
	gntsim_gnttab_unmap(dom, &op);
	out->value = op.status;
	/* With address 0 it stays, also if it lies there. */
	if (!op.status && (op.host_addr || !raw->host))
		raw->used = false;
}

static void copy(struct gntsim_domain *dom, const struct call *c, struct outcome *out)
{
	struct gntsim_copy op = {
	    .source = {c->d & 1 ? call_ref(c->b) : c->b % N_FRAMES,
		       c->d & 1 || c->d & 4 ? (uint16_t)call_domid(c->a) : GNTSIM_DOMID_SELF,
		       (uint16_t)((c->e & 7) * 800)},
	    .dest = {c->d & 2 ? call_ref(c->c) : c->c % N_FRAMES,
		     c->d & 2 || c->d & 4 ? (uint16_t)call_domid(c->a >> 3) : GNTSIM_DOMID_SELF,
		     (uint16_t)((c->e >> 3 & 7) * 800)},
	    .len = (uint16_t)((c->e >> 6 & 7) * 700),
	    .flags = c->d & 3,
	};

	gntsim_gnttab_copy(dom, &op);
	out->value = op.status;
}

static void use_port(struct gntsim_domain *dom, const struct call *c, struct outcome *out)
{
	gntsim_port port = call_port(c->b);

	switch (c->c % 6) {
	case 0:
		out->value = gntsim_port_send(dom, port);
		break;
	case 1:
		out->value = gntsim_port_close(dom, port);
		break;
	case 2:
		out->value = gntsim_port_set_masked(dom, port, true);
		break;
	case 3:
		out->value = gntsim_port_set_masked(dom, port, false);
		break;
	case 4:
		out->value = gntsim_port_listen(dom, port);
		break;
	default:
		out->value = gntsim_port_clear_pending(dom, port);
		break;
	}
}

static void query(struct gntsim_domain *dom, const struct call *c, struct outcome *out)
{
	struct gntsim_port_status s = {0};
	struct gntsim_grant_entry entry = {0};

	/* A free port and a number without one are alike to who asks. */
	if (!gntsim_port_status(dom, call_port(c->b), &s) && s.state != GNTSIM_PORT_FREE) {
		put(out, s.state);
		put(out, s.state == GNTSIM_PORT_VIRQ ? 0 : s.remote_domid);
		put(out, s.state == GNTSIM_PORT_INTERDOMAIN ? s.remote_port : 0);
		put(out, s.state == GNTSIM_PORT_VIRQ ? s.virq : 0);
	}
	put(out, (uint64_t)gntsim_grant_entry_get(dom, call_ref(c->b), &entry));
	if (entry.flags & GNTSIM_GTF_TYPE_MASK) {
		put(out, entry.flags);
		put(out, entry.domid);
	}
}

bool apply_kernel(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_domain *dom = world_domain(w, c->self);
	uint32_t frames = 0, most = 0;
	gntsim_frame frame;

	if (c->op < CALL_FRAME_ALLOC || c->op > CALL_QUERY)
		return false;
	out->skipped = !dom;
	if (!dom)
		return true;
	switch ((int)c->op) {
	case CALL_FRAME_ALLOC:
		out->value = gntsim_frame_alloc(dom, &frame);
		break;
	case CALL_FRAME_FREE:
		out->value = gntsim_frame_free(dom, c->b % N_FRAMES);
		break;
	case CALL_FRAME_HOLD:
		hold(w, dom, c, out);
		break;
	case CALL_FRAME_UNHOLD:
		unhold(w, c, out);
		break;
	case CALL_GRANT_ACCESS:
		w->raw_entries = true;
		out->value =
		    gntsim_grant_access(dom, (uint16_t)call_domid(c->a), c->b % N_FRAMES, c->c & 1);
		break;
	case CALL_GRANT_END:
		out->value = gntsim_grant_try_end(dom, call_ref(c->b));
		break;
	case CALL_ENTRY_SET:
		set_entry(w, dom, c, out);
		break;
	case CALL_GNTTAB_MAP:
		map(w, dom, c, out);
		break;
	case CALL_GNTTAB_UNMAP:
		unmap(w, dom, c, out);
		break;
	case CALL_GNTTAB_COPY:
		copy(dom, c, out);
		break;
	case CALL_GNTTAB_SIZE:
		out->value =
		    gntsim_gnttab_query_size(dom, (uint16_t)call_domid(c->a), &frames, &most);
		break;
	case CALL_PORT_UNBOUND:
		out->value = gntsim_port_alloc_unbound(dom, (uint16_t)call_domid(c->a));
		break;
	case CALL_PORT_BIND:
		out->value =
		    gntsim_port_bind_interdomain(dom, (uint16_t)call_domid(c->a), call_port(c->b));
		break;
	case CALL_PORT_VIRQ:
		out->value = gntsim_port_bind_virq(dom, c->b & 31);
		break;
	case CALL_PORT_USE:
		use_port(dom, c, out);
		break;
	default:
		query(dom, c, out);
		break;
	}
	return true;
}
