/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "output.h"
#include "command/command.h"
#include "crash/order.h"
#include "crash/report.h"
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE "trace-"

/* Programs that run at the same time may need more than one. */
#define TRIES 3

/* The picture of a trace, by this program itself. */
static int draw(const char *self, const char *trace, const char *picture)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl(self, "gntsim", "timeline", trace, "-o", picture, (char *)NULL);
		_exit(EXIT_CANNOT_EXEC);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return complain("crash: cannot draw %s", trace);
	return 0;
}

/* Of each run that the command makes. */
static int draw_all(const char *self, const char *dir)
{
	int status = 0;

	for (unsigned int run = 1; status == 0; run++) {
		scn_cleanup_buf struct scn_buf trace = {0}, picture = {0};

		scn_buf_printf(&trace, "%s/" TRACE "%u.json", dir, run);
		scn_buf_printf(&picture, "%s/timeline-%u.html", dir, run);
		if (trace.failed || picture.failed)
			return complain("crash: out of memory");
		if (access(trace.data, F_OK) < 0)
			break;
		status = draw(self, trace.data, picture.data);
	}
	return status;
}

/* Once more, recorded. @param[out] f what came */
static int try_again(const struct crash_options *o, const struct crash_result *result,
		     const char *dir, struct crash_findings *f)
{
	scn_cleanup_buf struct scn_buf trace = {0}, record = {0}, why = {0};
	char format[] = "trace-format=json", *more[] = {NULL, format, NULL, NULL};
	struct crash_search s = o->search;
	int status;

	scn_buf_printf(&trace, "trace=%s/" TRACE CRASH_ORDER_RUN ".json", dir);
	scn_buf_printf(&record, "record=%s/recorded-" CRASH_ORDER_RUN ".scn", dir);
	if (trace.failed || record.failed)
		return complain("crash: out of memory");
	more[0] = trace.data;
	more[2] = record.data;
	s.only = &result->point;
	s.schedules = 0;
	s.scheduled = result->n_schedules ? &result->schedules[0] : o->search.scheduled;
	s.more = more;
	s.jobs = 1;
	s.budget = 0;
	status = crash_search_run(&s, NULL, f, &why);
	return status < 0 ? complain("crash: %s", scn_buf_text(&why)) : 0;
}

/* Until it comes again as it came, if it does. */
static int record(const struct crash_options *o, struct crash_result *first, const char *dir,
		  const char *command, FILE *told)
{
	scn_cleanup_buf struct scn_buf text = {0};
	struct crash_findings f = {0};
	int status = 0;

	for (int i = 0; i < TRIES && status == 0; i++) {
		crash_findings_free(&f);
		status = try_again(o, first, dir, &f);
		if (f.n && f.results[0].outcome == first->outcome)
			break;
	}
	if (status == 0)
		status = crash_scenario_write(first, f.n ? &f.results[0] : NULL, dir, command);
	crash_report_scenario(&text, first);
	fputs(scn_buf_text(&text), told);
	crash_findings_free(&f);
	return status;
}

static bool is_writable(const char *path, bool is_directory)
{
	int fd, err = 0;

	if (access(path, F_OK) == 0)
		return access(path, W_OK) == 0;
	if (is_directory) {
		err = mkdir(path, 0777);
		return err == 0 && rmdir(path) == 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return false;
	close(fd);
	return unlink(path) == 0;
}

int crash_output_check(const struct crash_options *o)
{
	const char *const files[] = {o->json, o->junit};

	if (o->json && o->junit && !strcmp(o->json, o->junit))
		return complain("crash: --json and --junit cannot both go to %s", o->json);
	for (size_t i = 0; i < 2; i++)
		if (files[i] && strcmp(files[i], "-") && !is_writable(files[i], false))
			return complain("crash: cannot write %s: %s", files[i], strerror(errno));
	if (o->output && !is_writable(o->output, true))
		return complain("crash: cannot make a directory %s: %s", o->output,
				strerror(errno));
	return 0;
}

int crash_output_write(const struct crash_options *o, const struct crash_groups *groups,
		       const char *command, const char *self)
{
	FILE *told = o->json && !strcmp(o->json, "-") ? stderr : stdout;
	char root[PATH_MAX];
	int status = 0;

	if ((mkdir(o->output, 0777) < 0 && errno != EEXIST) || !realpath(o->output, root))
		return complain("crash: cannot make a directory %s: %s", o->output,
				strerror(errno));
	for (size_t i = 0; i < groups->n && status == 0; i++) {
		scn_cleanup_buf struct scn_buf dir = {0};

		scn_buf_printf(&dir, "%s/%zu", root, i + 1);
		if (dir.failed || (mkdir(dir.data, 0777) < 0 && errno != EEXIST))
			return complain("crash: cannot make a directory %s: %s", scn_buf_text(&dir),
					strerror(errno));
		fflush(NULL);
		status = record(o, groups->all[i].first, dir.data, command, told);
		if (status == 0)
			status = draw_all(self, dir.data);
	}
	return status;
}
