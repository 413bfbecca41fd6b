/* SPDX-License-Identifier: MIT */
#include "main.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lang/find.h"
#include "lang/options.h"
#include "pack.h"
#include "player/variant.h"
#include "player_file.h"
#include "substrates/static_player.h"

#define KIT          "kit"
#define STATUS_ERROR SCN_STATUS_ERROR
#define N_ARCHES     2
#define MAX_PATHS    64

struct command {
	const char *output;
	const char *scenarios[MAX_PATHS], *players[MAX_PATHS];
	size_t n_scenarios, n_players;
	bool wanted[N_ARCHES], any_wanted; /* by enum scn_arch */
	struct scn_buf player[N_ARCHES];   /* its file; empty: there is none */
	struct scn_buf missing[N_ARCHES];  /* why not */
	bool help;
};

static void print_help(FILE *out)
{
	fputs(
	    "Usage: gntsim kit [OPTION…] -o FILE.tar\n"
	    "Makes an archive for real Xen machines: unpacked there, it judges their drivers with "
	    "nothing\n"
	    "else than sh. Its README says how.\n\n"
	    "  -o, --output FILE     the archive; - is standard output\n"
	    "      --arch A          a player for amd64 or arm64; may be said again; default: "
	    "those "
	    "there are\n"
	    "      --player FILE     a static player, instead of the one that gntsim has for that "
	    "machine;\n"
	    "                        may be said again\n"
	    "      --scenarios PATH  instead of the corpus; may be said again\n"
	    "      --help            print this\n\n"
	    "Exit status: 0 the archive is there, 125 it is not.\n",
	    out);
}

enum option_id { OPT_ARCH = 256, OPT_PLAYER, OPT_SCENARIOS, OPT_HELP };

static int add_path(const char *option, const char *path, const char **paths, size_t *n)
{
	if (*n == MAX_PATHS)
		return scn_usage_error(KIT, "%s: expected no more of them, found '%s'", option,
				       path);
	if (access(path, R_OK))
		return scn_usage_error(KIT, "%s: %s: %s", option, path, strerror(errno));
	paths[(*n)++] = path;
	return 0;
}

static int take_option(struct command *c, int option, const char *value)
{
	enum scn_arch arch;

	switch (option) {
	case 'o':
		c->output = value;
		return 0;
	case OPT_ARCH:
		if (!scn_arch_parse(value, &arch))
			return scn_usage_error(KIT, "--arch: expected amd64 or arm64, found '%s'",
					       value);
		c->wanted[arch] = c->any_wanted = true;
		return 0;
	case OPT_PLAYER:
		return add_path("--player", value, c->players, &c->n_players);
	case OPT_SCENARIOS:
		return add_path("--scenarios", value, c->scenarios, &c->n_scenarios);
	case OPT_HELP:
		c->help = true;
		return 0;
	default:
		return STATUS_ERROR;
	}
}

