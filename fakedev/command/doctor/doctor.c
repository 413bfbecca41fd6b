/* SPDX-License-Identifier: MIT */
/* gntsim doctor: what works on this host, by doing it. */
#define _GNU_SOURCE
#include "advice.h"
#include "command/command.h"
#include "late/late.h"
#include "trial.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lang/options.h"
#include "substrates/agent/remove.h"
#include "substrates/agent/temporary.h"
#include "substrates/static_player.h"

/* What each front is to show: a page is shared, its granter dies, and its mapper is told. In two domains; or in dom1
 * alone, where no machine is to be served. */
static const char in_two[] = "domain dom0\n"
			     "domain dom1 pvh\n";
static const char in_one[] = "domain dom1 pvh\n";
static const char steps[] =
    "process granter in dom0\n"
    "process mapper in dom1\n"
    "granter: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"
    "granter: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF,\n"
    "    {domid=dom1, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0 {index=at, gref_ids=[ref]}\n"
    "granter: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, at)\n"
    "granter: store(p, \"it works\" 1)\n"
    "granter: eg = open(\"/dev/xen/evtchn\", O_RDWR)\n"
    "granter: gp = ioctl(eg, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1})\n"
    "mapper: em = open(\"/dev/xen/evtchn\", O_RDWR)\n"
    "mapper: mp = ioctl(em, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, remote_port=gp})\n"
    "mapper: read(em, 4) = 4 [mp]\n"
    "mapper: write(em, [mp]) = 4\n"
    "granter: ioctl(ga, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, {index=at + 8,\n"
    "    action=UNMAP_NOTIFY_CLEAR_BYTE|UNMAP_NOTIFY_SEND_EVENT, event_channel_port=gp})\n"
    "mapper: gd = open(\"/dev/xen/gntdev\", O_RDWR)\n"
    "mapper: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ref}]})\n"
    "    = 0 {index=map}\n"
    "mapper: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gd, map)\n"
    "mapper: load(q, 9) = \"it works\" 1\n"
    "kill -9 granter\n"
    "mapper: read(em, 4) = 4 [mp]\n"
    "mapper: load(q, 9) = \"it works\" 0\n";

#define WORDS 16
/* Among the words of a command: what plays, a static program if there is one; and the scenario of one domain. */
static const char player[] = "(player)", alone[] = "(alone)";
/* A program that is there in any case. */
#define SOME_PROGRAM "/proc/self/exe", "--version"

static const struct {
	const char *name, *what;
	const char *on; /* plays the scenario there */
	const char *words[WORDS];
} parts[N_PARTS] = {
    [PART_SOCKET] = {"socket", "--front socket: programs with a dynamic loader", "socket", {0}},
    [PART_PTRACE] = {"ptrace",
		     "--front ptrace: static programs, Go's, and those with raw system calls",
		     "ptrace",
		     {0}},
    [PART_FUSE] = {"fuse", "--front fuse: real files, with the preloaded library", "fuse", {0}},
    [PART_FUSE_UNASSISTED] = {"fuse-unassisted",
			      "--front fuse --assist=no: real files, nothing preloaded",
			      NULL,
			      {"run", "--front", "fuse", "--assist=no", "--domain", "1", "--",
			       player, "--on", "device", "--domid", "1", "--host", "pvh", alone}},
    [PART_CUSE] = {"cuse",
		   "--front cuse: real character devices, with the preloaded library",
		   "cuse",
		   {0}},
    [PART_STORES] = {"stores",
		     "--kill-at store:N, --count-stores: programs are stopped at their stores",
		     NULL,
		     {"run", "--count-stores", "--points", "/dev/null", "--", SOME_PROGRAM}},
    [PART_XENSTORE] = {"xenstore",
		       "--xenstore: Debian's xenstored in domain 0",
		       NULL,
		       {"run", "--xenstore", "--", SOME_PROGRAM}},
    [PART_EMULATOR] = {"xen",
		       "play --on xen, conform: QEMU for real Xen, which is fetched once",
		       NULL,
		       {0}},
};

struct finding {
	bool works;
	struct scn_buf why;
};

/* Where a shell would find it. */
static bool is_there(const char *program)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];

	for (; dirs && *dirs; dirs += strcspn(dirs, ":"), dirs += *dirs == ':')
		if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)strcspn(dirs, ":"), dirs,
				     program) < sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
	return false;
}

static void find_emulator(struct finding *f)
{
	f->works = is_there("qemu-system-x86_64");
	if (!f->works)
		scn_buf_str(&f->why, "qemu-system-x86_64 is not installed");
}

/* The scenario's files. */
struct files {
	char dir[PATH_MAX], two[PATH_MAX + 16], one[PATH_MAX + 16];
};

static void fill_in(enum part part, const struct files *files, const struct scn_buf *statics,
		    const char *words[WORDS + 3])
{
	bool is_there = access(scn_buf_text(statics), X_OK) == 0;
	size_t n = 1;

	for (size_t i = 0; i < WORDS && parts[part].words[i]; i++) {
		const char *word = parts[part].words[i];

		if (word == player && !is_there)
			words[n++] = "/proc/self/exe";
		words[n++] = word == alone    ? files->one
			     : word != player ? word
			     : is_there       ? scn_buf_text(statics)
					      : "play";
	}
	words[n] = NULL;
}

