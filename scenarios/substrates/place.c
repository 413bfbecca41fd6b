/* SPDX-License-Identifier: MIT */
#include "place.h"

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

int scn_place_kernel(const char *command, const char *option, const struct scn_substrate_ops *ops,
		     const void *self, struct scn_version *kernel)
{
	struct scn_version wanted = *kernel;

	if (!ops->kernel_for)
		return 0;
	if (!ops->kernel_for(self, wanted, kernel))
		return scn_usage_error(command, "%s: %s knows no kernel as old as %u.%u", option,
				       ops->name, wanted.major, wanted.minor);
	if (kernel->major != wanted.major || kernel->minor != wanted.minor)
		fprintf(stderr,
			"gntsim %s: %s: %s knows no kernel %u.%u; it is played as %u.%u, the "
			"newest before it\n",
			command, option, ops->name, wanted.major, wanted.minor, kernel->major,
			kernel->minor);
	return 0;
}

void scn_place_booted(const char *command, struct scn_version *kernel)
{
	const struct scn_substrate_ops *model = &scn_substrate_model;
	const struct scn_version oldest = {6, 1};
	struct scn_version wanted = *kernel;

	if (!model->kernel_for(NULL, wanted, kernel))
		model->kernel_for(NULL, oldest, kernel);
	if (kernel->major != wanted.major || kernel->minor != wanted.minor)
		fprintf(
		    stderr,
		    "gntsim %s: Linux %u.%u is judged as %u.%u, the nearest that the model knows\n",
		    command, wanted.major, wanted.minor, kernel->major, kernel->minor);
}