static int parse(struct command *c, int argc, char **argv)
{
	static const struct option options[] = {
	    {"output", required_argument, NULL, 'o'},
	    {"arch", required_argument, NULL, OPT_ARCH},
	    {"player", required_argument, NULL, OPT_PLAYER},
	    {"scenarios", required_argument, NULL, OPT_SCENARIOS},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	int option, err = 0;

	optind = 1;
	while (!err && (option = scn_option_next(KIT, argc, argv, "o:", options)) != -1)
		err = take_option(c, option, optarg);
	if (err || c->help)
		return err;
	if (optind < argc)
		return scn_usage_error(KIT, "expected no more words, found '%s'", argv[optind]);
	return c->output ? 0 : scn_usage_error(KIT, "where to? (-o FILE)");
}

static int complain(const struct scn_buf *why)
{
	fprintf(stderr, "gntsim kit: %s\n", scn_buf_reason(why));
	return STATUS_ERROR;
}

static int take_players(struct command *c)
{
	for (size_t i = 0; i < c->n_players; i++) {
		scn_cleanup_buf struct scn_buf why = {0};
		enum scn_arch arch;

		if (kit_look_at_player(c->players[i], &arch, &why))
			return complain(&why);
		scn_buf_clear(&c->player[arch]);
		scn_buf_str(&c->player[arch], c->players[i]);
	}
	return 0;
}

/* Those that were built with this command, whatever they are for. */
static void find_player(struct command *c, const char *suffix, enum scn_arch usual)
{
	scn_cleanup_buf struct scn_buf path = {0}, why = {0};
	enum scn_arch arch = usual;

	scn_static_player(suffix, &path);
	if (path.failed || kit_look_at_player(scn_buf_text(&path), &arch, &why)) {
		scn_buf_clear(&c->missing[usual]);
		scn_buf_str(&c->missing[usual], scn_buf_reason(&why));
	} else if (!c->player[arch].len) {
		scn_buf_str(&c->player[arch], scn_buf_text(&path));
	}
}

/* How to have one that is missing. */
static const char *advice(enum scn_arch arch)
{
	return arch == SCN_ARM64
		   ? "\"ninja -C build scenarios/gntsim-play-static-arm64\" makes it, with "
		     "aarch64-linux-gnu-gcc, and meson's -Darm64-player=enabled installs it; or "
		     "--player FILE, of a gntsim that was built on arm64"
		   : "--player FILE, of a gntsim that was built on amd64";
}

static int check_players(const struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};
	bool any = false;

	for (unsigned int arch = 0; arch < N_ARCHES; arch++) {
		any |= c->player[arch].len > 0;
		if (!c->wanted[arch] || c->player[arch].len)
			continue;
		scn_buf_printf(&why, "no static player for %s: %s; %s",
			       scn_arch_name((enum scn_arch)arch),
			       c->missing[arch].len ? scn_buf_text(&c->missing[arch])
						    : "this gntsim is for another machine",
			       advice((enum scn_arch)arch));
		return complain(&why);
	}
	if (any)
		return 0;
	scn_buf_printf(&why, "no static player: %s", scn_buf_reason(&c->missing[SCN_AMD64]));
	return complain(&why);
}

static bool is_packed(const struct command *c, unsigned int arch)
{
	return c->player[arch].len && (c->wanted[arch] || !c->any_wanted);
}

/* A directory of what is installed with this command; of the source tree, if it is in a build tree. */
static void find_shared(const char *installed, const char *source, struct scn_buf *path)
{
	char bin[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);

	bin[n < 0 ? 0 : n] = '\0';
	*(strrchr(bin, '/') ?: bin) = '\0';
	scn_buf_printf(path, "%s/" SCN_SHARED "/%s", bin, installed);
	if (access(scn_buf_text(path), R_OK) == 0)
		return;
	scn_buf_clear(path);
	scn_buf_printf(path, SCN_CORPUS "%s", source);
}

static int explain(const char *what, int err, struct scn_buf *why)
{
	scn_buf_printf(why, "%s: %s", what, strerror(-err));
	return err;
}

static int add(struct kit_pack *pack, const struct scn_buf *file, const struct scn_buf *at,
	       struct scn_buf *why)
{
	if (file->failed || at->failed)
		return explain("the archive", -ENOMEM, why);
	return kit_pack_add(pack, scn_buf_text(file), scn_buf_text(at), why);
}

static int add_shared(struct kit_pack *pack, const char *shared, const char *name,
		      const struct scn_buf *at, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf path = {0};

	scn_buf_printf(&path, "%s/%s", shared, name);
	return add(pack, &path, at, why);
}

static int add_corpus(struct kit_pack *pack, const char *shared, struct scn_buf *why)
{
	static const char *const parts[] = {"conformance", "examples", "kernel-bugs",
					    "regressions"};
	int err = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++) {
		scn_cleanup_buf struct scn_buf at = {0};

		scn_buf_printf(&at, "scenarios/%s", parts[i]);
		err = add_shared(pack, shared, parts[i], &at, why);
	}
	return err;
}

