/* SPDX-License-Identifier: MIT */
/* The tables of gntsim-show(1). */
#ifndef FAKEDEV_COMMAND_SHOW_TABLES_H
#define FAKEDEV_COMMAND_SHOW_TABLES_H

#include "command/show/rows.h"
#include "command/show/sheet.h"

struct table {
	const char *name;
	const char *const *columns;
	void (*fill)(const struct rows *r, struct sheet *s);
};
extern const struct table show_tables[];
extern const unsigned int n_show_tables;

/* By name; NULL: there is none. */
const struct table *table_find(const char *name);
/* A table, filled. */
struct sheet table_fill(const struct table *t, const struct rows *r);

/* "server(123)" */
#define PROCESS_TEXT 48
const char *process_text(const struct rows *r, uint32_t pid, char text[PROCESS_TEXT]);
/* "reads evtchn1" */
#define WAIT_TEXT 64
const char *wait_text(const struct show_wait *w, char text[WAIT_TEXT]);

#endif
