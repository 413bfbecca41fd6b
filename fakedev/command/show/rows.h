/* SPDX-License-Identifier: MIT */
/* A machine's answer to WIRE_SHOW, checked, and what of it belongs to what. */
#ifndef FAKEDEV_COMMAND_SHOW_ROWS_H
#define FAKEDEV_COMMAND_SHOW_ROWS_H

#include "command/command.h"
#include "wire_show.h"

struct rows {
	unsigned char *bytes;
	size_t len;
	const void **of[SHOW_KIND_MAX]; /* the rows of a kind, in the order that its table has */
	size_t n[SHOW_KIND_MAX];
	/* The same rows, in an order to look them up in. */
	const struct show_descriptor **descriptors_by_file;
	const struct show_vma **vmas_by_file;
	const struct show_page **pages_by_handle;
};

/* Asks a machine, on a connection. False: it can't be had, and why was said. */
bool rows_fetch(const struct joining *j, int fd, struct rows *out);
void rows_free(struct rows *r);

/* The i-th row of a kind. */
#define ROW(rows, kind, type, i) ((const struct type *)(rows)->of[kind][i])

const struct show_process *rows_process(const struct rows *r, uint32_t pid);
const struct show_call *rows_call(const struct rows *r, uint32_t id);
const struct show_domain *rows_domain(const struct rows *r, uint32_t domid);
const struct show_grant *rows_grant(const struct rows *r, uint32_t granter, uint32_t ref);
const struct show_map *rows_map(const struct rows *r, struct show_file_name file, uint64_t index);

/* The descriptors of a file: from the one returned on, n of them. */
const struct show_descriptor **rows_descriptors(const struct rows *r, struct show_file_name file,
						size_t *n);
/* The mappings of a file, as far as they begin. */
const struct show_vma **rows_vmas(const struct rows *r, struct show_file_name file, size_t *n);
/* The page of a gntdev map that a handle is of; NULL: none that has a file. */
const struct show_page *rows_page_of_handle(const struct rows *r, uint32_t domid, uint32_t handle);

bool same_file(struct show_file_name a, struct show_file_name b);
/* "gntdev1" */
#define FILE_TEXT 32
const char *file_text(struct show_file_name name, char text[FILE_TEXT]);

#endif
