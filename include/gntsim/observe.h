/* SPDX-License-Identifier: MIT */
/**
 * @file observe.h
 * What happens inside the machine, told while it happens: what a trace prints below a call. Effects
 * (effects.h) are what somebody must act on; an observation is only looked at. Without an observer
 * nothing is made ready, and a call costs what it cost.
 *
 *     static void look(void *ctx, const struct gntsim_observation *o)
 *     {
 *             unsigned int *n = ctx;
 *             *n += o->kind == GNTSIM_SAW_GRANT;
 *     }
 *
 *     unsigned int n = 0;
 *     gntsim_machine_observe(m, look, &n);
 */
#ifndef GNTSIM_OBSERVE_H
#define GNTSIM_OBSERVE_H

#include <gntsim/event_channel.h>
#include <gntsim/grant_table.h>
#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What was seen. In brackets: the members of struct gntsim_observation that say more. */
enum gntsim_observation_kind {
	/** A grant entry is made, changed, pinned, unpinned or ended [ref, entry, pins, peer: who
	 * pins it]. It has ended when the type in entry.flags is 0. */
	GNTSIM_SAW_GRANT,
	/** The grant was ended while somebody has it mapped: it waits for the deferred-free timer
	 * [ref, frame]. */
	GNTSIM_SAW_DEFERRED,
	/** A map handle is taken [handle, peer: the granter, ref, flags: GNTMAP_*]. */
	GNTSIM_SAW_HANDLE_TAKEN,
	GNTSIM_SAW_HANDLE_FREED, /**< the same one is free again [handle, peer, ref, flags] */
	/** GNTTABOP_map_grant_ref failed, which the driver turns into EINVAL [peer, ref, status]. */
	GNTSIM_SAW_MAP_REFUSED,
	GNTSIM_SAW_PORT, /**< an event channel changed its state [port, port_status] */
	/** An event reached a port where nobody takes it now: it is masked (not written back since the
	 * last one) or bound on no file [port]. */
	GNTSIM_SAW_PENDING,
	/** An event's port entered the ring of an evtchn file [port, file], or did not fit [overflow]. */
	GNTSIM_SAW_EVENT,
	/** SET_UNMAP_NOTIFY took effect [device, ref or index, offset, action, port; replaced: there was
	 * one before]. action 0: the notification is taken back. */
	GNTSIM_SAW_NOTIFY_SET,
	/** A notification clears its byte [device, ref or index, frame, offset]. */
	GNTSIM_SAW_NOTIFY_BYTE,
	/** A notification sends its event [device, ref or index, port]. */
	GNTSIM_SAW_NOTIFY_EVENT,
	/** Pages of an address space lost their frames [mm, addr, len]. */
	GNTSIM_SAW_REVOKED,
	GNTSIM_SAW_MAP_FREED, /**< a gntdev map's last user is gone [file, index, count] */
	GNTSIM_SAW_RELEASE,   /**< the driver's release() is about to run [file, device] */
	GNTSIM_SAW_MM_END,    /**< an address space is about to end [mm] */
	GNTSIM_SAW_DOMAIN,    /**< a domain was made */
	GNTSIM_SAW_DESTROY,   /**< a domain is about to be destroyed */
	GNTSIM_SAW_BURIED, /**< the last page of a destroyed domain was unmapped: nothing is left */
};
#define GNTSIM_SAW_KINDS (GNTSIM_SAW_BURIED + 1u)

/** One word for a kind, as JSON traces have it ("notification_byte"); NULL for a number that is none. */
const char *gntsim_observation_name(enum gntsim_observation_kind kind);

/** An observation. Members that its kind does not name are 0. Valid during the callback only. */
struct gntsim_observation {
	enum gntsim_observation_kind kind;
	uint16_t domid;                  /**< the domain in which it happens */
	uint16_t peer;                   /**< the other domain */
	enum gntsim_device device;       /**< whose notification, or file, it is */
	gntsim_gref ref;                 /**< of the granter's table */
	struct gntsim_grant_entry entry; /**< the entry as it is now */
	uint32_t pins;    /**< mappings that pin the entry, of all kinds (PV: two a page) */
	uint32_t handle;  /**< maptrack handle */
	uint32_t flags;   /**< GNTSIM_GNTMAP_* */
	int16_t status;   /**< enum gntsim_gntst */
	gntsim_port port; /**< in the table of domid */
	struct gntsim_port_status port_status;
	bool overflow, replaced;
	uint64_t index;  /**< mmap offset of a gntdev map, in bytes */
	uint32_t count;  /**< pages */
	uint32_t offset; /**< of the byte, from the beginning of the page or map */
	uint32_t action; /**< UNMAP_NOTIFY_* */
	gntsim_frame frame;
	struct gntsim_file *file;
	struct gntsim_mm *mm;
	uint64_t addr, len; /**< bytes */
};

/** Is given each observation, in order. It must not call the machine, but for what only looks. */
typedef void gntsim_observer(void *ctx, const struct gntsim_observation *o);

/** Has @p observer called with @p ctx from now on; NULL: nobody. */
void gntsim_machine_observe(struct gntsim_machine *m, gntsim_observer *observer, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
