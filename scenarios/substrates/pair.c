/* SPDX-License-Identifier: MIT */
/*
 * Two real domains of ci/xen-lab: dom0, where this runs, and domU, where the same program serves
 * at the other end of the lab's channel. The two domains of a script are these.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lang/layout.h"
#include "leg.h"
#include "module_limits.h"
#include "pair.h"
#include "pair_wire.h"
#include "player/child.h"
#include "player/clock.h"
#include "substrates.h"
#include "substrates/agent/agents.h"
#include "substrates/real/platform.h"
#include "substrates/real/self_map.h"

/* If domU crashed, the lab ends the guest and says why: it is not for us to say something else. */
#define CRASH_SECONDS 30

#define VIRQ_DOM_EXC 3

enum seat { NEAR, FAR };

struct pair {
	struct scn_agents agents; /* of the near domain */
	struct scn_module_limits limits;
	struct scn_channel channel;
	uint16_t domid[2]; /* by seat */
	enum scn_guest guest[2];
	struct scn_version kernel;
	struct scn_platform platform;
	uint64_t capabilities;
	enum seat domain_at[16], process_at[64];
	bool far_used; /* by this scenario */
	bool far_gone;
	uint32_t bind_virq; /* the ioctl's number */
};

/* By the name of the lab's leg; outside of it, as if both were PV. */
void scn_pair_find_guests(enum scn_guest guest[2])
{
	const char *name = getenv("GNTSIM_LAB");

	guest[NEAR] = guest[FAR] = SCN_PV;
	if (name)
		scn_leg_guests(name, guest);
}

static void take_environment(struct pair *p)
{
	const char *domid = getenv("GNTSIM_LAB_DOMID"), *peer = getenv("GNTSIM_LAB_PEER");
	const char *kernel = getenv("GNTSIM_LAB_KERNEL");
	struct scn_version here;

	p->domid[NEAR] = (uint16_t)(domid ? atoi(domid) : 0);
	p->domid[FAR] = (uint16_t)(peer ? atoi(peer) : 1);
	scn_pair_find_guests(p->guest);
	if (!kernel || scn_version_parse(kernel, &p->kernel))
		p->kernel = (struct scn_version){.patch = -1};
	here = scn_kernel_here();
	if (here.major == p->kernel.major && here.minor == p->kernel.minor)
		p->kernel = here;
	p->platform = scn_platform_here("/dev/xen");
}

static uint64_t pair_capabilities(const void *self)
{
	const struct pair *p = self;

	return p ? p->capabilities
		 : SCN_CAP(ADVANCE) | SCN_CAPS_OF_DRIVERS | SCN_CAP(DESTROY_DOMAIN) |
		       SCN_CAP(DISTINCT_DOMAINS) | SCN_CAP(DOMIDS) | SCN_CAP(DMABUF) |
		       SCN_CAPS_OF_KERNEL | SCN_CAPS_OF_PARAMETERS;
}

static uint32_t number_of(const char *ioctl)
{
	return scn_ioctl_by_name((struct scn_str){ioctl, strlen(ioctl)})->number;
}

static enum scn_status pair_open(const struct scn_options *options, void **self,
				 struct scn_buf *why)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (!p)
		scn_buf_str(why, "out of memory");
	if (!p || scn_channel_open(&p->channel, why)) {
		free(p);
		return SCN_ERROR;
	}
	take_environment(p);
	p->bind_virq = number_of("IOCTL_EVTCHN_BIND_VIRQ");
	p->capabilities = pair_capabilities(NULL) & ~(SCN_CAPS_ALONE | SCN_CAPS_OF_PARAMETERS);
	if (options->swapped || p->domid[NEAR] != 0 || p->domid[FAR] != 1)
		p->capabilities &= ~SCN_CAP(DOMIDS);
	if (!scn_dmabufs_here("/dev/xen"))
		p->capabilities &= ~SCN_CAP(DMABUF);
	p->capabilities |= scn_module_limits_capabilities() | (options->fresh ? SCN_CAPS_ALONE : 0);
	scn_agents_init(&p->agents, options);
	scn_module_limits_init(&p->limits);
	*self = p;
	return SCN_OK;
}

static struct scn_platform pair_platform(const void *self)
{
	const struct pair *p = self;

	return p->platform;
}

static struct scn_version pair_kernel(const void *self)
{
	const struct pair *p = self;

	return p->kernel;
}

static enum scn_status lost(struct pair *p, int err, struct scn_buf *why)
{
	const struct timespec crash = {.tv_sec = CRASH_SECONDS};

