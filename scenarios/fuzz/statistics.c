/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* "ioctl GNTDEV_MAP_GRANT_REF", "mmap", "fork". */
static void name_kind(const struct fuzz_op *op, char out[40])
{
	static const char *const machine[] = {
	    [FUZZ_FORK] = "fork",       [FUZZ_KILL] = "kill",
	    [FUZZ_ADVANCE] = "advance", [FUZZ_LIMIT] = "set gntalloc_limit",
	    [FUZZ_DESTROY] = "destroy",
	};
	const char *ioctl = strstr(op->text, "IOCTL_");

	if (op->kind != FUZZ_CALL)
		snprintf(out, 40, "%s", machine[op->kind]);
	else if (strncmp(op->text, "ioctl", 5) != 0)
		snprintf(out, 40, "%.*s%s", (int)strcspn(op->text, "("), op->text,
			 strstr(op->text, "MAP_ANONYMOUS") ? " anonymous" : "");
	else if (ioctl)
		snprintf(out, 40, "%.*s", (int)strcspn(ioctl + 6, ",)"), ioctl + 6);
	else
		snprintf(out, 40, "ioctl, unknown");
}

static struct fuzz_kind_count *find_kind(struct fuzz_statistics *st, const char *name)
{
	for (uint32_t i = 0; i < st->n; i++) {
		if (!strcmp(st->kinds[i].name, name))
			return &st->kinds[i];
	}
	if (st->n == FUZZ_MAX_KINDS)
		return &st->kinds[FUZZ_MAX_KINDS - 1];
	strcpy(st->kinds[st->n].name, name);
	return &st->kinds[st->n++];
}

void fuzz_statistics_add(struct fuzz_statistics *st, const struct fuzz_sequence *seq)
{
	for (uint32_t i = 0; i < seq->n; i++) {
		struct fuzz_kind_count *kind;
		char name[40];

		name_kind(&seq->ops[i], name);
		kind = find_kind(st, name);
		kind->n++;
		kind->ok += seq->ops[i].ok;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct fuzz_kind_count *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

void fuzz_statistics_print(struct fuzz_statistics *st, FILE *out)
{
	unsigned long n = 0, ok = 0;

	qsort(st->kinds, st->n, sizeof(st->kinds[0]), by_number);
	fprintf(out, "%-32s %9s %9s\n", "call", "made", "succeeded");
	for (uint32_t i = 0; i < st->n; i++) {
		const struct fuzz_kind_count *k = &st->kinds[i];

		fprintf(out, "%-32s %9lu %8lu%%\n", k->name, k->n, k->ok * 100 / k->n);
		n += k->n;
		ok += k->ok;
	}
	fprintf(out, "%-32s %9lu %8lu%%\n", "all", n, n ? ok * 100 / n : 0);
}
