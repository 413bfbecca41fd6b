/* SPDX-License-Identifier: MIT */
#include "cell.h"
#include "player/variant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab_run.h"

#define DESCRIBE_SECONDS 60 /* from one line of the answer to the next */

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

/* With the patch level, if there is one that is a number: what else follows a second point is left to the lab. */
static bool take_version(const char *text, struct scn_version *out)
{
	int end = 0;

	if (scn_version_parse(text, out) == 0)
		return true;
	out->patch = -1;
	return text[strspn(text, "0123456789.")] == '\0' && *text != '.' &&
	       sscanf(text, "%4u.%4u%n", &out->major, &out->minor, &end) == 2 &&
	       (text[end] == '\0' || (text[end] == '.' && text[end + 1]));
}

int scn_cell_take_kernel(const char *command, const char *value, struct scn_cell *cell)
{
	struct scn_version ignored;

	if (!is_newest(value) && !take_version(value, &ignored))
		return scn_usage_error(
		    command, "--kernel: expected a version X.Y or X.Y.Z, or newest, found '%s'",
		    value);
	cell->has_kernel = true;
	return add(command, "--kernel", value, cell);
}

struct answer {
	struct scn_version kernel;
	bool known;
};

static int take_answer(void *ctx, const char *line)
{
	struct answer *a = ctx;
	char text[32];

	if (sscanf(line, "kernel %31s", text) == 1)
		a->known = take_version(text, &a->kernel);
	return DESCRIBE_SECONDS;
}

static int ask_lab(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		   struct scn_version *out, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf notes = {0};
	struct answer a = {0};
	enum scn_lab_end end = scn_lab_describe(cell, lab, leg, take_answer, &a, &notes, why);

	fputs(scn_buf_text(&notes), stderr);
	*out = a.kernel;
	if (a.known && end == SCN_LAB_DONE)
		return 0;
	if (!why->len)
		scn_buf_printf(why, "%s describe %s does not say which kernel that is", lab,
			       leg->name);
	return -ENODEV;
}

int scn_cell_kernel(const struct scn_cell *cell, const char *lab, const struct scn_leg *leg,
		    bool exact, struct scn_version *out, struct scn_buf *why)
{
	bool known = !cell->own_kernel;

	*out = (struct scn_version){6, 1, -1};
	for (size_t i = 0; i < cell->n; i += 2) {
		if (!cell->own_kernel && !strcmp(cell->words[i], "--kernel"))
			known =
			    take_version(cell->words[i + 1], out) && (!exact || out->patch >= 0);
	}
	return known ? 0 : ask_lab(cell, lab, leg, out, why);
}
