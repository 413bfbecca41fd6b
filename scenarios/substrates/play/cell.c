/* SPDX-License-Identifier: MIT */
#include "cell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player/child.h"

static const char *const names[] = {"--kernel-image", "--modules", "--module",       "--xen",
				    "--xen-tools",    "--xsm",     "--config-append"};

static int add(const char *command, const char *name, const char *value, struct scn_cell *cell)
{
	if (cell->n + 2 > SCN_CELL_WORDS)
		return scn_usage_error(command, "%s: expected no more such options", name);
	cell->words[cell->n++] = name;
	cell->words[cell->n++] = value;
	return 0;
}

int scn_cell_take(const char *command, enum scn_cell_option option, const char *value,
		  struct scn_cell *cell)
{
	cell->own_kernel |= option == SCN_CELL_KERNEL_IMAGE;
	return add(command, names[option - SCN_CELL_KERNEL_IMAGE], value, cell);
}

const char *scn_cell_other(const struct scn_cell *cell)
{
	for (size_t i = 0; i < cell->n; i += 2)
		if (strcmp(cell->words[i], "--xen") != 0 && strcmp(cell->words[i], "--xsm") != 0)
			return cell->words[i];
	return NULL;
}

static bool is_newest(const char *text)
{
	return !strcmp(text, "newest");
}

/* The series: what follows a second point is left to the lab. */
static bool take_series(const char *text, struct scn_version *out)
{
	int end = 0;

	out->patch = -1;
	return text[strspn(text, "0123456789.")] == '\0' && *text != '.' &&
	       sscanf(text, "%4u.%4u%n", &out->major, &out->minor, &end) == 2 &&
	       (text[end] == '\0' || (text[end] == '.' && text[end + 1]));
}

int scn_cell_take_kernel(const char *command, const char *value, struct scn_cell *cell)
{
	struct scn_version ignored;

	if (!is_newest(value) && !take_series(value, &ignored))
		return scn_usage_error(
		    command, "--kernel: expected a version X.Y or X.Y.Z, or newest, found '%s'",
		    value);
	cell->has_kernel = true;
	return add(command, "--kernel", value, cell);
}

static FILE *start_lab(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		       pid_t *pid)
{
	const char *words[SCN_CELL_WORDS + 4] = {lab, "describe", leg->name};
	char *argv[SCN_CELL_WORDS + 4];
	int fds[2];

	memcpy((void *)(words + 3), (const void *)cell->words, cell->n * sizeof(*words));
	memcpy((void *)argv, (const void *)words, sizeof(argv));
	if (pipe(fds))
		return NULL;
	*pid = scn_fork_child();
	if (*pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(lab, argv);
		_exit(127);
	}
	close(fds[1]);
	if (*pid > 0)
		return fdopen(fds[0], "r");
	close(fds[0]);
	return NULL;
}

/* What is wrong the lab has said itself, on standard error. */
static int ask_lab(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		   struct scn_version *out, struct scn_buf *why)
{
	pid_t pid = -1;
	FILE *said = start_lab(cell, lab, leg, &pid);
	bool known = false;
	char line[512], text[32];
	int status = 0;

	while (said && fgets(line, sizeof(line), said)) {
		if (sscanf(line, "kernel %31s", text) == 1)
			known = take_series(text, out);
	}
	if (said)
		fclose(said);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (known && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	scn_buf_printf(why, "%s describe %s does not say which kernel that is", lab, leg->name);
	return -ENODEV;
}

int scn_cell_kernel(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		    struct scn_version *out, struct scn_buf *why)
{
	if (cell->own_kernel)
		return ask_lab(cell, lab, leg, out, why);
	*out = (struct scn_version){6, 1, -1};
	for (size_t i = 0; i < cell->n; i += 2) {
		if (!strcmp(cell->words[i], "--kernel") && !take_series(cell->words[i + 1], out))
			return ask_lab(cell, lab, leg, out, why);
	}
	return 0;
}
