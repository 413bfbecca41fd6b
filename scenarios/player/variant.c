/* SPDX-License-Identifier: MIT */
#include "variant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"

static bool varies(const struct scn_domain_decl *d, const struct scn_filter *filter)
{
	return d->pv && d->pvh && !filter->has_guest && !filter->seats.there;
}

uint32_t scn_variant_count(const struct scn_scenario *s, const struct scn_filter *filter)
{
	uint32_t n = 1;

	for (const struct scn_domain_decl *d = s->domains; d; d = d->next) {
		if (varies(d, filter))
			n *= 2;
	}
	return n;
}

static void set_limits(const struct scn_setting *settings, uint64_t *limits)
{
	struct scn_context cx = {0};

	for (; settings; settings = settings->next)
		scn_eval(&cx, settings->value, &limits[settings->limit]);
}

static bool allows(const struct scn_domain_decl *d, enum scn_guest guest)
{
	return (!d->pv && !d->pvh) || (guest == SCN_PV ? d->pv : d->pvh);
}

static void describe(struct scn_buf *name, const struct scn_domain_decl *d, enum scn_guest guest)
{
	scn_buf_printf(name, "%s%.*s %s", name->len ? ", " : "", SCN_STR(d->name),
		       guest == SCN_PV ? "pv" : "pvh");
}

static bool is_second(const struct scn_seats *seats, uint32_t domain)
{
	return (domain == 0) == seats->swapped;
}

bool scn_seats_fit(const struct scn_scenario *s, const struct scn_seats *seats)
{
	uint32_t i = 0;

	for (const struct scn_domain_decl *d = s->domains; d; d = d->next, i++) {
		if (!allows(d, seats->guest[is_second(seats, i)]))
			return false;
	}
	return true;
}

/* Who plays a domain: "dom1 as domU pvh". */
static void take_seat(struct scn_buf *name, const struct scn_domain_decl *d, uint32_t domain,
		      const struct scn_seats *seats, struct scn_setup *out)
{
	bool second = is_second(seats, domain);

	out->domains[domain].second_seat = second;
	if (allows(d, seats->guest[second])) {
		out->domains[domain].has_guest = true;
		out->domains[domain].guest = seats->guest[second];
	}
	scn_buf_printf(name, "%s%.*s as %s %s", name->len ? ", " : "", SCN_STR(d->name),
		       second ? "domU" : "dom0", seats->guest[second] == SCN_PV ? "pv" : "pvh");
}

static void set_platform(const struct scn_filter *filter, struct scn_setup *out,
			 struct scn_buf *name)
{
	struct scn_platform *p = &out->platform;

	if (filter->has_kernel) {
		scn_buf_printf(name, "%skernel ", name->len ? ", " : "");
		scn_version_print(name, filter->kernel);
	}
	if (filter->has_xen) {
		p->xen = filter->platform.xen;
		scn_buf_printf(name, "%sxen ", name->len ? ", " : "");
		scn_version_print(name, p->xen);
	}
	if (filter->has_arch) {
		p->arch = filter->platform.arch;
		scn_buf_printf(name, "%s%s", name->len ? ", " : "", scn_arch_name(p->arch));
	}
	if (filter->has_xsm) {
		p->xsm = filter->platform.xsm;
		scn_buf_printf(name, "%sxsm %s", name->len ? ", " : "", scn_xsm_name(p->xsm));
	}
}

void scn_variant(const struct scn_scenario *s, const struct scn_filter *filter,
		 struct scn_version kernel, const struct scn_platform *platform, uint32_t n,
		 struct scn_setup *out, struct scn_buf *name)
{
	uint64_t machine[GNTSIM_N_LIMITS] = {0};
	uint32_t i = 0;

	*out = (struct scn_setup){.n_domains = s->n_domains,
				  .kernel = kernel,
				  .platform = *platform,
				  .has_seed = filter->has_seed,
				  .seed = filter->seed};
	for (const struct scn_domain_decl *d = s->domains; d && i < 16; d = d->next, i++) {
		out->domains[i].number = d->number;
		out->domains[i].has_guest = d->pv || d->pvh;
		out->domains[i].guest = d->pv ? SCN_PV : SCN_PVH;
		if (filter->seats.there) {
			take_seat(name, d, i, &filter->seats, out);
		} else if (varies(d, filter)) {
			out->domains[i].guest = n & 1 ? SCN_PVH : SCN_PV;
			n >>= 1;
			describe(name, d, out->domains[i].guest);
		} else if (filter->has_guest && allows(d, filter->guest)) {
			out->domains[i].has_guest = true;
			out->domains[i].guest = filter->guest;
			describe(name, d, out->domains[i].guest);
		}
		set_limits(d->settings, out->domains[i].limits);
	}
	set_limits(s->machine, machine);
	out->frames = machine[GNTSIM_LIMIT_FRAMES];
	if (s->needs & SCN_CAP(DMABUF_ALL))
		out->dmabufs = GNTSIM_DMABUFS_ALL;
	else if (s->needs & SCN_CAP(DMABUF))
		out->dmabufs = GNTSIM_DMABUFS_LINUX;
	set_platform(filter, out, name);
}

