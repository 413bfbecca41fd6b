/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "substrates.h"

#include <stdio.h>
#include <string.h>

#include "substrates.h"

#define MAX_DOMID 0x7fef

bool scn_guest_parse(const char *text, enum scn_guest *out)
{
	*out = strcmp(text, "pv") ? SCN_PVH : SCN_PV;
	return !strcmp(text, "pv") || !strcmp(text, "pvh");
}

int scn_place_take(const char *command, enum scn_place_option option, const char *value,
		   struct scn_options *out)
{
	unsigned long n;

	switch (option) {
	case SCN_PLACE_DEVICE_DIR:
		out->device_dir = value;
		return 0;
	case SCN_PLACE_DOMID:
		if (!scn_option_number(command, "--domid", value, 0, MAX_DOMID, &n))
			return SCN_STATUS_ERROR;
		out->domid = (int)n;
		return 0;
	case SCN_PLACE_HOST:
		out->has_guest = true;
		break;
	}
	if (scn_guest_parse(value, &out->guest))
		return 0;
	return scn_usage_error(command, "--host: expected pv or pvh, found '%s'", value);
}

static void say_older(const char *command, const char *option, const char *who, const char *what,
		      struct scn_version wanted, struct scn_version found)
{
	if (found.major == wanted.major && found.minor == wanted.minor)
		return;
	fprintf(stderr,
		"gntsim %s: %s: %s knows no %s %u.%u; it is played as %u.%u, the newest before "
		"it\n",
		command, option, who, what, wanted.major, wanted.minor, found.major, found.minor);
}

int scn_place_kernel(const char *command, const char *option, const struct scn_substrate_ops *ops,
		     const void *self, struct scn_version *kernel)
{
	struct scn_version wanted = *kernel;

	if (!ops->kernel_for)
		return 0;
	if (!ops->kernel_for(self, wanted, kernel))
		return scn_usage_error(command, "%s: %s knows no kernel as old as %u.%u", option,
				       ops->name, wanted.major, wanted.minor);
	say_older(command, option, ops->name, "kernel", wanted, *kernel);
	return 0;
}

int scn_place_platform(const char *command, const struct scn_platform_words *words,
		       struct scn_filter *filter)
{
	struct scn_platform *p = &filter->platform;
	struct scn_version wanted;

	filter->has_xen = words->xen != NULL;
	filter->has_arch = words->arch != NULL;
	filter->has_xsm = words->xsm != NULL;
	if (words->arch && !scn_arch_parse(words->arch, &p->arch))
		return scn_usage_error(command, "--arch: expected amd64 or arm64, found '%s'",
				       words->arch);
	if (words->xsm && !scn_xsm_parse(words->xsm, &p->xsm))
		return scn_usage_error(command, "--xsm: expected dummy or silo, found '%s'",
				       words->xsm);
	if (!words->xen)
		return 0;
	if (scn_version_parse(words->xen, &wanted))
		return scn_usage_error(command, "--xen: expected a version X.Y, found '%s'",
				       words->xen);
	if (!scn_model_xen_for(wanted, &p->xen))
		return scn_usage_error(command, "--xen: the model knows no Xen as old as %u.%u",
				       wanted.major, wanted.minor);
	say_older(command, "--xen", "model", "Xen", wanted, p->xen);
	return 0;
}

void scn_place_booted(const char *command, struct scn_version *kernel)
{
	const struct scn_substrate_ops *model = &scn_substrate_model;
	const struct scn_version oldest = {5, 10, -1};
	struct scn_version wanted = *kernel;

	if (!model->kernel_for(NULL, wanted, kernel))
		model->kernel_for(NULL, oldest, kernel);
	if (kernel->major != wanted.major || kernel->minor != wanted.minor)
		fprintf(stderr,
			"gntsim %s: to the model Linux %u.%u is %u.%u, the nearest that it knows\n",
			command, wanted.major, wanted.minor, kernel->major, kernel->minor);
}