static void try_part(enum part part, const struct files *files, struct finding *f)
{
	const char *words[WORDS + 3] = {"gntsim", "play", "--on", parts[part].on, files->two, NULL};
	scn_cleanup_buf struct scn_buf statics = {0};
	struct trial t;

	if (part == PART_EMULATOR) {
		find_emulator(f);
		return;
	}
	scn_static_player("", &statics);
	if (!parts[part].on)
		fill_in(part, files, &statics, words);
	trial_run(&t, (char *const *)(const void *)words);
	f->works = t.status == 0;
	if (!f->works)
		trial_why(&t, &f->why);
	trial_free(&t);
}

static void print_host(void)
{
	struct utsname u;

	if (uname(&u) == 0)
		printf("%s %s, %s; pages of %ld bytes; %s", u.sysname, u.release, u.machine,
		       sysconf(_SC_PAGESIZE), geteuid() == 0 ? "root" : "not root");
	if (advice_ptrace_scope() >= 0)
		printf("; ptrace_scope %d", advice_ptrace_scope());
	putchar('\n');
}

static void print_part(enum part part, const struct finding *f)
{
	const char *what = parts[part].what, *todo = f->works ? NULL : advice(part);

	printf("%-16s %-6s %s\n", parts[part].name, f->works ? "works" : "no", what);
	if (!f->works)
		printf("%-23s %s\n", "", scn_buf_text(&f->why));
	if (todo)
		printf("%-23s to have it: %s\n", "", todo);
	fflush(stdout);
}

static void add_part(struct json_object *all, enum part part, const struct finding *f)
{
	struct json_object *it = json_object_new_object();
	const char *todo = f->works ? NULL : advice(part);

	json_object_object_add(it, "name", json_object_new_string(parts[part].name));
	json_object_object_add(it, "works", json_object_new_boolean(f->works));
	if (!f->works)
		json_object_object_add(it, "why", json_object_new_string(scn_buf_text(&f->why)));
	if (todo)
		json_object_object_add(it, "todo", json_object_new_string(todo));
	json_object_array_add(all, it);
}

/* @return the exit status */
static int try_all(const struct files *files, struct json_object *all)
{
	bool any = false;

	for (enum part part = 0; part < N_PARTS; part++) {
		struct finding f = {0};

		try_part(part, files, &f);
		any |= f.works && part <= PART_CUSE;
		if (all)
			add_part(all, part, &f);
		else
			print_part(part, &f);
		scn_buf_free(&f.why);
	}
	return any ? 0 : 1;
}

static bool write_scenario(const char *path, const char *domains, const char *granters)
{
	FILE *out = fopen(path, "we");
	bool good = out && fputs(domains, out) >= 0;

	for (const char *p = steps; good && *p; p++) {
		bool is_granters = strncmp(p, "dom0", 4) == 0;

		good = is_granters ? fputs(granters, out) >= 0 : fputc(*p, out) >= 0;
		p += is_granters ? 3 : 0;
	}
	return (out && fclose(out) == 0) && good;
}

static int try_with(const struct files *files, bool json)
{
	struct json_object *document, *all;
	int status;

	if (!json) {
		print_host();
		return try_all(files, NULL);
	}
	document = json_object_new_object();
	all = json_object_new_array();
	status = try_all(files, all);
	json_object_object_add(document, "type", json_object_new_string("gntsim-doctor"));
	json_object_object_add(document, "version", json_object_new_int(1));
	json_object_object_add(document, "parts", all);
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
	json_object_put(document);
	return status;
}

static int doctor(bool json)
{
	struct files files;
	char room[PATH_MAX];
	int status;

	if (json && !late_has_json())
		return EXIT_GNTSIM;
	snprintf(files.dir, sizeof(files.dir), "%s/gntsim-XXXXXX", scn_temporary(room));
	if (!mkdtemp(files.dir))
		return complain("cannot make a directory %s: %s", files.dir, strerror(errno));
	/* What is tried and has to be killed leaves what it has there. */
	setenv("TMPDIR", files.dir, 1);
	snprintf(files.two, sizeof(files.two), "%s/doctor.scn", files.dir);
	snprintf(files.one, sizeof(files.one), "%s/alone.scn", files.dir);
	if (!write_scenario(files.two, in_two, "dom0") ||
	    !write_scenario(files.one, in_one, "dom1"))
		status = complain("cannot write to %s: %s", files.dir, strerror(errno));
	else
		status = try_with(&files, json);
	scn_remove(files.dir);
	return status;
}

static void usage(FILE *out)
{
	fputs("usage: gntsim doctor [--json]\n\n"
	      "Tries what gntsim can do on this host, and says what does not work, why, and what\n"
	      "there is to do about it.\n\n"
	      "  --json    one JSON document, see gntsim-doctor(1)\n"
	      "  --help\n\n"
	      "Exit status: 0 if a front works, 1 if none does, 125 if it could not be tried.\n",
	      out);
}

int doctor_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool json = false;
	int c;

	while ((c = scn_option_next("doctor", argc, argv, "h", options)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return EXIT_GNTSIM;
		}
	}
	if (optind < argc)
		return scn_usage_error("doctor", "expected no other word, found '%s'",
				       argv[optind]);
	return doctor(json);
}
