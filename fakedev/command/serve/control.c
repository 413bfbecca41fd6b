/* SPDX-License-Identifier: MIT */
/* gntsim status and gntsim control: a served machine from outside. */
#define _GNU_SOURCE
#include "attach.h"
#include "command/command.h"
#include "command/machine-options.h"
#include "console.h"
#include "lang/options.h"
#include "wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void status_usage(FILE *out)
{
	fputs(
	    "usage: gntsim status --socket PATH [--patience SECONDS]\n\n"
	    "Prints what lives in the machine, one 'name value' a line: domains, zombies, files,\n"
	    "mms (address spaces), vmas, frames, grants, deferred, gntdev_maps, maptrack, ports,\n"
	    "bytes (of book-keeping).\n",
	    out);
}

static void control_usage(FILE *out)
{
	fputs(
	    "usage: gntsim control --socket PATH [--patience SECONDS] create DOMAIN [pv|pvh] "
	    "[LIMIT=N...]\n"
	    "       gntsim control --socket PATH [--patience SECONDS] destroy DOMAIN\n"
	    "       gntsim control --socket PATH [--patience SECONDS] advance NANOSECONDS\n"
	    "       gntsim control --socket PATH [--patience SECONDS] limit DOMAIN LIMIT=N\n"
	    "       gntsim control --socket PATH [--patience SECONDS] attach KIND DOMAIN [BACKEND] "
	    "[KEY=VALUE...]\n"
	    "       gntsim control --socket PATH [--patience SECONDS] console DOMAIN\n\n"
	    "create   makes a domain before any program joins it\n"
	    "destroy  ends a whole domain, as 'xl destroy' does: its processes are killed, no\n"
	    "         unmap notification is sent\n"
	    "advance  lets virtual time pass\n"
	    "limit    changes a limit that is a module's parameter; N alone is gntalloc_limit\n"
	    "attach   writes a device's nodes into xenstore, as 'xl' does: KIND is vbd, vif, "
	    "9pfs,\n"
	    "         console or another's name, BACKEND a domain (0); a KEY is a node of the\n"
	    "         backend's, of the frontend's too if it has it, front.KEY of that alone;\n"
	    "         id=N is the device's number, backend=NAME the backend's kind\n"
	    "console  plays the domain's part of its console: what it reads the domain says, what\n"
	    "         the domain hears it writes; until all is said and heard, or Control-]\n\n"
	    "The limits, and which of them can change:\n",
	    out);
	for (int i = 0; i < GNTSIM_N_LIMITS; i++) {
		const struct gntsim_limit_info *limit = gntsim_limit((enum gntsim_limit)i);

		if (!limit->of_machine)
			fprintf(out, "  %-16s %s (default %u%s)\n", limit->name, limit->what,
				limit->normal, limit->later ? "; can change" : "");
	}
}

/* Which machine, and how long it may take. */
struct target {
	const char *socket;
	unsigned int patience;
};

/* One request; prints a text reply. What the machine made of it, or -ECANCELED after a complaint. */
static int exchange(const struct joining *j, int fd, enum wire_op op, const void *payload,
		    size_t len)
{
	struct machine_question q = {.payload = payload, .len = len};
	struct wire_in in;
	struct failure f;
	int err = machine_ask(j, fd, op, &q, &in, &f);

	if (err < 0) {
		complain("%s", f.text);
		return -ECANCELED;
	}
	err = (int)in.msg.result;
	if (op == WIRE_DESTROY && in.msg.payload) {
		fwrite(in.payload, 1, in.msg.payload, stderr);
		complain("the domain is destroyed, but not all of its processes");
		err = -ECANCELED;
	} else {
		fwrite(in.payload, 1, in.msg.payload, stdout);
	}
	wire_in_done(&in);
	return err;
}

static const char *problem(int err)
{
	switch (-err) {
	case ESRCH:
		return "no such domain";
	case EEXIST:
		return "the domain exists with another guest type";
	case EBUSY:
		return "a domain of that number was destroyed and is not gone yet: others map its "
		       "pages, or its processes are being killed";
	case EALREADY:
		return "the domain exists: its limits are those that it was made with";
	case EPERM:
		return "that limit is set when a domain is made, by 'create'";
	default:
		return strerror(-err);
	}
}

/* What has ended by now has ended for the request too. */
static int ask(const struct target *t, enum wire_op op, const void *payload, size_t len,
	       const char *what)
{
	struct joining j = {.socket = t->socket, .patience = t->patience};
	struct failure f;
	int fd = machine_connect(&j, WIRE_ROLE_WATCH, NULL, &f), err;

	if (fd < 0)
		return complain("%s", f.text);
	err = exchange(&j, fd, WIRE_SYNC, NULL, 0);
	if (err == 0)
		err = exchange(&j, fd, op, payload, len);
	close(fd);
	if (err == -ECANCELED)
		return EXIT_GNTSIM;
	if (err < 0)
		return complain("%s: %s", what, problem(err));
	return 0;
}