	if (p->far_gone) {
		scn_buf_str(why, "the other domain has been destroyed");
		return SCN_ERROR;
	}
	nanosleep(&crash, NULL);
	scn_buf_printf(why, "the other domain is lost: %s", strerror(-err));
	return SCN_ERROR;
}

/* Sends a request; a result that comes back is the caller's. */
static enum scn_status ask(struct pair *p, const struct scn_buf *request, struct scn_result *result,
			   struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf reply = {0};
	enum scn_status status;
	struct scn_parcel parcel;
	int err = p->far_gone ? -EPIPE : scn_channel_send(&p->channel, request);

	if (!err)
		err = scn_channel_receive(&p->channel, &reply);
	if (err)
		return lost(p, err, why);
	parcel = (struct scn_parcel){reply.data, reply.data + reply.len, false};
	status = (enum scn_status)scn_take_number(&parcel);
	if (status != SCN_OK) {
		uint32_t len;
		uint8_t *text = scn_take_bytes(&parcel, &len);

		scn_buf_add(why, text, len);
		free(text);
	} else if (result) {
		scn_take_result(&parcel, result);
	}
	return parcel.bad ? lost(p, -EBADMSG, why) : status;
}

static enum scn_status ask_about(struct pair *p, enum scn_pair_request request, uint32_t process,
				 struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf message = {0};

	scn_put_number(&message, request);
	if (request == SCN_PAIR_SPAWN || request == SCN_PAIR_KILL)
		scn_put_number(&message, process);
	p->far_used = true;
	return ask(p, &message, NULL, why);
}

static void pair_close(void *self)
{
	struct pair *p = self;
	scn_cleanup_buf struct scn_buf why = {0};

	if (!p->far_gone)
		ask_about(p, SCN_PAIR_QUIT, 0, &why);
	scn_channel_close(&p->channel);
	free(p);
}

static enum scn_status pair_set_limit(void *self, uint32_t domain, enum gntsim_limit limit,
				      uint64_t value, struct scn_buf *why)
{
	struct pair *p = self;
	scn_cleanup_buf struct scn_buf message = {0};

	if (p->domain_at[domain] == NEAR)
		return scn_module_limits_set(&p->limits, limit, value, why);
	scn_put_number(&message, SCN_PAIR_LIMIT);
	scn_put_number(&message, limit);
	scn_put_number(&message, value);
	p->far_used = true;
	return ask(p, &message, NULL, why);
}

static enum scn_status take_domain(struct pair *p, const struct scn_setup *setup, uint32_t domain,
				   struct scn_buf *why)
{
	enum seat seat = setup->domains[domain].second_seat ? FAR : NEAR;

	p->domain_at[domain] = seat;
	if (setup->domains[domain].has_guest && setup->domains[domain].guest != p->guest[seat]) {
		scn_buf_printf(why, "%s is a %s guest", seat == NEAR ? "dom0" : "domU",
			       p->guest[seat] == SCN_PV ? "PV" : "PVH");
		return SCN_SKIP;
	}
	for (unsigned int l = 0; l < SCN_MODULE_LIMITS; l++) {
		uint64_t value = setup->domains[domain].limits[l];

		if (value && pair_set_limit(p, domain, (enum gntsim_limit)l, value, why))
			return SCN_ERROR;
	}
	return SCN_OK;
}

static void pair_end(void *self)
{
	struct pair *p = self;
	scn_cleanup_buf struct scn_buf why = {0};

	if (p->far_used && !p->far_gone)
		ask_about(p, SCN_PAIR_END, 0, &why);
	p->far_used = false;
	scn_agents_end(&p->agents);
	scn_module_limits_restore(&p->limits);
}

static enum scn_status pair_begin(void *self, const struct scn_setup *setup, struct scn_buf *why)
{
	struct pair *p = self;
	enum scn_status status = SCN_OK;

	if (setup->kernel.major != p->kernel.major || setup->kernel.minor != p->kernel.minor) {
		scn_buf_printf(why, "the guests' kernel is %u.%u", p->kernel.major,
			       p->kernel.minor);
		return SCN_SKIP;
	}
	for (uint32_t i = 0; i < setup->n_domains && status == SCN_OK; i++)
		status = take_domain(p, setup, i, why);
	if (status != SCN_OK)
		pair_end(p);
	return status;
}

static uint16_t pair_domid(const void *self, uint32_t domain)
{
	const struct pair *p = self;

	return p->domid[p->domain_at[domain]];
}

static enum scn_status pair_spawn(void *self, uint32_t process, uint32_t domain,
				  struct scn_buf *why)
{
	struct pair *p = self;