int scn_version_compare(struct scn_version a, struct scn_version b)
{
	if (a.major != b.major)
		return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor)
		return a.minor < b.minor ? -1 : 1;
	if (b.patch < 0)
		return 0;
	if (a.patch < 0)
		return 1;
	return (a.patch > b.patch) - (a.patch < b.patch);
}

static bool holds(int order, enum scn_compare op)
{

	switch (op) {
	case SCN_LT:
		return order < 0;
	case SCN_LE:
		return order <= 0;
	case SCN_EQ:
		return order == 0;
	case SCN_NE:
		return order != 0;
	case SCN_GE:
		return order >= 0;
	case SCN_GT:
		return order > 0;
	}
	return false;
}

static bool term_holds(const struct scn_condition *c, const struct scn_setup *setup,
		       const bool *alive)
{
	switch (c->kind) {
	case SCN_IF_KERNEL:
		return holds(scn_version_compare(setup->kernel, c->version), c->compare);
	case SCN_IF_XEN:
		return holds(scn_version_compare(setup->platform.xen, c->version), c->compare);
	case SCN_IF_ARCH:
		return (setup->platform.arch == c->arch) == (c->compare == SCN_EQ);
	case SCN_IF_XSM:
		return (setup->platform.xsm == c->xsm) == (c->compare == SCN_EQ);
	case SCN_IF_LIFE:
		return c->lives == (alive && alive[c->process]);
	case SCN_IF_GUEST:
		break;
	}
	return setup->domains[c->domain].guest == c->guest;
}

bool scn_condition_holds(const struct scn_condition *c, const struct scn_setup *setup,
			 const bool *alive)
{
	for (; c; c = c->next) {
		if (!term_holds(c, setup, alive))
			return false;
	}
	return true;
}

int scn_version_parse(const char *text, struct scn_version *out)
{
	int end = 0, more = 0, found;

	out->patch = -1;
	/* Nothing that a number may begin with but digits. */
	if (text[strspn(text, "0123456789.")] || *text == '.')
		return -EINVAL;
	found = sscanf(text, "%4u.%4u%n.%5d%n", &out->major, &out->minor, &end, &out->patch, &more);
	return found < 2 || text[found == 3 ? more : end] ? -EINVAL : 0;
}

const char *scn_version_name(struct scn_version v, char name[SCN_VERSION_ROOM])
{
	int n = snprintf(name, SCN_VERSION_ROOM, "%u.%u", v.major, v.minor);

	if (v.patch >= 0)
		snprintf(name + n, SCN_VERSION_ROOM - (size_t)n, ".%d", v.patch);
	return name;
}

void scn_version_print(struct scn_buf *out, struct scn_version v)
{
	char name[SCN_VERSION_ROOM];

	scn_buf_str(out, scn_version_name(v, name));
}

const char *scn_arch_name(enum scn_arch arch)
{
	return arch == SCN_ARM64 ? "arm64" : "amd64";
}

const char *scn_xsm_name(enum scn_xsm xsm)
{
	return xsm == SCN_XSM_SILO ? "silo" : "dummy";
}

bool scn_arch_parse(const char *text, enum scn_arch *out)
{
	*out = strcmp(text, "arm64") ? SCN_AMD64 : SCN_ARM64;
	return !strcmp(text, scn_arch_name(*out));
}

bool scn_xsm_parse(const char *text, enum scn_xsm *out)
{
	*out = strcmp(text, "silo") ? SCN_XSM_DUMMY : SCN_XSM_SILO;
	return !strcmp(text, scn_xsm_name(*out));
}

void scn_setup_print(struct scn_buf *out, const struct scn_setup *setup)
{
	scn_buf_str(out, "kernel ");
	scn_version_print(out, setup->kernel);
	scn_buf_str(out, ", xen ");
	scn_version_print(out, setup->platform.xen);
	scn_buf_printf(out, ", %s, xsm %s", scn_arch_name(setup->platform.arch),
		       scn_xsm_name(setup->platform.xsm));
}