/* --socket PATH, --patience N and --help; -1 to go on with the rest from optind. */
static int parse(int argc, char **argv, void (*usage)(FILE *), struct target *t)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
						{"patience", required_argument, NULL, 'p'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int c;

	while ((c = scn_option_next(argv[0], argc, argv, "+h", options)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 0;
		}
		if (c == 'p' && parse_patience(argv[0], optarg, &t->patience))
			continue;
		if (c == 'p')
			return EXIT_GNTSIM;
		if (c != 's')
			return EXIT_GNTSIM;
		t->socket = optarg;
	}
	if (!t->socket)
		t->socket = getenv("GNTSIM_SOCKET");
	if (!t->socket)
		return complain("%s needs --socket PATH", argv[0]);
	return -1;
}

int status_main(int argc, char **argv)
{
	struct target t = {0};
	int status = parse(argc, argv, status_usage, &t);

	if (status >= 0)
		return status;
	if (optind < argc)
		return scn_usage_error("status", "expected no other word, found '%s'",
				       argv[optind]);
	return ask(&t, WIRE_STATUS, NULL, 0, "status");
}

static int bad_control(const char *word)
{
	return scn_usage_error(
	    "control",
	    "expected create, destroy, advance, limit, attach or console and what "
	    "belongs to it, found '%s'",
	    word);
}

/* [pv|pvh] [LIMIT=N...] */
static int create(const struct target *t, uint32_t domid, int n, char **words)
{
	const struct joining j = {.socket = t->socket, .domid = domid, .patience = t->patience};
	struct wire_create w = {.domid = domid};
	enum gntsim_limit limit;
	struct failure f;
	uint32_t value;
	int status, err;

	for (int i = 0; i < n; i++) {
		if (i == 0 && !strchr(words[i], '=')) {
			if (!parse_guest(words[i], &w.guest))
				return EXIT_GNTSIM;
			continue;
		}
		if (!parse_limit_word("control", words[i], 1, &limit, &value))
			return EXIT_GNTSIM;
		w.limited = 1;
		w.limits[limit] = value;
	}
	status = ask(t, WIRE_CREATE, &w, sizeof(w), "create");
	if (status != 0)
		return status;
	/* As with xl, who comes next finds it in xenstore, if there is one. */
	err = xenstore_introduce(&j, &f);
	return err < 0 && err != -ENOENT ? complain("create: %s", f.text) : 0;
}

/* LIMIT=N, or gntalloc's as it is. */
static int set_limit(const struct target *t, uint32_t domid, const char *word)
{
	struct wire_limit w = {.domid = domid};
	enum gntsim_limit limit = GNTSIM_LIMIT_GNTALLOC;
	unsigned long number;

	if (strchr(word, '=')) {
		if (!parse_limit_word("control", word, 0, &limit, &w.value))
			return EXIT_GNTSIM;
	} else {
		if (!scn_option_number("control", "limit", word, 0, gntsim_limit(limit)->most,
				       &number))
			return EXIT_GNTSIM;
		w.value = (uint32_t)number;
	}
	w.limit = limit;
	return ask(t, WIRE_LIMIT, &w, sizeof(w), "limit");
}

static int destroy(const struct target *t, uint32_t domid)
{
	const struct joining j = {.socket = t->socket, .patience = t->patience};
	int status = ask(t, WIRE_DESTROY, &domid, sizeof(domid), "destroy");

	/* Also where a process of it lives on. */
	detach_all(&j, domid);
	return status;
}

int control_main(int argc, char **argv)
{
	struct target t = {0};
	int status = parse(argc, argv, control_usage, &t), n = argc - optind;
	char **a = argv + optind;
	unsigned long number;
	uint32_t domid;
	uint64_t ns;

	if (status >= 0)
		return status;
	if (n >= 3 && strcmp(a[0], "attach") == 0) {
		const struct joining j = {.socket = t.socket, .patience = t.patience};

		if (!scn_option_number("control", "attach", a[2], 0, 0x7FEF, &number))
			return EXIT_GNTSIM;
		return attach(&j, a[1], (uint32_t)number, n - 3, a + 3);
	}
	if (n < 2)
		return bad_control(n ? a[0] : "nothing");
	if (strcmp(a[0], "advance") == 0 && n == 2) {
		if (!scn_option_number("control", "advance", a[1], 0, UINT64_MAX / 2, &number))
			return EXIT_GNTSIM;
		ns = number;
		return ask(&t, WIRE_ADVANCE, &ns, sizeof(ns), "advance");
	}
	if (!scn_option_number("control", a[0], a[1], 0, 0x7FEF, &number))
		return EXIT_GNTSIM;
	domid = (uint32_t)number;
	if (strcmp(a[0], "create") == 0)
		return create(&t, domid, n - 2, a + 2);
	if (strcmp(a[0], "console") == 0 && n == 2) {
		const struct joining j = {.socket = t.socket, .patience = t.patience};

		return console(&j, domid);
	}
	if (strcmp(a[0], "destroy") == 0 && n == 2)
		return destroy(&t, domid);
	if (strcmp(a[0], "limit") != 0 || n != 3)
		return bad_control(a[0]);
	return set_limit(&t, domid, a[2]);
}
