/* SPDX-License-Identifier: MIT */
/*
 * The host's own /dev/xen, or any directory of such device nodes, used by real processes. Every
 * domain of a script is the host's domain: it grants to itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module_limits.h"
#include "player/clock.h"
#include "substrates.h"
#include "substrates/agent/agents.h"
#include "substrates/real/platform.h"
#include "substrates/real/self_map.h"

#define NODES "/dev/xen/"

struct device {
	struct scn_agents agents;
	const char *dir;
	uint16_t domid;
	enum scn_guest guest;
	bool loses_pages; /* which it maps from itself */
	struct scn_version kernel;
	struct scn_platform platform;
	uint64_t capabilities;
	struct scn_module_limits limits;
};

static uint64_t find_capabilities(const struct device *d)
{
	uint64_t caps = SCN_CAP(ADVANCE) | SCN_CAP(THIRD_DOMAIN) | SCN_CAPS_OF_DRIVERS;

	/* Only a real driver hears of what the kernel does to its mappings. */
	if (!strcmp(d->dir, "/dev/xen"))
		caps |= SCN_CAPS_OF_KERNEL;
	if (d->domid == 0)
		caps |= SCN_CAP(DOMIDS);
	if (scn_dmabufs_here(d->dir))
		caps |= SCN_CAP(DMABUF);
	return caps | scn_module_limits_capabilities();
}

static enum scn_status look_around(struct device *d, const struct scn_options *options,
				   struct scn_buf *why)
{
	int domid;

	d->dir = options->device_dir ? options->device_dir : "/dev/xen";
	if (!scn_devices_here(d->dir, why))
		return SCN_ERROR;
	domid = scn_domid_here(options);
	if (domid < 0 || !scn_guest_here(options, &d->guest)) {
		scn_buf_printf(why, "can't find out %s; say it with --%s",
			       domid < 0 ? "this domain's id" : "whether this domain is pv or pvh",
			       domid < 0 ? "domid" : "host");
		return SCN_ERROR;
	}
	d->domid = (uint16_t)domid;
	d->kernel = scn_kernel_here();
	d->platform = scn_platform_here(d->dir);
	d->loses_pages = scn_self_map_loses(d->guest, &d->platform);
	d->capabilities = find_capabilities(d);
	if (options->fresh)
		d->capabilities |= SCN_CAPS_OF_FRESH;
	return SCN_OK;
}

static enum scn_status device_open(const struct scn_options *options, void **self,
				   struct scn_buf *why)
{
	struct device *d = calloc(1, sizeof(*d));
	enum scn_status status;

	if (!d) {
		scn_buf_str(why, "out of memory");
		return SCN_ERROR;
	}
	scn_module_limits_init(&d->limits);
	scn_agents_init(&d->agents, options);
	status = look_around(d, options, why);
	if (status == SCN_OK)
		*self = d;
	else
		free(d);
	return status;
}

static void device_close(void *self)
{
	free(self);
}

static uint64_t device_capabilities(const void *self)
{
	const struct device *d = self;

	return d ? d->capabilities
		 : SCN_CAP(ADVANCE) | SCN_CAP(THIRD_DOMAIN) | SCN_CAP(DMABUF) | SCN_CAP(DOMIDS) |
		       SCN_CAPS_OF_DRIVERS | SCN_CAPS_OF_KERNEL | SCN_CAPS_OF_PARAMETERS;
}

static struct scn_version device_kernel(const void *self)
{
	const struct device *d = self;

	return d->kernel;
}

static struct scn_platform device_platform(const void *self)
{
	const struct device *d = self;

	return d->platform;
}

enum scn_guest scn_device_guest(const void *self)
{
	const struct device *d = self;

	return d->guest;
}

static enum scn_status device_set_limit(void *self, uint32_t domain, enum gntsim_limit limit,
					uint64_t value, struct scn_buf *why)
{
	struct device *d = self;

	(void)domain;
	return scn_module_limits_set(&d->limits, limit, value, why);
}

static enum scn_status device_begin(void *self, const struct scn_setup *setup, struct scn_buf *why)
{
	struct device *d = self;

	if (setup->kernel.major != d->kernel.major || setup->kernel.minor != d->kernel.minor) {
		scn_buf_printf(why, "the host's kernel is %u.%u", d->kernel.major, d->kernel.minor);
		return SCN_SKIP;
	}
	for (uint32_t i = 0; i < setup->n_domains; i++) {
		if (setup->domains[i].has_guest && setup->domains[i].guest != d->guest) {
			scn_buf_printf(why, "the host is a %s guest",
				       d->guest == SCN_PV ? "PV" : "PVH");
			return SCN_SKIP;
		}
		for (unsigned int l = 0; l < SCN_MODULE_LIMITS; l++) {
			uint64_t value = setup->domains[i].limits[l];

			if (value && device_set_limit(d, i, (enum gntsim_limit)l, value, why))
				return SCN_ERROR;
		}
	}
	return SCN_OK;
}

static void device_end(void *self)
{
	struct device *d = self;

	scn_agents_end(&d->agents);
	scn_module_limits_restore(&d->limits);
}

static uint16_t device_domid(const void *self, uint32_t domain)
{
	const struct device *d = self;

	(void)domain;
	return d->domid;
}

static enum scn_status device_spawn(void *self, uint32_t process, uint32_t domain,
				    struct scn_buf *why)
{
	struct device *d = self;

	(void)domain;
	return scn_agents_spawn(&d->agents, process, NULL, why);
}

static enum scn_status device_call(void *self, uint32_t process, const struct scn_call *call,
				   struct scn_result *result, struct scn_buf *why)
{
	struct device *d = self;
	struct scn_call moved = *call;
	char path[512];

	if (d->loses_pages && scn_maps_from(call, d->domid)) {
		scn_buf_str(why, SCN_SELF_MAP_LOSES);
		return SCN_SKIP;
	}
	if (call->kind == SCN_OPEN && !strncmp(call->path, NODES, strlen(NODES))) {
		snprintf(path, sizeof(path), "%s/%s", d->dir, call->path + strlen(NODES));
		moved.path = path;
	}
	return scn_agents_call(&d->agents, process, &moved, result, why);
}

static enum scn_status device_kill(void *self, uint32_t process, struct scn_buf *why)
{
	struct device *d = self;

	return scn_agents_kill(&d->agents, process, why);
}

const struct scn_substrate_ops scn_substrate_device = {
    .name = "device",
    .summary = "the host's own /dev/xen; every domain is this one",
    .open = device_open,
    .close = device_close,
    .capabilities = device_capabilities,
    .kernel = device_kernel,
    .platform = device_platform,
    .begin = device_begin,
    .end = device_end,
    .domid = device_domid,
    .spawn = device_spawn,
    .call = device_call,
    .kill = device_kill,
    .advance = scn_pass_time,
    .set_limit = device_set_limit,
};
