/* SPDX-License-Identifier: MIT */
/* The rules that scenarios prove: conformance/rules.txt, and what a scenario says that it covers. */
#ifndef SCN_CONFORM_RULES_H
#define SCN_CONFORM_RULES_H

#include "lang/text.h"

struct conform_rule {
	char *id, *statement;
};

struct conform_rules {
	struct conform_rule *rules;
	size_t n, room;
};

void conform_rules_free(struct conform_rules *rules);
#define conform_cleanup_rules __attribute__((cleanup(conform_rules_free)))

/* Reads a corpus' list; one that isn't there is empty. 0 or -ENOMEM. */
int conform_rules_read(const char *corpus_root, struct conform_rules *out);
/* What stands after "# Covers:" at the head of a scenario, and its lines "# Rule:": " A B " and a text. */
void conform_rules_of(const char *scenario, struct scn_buf *covers, struct scn_buf *rule);
/* Whether that list names a rule. */
bool conform_covers(const struct scn_buf *covers, const char *id);

#endif
