/* SPDX-License-Identifier: MIT */
/* GNTTABOP_copy, checks in Xen's order. A granted side is pinned while the bytes move. */
#include <string.h>

#include "model.h"

/*
 * Whether Xen finds the page of an entry when it looks it up. Of a dead domain's pages those that
 * are mapped are left, and a PVH domain's addresses no longer lead there. (Measured.)
 */
static bool found(const struct gntsim_domain *granter, const struct slot *slot)
{
	if (!granter->dying)
		return gs_frame_owned(granter, slot->shared.frame);
	return slot->pin && granter->guest == GNTSIM_GUEST_PV &&
	       slot->pinned_frame == slot->shared.frame;
}

enum gntsim_gntst gs_copy_acquire(struct gntsim_domain *mapper, struct gntsim_domain *granter,
				  gntsim_gref ref, bool readonly, struct copy_grant *out)
{
	struct slot *slot = gs_slot(granter, ref);
	uint32_t pin = readonly ? PIN_HSTR : PIN_HSTW;
	enum gntsim_gntst rc;

	if (!slot)
		return GNTSIM_GNTST_BAD_GNTREF;
	if (slot->pin && (slot->pinned_domid != mapper->id || (slot->pin & pin << 7)))
		return GNTSIM_GNTST_GENERAL_ERROR;
	if (!slot->pin || (!readonly && !(slot->pin & PIN_WRITERS))) {
		rc = gs_set_status(granter, slot, readonly, false, mapper->id);
		if (rc != GNTSIM_GNTST_OKAY)
			return rc;
		if (!found(granter, slot)) {
			gs_reduce_status(granter, slot, readonly);
			return GNTSIM_GNTST_BAD_PAGE;
		}
		if (!slot->pin) {
			slot->pinned_frame = slot->shared.frame;
			slot->pinned_domid = mapper->id;
		}
	} else if (granter->dying) {
		return GNTSIM_GNTST_BAD_DOMAIN;
	}
	gs_slot_pin(granter, slot, pin);
	*out = (struct copy_grant){.dom = granter, .slot = slot, .readonly = readonly};
	return GNTSIM_GNTST_OKAY;
}

void gs_copy_release(struct copy_grant *g)
{
	if (g->slot)
		gs_slot_unpin(g->dom, g->slot, g->readonly ? PIN_HSTR : PIN_HSTW, g->readonly);
	g->slot = NULL;
}

/* A side's domain; also, whether it may be named so. */
static enum gntsim_gntst find_side(struct gntsim_domain *dom, const struct gntsim_copy_ptr *p,
				   bool is_ref, struct gntsim_domain **out)
{
	if (!is_ref && p->domid != GNTSIM_DOMID_SELF)
		return GNTSIM_GNTST_PERMISSION_DENIED;
	*out = gs_domain_any(dom, p->domid);
	return *out ? GNTSIM_GNTST_OKAY : GNTSIM_GNTST_BAD_DOMAIN;
}

static enum gntsim_gntst claim_side(struct gntsim_domain *dom, struct gntsim_domain *side,
				    const struct gntsim_copy_ptr *p, bool is_ref, bool readonly,
				    struct copy_grant *grant, gntsim_frame *frame)
{
	enum gntsim_gntst rc = GNTSIM_GNTST_OKAY;

	if (!is_ref) {
		*frame = p->ref_or_frame;
		return gs_frame_owned(side, *frame) ? rc : GNTSIM_GNTST_BAD_PAGE;
	}
	rc = gs_copy_acquire(dom, side, p->ref_or_frame, readonly, grant);
	if (rc == GNTSIM_GNTST_OKAY)
		*frame = grant->slot->pinned_frame;
	return rc;
}

static enum gntsim_gntst copy(struct gntsim_domain *dom, const struct gntsim_copy *op,
			      struct copy_grant *src_grant, struct copy_grant *dst_grant)
{
	bool from_ref = op->flags & GNTSIM_GNTCOPY_SOURCE_GREF;
	bool to_ref = op->flags & GNTSIM_GNTCOPY_DEST_GREF;
	const struct frames *f = &dom->m->frames;
	struct gntsim_domain *sd, *dd;
	enum gntsim_gntst rc;
	gntsim_frame src = 0, dst = 0;

	if (!op->len && dom->m->xen->copies_nothing)
		return GNTSIM_GNTST_OKAY;
	rc = find_side(dom, &op->source, from_ref, &sd);
	if (rc == GNTSIM_GNTST_OKAY)
		rc = find_side(dom, &op->dest, to_ref, &dd);
	if (rc == GNTSIM_GNTST_OKAY && !gs_may_communicate(dom, sd, dd))
		rc = GNTSIM_GNTST_PERMISSION_DENIED;
	if (rc == GNTSIM_GNTST_OKAY)
		rc = claim_side(dom, sd, &op->source, from_ref, true, src_grant, &src);
	if (rc == GNTSIM_GNTST_OKAY)
		rc = claim_side(dom, dd, &op->dest, to_ref, false, dst_grant, &dst);
	if (rc != GNTSIM_GNTST_OKAY)
		return rc;
	if (op->source.offset + (uint32_t)op->len > GNTSIM_PAGE_SIZE ||
	    op->dest.offset + (uint32_t)op->len > GNTSIM_PAGE_SIZE)
		return GNTSIM_GNTST_BAD_COPY_ARG;
	/* Both may be one page. */
	memmove(frame_bytes(f, dst) + op->dest.offset, frame_bytes(f, src) + op->source.offset,
		op->len);
	return GNTSIM_GNTST_OKAY;
}

void gntsim_gnttab_copy(struct gntsim_domain *dom, struct gntsim_copy *op)
{
	struct copy_grant src = {0}, dst = {0};

	op->status = (int16_t)copy(dom, op, &src, &dst);
	gs_copy_release(&src);
	gs_copy_release(&dst);
}
