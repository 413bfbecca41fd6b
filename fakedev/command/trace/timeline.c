/* SPDX-License-Identifier: MIT */
/* gntsim timeline: a trace as a picture. */
#include "timeline/timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command.h"
#include "lang/options.h"
#include "trace.h"

static void usage(FILE *out)
{
	fputs(
	    "usage: gntsim timeline TRACE -o FILE [OPTION...]\n\n"
	    "Draws a trace in JSON, as 'gntsim run' writes one (gntsim-trace(5)): who shared "
	    "what,\n"
	    "for how long, who told whom, and who died. TRACE may be -, for standard input.\n\n"
	    "  -o, --output FILE  where to: what ends in .html is a page to look around in, .svg\n"
	    "                     a picture for a report, .json for Perfetto's viewer or Chrome's\n"
	    "  --title TEXT       what stands above it (default: the trace's name)\n"
	    "  --scale SCALE      steps: each call has the same room (default); time\n"
	    "  --help\n\n"
	    "Exit status: 0, or 125 if gntsim failed.\n",
	    out);
}

typedef void writer(struct timeline *t, const struct timeline_view *view, struct scn_buf *out);

static writer *find_writer(const char *path)
{
	static const struct {
		const char *ending;
		writer *write;
	} all[] = {{".html", timeline_write_html},
		   {".svg", timeline_write_svg},
		   {".json", timeline_write_trace_events}};
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t m = strlen(all[i].ending);

		if (n > m && !strcmp(path + n - m, all[i].ending))
			return all[i].write;
	}
	return NULL;
}

static int write_file(const char *path, const struct scn_buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int err = fd < 0 ? errno : 0;

	for (size_t at = 0; !err && at < text->len;) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			err = errno;
	}
	if (fd >= 0 && close(fd) < 0 && !err)
		err = errno;
	return err ? complain("timeline: cannot write %s: %s", path, strerror(err)) : 0;
}

static bool is_same(FILE *in, const char *path)
{
	struct stat from, to;

	return fstat(fileno(in), &from) == 0 && stat(path, &to) == 0 && S_ISREG(to.st_mode) &&
	       from.st_dev == to.st_dev && from.st_ino == to.st_ino;
}

static int draw(FILE *in, const char *name, const char *output, struct timeline_view *view)
{
	const struct timeline_words words = {trace_text.call, trace_text.saw};
	scn_cleanup_buf struct scn_buf why = {0}, out = {0};
	writer *write = find_writer(output);
	struct timeline *t;

	if (is_same(in, output))
		return complain("timeline: %s is the trace itself", output);
	t = timeline_read(in, name, &words, &why);
	if (!t)
		return complain("timeline: %s", scn_buf_text(&why));
	if (why.len)
		complain("timeline: %s", scn_buf_text(&why));
	write(t, view, &out);
	timeline_free(t);
	if (out.failed)
		return complain("timeline: %s: out of memory", name);
	return write_file(output, &out);
}

int timeline_main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"output", required_argument, NULL, 'o'},
	    {"title", required_argument, NULL, 't'},
	    {"scale", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct timeline_view view = {NULL, false};
	const char *output = NULL, *name, *slash;
	FILE *in;
	int c, status;

	while ((c = scn_option_next("timeline", argc, argv, "o:h", options)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 't':
			view.title = optarg;
			break;
		case 's':
			if (strcmp(optarg, "steps") && strcmp(optarg, "time"))
				return scn_usage_error(
				    "timeline", "--scale: expected steps or time, found '%s'",
				    optarg);
			view.by_time = !strcmp(optarg, "time");
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return SCN_STATUS_ERROR;
		}
	}
	if (optind != argc - 1)
		return scn_usage_error("timeline", optind == argc ? "no trace is named"
								  : "more than one trace is named");
	if (!output)
		return scn_usage_error("timeline", "-o FILE is missing");
	if (!find_writer(output))
		return scn_usage_error(
		    "timeline", "-o: expected .html, .svg or .json at the end of '%s'", output);
	name = argv[optind];
	in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	if (!in)
		return complain("timeline: cannot read %s: %s", name, strerror(errno));
	if (in == stdin)
		name = "standard input";
	slash = strrchr(name, '/');
	if (!view.title)
		view.title = slash ? slash + 1 : name;
	status = draw(in, name, output, &view);
	if (in != stdin)
		fclose(in);
	return status;
}
