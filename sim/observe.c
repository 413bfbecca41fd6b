/* SPDX-License-Identifier: MIT */
/* What an observer is told. */
#include "model.h"

void gntsim_machine_observe(struct gntsim_machine *m, gntsim_observer *observer, void *ctx)
{
	m->observer = observer;
	m->observer_ctx = ctx;
}

const char *gntsim_observation_name(enum gntsim_observation_kind kind)
{
	static const char *const names[GNTSIM_SAW_KINDS] = {
	    [GNTSIM_SAW_GRANT] = "grant",
	    [GNTSIM_SAW_DEFERRED] = "deferred",
	    [GNTSIM_SAW_HANDLE_TAKEN] = "map",
	    [GNTSIM_SAW_HANDLE_FREED] = "unmap",
	    [GNTSIM_SAW_MAP_REFUSED] = "refused",
	    [GNTSIM_SAW_PORT] = "port",
	    [GNTSIM_SAW_PENDING] = "pending",
	    [GNTSIM_SAW_EVENT] = "event",
	    [GNTSIM_SAW_NOTIFY_SET] = "notification",
	    [GNTSIM_SAW_NOTIFY_BYTE] = "notification_byte",
	    [GNTSIM_SAW_NOTIFY_EVENT] = "notification_event",
	    [GNTSIM_SAW_REVOKED] = "revoked",
	    [GNTSIM_SAW_MAP_FREED] = "map_freed",
	    [GNTSIM_SAW_RELEASE] = "release",
	    [GNTSIM_SAW_MM_END] = "memory_end",
	    [GNTSIM_SAW_DOMAIN] = "domain",
	    [GNTSIM_SAW_DESTROY] = "destroy",
	    [GNTSIM_SAW_BURIED] = "buried",
	};

	return (unsigned int)kind < GNTSIM_SAW_KINDS ? names[kind] : NULL;
}

static uint32_t pins_of(const struct slot *slot)
{
	uint32_t pins = 0, counters;

	for (counters = slot->pin; counters; counters >>= 8)
		pins += counters & 255u;
	return pins;
}

void gs_saw_grant(const struct gntsim_domain *dom, const struct slot *slot)
{
	if (!dom->m->observer)
		return;
	GS_SAW(dom->m, .kind = GNTSIM_SAW_GRANT, .domid = dom->id, .ref = gs_slot_ref(dom, slot),
	       .entry = slot->shared, .pins = pins_of(slot), .peer = slot->pinned_domid);
}

void gs_saw_port(struct gntsim_domain *dom, const struct port *p)
{
	struct gntsim_port_status status;

	if (!dom->m->observer)
		return;
	(void)gntsim_port_status(dom, p->number, &status);
	GS_SAW(dom->m, .kind = GNTSIM_SAW_PORT, .domid = dom->id, .port = p->number,
	       .port_status = status);
}
