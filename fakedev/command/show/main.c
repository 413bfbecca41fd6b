/* SPDX-License-Identifier: MIT */
/* gntsim show: what lives in a machine, who has it, and why. */
#define _GNU_SOURCE
#include "command/show/tables.h"
#include "command/show/why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lang/options.h"

/* Of each table, on the screen that shows all. */
#define MOST_ROWS 10u

struct options {
	struct joining j;
	const struct table *table; /* NULL: the screenful */
	const char *why;
	struct why asked;
	bool json, watch;
	unsigned long seconds;
};

static void usage(FILE *out)
{
	fputs(
	    "usage: gntsim show --socket PATH [OPTION...] [TABLE]\n"
	    "       gntsim show --socket PATH [OPTION...] --why THING\n\n"
	    "Prints what lives in a machine: what is shared, by whom, and who waits. TABLE is one\n"
	    "of domains, grants, maps, ports, notifications, processes; without, a screenful of\n"
	    "what matters.\n\n"
	    "  --why THING        what keeps it alive, and the calls that made each link:\n"
	    "                     dom0:8 a grant, frame:3 a page frame, dom1:port:2 an event\n"
	    "                     channel, dom1:handle:0 a mapping, PID:0xADDRESS a process's "
	    "page\n"
	    "  --json             one JSON document, see gntsim-show(1)\n"
	    "  --watch[=SECONDS]  again and again (every 2 seconds), until Ctrl-C\n"
	    "  --patience SECONDS how long the machine may take to answer (20)\n",
	    out);
}

static void print_title(const struct rows *r)
{
	size_t mapped = 0, deferred = 0;

	for (size_t i = 0; i < r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(r, SHOW_GRANT, show_grant, i);

		mapped += g->pins > 0;
		deferred += (g->flags & SHOW_G_DEFERRED) != 0;
	}
	printf("%zu page%s granted, %zu mapped, %zu given up and still mapped (deferred)\n",
	       r->n[SHOW_GRANT], r->n[SHOW_GRANT] == 1 ? "" : "s", mapped, deferred);
}

/* The screenful: what is empty is left out. */
static void print_all(const struct rows *r)
{
	print_title(r);
	for (unsigned int i = 0; i < n_show_tables; i++) {
		struct sheet s;

		/* Who maps a page is in a table of its own: the grants say whether it is mapped. */
		s = table_fill(&show_tables[i], r);
		if (sheet_rows(&s) > 0) {
			printf("\n%s\n", show_tables[i].name);
			sheet_print(&s, stdout, MOST_ROWS);
		}
		sheet_free(&s);
	}
}

static void print_json(const struct options *o, const struct rows *r)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "type", json_object_new_string("gntsim-show"));
	json_object_object_add(document, "version", json_object_new_int(1));
	for (unsigned int i = 0; i < n_show_tables; i++) {
		struct sheet s;

		if (o->table && o->table != &show_tables[i])
			continue;
		s = table_fill(&show_tables[i], r);
		json_object_object_add(document, show_tables[i].name, sheet_json(&s));
		sheet_free(&s);
	}
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
	json_object_put(document);
}

static bool print(const struct options *o, const struct rows *r)
{
	struct sheet s;

	if (o->why)
		return why_print(&o->asked, r, o->json);
	if (o->json) {
		print_json(o, r);
	} else if (o->table) {
		s = table_fill(o->table, r);
		sheet_print(&s, stdout, 0);
		sheet_free(&s);
	} else {
		print_all(r);
	}
	return true;
}

static bool show_once(const struct options *o, int fd, bool again)
{
	struct rows r;
	bool shown;

	if (!rows_fetch(&o->j, fd, &r))
		return false;
	if (o->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	else if (again && !o->json)
		putchar('\n');
	shown = print(o, &r);
	rows_free(&r);
	if (fflush(stdout) == 0)
		return shown;
	complain("show: cannot write: %s", strerror(errno));
	return false;
}

static int show(const struct options *o)
{
	struct timespec pause = {.tv_sec = (time_t)o->seconds};
	struct failure f;
	bool shown;
	int fd = machine_connect(&o->j, WIRE_ROLE_WATCH, NULL, &f);

	if (fd < 0)
		return complain("%s", f.text);
	shown = show_once(o, fd, false);
	while (shown && o->watch) {
		nanosleep(&pause, NULL);
		shown = show_once(o, fd, true);
	}
	close(fd);
	return shown ? 0 : EXIT_GNTSIM;
}

static bool take_words(int argc, char **argv, struct options *o)
{
	if (o->why && !why_parse(o->why, &o->asked)) {
		scn_usage_error("show",
				"--why: expected domN:REF, frame:N, domN:port:N, domN:handle:N or "
				"PID:0xADDRESS, found '%s'",
				o->why);
		return false;
	}
	if (optind < argc && o->why) {
		scn_usage_error("show", "expected no other word with --why, found '%s'",
				argv[optind]);
		return false;
	}
	if (optind + 1 < argc) {
		scn_usage_error("show", "expected one table, found '%s' too", argv[optind + 1]);
		return false;
	}
	if (optind < argc && !(o->table = table_find(argv[optind]))) {
		scn_usage_error(
		    "show",
		    "expected domains, grants, maps, ports, notifications or processes, "
		    "found '%s'",
		    argv[optind]);
		return false;
	}
	if (!o->j.socket)
		o->j.socket = getenv("GNTSIM_SOCKET");
	if (!o->j.socket)
		complain("show needs --socket PATH");
	return o->j.socket != NULL;
}

int show_main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
						{"patience", required_argument, NULL, 'p'},
						{"why", required_argument, NULL, 'y'},
						{"json", no_argument, NULL, 'j'},
						{"watch", optional_argument, NULL, 'w'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {.seconds = 2};
	int c;

	while ((c = scn_option_next("show", argc, argv, "h", options)) != -1) {
		switch (c) {
		case 's':
			o.j.socket = optarg;
			break;
		case 'p':
			if (!parse_patience("show", optarg, &o.j.patience))
				return EXIT_GNTSIM;
			break;
		case 'y':
			o.why = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'w':
			o.watch = true;
			if (optarg &&
			    !scn_option_number("show", "--watch", optarg, 1, 86400, &o.seconds))
				return EXIT_GNTSIM;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return EXIT_GNTSIM;
		}
	}
	return take_words(argc, argv, &o) ? show(&o) : EXIT_GNTSIM;
}
