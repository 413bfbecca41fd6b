/* SPDX-License-Identifier: MIT */
/* What xl's destroy takes away of a domain's devices where their backends are (libxl__device_destroy(),
 * libxl__xs_path_cleanup()): the directories, and those above them that are empty then. The frontends' go with the
 * domain's own. */
#include "attach.h"
#include "xs-client.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is in a directory, name by name. */
struct names {
	char text[XS_PAYLOAD_MAX + 1];
	int len;
};

static void list(struct xs_client *c, const char *path, struct names *out)
{
	out->len = xs_ask(c, XS_DIRECTORY, "%s|", path);
	if (out->len > 0)
		memcpy(out->text, c->answer, (size_t)out->len + 1);
}

static const char *next(const struct names *n, const char *name)
{
	const char *at = name ? name + strlen(name) + 1 : n->text;

	return n->len > 0 && at < n->text + n->len ? at : NULL;
}

static bool is_empty(struct xs_client *c, const char *path)
{
	int n = xs_ask(c, XS_DIRECTORY, "%s|", path);

	return n == 0 || (n == 1 && c->answer[0] == '\0');
}

static void remove_empty(struct xs_client *c, const char *path)
{
	if (is_empty(c, path))
		xs_ask(c, XS_RM, "%s|", path);
}

/* Of a domain that has backends. Domain 0's are there from the beginning. */
static void detach_from(struct xs_client *c, const char *backend, uint32_t domid)
{
	char path[64], kind[XS_PAYLOAD_MAX + 80];
	struct names kinds;
	bool any = false;

	snprintf(path, sizeof(path), "/local/domain/%.8s/backend", backend);
	list(c, path, &kinds);
	for (const char *k = next(&kinds, NULL); k; k = next(&kinds, k)) {
		snprintf(kind, sizeof(kind), "%s/%s", path, k);
		if (xs_ask(c, XS_RM, "%s/%u|", kind, domid) < 0)
			continue;
		any = true;
		if (strcmp(k, "console") != 0)
			remove_empty(c, kind);
	}
	if (any)
		remove_empty(c, path);
}

void detach_all(const struct joining *j, uint32_t domid)
{
	struct machine_about about = {0};
	char path[sizeof(about.rundir) + 8];
	struct names domains;
	struct xs_client c;
	struct failure f;
	int fd = machine_connect(j, WIRE_ROLE_WATCH, &about, &f);

	snprintf(path, sizeof(path), "%s/socket", about.rundir);
	if (fd >= 0 && about.rundir[0] && xs_open(&c, path, j->patience ? j->patience : 20) == 0) {
		list(&c, "/local/domain", &domains);
		for (const char *d = next(&domains, NULL); d; d = next(&domains, d))
			detach_from(&c, d, domid);
		xs_close(&c);
	}
	if (fd >= 0)
		close(fd);
}