/* By its last name: two of one name are told apart by a number. */
static int add_own(struct kit_pack *pack, const char *path, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf file = {0};
	char real[PATH_MAX];
	int err = -EEXIST;

	scn_buf_str(&file, path);
	if (!realpath(path, real))
		return explain(path, -errno, why);
	for (unsigned int n = 1; err == -EEXIST && n < MAX_PATHS; n++) {
		scn_cleanup_buf struct scn_buf at = {0};

		scn_buf_clear(why);
		scn_buf_str(&at, "scenarios/");
		if (n > 1)
			scn_buf_printf(&at, "%u-", n);
		scn_buf_str(&at, strrchr(real, '/') + 1);
		err = add(pack, &file, &at, why);
	}
	return err;
}

static int fill(const struct command *c, struct kit_pack *pack, struct scn_buf *why)
{
	static const char *const names[] = {"run", "README"};
	scn_cleanup_buf struct scn_buf kit = {0}, corpus = {0};
	int err;

	find_shared("kit", "/kit", &kit);
	find_shared("scenarios", "", &corpus);
	err = kit.failed || corpus.failed ? explain("the archive", -ENOMEM, why) : 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		scn_cleanup_buf struct scn_buf at = {0};

		scn_buf_str(&at, names[i]);
		err = add_shared(pack, scn_buf_text(&kit), names[i], &at, why);
	}
	if (!err && !c->n_scenarios)
		err = add_corpus(pack, scn_buf_text(&corpus), why);
	for (size_t i = 0; i < c->n_scenarios && !err; i++)
		err = add_own(pack, c->scenarios[i], why);
	for (unsigned int arch = 0; arch < N_ARCHES && !err; arch++) {
		scn_cleanup_buf struct scn_buf at = {0};

		scn_buf_printf(&at, "%s/player", scn_arch_name((enum scn_arch)arch));
		if (is_packed(c, arch))
			err = add(pack, &c->player[arch], &at, why);
	}
	return err;
}

static void say(const struct command *c)
{
	for (unsigned int arch = 0; arch < N_ARCHES; arch++) {
		if (is_packed(c, arch))
			fprintf(stderr, "gntsim kit: for %s: %s\n",
				scn_arch_name((enum scn_arch)arch), scn_buf_text(&c->player[arch]));
		else if (!c->any_wanted)
			fprintf(stderr,
				"gntsim kit: not for %s: there is no static player for it\n",
				scn_arch_name((enum scn_arch)arch));
	}
}

/* Who names scenarios means some. */
static int check_scenarios(const struct command *c)
{
	scn_cleanup_files struct scn_files files = {0};

	for (size_t i = 0; i < c->n_scenarios; i++) {
		if (scn_find(c->scenarios[i], &files)) {
			fputs("gntsim kit: out of memory\n", stderr);
			return STATUS_ERROR;
		}
	}
	return !c->n_scenarios || files.n
		   ? 0
		   : scn_usage_error(KIT, "no scenario (*.scn) in what --scenarios names");
}

static int make(const struct command *c)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct kit_pack pack = {0};
	int err = kit_pack_begin(&pack, &why);

	if (!err)
		err = fill(c, &pack, &why);
	if (!err)
		err = kit_pack_write(&pack, c->output, &why);
	kit_pack_end(&pack);
	if (err)
		return complain(&why);
	say(c);
	return 0;
}

int gntsim_kit_main(int argc, char **argv)
{
	struct command c = {0};
	int status = parse(&c, argc, argv);

	if (!status && c.help) {
		print_help(stdout);
	} else if (!status) {
		status = check_scenarios(&c);
		if (!status)
			status = take_players(&c);
		if (!status) {
			find_player(&c, "", SCN_AMD64);
			find_player(&c, "-arm64", SCN_ARM64);
			status = check_players(&c);
		}
		if (!status)
			status = make(&c);
	}
	for (unsigned int arch = 0; arch < N_ARCHES; arch++) {
		scn_buf_free(&c.player[arch]);
		scn_buf_free(&c.missing[arch]);
	}
	return status;
}
