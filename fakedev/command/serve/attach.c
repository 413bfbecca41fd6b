/* SPDX-License-Identifier: MIT */
/* What xl's block-attach, network-attach and their like write (libxl_disk.c, libxl_nic.c, libxl_9pfs.c,
 * libxl_console.c): two directories that name each other, both in state 1 (XenbusStateInitialising). */
#include "attach.h"
#include "lang/options.h"
#include "xs-client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_TRIES   100 /* a transaction's that others disturb */
#define MOST_DEVICES 1000u
#define MOST_NODES   32u

struct node {
	const char *key, *value;
};
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

/* A device's number may stand in a value: "@id". */
static const struct kind {
	const char *name;
	uint32_t first, step; /* numbers */
	struct node front[8], back[12];
} kinds[] = {
    {"vbd",
     51712, /* xvda, then xvdb */
     16,
     {{"virtual-device", "@id"}, {"device-type", "disk"}, END},
     {{"removable", "0"},
      {"bootable", "1"},
      {"dev", "@xvd"},
      {"type", "phy"},
      {"mode", "w"},
      {"device-type", "disk"},
      {"discard-enable", "1"},
      {"params", ""},
      END}},
    {"vif",
     0,
     1,
     {{"handle", "@id"}, {"mac", "@mac"}, END},
     {{"handle", "@id"}, {"mac", "@mac"}, {"type", "vif"}, {"hotplug-status", ""}, END}},
    {"9pfs",
     0,
     1,
     {{"tag", ""}, END},
     {{"tag", ""}, {"path", ""}, {"security_model", "none"}, END}},
    {"console",
     1, /* the first one is the domain's own */
     1,
     {{"limit", "1048576"},
      {"type", "ioemu"},
      {"output", "pty"},
      {"tty", ""},
      {"protocol", "vt100"},
      END},
     {{"protocol", "vt100"}, END}},
    {NULL, 0, 1, {END}, {END}},
};

struct device {
	const struct kind *kind;
	const char *front_kind, *back_kind;
	uint32_t domid, backend, id;
	bool id_given;
	struct node front[MOST_NODES], back[MOST_NODES];
	unsigned int n_front, n_back;
};

static void set(struct node *nodes, unsigned int *n, const char *key, const char *value)
{
	unsigned int i = 0;

	while (i < *n && strcmp(nodes[i].key, key) != 0)
		i++;
	nodes[i] = (struct node){key, value};
	if (i == *n)
		++*n;
}

static bool has(const struct node *nodes, unsigned int n, const char *key)
{
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(nodes[i].key, key) == 0)
			return true;
	return false;
}

static void start(struct device *d, const char *kind, uint32_t domid)
{
	const struct kind *k = kinds;

	while (k->name && strcmp(k->name, kind) != 0)
		k++;
	*d = (struct device){.kind = k, .front_kind = kind, .back_kind = kind, .domid = domid};
	for (const struct node *n = k->front; n->key; n++)
		set(d->front, &d->n_front, n->key, n->value);
	for (const struct node *n = k->back; n->key; n++)
		set(d->back, &d->n_back, n->key, n->value);
	d->id = k->first;
}

/* KEY=VALUE: of the backend, and of the frontend if it has such a one too; front.KEY=VALUE: of that alone. */
static bool take_word(struct device *d, char *word)
{
	char *equals = strchr(word, '=');
	unsigned long number;

	if (!equals) {
		if (!scn_option_number("control", "attach", word, 0, 0x7FEF, &number))
			return false;
		d->backend = (uint32_t)number;
		return true;
	}
	*equals = '\0';
	if (strcmp(word, "id") == 0) {
		if (!scn_option_number("control", "id", equals + 1, 0, UINT32_MAX, &number))
			return false;
		d->id = (uint32_t)number;
		d->id_given = true;
	} else if (strcmp(word, "backend") == 0) {
		d->back_kind = equals + 1;
	} else if (d->n_front == MOST_NODES || d->n_back == MOST_NODES || strchr(word, '/') ||
		   strchr(equals + 1, '|') || !*word || strcmp(word, "front.") == 0) {
		complain("control attach: too many words, or one that can't be: '%s'", word);
		return false;
	} else if (strncmp(word, "front.", 6) == 0) {
		set(d->front, &d->n_front, word + 6, equals + 1);
	} else {
		set(d->back, &d->n_back, word, equals + 1);
		if (has(d->front, d->n_front, word))
			set(d->front, &d->n_front, word, equals + 1);
	}
	return true;
}

static const char *value_of(const struct device *d, const char *value, char room[32])
{
	uint32_t letter = (d->id - d->kind->first) / d->kind->step;

	if (strcmp(value, "@id") == 0)
		snprintf(room, 32, "%u", d->id);
	else if (strcmp(value, "@xvd") == 0 && letter < 26)
		snprintf(room, 32, "xvd%c", 'a' + (int)letter);
	else if (strcmp(value, "@mac") == 0)
		snprintf(room, 32, "00:16:3e:%02x:%02x:%02x", d->domid >> 8 & 255, d->domid & 255,
			 d->id & 255);
	else
		return strcmp(value, "@xvd") == 0 ? "" : value;
	return room;
}

static void paths(const struct device *d, char front[128], char back[128])
{
	snprintf(front, 128, "/local/domain/%u/device/%.32s/%u", d->domid, d->front_kind, d->id);
	snprintf(back, 128, "/local/domain/%u/backend/%.32s/%u/%u", d->backend, d->back_kind,
		 d->domid, d->id);
}

