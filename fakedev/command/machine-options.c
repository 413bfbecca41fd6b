/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "machine-options.h"

#include "command.h"
#include "lang/options.h"
#include "player/variant.h"
#include "substrates/place.h"
#include "substrates/substrates.h"

#include <stdlib.h>
#include <string.h>

static enum gntsim_limit limit_of(int option)
{
	return option == MACHINE_OPTION_LIMIT ? GNTSIM_LIMIT_GNTALLOC
					      : (enum gntsim_limit)(option - MACHINE_OPTION_LIMITS);
}

bool machine_options_has(int option)
{
	return option >= MACHINE_OPTION_KERNEL && option < MACHINE_OPTION_LIMITS + GNTSIM_N_LIMITS;
}

bool machine_options_of_domain(int option)
{
	return machine_options_has(option) && option >= MACHINE_OPTION_LIMIT &&
	       !gntsim_limit(limit_of(option))->of_machine;
}

/* "gntalloc-limit". */
static void name_limit(enum gntsim_limit limit, char *out, size_t room)
{
	snprintf(out, room, "%s", gntsim_limit(limit)->name);
	for (char *c = out; (c = strchr(c, '_'));)
		*c = '-';
}

void machine_options_list(struct machine_option_list *l, const struct option *own)
{
	struct option *o = l->all;

	while (own->name)
		*o++ = *own++;
	*o++ = (struct option){"kernel", required_argument, NULL, MACHINE_OPTION_KERNEL};
	*o++ = (struct option){"xen", required_argument, NULL, MACHINE_OPTION_XEN};
	*o++ = (struct option){"arch", required_argument, NULL, MACHINE_OPTION_ARCH};
	*o++ = (struct option){"xsm", required_argument, NULL, MACHINE_OPTION_XSM};
	*o++ = (struct option){"privcmd", required_argument, NULL, MACHINE_OPTION_PRIVCMD};
	*o++ = (struct option){"dmabuf", optional_argument, NULL, MACHINE_OPTION_DMABUF};
	*o++ = (struct option){"limit", required_argument, NULL, MACHINE_OPTION_LIMIT};
	for (int i = 0; i < GNTSIM_N_LIMITS; i++) {
		name_limit((enum gntsim_limit)i, l->names[i], sizeof(l->names[i]));
		*o++ = (struct option){l->names[i], required_argument, NULL,
				       MACHINE_OPTION_LIMITS + i};
	}
	*o = (struct option){0};
}

void machine_options_help(FILE *out)
{
	fputs("  --kernel X.Y    the kernel whose drivers are modelled (default 6.1)\n"
	      "  --xen X.Y       the hypervisor (default 4.17)\n"
	      "  --arch A        amd64 (default) or arm64, where every guest is pvh\n"
	      "  --xsm M         Xen's security module: dummy (default) or silo\n"
	      "  --privcmd HOW   what privcmd is in domains but 0: open (default), restricted as "
	      "Linux\n"
	      "                  does since XSA-482, or off\n"
	      "  --dmabuf[=HOW]  gntdev has its dma-buf calls: all (default), which work in every "
	      "domain, or\n"
	      "                  linux, as Linux has them and where Xen lets it\n",
	      out);
	for (int i = 0; i < GNTSIM_N_LIMITS; i++) {
		const struct gntsim_limit_info *limit = gntsim_limit((enum gntsim_limit)i);
		char name[24], option[32];

		name_limit((enum gntsim_limit)i, name, sizeof(name));
		snprintf(option, sizeof(option), "--%s N", name);
		fprintf(out, "  %-20s %s", option, limit->what);
		if (limit->normal)
			fprintf(out, " (default %u)", limit->normal);
		fputc('\n', out);
	}
	fputs("  --limit N       the same as --gntalloc-limit\n"
	      "  --help\n",
	      out);
}

struct broker_domain *machine_options_domain(struct machine_options *m, uint32_t domid)
{
	struct broker_domain *all;

	for (unsigned int i = 0; i < m->n_domains; i++)
		if (m->domains[i].domid == domid)
			return &m->domains[i];
	all = reallocarray(m->domains, m->n_domains + 1, sizeof(*all));
	if (!all) {
		complain("out of memory");
		return NULL;
	}
	m->domains = all;
	all[m->n_domains] = (struct broker_domain){.domid = domid};
	return &all[m->n_domains++];
}

bool machine_options_guest(const char *command, struct machine_options *m, uint32_t domid,
			   uint32_t guest)
{
	struct broker_domain *d = machine_options_domain(m, domid);

	if (!d)
		return false;
	if (d->guest && guest && d->guest != guest) {
		scn_usage_error(command, "--guest: domain %u is pv and pvh", domid);
		return false;
	}
	if (guest)
		d->guest = guest;
	return true;
}

static bool take_kernel(const char *command, struct machine_options *m, const char *value)
{
	struct scn_version version;
	char name[SCN_VERSION_ROOM];

	if (scn_version_parse(value, &version)) {
		scn_usage_error(command, "--kernel: expected a version X.Y, found '%s'", value);
		return false;
	}
	if (scn_place_kernel(command, "--kernel", &scn_substrate_model, NULL, &version))
		return false;
	return gntsim_kernel_by_name(scn_version_name(version, name), &m->kernel) == 0;
}