	p->process_at[process] = p->domain_at[domain];
	if (p->process_at[process] == FAR)
		return ask_about(p, SCN_PAIR_SPAWN, process, why);
	return scn_agents_spawn(&p->agents, process, NULL, why);
}

static bool binds_dom_exc(const struct pair *p, const struct scn_call *call)
{
	return call->kind == SCN_IOCTL && call->arg[1] == p->bind_virq && call->image_len == 4 &&
	       !memcmp(call->image, &(uint32_t){VIRQ_DOM_EXC}, 4);
}

/* Why a call can't be made between these two domains; NULL: it can. */
static const char *impossible(const struct pair *p, const struct scn_call *call, enum seat seat)
{
	if (scn_self_map_loses(p->guest[seat], &p->platform) && scn_maps_from(call, p->domid[seat]))
		return SCN_SELF_MAP_LOSES;
	if (seat == NEAR && binds_dom_exc(p, call))
		return "xenstored has VIRQ_DOM_EXC";
	if (call->kind == SCN_SEND_FD && p->process_at[call->peer] != seat)
		return "a descriptor can't be sent to another domain";
	return NULL;
}

static enum scn_status call_far(struct pair *p, uint32_t process, const struct scn_call *call,
				struct scn_result *result, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf message = {0};

	scn_put_number(&message, SCN_PAIR_CALL);
	scn_put_number(&message, process);
	scn_put_call(&message, call);
	return ask(p, &message, result, why);
}

static enum scn_status pair_call(void *self, uint32_t process, const struct scn_call *call,
				 struct scn_result *result, struct scn_buf *why)
{
	struct pair *p = self;
	enum seat seat = p->process_at[process];

	const char *reason = impossible(p, call, seat);

	if (reason) {
		scn_buf_str(why, reason);
		return SCN_SKIP;
	}
	if (call->kind == SCN_FORK)
		p->process_at[call->peer] = seat;
	if (seat == FAR)
		return call_far(p, process, call, result, why);
	return scn_agents_call(&p->agents, process, call, result, why);
}

static enum scn_status pair_kill(void *self, uint32_t process, struct scn_buf *why)
{
	struct pair *p = self;

	if (p->process_at[process] == FAR)
		return ask_about(p, SCN_PAIR_KILL, process, why);
	return scn_agents_kill(&p->agents, process, why);
}

/* What the lab has for that, or xl, comes back when the domain is gone. */
static int destroy_far(const struct pair *p)
{
	const char *of_lab = getenv("GNTSIM_LAB_DESTROY");
	char domid[8];
	int status = -1;
	pid_t pid;

	snprintf(domid, sizeof(domid), "%u", p->domid[FAR]);
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		if (of_lab)
			execl(of_lab, of_lab, domid, (char *)NULL);
		else
			execlp("xl", "xl", "destroy", domid, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || scn_await_child(pid, &status))
		return -1;
	return status;
}

/* The lab's end of the channel holds a page of the domain's, until it has noticed. */
static bool await_hangup(const struct pair *p)
{
	struct pollfd channel = {.fd = p->channel.fd, .events = 0};

	return poll(&channel, 1, CRASH_SECONDS * 1000) == 1;
}

static enum scn_status pair_destroy(void *self, uint32_t domain, struct scn_buf *why)
{
	struct pair *p = self;
	int status;

	if (p->domain_at[domain] == NEAR) {
		scn_buf_str(why, "domain 0 can't be destroyed");
		return SCN_SKIP;
	}
	p->far_gone = true;
	scn_channel_close(&p->channel);
	status = destroy_far(p);
	if (status) {
		scn_buf_printf(why, "the other domain can't be destroyed (%#x)",
			       (unsigned int)status);
		return SCN_ERROR;
	}
	if (!await_hangup(p)) {
		scn_buf_str(why, "the channel to the destroyed domain stays open");
		return SCN_ERROR;
	}
	return SCN_OK;
}

const struct scn_substrate_ops scn_substrate_pair = {
    .name = "pair",
    .summary = "two real domains: this dom0 and the domU at the end of ci/xen-lab's channel",
    .open = pair_open,
    .close = pair_close,
    .capabilities = pair_capabilities,
    .kernel = pair_kernel,
    .platform = pair_platform,
    .begin = pair_begin,
    .end = pair_end,
    .domid = pair_domid,
    .spawn = pair_spawn,
    .call = pair_call,
    .kill = pair_kill,
    .advance = scn_pass_time,
    .destroy = pair_destroy,
    .set_limit = pair_set_limit,
};