/* A directory with the nodes that each has, and its own. */
static int write_end(struct xs_client *c, const struct device *d, bool is_front, const char *path,
		     const char *other)
{
	const struct node *nodes = is_front ? d->front : d->back;
	unsigned int n = is_front ? d->n_front : d->n_back;
	char room[32];
	int err = xs_ask(c, XS_MKDIR, "%s|", path);

	if (err >= 0)
		err = xs_ask(c, XS_SET_PERMS, "%s|n%u|r%u|", path, is_front ? d->domid : d->backend,
			     is_front ? d->backend : d->domid);
	if (err >= 0)
		err =
		    xs_ask(c, XS_WRITE, "%s/%s|%s", path, is_front ? "backend" : "frontend", other);
	if (err >= 0)
		err = xs_ask(c, XS_WRITE, "%s/%s|%u", path, is_front ? "backend-id" : "frontend-id",
			     is_front ? d->backend : d->domid);
	if (err >= 0 && !is_front)
		err = xs_ask(c, XS_WRITE, "%s/online|1", path);
	for (unsigned int i = 0; err >= 0 && i < n; i++)
		err = xs_ask(c, XS_WRITE, "%s/%s|%s", path, nodes[i].key,
			     value_of(d, nodes[i].value, room));
	return err < 0 ? err : xs_ask(c, XS_WRITE, "%s/state|1", path);
}

/* The first number that is free, or the one that is wanted. */
static int choose(struct xs_client *c, struct device *d)
{
	char front[128], back[128];
	uint32_t first = d->id_given ? d->id : d->kind->first;

	for (uint32_t i = 0; i < MOST_DEVICES; i++) {
		int err;

		d->id = first + i * d->kind->step;
		paths(d, front, back);
		err = xs_ask(c, XS_READ, "%s/backend|", front);
		if (err < 0)
			return err == -ENOENT ? 0 : err;
		if (d->id_given)
			return -EEXIST;
	}
	return -ENOSPC;
}

static int write_all(struct xs_client *c, struct device *d)
{
	char front[128], back[128];
	int err = xs_ask(c, XS_READ, "/local/domain/%u/domid|", d->domid);

	if (err >= 0)
		err = xs_ask(c, XS_READ, "/local/domain/%u/domid|", d->backend);
	if (err < 0)
		return err == -ENOENT ? -ESRCH : err;
	for (int i = 0; i < MOST_TRIES; i++) {
		int end;

		c->tx = 0;
		err = xs_ask(c, XS_TRANSACTION_START, "|");
		if (err < 0)
			return err;
		c->tx = (uint32_t)strtoul(c->answer, NULL, 10);
		err = choose(c, d);
		paths(d, front, back);
		if (err >= 0)
			err = write_end(c, d, true, front, back);
		if (err >= 0)
			err = write_end(c, d, false, back, front);
		end = xs_ask(c, XS_TRANSACTION_END, err < 0 ? "F|" : "T|");
		if (err >= 0)
			err = end;
		if (err != -EAGAIN)
			break;
	}
	if (err >= 0)
		printf("%s\n%s\n", front, back);
	return err;
}

/* A domain is written into the store after it is made. */
static int await(const struct joining *j, int fd, uint32_t domid)
{
	const struct machine_question q = {.payload = &domid, .len = sizeof(domid)};
	struct wire_in in;
	struct failure f;
	int err = machine_ask(j, fd, WIRE_INTRODUCE, &q, &in, &f);

	if (err == 0) {
		err = (int)in.msg.result;
		wire_in_done(&in);
	}
	return err == -ENOENT ? -ESRCH : err;
}

static const char *problem(int err)
{
	return err == -ESRCH    ? "one of the domains is not in the store"
	       : err == -EEXIST ? "the domain has a device of that number"
	       : err == -ENOSPC ? "no number is free"
				: strerror(-err);
}

int attach(const struct joining *j, const char *kind, uint32_t domid, int n, char **words)
{
	struct machine_about about = {0};
	struct xs_client c;
	struct device d;
	struct failure f;
	char path[sizeof(about.rundir) + 8];
	int fd, err;

	start(&d, kind, domid);
	for (int i = 0; i < n; i++)
		if (!take_word(&d, words[i]))
			return EXIT_GNTSIM;
	if (!*kind || strchr(kind, '/'))
		return complain("control attach: a kind of device is a name, no path: '%s'", kind);
	if (!*d.back_kind || strchr(d.back_kind, '/'))
		return complain(
		    "control attach: backend: a kind of device is a name, no path: '%s'",
		    d.back_kind);
	fd = machine_connect(j, WIRE_ROLE_WATCH, &about, &f);
	if (fd < 0)
		return complain("%s", f.text);
	if (!about.rundir[0]) {
		close(fd);
		return complain("attach: the machine has no xenstore (--xenstore)");
	}
	snprintf(path, sizeof(path), "%s/socket", about.rundir);
	err = await(j, fd, d.domid);
	if (err == 0)
		err = await(j, fd, d.backend);
	if (err == 0)
		err = xs_open(&c, path, j->patience ? j->patience : 20);
	if (err == 0) {
		err = write_all(&c, &d);
		xs_close(&c);
	}
	close(fd);
	return err < 0 ? complain("attach %s: %s", kind, problem(err)) : 0;
}