static bool take_platform(const char *command, struct machine_options *m, int option,
			  const char *value)
{
	struct scn_platform_words words = {.xen = option == MACHINE_OPTION_XEN ? value : NULL,
					   .arch = option == MACHINE_OPTION_ARCH ? value : NULL,
					   .xsm = option == MACHINE_OPTION_XSM ? value : NULL};
	struct scn_filter filter = {0};
	const struct scn_platform *p = &filter.platform;
	char name[32];

	if (scn_place_platform(command, &words, &filter))
		return false;
	if (filter.has_arch)
		m->arch = p->arch == SCN_ARM64 ? GNTSIM_ARCH_ARM64 : GNTSIM_ARCH_AMD64;
	if (filter.has_xsm)
		m->xsm = p->xsm == SCN_XSM_SILO ? GNTSIM_XSM_SILO : GNTSIM_XSM_DUMMY;
	snprintf(name, sizeof(name), "%u.%u", p->xen.major, p->xen.minor);
	return !filter.has_xen || gntsim_xen_by_name(name, &m->xen) == 0;
}

static bool take_privcmd(const char *command, struct machine_options *m, const char *value)
{
	static const char *const names[] = {[BROKER_PRIVCMD_OPEN] = "open",
					    [BROKER_PRIVCMD_RESTRICTED] = "restricted",
					    [BROKER_PRIVCMD_OFF] = "off"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], value) == 0) {
			m->privcmd = (enum broker_privcmd)i;
			return true;
		}
	}
	scn_usage_error(command, "--privcmd: expected open, restricted or off, found '%s'", value);
	return false;
}

static bool take_dmabuf(const char *command, struct machine_options *m, const char *value)
{
	if (!value || strcmp(value, "all") == 0) {
		m->dmabufs = GNTSIM_DMABUFS_ALL;
	} else if (strcmp(value, "linux") == 0) {
		m->dmabufs = GNTSIM_DMABUFS_LINUX;
	} else {
		scn_usage_error(command, "--dmabuf: expected all or linux, found '%s'", value);
		return false;
	}
	return true;
}

static bool take_limit(const char *command, struct machine_options *m, int option,
		       const char *value, int domid)
{
	enum gntsim_limit limit = limit_of(option);
	struct broker_domain *d = NULL;
	char name[24] = "limit", text[28];
	unsigned long number;
	uint32_t *into = &m->limits[limit];

	if (option != MACHINE_OPTION_LIMIT)
		name_limit(limit, name, sizeof(name));
	snprintf(text, sizeof(text), "--%s", name);
	if (!scn_option_number(command, text, value, 1, gntsim_limit(limit)->most, &number))
		return false;
	if (domid >= 0) {
		d = machine_options_domain(m, (uint32_t)domid);
		if (!d)
			return false;
		into = &d->limits[limit];
		if (*into && *into != number) {
			scn_usage_error(command, "%s: domain %d has %u and %lu", text, domid, *into,
					number);
			return false;
		}
	}
	*into = (uint32_t)number;
	return true;
}

bool machine_options_take(const char *command, struct machine_options *m, int option,
			  const char *value, int domid)
{
	m->given = true;
	if (option == MACHINE_OPTION_PRIVCMD)
		return take_privcmd(command, m, value);
	if (option == MACHINE_OPTION_DMABUF)
		return take_dmabuf(command, m, value);
	if (option > MACHINE_OPTION_KERNEL && option < MACHINE_OPTION_LIMIT)
		return take_platform(command, m, option, value);
	return option == MACHINE_OPTION_KERNEL
		   ? take_kernel(command, m, value)
		   : take_limit(command, m, option, value,
				machine_options_of_domain(option) ? domid : -1);
}

void machine_options_use(const struct machine_options *m, struct broker_config *config)
{
	config->kernel = m->kernel;
	config->xen = m->xen;
	config->xsm = m->xsm;
	config->arch = m->arch;
	config->privcmd = m->privcmd;
	config->dmabufs = m->dmabufs;
	if (config->unassisted && m->dmabufs) {
		complain("no dma-bufs: programs that nothing assists can't be handed a descriptor");
		config->dmabufs = GNTSIM_DMABUFS_NONE;
	}
	memcpy(config->limits, m->limits, sizeof(config->limits));
	config->domains = m->domains;
	config->n_domains = m->n_domains;
}

void machine_options_free(struct machine_options *m)
{
	free(m->domains);
	*m = (struct machine_options){0};
}

bool parse_limit_word(const char *command, const char *word, unsigned long least,
		      enum gntsim_limit *limit, uint32_t *value)
{
	const char *sign = strchr(word, '=');
	unsigned long number;
	char name[24] = "";

	if (sign && (size_t)(sign - word) < sizeof(name))
		memcpy(name, word, (size_t)(sign - word));
	if (gntsim_limit_by_name(name, limit) < 0 || gntsim_limit(*limit)->of_machine) {
		scn_usage_error(command,
				"expected a domain's limit such as maptrack_frames=1, found '%s'",
				word);
		return false;
	}
	if (!scn_option_number(command, name, sign + 1, least, gntsim_limit(*limit)->most, &number))
		return false;
	*value = (uint32_t)number;
	return true;
}
