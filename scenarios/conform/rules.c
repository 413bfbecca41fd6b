/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conform_rules_free(struct conform_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->rules[i].id);
		free(rules->rules[i].statement);
	}
	free(rules->rules);
}

static bool add(struct conform_rules *out, const char *line)
{
	const char *colon = strstr(line, ": ");
	struct conform_rule *r;

	if (line[0] == '#' || !colon)
		return true;
	if (out->n == out->room) {
		size_t room = out->room ? out->room * 2 : 128;

		r = realloc(out->rules, room * sizeof(*r));
		if (!r)
			return false;
		out->rules = r;
		out->room = room;
	}
	r = &out->rules[out->n++];
	r->id = strndup(line, (size_t)(colon - line));
	r->statement = strdup(colon + 2);
	return r->id && r->statement;
}

int conform_rules_read(const char *corpus_root, struct conform_rules *out)
{
	scn_cleanup_buf struct scn_buf path = {0};
	char line[1024];
	bool good = true;
	FILE *f;

	scn_buf_printf(&path, "%s/conformance/rules.txt", corpus_root);
	f = path.failed ? NULL : fopen(scn_buf_text(&path), "re");
	while (f && good && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		good = add(out, line);
	}
	if (f)
		fclose(f);
	return good && !path.failed ? 0 : -ENOMEM;
}

/* A statement that goes on does so behind more blanks. */
static void take_head(const char *line, struct scn_buf *covers, struct scn_buf *rule,
		      struct scn_buf **last)
{
	const char *words = line + 2;

	if (!strncmp(line, "# Covers: ", 10)) {
		*last = covers;
		words = line + 10;
	} else if (!strncmp(line, "# Rule: ", 8)) {
		*last = rule;
		words = line + 8;
	} else if (strncmp(line, "#   ", 4) != 0) {
		*last = NULL;
	}
	if (!*last)
		return;
	words += strspn(words, " ");
	scn_buf_printf(*last, "%s%s", (*last)->len ? " " : "", words);
}

void conform_rules_of(const char *scenario, struct scn_buf *covers, struct scn_buf *rule)
{
	FILE *f = fopen(scenario, "re");
	struct scn_buf *last = NULL;
	char line[1024];

	while (f && fgets(line, sizeof(line), f) && line[0] == '#') {
		line[strcspn(line, "\n")] = '\0';
		if (line[1] == ' ')
			take_head(line, covers, rule, &last);
	}
	if (f)
		fclose(f);
}

bool conform_covers(const struct scn_buf *covers, const char *id)
{
	const char *text = scn_buf_text(covers);
	size_t n = strlen(id);

	for (const char *at = text; (at = strstr(at, id)); at += n) {
		if ((at == text || strchr(" ,", at[-1])) && strchr(" ,", at[n]))
			return true;
	}
	return false;
}
